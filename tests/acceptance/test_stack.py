"""The embedded stack as its users meet it: it starts, survives, refuses clearly, and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from db.embedded import Postgres, Process, Redis, Stack, StartFailed, Supervisor, free_port
from worker.encoder import random_folder

ROOT = Path(__file__).resolve().parents[2]
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True);"
    "time.sleep(600)",
]
PARTS = {"postgres", "redis", "embed", "ingest", "answer", "upkeep", "api"}


def eventually(true: Callable[[], Any], within: float) -> float:
    """Wait until it is true; returns the seconds it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < within, f"not within {within} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def lives(pid: int) -> bool:
    """Whether a process runs and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_another(runner: Stack | Supervisor, part: str, former: int) -> bool:
    """Whether a part runs again, as another process than the former one."""
    return runner.processes[part] not in (None, former)


def started_from(folder: Path) -> list[int]:
    """Processes whose command line or environment names the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in said and lives(int(process.name)):
            found.append(int(process.name))
    return [pid for pid in found if pid != os.getpid()]


def call(url: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
    """One HTTP call with a JSON body and answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class TestPostgres:
    def test_keeps_its_data_and_has_vectors(self, tmp_path: Path) -> None:
        for _ in range(2):
            with Postgres(tmp_path) as server, psycopg.connect(server.url) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
                connection.execute("CREATE TABLE IF NOT EXISTS seen (v vector(3))")
                connection.execute("INSERT INTO seen VALUES ('[1,2,3]')")
                rows = connection.execute("SELECT count(*) FROM seen").fetchone()
        assert rows == (2,)

    def test_works_in_a_folder_too_deep_for_a_socket(self, tmp_path: Path) -> None:
        with Postgres(tmp_path / ("deep" * 25)) as server:
            psycopg.connect(server.url).close()
            sockets = server.sockets
        assert not sockets.exists()

    def test_comes_back_after_a_kill_with_all_that_was_committed(self, tmp_path: Path) -> None:
        server = Postgres(tmp_path)
        with psycopg.connect(server.start(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1")
        assert server.process.pid is not None
        os.kill(server.process.pid, signal.SIGKILL)
        assert server.process.wait(5)
        with Postgres(tmp_path) as again, psycopg.connect(again.url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)

    def test_a_pid_file_that_names_another_process_does_not_stop_it(self, tmp_path: Path) -> None:
        Postgres(tmp_path).__enter__().stop()
        misleading = tmp_path / "postgres" / "postmaster.pid"
        misleading.write_text(f"{os.getpid()}\n{tmp_path}/postgres\n0\n5432\n\n\n0 0\nready\n")
        with Postgres(tmp_path) as server:
            psycopg.connect(server.url).close()


class TestRedis:
    def test_answers_its_owner_alone_and_keeps_nothing(self, tmp_path: Path) -> None:
        with Redis(tmp_path) as server:
            with redis.Redis.from_url(server.url) as connection:
                connection.set("a", 1)
            with (
                redis.Redis(port=server.port) as stranger,
                pytest.raises(redis.AuthenticationError),
            ):
                stranger.get("a")
            server.process.kill()
            server.start()
            with redis.Redis.from_url(server.url) as connection:
                assert connection.get("a") is None

    def test_shows_as_redis_server(self, tmp_path: Path) -> None:
        with Redis(tmp_path) as server:
            name = Path(f"/proc/{server.process.pid}/comm").read_text().strip()
        assert name == "redis-server"


class TestSupervisor:
    def test_starts_a_dead_process_again_and_again(self, tmp_path: Path) -> None:
        supervisor = Supervisor()
        supervisor.start(Process("sleeper", SLEEP, tmp_path))
        supervisor.watch()
        try:
            for _ in range(3):
                pid = supervisor.processes["sleeper"]
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                eventually(partial(is_another, supervisor, "sleeper", pid), 5)
        finally:
            supervisor.stop()
        assert supervisor.processes == {"sleeper": None}

    def test_kills_what_does_not_stop_when_asked(self, tmp_path: Path) -> None:
        supervisor = Supervisor()
        process = Process("deaf", DEAF, tmp_path, patience=0.5)
        supervisor.start(process)
        supervisor.wait_until(
            lambda: "" if "deaf" in process.tail() else "deaf", "says nothing", 10
        )
        begun = time.monotonic()
        supervisor.stop()
        assert time.monotonic() - begun < 3
        assert process.pid is None

    def test_a_failed_start_says_which_part_and_why(self, tmp_path: Path) -> None:
        supervisor = Supervisor()
        broken = [sys.executable, "-c", "raise SystemExit('no cheese left')"]
        supervisor.start(Process("cheese", broken, tmp_path))
        with pytest.raises(StartFailed, match=r"cheese: ended with exit code 1[\s\S]*no cheese"):
            supervisor.wait_until(lambda: "cheese", "is not ready", 10)
        supervisor.stop()

    def test_a_killed_supervisor_leaves_nothing(self, tmp_path: Path) -> None:
        script = (
            "import sys, time; from pathlib import Path; from db.embedded import *\n"
            f"folder = Path({str(tmp_path)!r}); s = Supervisor()\n"
            f"s.start(Process('one', {SLEEP!r}, folder), Process('two', {DEAF!r}, folder))\n"
            "s.watch(); print(*s.processes.values(), flush=True); time.sleep(600)"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        one, two = (int(word) for word in parent.stdout.readline().split())
        eventually(lambda: "deaf" in Process("two", DEAF, tmp_path).tail(), 10)
        parent.kill()
        parent.wait()
        parent.stdout.close()
        eventually(lambda: not lives(one), 5)
        assert lives(two), "it ignores the stop signal; the next start must end it"
        Process("two", DEAF, tmp_path, patience=0.5).end_former_life()
        eventually(lambda: not lives(two), 5)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The setting that names a tiny untrained model: what is tested here is not its taste."""
    folder = tmp_path_factory.mktemp("model")
    random_folder.write(folder)
    return {"SIGHTLINE_IMAGE_MODEL": str(folder)}


@pytest.fixture(scope="class")
def stack(tmp_path_factory: pytest.TempPathFactory, model: dict[str, str]) -> Iterator[Stack]:
    """A running stack, shared by the tests of a class."""
    running = Stack(tmp_path_factory.mktemp("stack"), free_port(), model)
    with running:
        yield running


class TestStack:
    def test_is_ready_with_every_lane_when_its_port_opens(self, stack: Stack) -> None:
        ready = call(f"{stack.url}/readyz")
        assert ready["status"] == "ready"
        assert ready["degraded"] == []
        assert all(ready["lanes"][lane] for lane in ("embed", "ingest", "answer", "upkeep"))
        assert set(stack.processes) == PARTS

    def test_refuses_a_second_start_on_the_same_data(self, stack: Stack) -> None:
        with pytest.raises(StartFailed, match=f"in use by another .*{os.getpid()}"):
            Stack(stack.folder, free_port()).start()
        assert call(f"{stack.url}/readyz")["status"] == "ready"

    @pytest.mark.parametrize("part", ["redis", "embed", "ingest", "answer", "upkeep", "api"])
    def test_brings_back_a_killed_part_within_five_seconds(self, stack: Stack, part: str) -> None:
        pid = stack.processes[part]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(partial(is_another, stack, part, pid), 5)
        eventually(lambda: self._works(stack), 60)

    def test_comes_back_after_postgres_was_killed(self, stack: Stack) -> None:
        call(f"{stack.url}/v1/catalogs/before", "PUT", {})
        pid = stack.processes["postgres"]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(partial(is_another, stack, "postgres", pid), 5)
        eventually(lambda: self._works(stack), 60)
        assert call(f"{stack.url}/v1/catalogs/before")["name"] == "before"

    @staticmethod
    def _works(stack: Stack) -> bool:
        try:
            ready = call(f"{stack.url}/readyz")
        except OSError:
            return False
        return bool(ready["degraded"] == [] and all(ready["lanes"].values()))


def test_a_stopped_stack_leaves_no_process_and_keeps_its_data(
    tmp_path: Path, model: dict[str, str]
) -> None:
    first = Stack(tmp_path, free_port(), model)
    with first:
        call(f"{first.url}/v1/catalogs/shop", "PUT", {"description": "kept"})
        begun = time.monotonic()
    assert time.monotonic() - begun < 45
    assert started_from(tmp_path) == []
    with Stack(tmp_path, free_port(), model) as second:
        assert call(f"{second.url}/v1/catalogs/shop")["description"] == "kept"


def test_several_embed_workers_live_and_share_the_cores(
    tmp_path: Path, model: dict[str, str]
) -> None:
    cores = os.cpu_count() or 1
    with Stack(tmp_path, free_port(), model, embed_workers=2) as stack:
        assert set(stack.processes) == {*PARTS, "embed2"}
        for part in ("embed", "embed2"):
            said = Path(f"/proc/{stack.processes[part]}/environ").read_text().split("\0")
            assert f"OMP_NUM_THREADS={max(1, cores // 2)}" in said
        pid = stack.processes["embed2"]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(partial(is_another, stack, "embed2", pid), 5)
    assert started_from(tmp_path) == []


def serve(folder: Path, port: int) -> subprocess.Popen[str]:
    """`python -m db.embedded serve`, with its output in a pipe."""
    command = [sys.executable, "-m", "db.embedded", "serve"]
    return subprocess.Popen(
        [*command, "--port", str(port), "--data-dir", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_taken_port_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serve(tmp_path, port) as command:
            said, _ = command.communicate(timeout=20)
    assert command.returncode == 1
    assert f"port {port} of 127.0.0.1 cannot be taken" in said
    assert not (tmp_path / "postgres").exists()


def test_an_interrupt_during_the_start_stops_everything(tmp_path: Path) -> None:
    with serve(tmp_path, free_port()) as command:
        eventually((tmp_path / "run" / "redis.pid").exists, 30)
        command.send_signal(signal.SIGINT)
        said, _ = command.communicate(timeout=45)
    assert command.returncode == 130, said
    assert started_from(tmp_path) == []
