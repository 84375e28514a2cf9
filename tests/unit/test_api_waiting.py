"""Waiting needs no polling, loses no ending, and is bounded."""

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from api.waiting import Waiters


@dataclass
class Row:
    """A job's row."""

    ended: bool = False
    reads: int = 0

    def read(self) -> "Row":
        self.reads += 1
        return Row(self.ended)


class Silence:
    """A database that never tells anything; `broken` makes the first connections fail."""

    def __init__(self, broken: int = 0) -> None:
        self.broken = broken
        self.listening = threading.Event()

    @contextmanager
    def listen(self):
        if self.broken:
            self.broken -= 1
            raise psycopg.OperationalError("away")
        yield self

    def execute(self, _statement: str) -> None:
        self.listening.set()

    def notifies(self, timeout: float):
        time.sleep(0.01)
        return iter(())


@pytest.fixture
def waiters():
    made = Waiters(Silence(), 2)
    yield made
    made.close()


def test_an_ended_job_is_not_waited_for(waiters) -> None:
    row = Row(ended=True)
    found, _ = waiters.wait("a", row.read, 5)
    assert found.ended and row.reads == 1


def test_a_wait_ends_when_its_time_is_up(waiters) -> None:
    begun = time.monotonic()
    found, waited = waiters.wait("a", Row().read, 0.1)
    assert waited and not found.ended
    assert 0.09 <= time.monotonic() - begun < 2


def test_a_waiter_is_woken_and_reads_again(waiters) -> None:
    row = Row()

    def end() -> None:
        row.ended = True
        waiters.wake(["b", "a"])

    threading.Timer(0.1, end).start()
    begun = time.monotonic()
    found, _ = waiters.wait("a", row.read, 10)
    assert found.ended and time.monotonic() - begun < 5
    assert waiters.count == 0


def test_no_more_wait_than_may(waiters) -> None:
    threads = [threading.Thread(target=waiters.wait, args=(str(n), Row().read, 0.5))
               for n in range(2)]  # fmt: skip
    for thread in threads:
        thread.start()
    while waiters.count < 2:
        time.sleep(0.01)
    begun = time.monotonic()
    _, waited = waiters.wait("c", Row().read, 5)
    assert not waited and time.monotonic() - begun < 0.4
    for thread in threads:
        thread.join()


def test_an_ending_during_a_reconnect_is_not_lost() -> None:
    silence = Silence(broken=1)
    waiters, row = Waiters(silence, 2), Row()
    threading.Timer(0.2, lambda: setattr(row, "ended", True)).start()
    found, _ = waiters.wait("a", row.read, 10)  # nobody wakes it but the new connection
    assert found.ended and silence.listening.is_set()
    waiters.close()
