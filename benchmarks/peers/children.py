"""The processes of a run: askers of either side, one-off measurements, and the peers' servers."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.server import ROOT
from db.embedded import free_port

PEERS, SERVERS = ROOT / ".venv-peers" / "bin", ROOT / ".venv-peers-server" / "bin"
"""The interpreters' folders: `make bench-peers` makes them."""
QUIET = {"ANONYMIZED_TELEMETRY": "False", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1",
         "INFINITY_ANONYMOUS_USAGE_STATS": "0", "TRANSFORMERS_VERBOSITY": "error",
         "HF_HUB_DISABLE_PROGRESS_BARS": "1"}  # fmt: skip
"""Nothing leaves the machine."""
STARTING = 120


def peer(*arguments: str) -> dict[str, Any]:
    """Run `python -m …` by the peers' interpreter; returns the JSON that it prints last."""
    command = [str(PEERS / "python"), "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(), check=True,
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def server_version() -> str:
    """Of the CLIP server."""
    told = "from importlib.metadata import version; print(version('infinity_emb'))"
    done = subprocess.run([str(SERVERS / "python"), "-c", told], check=True, stdout=subprocess.PIPE,
                          text=True)  # fmt: skip
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """This process's, with the peers told to keep to themselves."""
    return os.environ | QUIET


@dataclass(frozen=True)
class Asked:
    """What came of clients that searched at the same time."""

    rate: float
    """Searches a second, of all together."""
    found: Mapping[str, list[int]]
    """What each query found, by its row."""


@dataclass(frozen=True)
class Clients:
    """Processes that search at the same time, each by some threads."""

    processes: Sequence[subprocess.Popen[str]]

    def ask(
        self, queries: str, where: dict[str, Any], seconds: float = 0, threads: int = 1
    ) -> Asked:
        """Let all search for so long; 0: each query once. Raises RuntimeError where one ended."""
        command = {"queries": queries, "where": where, "seconds": seconds, "threads": threads}
        for process in self.processes:
            assert process.stdin
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
        told = [_line(process) for process in self.processes]
        found: dict[str, list[int]] = {}
        for one in told:
            found |= one["found"]
        return Asked(sum(one["count"] / one["seconds"] for one in told), found)

    def stop(self) -> None:
        """End them."""
        for process in self.processes:
            process.communicate()


def _line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a client ended: {process.args!r}")
    return dict(json.loads(line))


def chroma_clients(place: str, ef: int, count: int) -> Clients:
    """Clients of chromadb: over its folder, or of its server at a port."""
    module = ["-m", "benchmarks.peers.chroma"]
    return _clients([str(PEERS / "python"), *module, "ask", place, "--ef", str(ef)], count)


def our_clients(url: str, ef: int, count: int) -> Clients:
    """Clients of Sightline's Postgres."""
    command = [sys.executable, "-m", "benchmarks.peers.ours", url, "--ef", str(ef)]
    return _clients(command, count)


def _clients(command: list[str], count: int) -> Clients:
    return Clients([
        subprocess.Popen(command, cwd=ROOT, env=environment(), text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(count)
    ])  # fmt: skip


@contextmanager
def chroma_server(folder: str) -> Iterator[str]:
    """chromadb's own server over a folder; gives its port."""
    port = free_port()
    command = [str(PEERS / "chroma"), "run", "--path", folder, "--host", "127.0.0.1", "--port",
               str(port)]  # fmt: skip
    with _server(command, f"http://127.0.0.1:{port}/api/v2/heartbeat"):
        yield str(port)


@contextmanager
def clip_server(model: Path, dtype: str) -> Iterator[int]:
    """infinity with a folder's model, on the CPU; gives its port."""
    port = free_port()
    command = [str(SERVERS / "infinity_emb"), "v2", "--model-id", str(model), "--device", "cpu",
               "--engine", "torch", "--dtype", dtype, "--no-bettertransformer", "--host",
               "127.0.0.1", "--port", str(port)]  # fmt: skip
    with _server(command, f"http://127.0.0.1:{port}/models"):
        yield port


@contextmanager
def _server(command: list[str], url: str) -> Iterator[None]:
    """Run it until it answers, and stop it afterwards. Raises RuntimeError where it does not."""
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + STARTING
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"does not start: {' '.join(command)}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
