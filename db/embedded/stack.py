"""The whole of Sightline on one machine: its parts, their order, and when it is ready."""

import fcntl
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psycopg

from db.embedded.postgres import DATABASE, Postgres
from db.embedded.process import Process, StartFailed
from db.embedded.redis import Redis
from db.embedded.supervisor import Say, Supervisor
from db.vocabulary import Lane

ROOT = Path(__file__).resolve().parents[2]
FLAGS = {
    Lane.EMBED: ("-P", "threads", "-c", "1"),
    Lane.INGEST: ("-P", "prefork", "-c", "1"),
    Lane.ANSWER: ("-P", "threads", "-c", "8"),
    Lane.UPKEEP: ("-P", "threads", "-c", "1", "-B"),
}
API_FLAGS = "-k api.patience.Worker -w 2 --threads 256 --timeout 60 --graceful-timeout 5 --no-control-socket"


class Stack:
    """Postgres, Redis, a worker per lane, and the API on 127.0.0.1, kept alive until `stop`.

    The API's port opens only once every lane lives, so whoever can connect can work.
    """

    def __init__(
        self,
        data_dir: Path | str,
        port: int,
        environment: Mapping[str, str] | None = None,
        say: Say = lambda _: None,
        embed_workers: int = 1,
    ) -> None:
        """`environment` is put over this process's own, for every part.

        A database or Redis URL in it wins over the embedded one: a test may put a proxy between.
        Of several embed workers, `embed`, `embed2` and so on, each takes its part of the cores.
        """
        self.folder = Path(data_dir).resolve()
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.logs = self.folder / "logs"
        self.supervisor = Supervisor(say)
        self._more_environment = dict(environment or {})
        self._say = say
        self._workers: dict[str, Lane] = {lane: lane for lane in Lane}
        for number in range(2, embed_workers + 1):
            self._workers[f"{Lane.EMBED}{number}"] = Lane.EMBED
        self._embed_workers = embed_workers
        self._lock: IO[str] | None = None
        self._postgres: Postgres | None = None
        self._redis: Redis | None = None

    @property
    def processes(self) -> dict[str, int | None]:
        """The process id of each part: postgres, redis, embed, ingest, answer, upkeep, api."""
        return self.supervisor.processes

    @property
    def database_url(self) -> str:
        """The URL of the embedded Postgres; only while the stack runs."""
        assert self._postgres is not None
        return self._postgres.url

    @property
    def redis_url(self) -> str:
        """The URL of the embedded Redis; only while the stack runs."""
        assert self._redis is not None
        return self._redis.url

    @property
    def has_keys(self) -> bool:
        """Whether the API asks for a key; only while the stack runs."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return bool(_one(connection, "SELECT EXISTS (SELECT FROM sightline.api_keys)"))

    def start(self) -> str:
        """Start every part in order and return the API's URL.

        Raises StartFailed with everything stopped again, or Interrupted when told to stop.
        """
        try:
            self._take_data_dir()
            self._take_port()
            self._start_stores()
            self._start_workers()
            self._start_api()
        except BaseException:
            self.stop()
            raise
        self.supervisor.watch()
        return self.url

    def stop(self) -> None:
        """Stop the API, then the workers together, then Redis and Postgres: within 45 s."""
        self.supervisor.stop(*self._workers)
        for store in (self._redis, self._postgres):
            if store is not None:
                store.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """Kill every process at once; committed data is safe, Postgres recovers at its start."""
        self.supervisor.kill()

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def _take_data_dir(self) -> None:
        """One stack a data folder: the lock falls when its holder dies, however it dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise StartFailed(
                "data folder",
                f"{self.folder} is in use by another Sightline (process {holder}); "
                "stop that one, or choose another DATA_DIR",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _take_port(self) -> None:
        # An API that outlived its killed supervisor may still hold the port.
        self._part("api", []).end_former_life()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise StartFailed(
                    "api",
                    f"port {self.port} of 127.0.0.1 cannot be taken ({error.strerror}); "
                    "choose another PORT",
                ) from None

    def _start_stores(self) -> None:
        begun = time.monotonic()
        self._postgres = postgres = Postgres(self.folder)
        postgres.prepare()
        self.supervisor.start(postgres.process)
        self.supervisor.wait_until(
            lambda: "" if postgres.ready() else "postgres", "takes no connections", postgres.within
        )
        begun = self._done("postgres", begun)
        self._redis = redis = Redis(self.folder)
        redis.prepare()
        self.supervisor.start(redis.process)
        self.supervisor.wait_until(
            lambda: "" if redis.ready() else "redis", "does not answer", redis.within
        )
        begun = self._done("redis", begun)
        migrate = self._part("migrate", [sys.executable, "-m", "migrations"])
        self.supervisor.run(migrate, within=300)
        self._done("migrations", begun)

    def _start_workers(self) -> None:
        begun = time.monotonic()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            # Rows of a former life may look alive: only what was seen from now on counts.
            moment = _one(connection, "SELECT clock_timestamp()")
            self.supervisor.start(*(self._worker(*each) for each in self._workers.items()))

            def missing() -> str:
                seen = connection.execute(
                    "SELECT split_part(name, '@', 1) FROM sightline.workers WHERE seen_at > %s",
                    [moment],
                )
                living = {row[0] for row in seen}
                return next((name for name in self._workers if name not in living), "")

            self.supervisor.wait_until(missing, "did not report itself alive", 180)
        self._done("workers", begun)

    def _start_api(self) -> None:
        begun = time.monotonic()
        command = [_script("gunicorn"), "api:create_app()", "-b", f"127.0.0.1:{self.port}"]
        api = self._part("api", [*command, *API_FLAGS.split()], patience=8)
        self.supervisor.start(api)
        self.supervisor.wait_until(lambda: "" if self._answers() else "api", "is not ready", 60)
        self._done("api", begun)

    def _worker(self, name: str, lane: Lane) -> Process:
        command = [_script("celery"), "-A", "worker.app", "worker", "-l", "INFO"]
        command += ["-Q", lane, "-n", f"{name}@%h", *FLAGS[lane]]
        if lane == Lane.UPKEEP:
            schedule = self.folder / "run" / "beat-schedule"
            command += ["-s", str(schedule)]
        return self._part(name, command, patience=18, **self._share(lane))

    def _share(self, lane: Lane) -> dict[str, str]:
        """Of several embed workers none takes all cores, or all wait for each other's threads."""
        if lane != Lane.EMBED or self._embed_workers == 1:
            return {}
        threads = max(1, (os.cpu_count() or 1) // self._embed_workers)
        return {"OMP_NUM_THREADS": str(threads), "SIGHTLINE_DECODE_THREADS": str(threads)}

    def _part(
        self, name: str, command: list[str], patience: float = 10, **defaults: str
    ) -> Process:
        environment = defaults | self._environment()
        return Process(str(name), command, self.folder, environment, cwd=ROOT, patience=patience)

    def _environment(self) -> dict[str, str]:
        made = {**os.environ, **self._more_environment, "PYTHONUNBUFFERED": "1"}
        # Many threads otherwise keep many half-empty heaps: a third of the API's memory.
        made.setdefault("MALLOC_ARENA_MAX", "2")
        made["SIGHTLINE_BLOB_URL"] = (self.folder / "blobs").as_uri()
        if self._postgres is not None:
            made["SIGHTLINE_DATABASE_URL"] = self._postgres.url
        if self._redis is not None:
            made["SIGHTLINE_REDIS_URL"] = self._redis.url
        return made | self._more_environment

    def _answers(self) -> bool:
        with (
            suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def _done(self, what: str, begun: float) -> float:
        now = time.monotonic()
        self._say(f"{what} ready in {now - begun:.1f} s")
        return now


def running_database(data_dir: Path) -> str | None:
    """The URL of the database of a stack that runs in this folder, else None."""
    try:
        lines = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), 0)
        return f"postgresql://postgres@/{DATABASE}?host={quote(lines[4])}"
    except (OSError, ValueError, IndexError):
        return None


def _script(name: str) -> str:
    """A command of this environment, run by its own name so that process lists show it."""
    return str(Path(sys.executable).with_name(name))


def _one(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]
