"""A Sightline to break: its parts behind a proxy and with fail points, and short ways to harm it."""

import io
import json
import os
import random
import signal
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import redis

from db.embedded import Process, Stack, free_port
from db.embedded.stack import ROOT
from tests.faults import invariant
from tests.faults.proxy import Proxy
from tests.providers import FakeProviders

LEASE_SECONDS = 4
SOCKET = ".s.PGSQL.5432"
Json = dict[str, Any]
T = TypeVar("T")
PLANS = 1_000
"""More answers than any test plans."""
SIDE = 16
"""Pixels of a picture's side: what is tested is not the encoder."""


@dataclass(frozen=True)
class Trial:
    """What a promise was tried with, and how it held."""

    trials: int
    what: str
    worst: float | None = None
    """The slowest recovery or answer, in seconds."""
    facts: Json = field(default_factory=dict)


@dataclass
class Rig:
    """A running stack, a client, the proxy before its Postgres, and the file of its fail points."""

    stack: Stack
    http: httpx.Client
    postgres: Proxy
    providers: FakeProviders
    points: Path

    def arm(self, *rules: str) -> None:
        """Set the fail points from now on, in place of those before."""
        for fired in self.points.parent.glob(f"{self.points.name}.*"):
            fired.unlink()
        written = self.points.with_suffix(".new")
        written.write_text(",".join(rules))
        written.rename(self.points)

    def disarm(self) -> None:
        """No fail point any more, and no harm by the proxy."""
        self.points.unlink(missing_ok=True)
        self.postgres.flow()

    def fired(self, point: str) -> int:
        """How often a counted rule of a point acted."""
        return len(list(self.points.parent.glob(f"{self.points.name}.{point}.*")))

    def catalog(self, name: str) -> str:
        """The path of a new catalog."""
        self.http.put(f"/v1/catalogs/{name}", json={}).raise_for_status()
        return f"/v1/catalogs/{name}"

    def start_import(self, catalog: str, count: int) -> Json:
        """Upload so many pictures; returns the job."""
        answer = self.http.post(
            f"{catalog}/imports",
            content=archive(catalog, count),
            headers={"Content-Type": "application/zip"},
        )
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, job: Json) -> Json:
        """The job as it stands, asked again while the API or Postgres is away."""
        return until(lambda: self._job(job), 60, "answers about a job")

    def _job(self, job: Json) -> Json | None:
        try:
            answer = self.http.get(job["urls"]["self"])
        except httpx.TransportError:
            return None
        assert answer.status_code in (200, 502, 503), answer.text
        return dict(answer.json()) if answer.status_code == 200 else None

    def ended(self, job: Json, seconds: float = 90) -> Json:
        """The job when it has ended. Raises AssertionError when that takes longer."""

        def find() -> Json | None:
            found = self.job(job)
            return found if found["ended_at"] else None

        return until(find, seconds, f"end of {job['id']}", every=0.2)

    def all_succeeded(self, job: Json, count: int, seconds: float = 90) -> Json:
        """The job when it has ended, with nothing but successes; and the invariant holds."""
        job = self.ended(job, seconds)
        counts = job["counts"]
        assert job["status"] == "succeeded", job
        assert (counts["total"], counts["succeeded"]) == (count, count), counts
        self.check()
        return job

    def check(self) -> None:
        """The invariant."""
        invariant.check(self.stack.database_url)

    def done(self, job: Json, least: int, seconds: float = 60) -> Json:
        """The job when at least so many of its tasks have ended well."""

        def find() -> Json | None:
            found = self.job(job)
            return found if found["counts"]["succeeded"] >= least or found["ended_at"] else None

        return until(find, seconds, f"{least} done of {job['id']}", every=0.03)

    def pid(self, part: str) -> int:
        """The process of a part, waited for while it is being started again."""
        return until(lambda: self.stack.processes[part], 30, f"life of {part}")

    def kill(self, part: str, number: int = signal.SIGKILL, group: bool = False) -> int:
        """Send a signal to a part, or to it and all that it started; returns its process id."""
        pid = self.pid(part)
        (os.killpg if group else os.kill)(pid, number)
        return pid

    def children(self, part: str) -> list[int]:
        """The processes that a part started: the API's or the prefork workers."""
        pid = self.pid(part)
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(word) for word in listed.split()]

    def frozen(self, part: str) -> bool:
        """Whether a part's process is stopped."""
        stat = Path(f"/proc/{self.pid(part)}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def works(self) -> bool:
        """Whether every part lives and every lane is seen."""
        try:
            ready = self.http.get("/readyz").json()
        except (httpx.TransportError, ValueError):
            return False
        return all(self.stack.processes.values()) and ready["status"] == "ready"

    def settle(self) -> None:
        """Disarm, and wait until everything lives again."""
        self.disarm()
        until(self.works, 90, "life of all parts", every=0.2)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows straight from Postgres, past the proxy."""
        with psycopg.connect(
            self.stack.database_url, options="-c search_path=sightline,public"
        ) as connection:
            return connection.execute(statement, values).fetchall()

    def redis(self) -> redis.Redis:
        """A client of the stack's Redis."""
        client: redis.Redis = redis.Redis.from_url(self.stack.redis_url, socket_timeout=2)
        return client

    def forget_plans(self) -> None:
        """Let the providers answer sensibly again."""
        for _ in range(PLANS):
            self.providers.next()

    def log(self, part: str) -> str:
        """What a part has logged."""
        return (self.stack.logs / f"{part}.log").read_text(errors="replace")

    @contextmanager
    def second(self, part: str) -> Iterator[Process]:
        """Another worker of a lane, that has begun to work."""
        process = another(self.stack, part, self.pid(part))
        process.start()
        try:
            until(lambda: self._is_seen(f"{part}2@"), 60, f"life of a second {part}")
            yield process
        finally:
            process.stop()

    def _is_seen(self, name: str) -> bool:
        rows = self.sql("SELECT 1 FROM workers WHERE starts_with(name, %s)", name)
        return bool(rows)


def another(stack: Stack, part: str, pid: int) -> Process:
    """A second worker like the one that runs as a process, not started yet: `embed2` beside `embed`."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    environment = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")[:-1]
    return Process(
        f"{part}2",
        [word.replace(f"{part}@", f"{part}2@") for word in command],
        stack.folder,
        dict(line.split("=", 1) for line in environment),
        cwd=ROOT,
    )


@contextmanager
def rig() -> Iterator[Rig]:
    """Start everything in a folder that is removed afterwards."""
    from worker.encoder import random_folder

    with (
        tempfile.TemporaryDirectory(prefix="sightline-faults-") as folder,
        FakeProviders() as providers,
        Proxy(
            Path(folder) / "proxy" / SOCKET, Path(folder) / "data" / "run" / "postgres" / SOCKET
        ) as proxy,
    ):
        random_folder.write(Path(folder) / "model")
        environment = {
            "SIGHTLINE_IMAGE_MODEL": f"{folder}/model",
            "SIGHTLINE_LEASE_SECONDS": str(LEASE_SECONDS),
            "SIGHTLINE_DATABASE_URL": f"postgresql://postgres@/sightline?host={folder}/proxy",
            "SIGHTLINE_FAILPOINTS": f"@{folder}/points",
            "OPENAI_API_KEY": providers.key,
            "OPENAI_BASE_URL": providers.openai_url,
        }
        with (
            Stack(Path(folder) / "data", free_port(), environment) as stack,
            httpx.Client(base_url=stack.url, timeout=30) as http,
        ):
            yield Rig(stack, http, proxy, providers, Path(folder) / "points")


def until(find: Callable[[], T | None], seconds: float, what: str, every: float = 0.05) -> T:
    """What `find` finds at last. Raises AssertionError when that takes too long."""
    begun = time.monotonic()
    while not (found := find()):
        assert time.monotonic() - begun < seconds, f"no {what} within {seconds:.0f} s"
        time.sleep(every)
    return found


def archive(name: str, count: int) -> bytes:
    """An import's ZIP of so many pictures, which no other name has."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        lines = [json.dumps({"id": f"sku-{n}", "image": f"{n}.png"}) for n in range(count)]
        made.writestr("manifest.jsonl", "\n".join(lines))
        for n in range(count):
            made.writestr(f"{n}.png", picture(f"{name} {n}"))
    return out.getvalue()


def picture(seed: str) -> bytes:
    """A PNG of noise that no other seed gives."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(3 * SIDE) for _ in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
