"""Keeps a handful of processes alive: starts them in order, starts again what dies, stops all."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from db.embedded.process import Process, StartFailed

Say = Callable[[str], None]
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
"""Seconds before a dead process is started again: doubled each time, below five."""
HEALTHY_AFTER = 30.0
"""A life this long makes the next pause short again."""


class Interrupted(Exception):
    """Raised out of a start when the supervisor was told to stop meanwhile."""


@dataclass
class _Watched:
    process: Process
    pause: float = FIRST_PAUSE
    restart_at: float | None = None


class Supervisor:
    """Processes in the order of their start; `stop` ends them in the reverse order.

    One thread watches. It lives until everything has stopped, because a child is told to stop
    when the thread that started it ends.
    """

    def __init__(self, say: Say = lambda _: None) -> None:
        """`say` is told about every step, death and restart, in one line each."""
        self.say = say
        self.stopping = threading.Event()
        self._stopped = threading.Event()
        self._watched: list[_Watched] = []
        self._watcher: threading.Thread | None = None
        self._restarting = threading.Lock()

    @property
    def processes(self) -> dict[str, int | None]:
        """Each process's id, None for one that is down right now."""
        return {watched.process.name: watched.process.pid for watched in self._watched}

    def start(self, *processes: Process) -> None:
        """Start processes, from now on to be kept alive once `watch` was called."""
        for process in processes:
            if self.stopping.is_set():
                raise Interrupted
            self._watched.append(_Watched(process))
            process.end_former_life()
            process.start()

    def wait_until(self, missing: Callable[[], str], why: str, within: float) -> None:
        """Wait until `missing()`, which names a part that is not ready yet, names none.

        Raises StartFailed with that part's log if a process ends first or it takes too long,
        and Interrupted when told to stop.
        """
        deadline = time.monotonic() + within
        while part := missing():
            self._fail_if_one_ended()
            if time.monotonic() > deadline:
                raise StartFailed(part, f"{why} within {within:.0f} s", self._tail(part))
            if self.stopping.wait(0.1):
                raise Interrupted

    def run(self, process: Process, within: float) -> None:
        """Run a process to its end. Raises StartFailed unless it ends well in time."""
        process.start()
        try:
            deadline = time.monotonic() + within
            while not process.wait(0.1):
                if self.stopping.is_set():
                    raise Interrupted
                if time.monotonic() > deadline:
                    raise StartFailed(process.name, f"took over {within:.0f} s", process.tail())
            if process.exit_code:
                raise process.failure()
        finally:
            process.kill()

    def watch(self) -> None:
        """From now on start again whatever dies, without limit."""
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()

    def stop(self, *together: str) -> None:
        """Stop everything, last started first; those named in `together` at the same time."""
        self.stopping.set()
        with self._restarting:
            remaining = [watched.process for watched in reversed(self._watched)]
        while remaining:
            group = [one for one in remaining if one.name in together]
            if remaining[0].name not in together:
                group = remaining[:1]
            for process in group:
                process.ask_to_stop()
            deadline = time.monotonic() + max(process.patience for process in group)
            for process in group:
                if not process.wait(max(0.0, deadline - time.monotonic())):
                    self.say(f"{process.name} does not stop; killing it")
                process.kill()
            remaining = [one for one in remaining if one not in group]
        self._stopped.set()
        if self._watcher is not None:
            self._watcher.join()

    def kill(self) -> None:
        """Kill everything at once."""
        self.stopping.set()
        for watched in reversed(self._watched):
            watched.process.kill()
        self._stopped.set()

    def _watch(self) -> None:
        while not self.stopping.wait(0.1):
            for watched in self._watched:
                with self._restarting:
                    if not self.stopping.is_set():
                        self._look_after(watched)
        self._stopped.wait()

    def _look_after(self, watched: _Watched) -> None:
        process, now = watched.process, time.monotonic()
        if process.pid is not None:
            return
        if watched.restart_at is None:
            if now - process.started_at > HEALTHY_AFTER:
                watched.pause = FIRST_PAUSE
            watched.restart_at = now + watched.pause
            self.say(f"{process.name} ended (exit code {process.exit_code}); starting it again")
            process.kill()  # what it left behind would hold its port or its leases
        elif now >= watched.restart_at:
            watched.restart_at = None
            watched.pause = min(LONGEST_PAUSE, watched.pause * 2)
            try:
                process.start()
            except StartFailed as error:
                self.say(f"{process.name} cannot be started: {error.reason}")

    def _fail_if_one_ended(self) -> None:
        if self._watcher is None:
            for watched in self._watched:
                if watched.process.exit_code is not None:
                    raise watched.process.failure()

    def _tail(self, part: str) -> str:
        logs = [one.process.tail() for one in self._watched if one.process.name == part]
        return logs[0] if logs else ""
