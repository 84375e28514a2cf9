"""Watches the processes of a running stack: who died, and the most memory that each kind held."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from db.embedded import Stack

SECONDS = 0.2
ROLES = {
    "worker.ingest.reading": "reader of documents",
    "worker.decoding": "decoder",
    "spawn_main": "renditions",
    "resource_tracker": "",
}
"""Processes that may die: what their command lines hold, and what they are called here."""
OURS = ("celery", "gunicorn")


class Watch:
    """Looks at a stack until `stop`; `deaths` are processes that must not die."""

    def __init__(self, stack: Stack) -> None:
        self.deaths: list[str] = []
        self.peaks: dict[str, float] = {}
        """MB by kind of process, as the kernel remembers the most."""
        self._stack = stack
        self._living: dict[int, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(SECONDS):
            self._look()
        self._look()

    def _look(self) -> None:
        seen: dict[int, str] = {}
        for part, pid in self._stack.processes.items():
            if pid is None or part in ("postgres", "redis"):
                continue
            with suppress(psutil.Error):
                family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                for process in family:
                    self._note(part, process, seen)
        for pid, part in self._living.items():
            if pid not in seen:
                self.deaths.append(part)
        self._living = seen

    def _note(self, part: str, process: psutil.Process, seen: dict[int, str]) -> None:
        with suppress(psutil.Error, OSError):
            command = " ".join(process.cmdline())
            role = next((role for mark, role in ROLES.items() if mark in command), part)
            if role == part and not any(name in command for name in OURS):
                role = "programs that readers start"
            # Before it becomes another program, a child looks like its parent.
            if role == part and time.time() - process.create_time() > 2:
                seen[process.pid] = part
            if role:
                self.peaks[role] = max(self.peaks.get(role, 0), _peak(process.pid))


def _peak(pid: int) -> float:
    """The most memory that a process held so far, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
