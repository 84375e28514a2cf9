"""Waiting for jobs to end: one LISTEN connection a process, fanned out to the threads that wait."""

import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import psycopg
import structlog

from db.queue import JOB_ENDED
from db.session import Database

log = structlog.get_logger(__name__)

TICK = 1.0
"""How soon the listening thread notices that it is to stop."""


class Endable(Protocol):
    """What is waited for."""

    @property
    def ended(self) -> bool:
        """Whether the wait is over."""


E = TypeVar("E", bound=Endable)


class Waiters:
    """Register, read the row, wait; read again when told, and after every reconnect."""

    def __init__(self, database: Database, limit: int) -> None:
        """At most `limit` threads wait at once. No thread and no connection is made yet."""
        self._database = database
        self._slots = threading.BoundedSemaphore(limit)
        self._lock = threading.Lock()
        self._events: dict[str, set[threading.Event]] = {}
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def count(self) -> int:
        """How many threads wait now."""
        with self._lock:
            return sum(map(len, self._events.values()))

    def wait(self, job: str, read: Callable[[], E], seconds: float) -> tuple[E, bool]:
        """The job when it ended or the time is up; False when there was no room to wait.

        `read` takes the row in a transaction of its own: nothing is held while waiting.
        """
        if seconds <= 0 or not self._slots.acquire(blocking=False):
            return read(), False
        event = self._register(job)
        try:
            until = time.monotonic() + seconds
            found = read()
            while not found.ended and (left := until - time.monotonic()) > 0:
                event.wait(left)
                event.clear()
                found = read()
            return found, True
        finally:
            self._leave(job, event)
            self._slots.release()

    def wake(self, jobs: list[str] | None = None) -> None:
        """Make who waits for these jobs, or for any, read again."""
        with self._lock:
            for job in self._events if jobs is None else jobs:
                for event in self._events.get(job, ()):
                    event.set()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        if self._thread:
            self._thread.join(TICK * 3)

    def _register(self, job: str) -> threading.Event:
        event = threading.Event()
        with self._lock:
            self._events.setdefault(job, set()).add(event)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._listen, name="waiting", daemon=True)
                self._thread.start()
        return event

    def _leave(self, job: str, event: threading.Event) -> None:
        with self._lock:
            self._events[job].discard(event)
            if not self._events[job]:
                del self._events[job]

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._database.listen() as connection:
                    self._hear(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("listening_broke", error=type(error).__name__)
                self._stopping.wait(TICK)

    def _hear(self, connection: psycopg.Connection[object]) -> None:
        connection.execute(f"LISTEN {JOB_ENDED}")
        # What ended before this moment was told to nobody here.
        self.wake()
        while not self._stopping.is_set():
            for told in connection.notifies(timeout=TICK):
                self.wake([told.payload])
