"""One child process: started in a session of its own, logged to a file, never left behind."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartFailed(Exception):
    """Raised when a part does not come up; says which part, why, and its last log lines."""

    def __init__(self, part: str, reason: str, tail: str = "") -> None:
        super().__init__(f"{part}: {reason}" + (f"\n{tail}" if tail else ""))
        self.part = part
        self.reason = reason
        self.tail = tail


class Process:
    """A command that can be started again and again, one life at a time.

    The kernel sends a child its stop signal when the thread that started it dies, so even a
    killed supervisor leaves nothing behind. What survives nevertheless is found at the next
    start through the pid file and ended by `end_former_life`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
        user: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        patience: float = 20.0,
    ) -> None:
        """`folder` takes `logs/` and `run/`; `user` is the user id to become, from root.

        `patience` is how many seconds pass between the stop signal and SIGKILL.
        """
        self.name = name
        self.command = list(command)
        self.environment = dict(os.environ if environment is None else environment)
        self.log = folder / "logs" / f"{name}.log"
        self.pid_file = folder / "run" / f"{name}.pid"
        self.cwd = cwd
        self.user = user
        self.stop_signal = stop_signal
        self.patience = patience
        self.started_at = 0.0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How its last life ended; None while it runs or before it ever did."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Start it. Raises StartFailed when the command cannot be run at all."""
        for folder in (self.log.parent, self.pid_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("ab") as log:
                self._child = subprocess.Popen(
                    self.command,
                    env=self.environment,
                    cwd=self.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    # Safe beside threads: it only makes two system calls, looked up before.
                    preexec_fn=_dies_with_its_parent(self.stop_signal),  # noqa: PLW1509
                    user=self.user,
                    group=None if self.user is None else group_of(self.user),
                    extra_groups=None if self.user is None else [],
                )
        except OSError as error:
            raise StartFailed(self.name, str(error)) from error
        self.started_at = time.monotonic()
        self.pid_file.write_text(f"{self._child.pid} {_birth(self._child.pid)}\n")

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        if self._child is not None:
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
        return True

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self.pid is not None:
            assert self._child is not None
            self._child.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Stop it: the stop signal, then after `patience` seconds SIGKILL for its whole group."""
        self.ask_to_stop()
        self.wait(self.patience)
        self.kill()

    def kill(self) -> None:
        """Kill it and everything it started, also what outlived it."""
        if self._child is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self.pid_file.unlink(missing_ok=True)

    def end_former_life(self) -> None:
        """End what a killed supervisor may have left running, by the pid file."""
        try:
            pid, birth = (int(word) for word in self.pid_file.read_text().split())
        except (FileNotFoundError, ValueError):
            return
        if birth and _birth(pid) == birth:
            with suppress(ProcessLookupError):
                os.kill(pid, self.stop_signal)
            deadline = time.monotonic() + min(self.patience, 10.0)
            while _birth(pid) == birth and time.monotonic() < deadline:
                time.sleep(0.05)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self.pid_file.unlink(missing_ok=True)

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 16_384))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def failure(self) -> StartFailed:
        """Why it is not running, as the error to raise."""
        return StartFailed(
            self.name, f"ended with exit code {self.exit_code}; see {self.log}", self.tail()
        )


def group_of(user: int) -> int:
    """The main group of a user id."""
    import pwd

    return pwd.getpwuid(user).pw_gid


def _dies_with_its_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl, number, parent = _libc.prctl, int(stop_signal), os.getpid()

    def set_death_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the signal was set
            os._exit(1)

    return set_death_signal


def _birth(pid: int) -> int:
    """When a process began, in clock ticks since boot; 0 if there is none or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])
