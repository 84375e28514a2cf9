"""Looks at the database as an operator does: over all tenants, on a connection of its own."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from db import statistics
from db.errors import Unavailable
from db.session import Database
from db.statistics import Statistics

T = TypeVar("T")
KEPT_SECONDS = 1.0
"""How long an answer is kept: whoever asks more often than that gets the same one."""


class MayNotLook(Exception):
    """Raised where the database's user may not read the tables themselves."""


class Remembered(Generic[T]):
    """The answer of something slow; many who ask at once make it once."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._kept: tuple[float, T] | None = None

    def __call__(self) -> T:
        """The answer, at most a second old."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_SECONDS:
                answer = self._ask()
                self._kept = time.monotonic(), answer
            return self._kept[1]

    def forget(self) -> None:
        """Ask anew the next time."""
        with self._lock:
            self._kept = None


def look(url: str, read: Callable[[Connection], T]) -> T:
    """What `read` finds over a fresh connection as the URL's own user.

    The API's other connections see one tenant's rows at most. Raises Unavailable, or MayNotLook
    where the user has no more rights than those.
    """
    database = Database(url, pool_size=1)
    try:
        with database.begin() as connection:
            return read(connection)
    except DBAPIError as error:
        if isinstance(error.orig, InsufficientPrivilege):
            raise MayNotLook from error
        raise Unavailable("The database does not let its state be read.") from error
    finally:
        database.close()


def statistics_of(url: str) -> Remembered[Statistics | None]:
    """The statistics of a database; None while it is away."""

    def ask() -> Statistics | None:
        try:
            return look(url, statistics.read)
        except (Unavailable, MayNotLook):
            return None

    return Remembered(ask)
