"""Follows the jobs of a load to their ends, in a thread of its own, a few requests a second."""

import threading
from collections.abc import Callable
from itertools import islice

from sightline.client import Sightline
from sightline.jobs import is_ended
from sightline.types import Counts, Job

BESIDE = 7
"""Further jobs that are looked at with each look, so that progress is seen though many wait."""
PAUSE = 0.2


class Follower:
    """Jobs by id as they were last seen. Every method may be called by any thread."""

    def __init__(self, server: Sightline, tell: Callable[[], None]) -> None:
        self._server, self._tell = server, tell
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._more_to_come = True
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def add(self, job: Job) -> None:
        """Follow a job too; one that was followed before begins anew."""
        with self._lock:
            self._jobs[job["id"]] = job

    def finish(self) -> None:
        """Wait for the end of all jobs; none may be added any more. Raises what broke."""
        self._more_to_come = False
        while self._thread.is_alive():
            self._thread.join(PAUSE)  # in steps, for Ctrl-C to come through
        self.check()

    def stop(self) -> None:
        """Follow no more."""
        self._stopped.set()

    def check(self) -> None:
        """Raise what broke, if anything did."""
        if self._error is not None:
            raise self._error

    def seen(self) -> list[Job]:
        """All jobs as they were last seen."""
        with self._lock:
            return list(self._jobs.values())

    def _unended(self) -> list[Job]:
        return [job for job in self.seen() if not is_ended(job)]

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                unended = self._unended()
                if unended:
                    self._look(unended)
                elif not self._more_to_come:
                    return
                else:
                    self._stopped.wait(PAUSE)
        except BaseException as error:
            self._error = error

    def _look(self, unended: list[Job]) -> None:
        """Wait a second for the oldest; look at some others, each time at others."""
        self._note(self._server.look(unended[0], 1))
        for job in islice(unended[1:], BESIDE):
            if self._stopped.is_set():
                return
            self._note(self._server.job(job))

    def _note(self, job: Job) -> None:
        with self._lock:
            self._jobs.pop(job["id"], None)
            self._jobs[job["id"]] = job  # at the end, so that the next look is at others
        self._tell()


def done(counts: Counts) -> int:
    """The tasks of a job that have ended."""
    return counts["total"] - counts["pending"]
