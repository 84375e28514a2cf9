"""Limits: requests per key, tasks that wait, bytes per day, and bodies that come too slowly."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import IO

from flask import Flask, Response, current_app, g, request
from sqlalchemy import Connection, text

from api.auth import current_tenant
from api.services import services
from db.errors import RateLimited, RequestTimeout, SightlineError, TooManyTasks
from db.settings import Settings
from db.usage import give_back_upload, reserve_upload
from db.vocabulary import JobKind

NAME = "sightline.limits"
BURST_SECONDS = 10.0
MOST_BUCKETS = 10_000
"""Keys remembered at a time; one takes about 200 bytes. Who was quiet the longest is forgotten."""
UNLIMITED = ("/livez", "/readyz", "/metrics")
STEP = 1024**2
"""Bytes by which a body of unknown length is reserved."""
QUICK = (JobKind.SEARCH, JobKind.ANSWER, JobKind.EMBEDDING)
QUICK_ROUTES = ("searches", "answers", "embeddings")
COUNT_SECONDS = 1.0
COUNT_SHARE = 20
"""A count is used for a second, and for 20 times as long as it took."""
RETRY_SECONDS = 30
"""When to come again where many tasks wait."""

COUNT = text("""
    SELECT coalesce(sum(pending) FILTER (WHERE kind = ANY(:quick)), 0) AS quick,
           coalesce(sum(pending) FILTER (WHERE kind <> ALL(:quick)), 0) AS bulk
    FROM (SELECT kind, total - succeeded - unchanged - failed - canceled AS pending
          FROM jobs WHERE tenant_id = :tenant AND ended_at IS NULL) AS unended
""")


@dataclass(frozen=True)
class Taken:
    """One request as its bucket saw it."""

    allowed: bool
    remaining: int
    """Requests that would be allowed at once."""
    reset: float
    """Seconds until the bucket is full again."""
    wait: float
    """Seconds until the next request is allowed; 0 where it is now."""


class Buckets:
    """A token bucket per name, each kept as one number: when it will be full again (GCRA)."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` is in requests per second; ten seconds' worth may come at once."""
        self._interval = 1 / rate
        self._burst = max(BURST_SECONDS, self._interval)
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> Taken:
        """Count one request of a name, unless it comes too early."""
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.pop(name, now), now)
            wait = max(full_at + self._interval - now - self._burst, 0.0)
            allowed = wait < 1e-9
            full_at += self._interval if allowed else 0.0
            self._full_at[name] = full_at
            if len(self._full_at) > MOST_BUCKETS:
                self._full_at.popitem(last=False)
        left = int((self._burst - (full_at - now)) / self._interval + 1e-6)
        return Taken(allowed, left, full_at - now, 0.0 if allowed else wait)


