"""One child process that reads a document: started with little, heard with a deadline, ended."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import worker
from worker.ingest import messages

ROOT = Path(worker.__file__).parents[1]
AHEAD_BYTES = 1024**2
"""What the child may read ahead: some three pages fill the pipe."""
KEPT = ("PATH", "PYTHONPATH", "TESSDATA_PREFIX")
"""Variables that the child gets; the worker's own hold passwords."""


class Died(Exception):
    """The child ended, hung or spoke nonsense; says why in plain words."""

    def __init__(self, reason: str, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_final = reason, is_final


class Child:
    """One child process and what it says."""

    def __init__(self, path: Path, media_type: str, wanted: dict[str, Any]) -> None:
        # LibreOffice and the OCR leave files behind when they are killed.
        self._folder = TemporaryDirectory(prefix="sightline-reader-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "worker.ingest.reading", str(path.resolve()), media_type,
             json.dumps(wanted)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"LANG": "C.UTF-8", "TMPDIR": self._folder.name}
            | {name: os.environ[name] for name in KEPT if name in os.environ},
            start_new_session=True, bufsize=0,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        with suppress(OSError):  # a smaller pipe works as well
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, AHEAD_BYTES)

    def receive(self, seconds: float) -> tuple[dict[str, Any], memoryview]:
        """The next message's header and parts. Raises Died."""
        deadline = time.monotonic() + seconds
        head, parts = messages.LENGTHS.unpack(self._exactly(messages.LENGTHS.size, deadline))
        if head > messages.MAX_HEADER or parts > messages.MAX_PARTS:
            raise Died("it is too large")
        try:
            header = json.loads(self._exactly(head, deadline))
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict):
            raise Died("its reader broke")
        return header, memoryview(self._exactly(parts, deadline))

    def end(self) -> int:
        """Kill what is left of the child and of what it started; return its exit status."""
        if self._process.returncode is not None:
            return self._process.returncode  # its number may be another process's by now
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        status = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()
        return status

    def _exactly(self, size: int, deadline: float) -> bytearray:
        received = bytearray(size)
        view, done = memoryview(received), 0
        while done < size:
            left = deadline - time.monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                raise Died("it takes too long", is_final=True)
            count = os.readv(self._pipe, [view[done:]])
            if count == 0:
                raise self._why()
            done += count
        return received

    def _why(self) -> Died:
        """Say what the child died of."""
        status = self.end()
        if status == -signal.SIGXCPU:
            return Died("it takes too much computing time", is_final=True)
        if status == -signal.SIGALRM:
            return Died("it takes too long", is_final=True)
        return Died("its reader crashed, or ran out of memory")