class Waiting:
    """How many tasks of a tenant wait, counted at most once a second in this process.

    Counting reads the unended jobs, not their tasks: 1.1 ms for 1,000 jobs, 3.6 where 100,000
    others came and ended since the last vacuum.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, dict[str, int]]] = {}
        self._lock = threading.Lock()

    def of(self, connection: Connection, tenant: int) -> dict[str, int]:
        """The tasks that wait: `quick` of searches, answers and embeddings, `bulk` of the rest."""
        until, counts = self._known.get(tenant, (0.0, {"quick": 0, "bulk": 0}))
        begun = time.monotonic()
        # While one request counts, the others take the count before.
        if begun < until or not self._lock.acquire(blocking=False):
            return counts
        try:
            row = connection.execute(COUNT, {"tenant": tenant, "quick": list(QUICK)}).one()
            counts = {"quick": int(row.quick), "bulk": int(row.bulk)}
            took = time.monotonic() - begun
            until = begun + max(COUNT_SECONDS, COUNT_SHARE * took)
            self._known[tenant] = (until, counts)
            return counts
        finally:
            self._lock.release()


class Body:
    """A request's body as it arrives, within the day's bytes. Raises RequestTimeout when it is late."""

    def __init__(self, stream: IO[bytes], connection: object, cap: int) -> None:
        self._stream, self._connection, self._cap = stream, connection, cap
        self._read = 0
        self._reserved: list[tuple[int, date, int]] = []

    def read(self, size: int = -1) -> bytes:
        """As a file reads."""
        if self._cap and (request.content_length or "Transfer-Encoding" in request.headers):
            self._reserve(self._read + max(size, 1))
        try:
            data = self._stream.read(size)
        except OSError as error:
            if self._is_late:
                raise _too_slow() from error
            raise
        if self._is_late:
            raise _too_slow()
        self._read += len(data)
        return data

    def settle(self) -> None:
        """Give back what was reserved and not read."""
        spare = sum(size for *_, size in self._reserved) - self._read
        if self._reserved and spare > 0:
            tenant, day, _ = self._reserved[-1]
            with services().database.begin() as connection:
                give_back_upload(connection, tenant, day, spare)
        self._reserved = []

    @property
    def _is_late(self) -> bool:
        return bool(getattr(self._connection, "late", False))

    def _reserve(self, needed: int) -> None:
        """Reserve the length that was declared, or of an undeclared one a step at a time."""
        reserved = sum(size for *_, size in self._reserved)
        declared = request.content_length
        if needed <= reserved or (declared is not None and self._reserved):
            return
        size = declared if declared is not None else max(STEP, needed - reserved)
        tenant = current_tenant()
        with services().database.begin() as connection:
            day = reserve_upload(connection, tenant, size, self._cap)
        self._reserved.append((tenant, day, size))


class Limits:
    """The limits of one process.

    The rate is per API key. gunicorn's processes share an address and know nothing of each other,
    so each allows its part of the rate; ten seconds' worth (500 by default) may come at once, so
    that neither polling nor a page full of searches is cut. Requests without a key come from this
    machine alone, where a bulk load of 1,000 a second is no attack: they are limited only where
    the setting says so itself.
    """

    def __init__(self, settings: Settings) -> None:
        self.rate, self.cap = settings.requests_per_second, settings.daily_upload_bytes
        self.max_tasks = settings.max_queued_tasks
        self.waiting = Waiting()
        self._always = "requests_per_second" in settings.model_fields_set
        self._buckets = Buckets(self.rate / settings.api_processes) if self.rate else None

    def begin(self) -> None:
        """Count a request, and watch its body. Raises RateLimited."""
        stream, connection = request.environ["wsgi.input"], request.environ.get("gunicorn.socket")
        g.body = request.environ["wsgi.input"] = Body(stream, connection, self.cap)
        key = getattr(g, "key_id", None)
        if self._buckets is None or request.path in UNLIMITED or not (key or self._always):
            return
        g.taken = taken = self._buckets.take(key or f"tenant:{current_tenant()}")
        if not taken.allowed:
            raise RateLimited(f"A key may send {self.rate:g} requests per second.", taken.wait)

    def tell(self, response: Response) -> Response:
        """The headers of draft-ietf-httpapi-ratelimit-headers: what this process still allows."""
        if taken := getattr(g, "taken", None):
            quota, seconds = max(round(self.rate * BURST_SECONDS), 1), math.ceil(taken.reset)
            response.headers["RateLimit-Policy"] = f'"requests";q={quota};w={BURST_SECONDS:.0f}'
            response.headers.add("RateLimit", f'"requests";r={taken.remaining};t={seconds}')
        return response

    def end(self, _: BaseException | None) -> None:
        """Give back the bytes that did not come."""
        body: Body | None = g.pop("body", None)
        with suppress(SightlineError):  # then the day counts them
            if body is not None:
                body.settle()


def install(app: Flask) -> None:
    """Limit every request of an app; after the keys are, which tell whose it is."""
    app.extensions[NAME] = limits = Limits(app.extensions["sightline"].settings)
    app.before_request(limits.begin)
    app.after_request(limits.tell)
    app.teardown_request(limits.end)


def check_tasks(connection: Connection, tenant: int) -> None:
    """Raise TooManyTasks when a tenant's queue is full.

    Searches and other quick work count apart: a large import does not keep its owner from them.
    A count may be a second old, and so the queue may be longer by what came in that second.
    """
    limits: Limits = current_app.extensions[NAME]
    if not limits.max_tasks:
        return
    kind = "quick" if request.path.rpartition("/")[2] in QUICK_ROUTES else "bulk"
    waiting = limits.waiting.of(connection, tenant)[kind]
    if waiting >= limits.max_tasks:
        raise TooManyTasks(
            f"{waiting} tasks wait; the limit is {limits.max_tasks}. Send more when they are done.",
            RETRY_SECONDS,
        )


def _too_slow() -> RequestTimeout:
    settings = services().settings
    return RequestTimeout(
        f"The body stood still for {settings.client_patience_seconds:g} s, or came at less than "
        f"{settings.client_bytes_per_second} bytes per second."
    )
