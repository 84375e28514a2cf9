"""Health: whether the process lives, whether it can take work, and its metrics."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flask import Flask, Response, current_app
from flask.typing import ResponseReturnValue
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, text

from api import schemas
from api.openapi import Routes, answer
from api.services import Services, services
from api.watching import MayNotLook, Remembered, look
from db import statistics
from db.errors import Unavailable
from db.models import REVISION, SCHEMA
from db.statistics import WorkerSeen
from db.vocabulary import Lane

routes = Routes("health")
METRICS = "text/plain; version=0.0.4; charset=utf-8"
NAME = "sightline-health"
STUCK_SECONDS = 600.0
"""A lane whose oldest due task waits so long while it claims nothing is stuck."""
LEAST_FREE_BYTES, LEAST_FREE_SHARE = 10**9, 0.05
"""A blob store with less room, by either measure, is full soon."""


class Readiness(schemas.Ready):
    """Whether work can be taken, and what is missing."""

    details: dict[str, str] = {}
    """More words about some of what is in `degraded`; left out where there are none."""


@dataclass(frozen=True)
class Seen:
    """What was found: each thing that is wrong, with more words where there are some."""

    wrong: dict[str, str]
    lanes: dict[str, bool]
    serves: bool = True
    """Whether Postgres and its schema are right."""

    def shown(self) -> Response:
        """The answer to a probe."""
        status = "unavailable" if not self.serves else "degraded" if self.wrong else "ready"
        body = {"status": status, "degraded": list(self.wrong), "lanes": self.lanes}
        if details := {what: words for what, words in self.wrong.items() if words}:
            body["details"] = details
        response = answer(body, 200 if self.serves else 503)
        if not self.serves:
            response.headers["Retry-After"] = "2"
        return response


@dataclass
class Health:
    """Looks anew for each probe; while Postgres is away once a second at most."""

    made: Services

    @cached_property
    def _remembered(self) -> Remembered[Seen]:
        return Remembered(self._look)

    def seen(self) -> Seen:
        """What is wrong now.

        A good answer is not kept: who restarted Postgres would be told that it serves before it does.
        """
        found = self._remembered()
        if found.serves:
            self._remembered.forget()
        return found

    def _look(self) -> Seen:
        nothing = {str(lane): False for lane in Lane}
        try:
            return look(self.made.settings.database_url, self._of_database)
        except Unavailable:
            return Seen({"postgres": ""}, nothing, serves=False)
        except MayNotLook:
            return Seen(
                {"state": "The API's database login may not read the system's state."}, nothing
            )

    def _of_database(self, connection: Connection) -> Seen:
        found = _revision(connection)
        if found != REVISION:
            words = f"The database is at revision {found}, this API expects {REVISION}."
            return Seen({"migrations": words}, {str(lane): False for lane in Lane}, serves=False)
        workers = statistics.workers(connection)
        living = {worker.lane for worker in workers if worker.lives}
        lanes = {str(lane): lane in living for lane in Lane}
        wrong = {} if _has_redis(self.made.redis) else {"redis": ""}
        wrong |= {f"lane:{lane}": "" for lane, lives in lanes.items() if not lives}
        wrong |= _stuck(statistics.oldest_due(connection), workers)
        return Seen(wrong | _of_blobs(self.made.blobs.folder), lanes)


@routes.route("GET", "/livez", answers={200: schemas.Live})
def livez() -> ResponseReturnValue:
    """The process answers."""
    return answer({"status": "ok"})


@routes.route("GET", "/readyz", answers={200: Readiness, 503: Readiness})
def readyz() -> ResponseReturnValue:
    """Whether Postgres and its schema are right; what else is missing is named."""
    return _health(current_app).seen().shown()


@routes.route("GET", "/metrics", answers={200: ("text/plain",)})
def metrics() -> ResponseReturnValue:
    """Requests, queue, workers and stores, as Prometheus reads them."""
    return Response(services().metrics.text(), content_type=METRICS)


def _health(app: Flask) -> Health:
    """The app's own, made at its first probe."""
    found = app.extensions.setdefault(NAME, Health(services()))
    assert isinstance(found, Health)
    return found


def _revision(connection: Connection) -> str:
    table = f"{SCHEMA}.alembic_version"
    made = connection.execute(
        text("SELECT to_regclass(:name) IS NOT NULL"), {"name": table}
    ).scalar_one()
    found = connection.execute(text(f"SELECT version_num FROM {table}")).scalars() if made else ()
    return ", ".join(sorted(found)) or "none"


def _has_redis(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except (RedisError, OSError):
        return False


def _stuck(oldest: dict[str, float], workers: list[WorkerSeen]) -> dict[str, str]:
    """Lanes whose oldest due task waits while nothing is claimed: a long line that moves is well."""
    wrong = {}
    for lane, seconds in oldest.items():
        claimed = [w.stats.get("claimed_at", 0) for w in workers if w.lives and w.lane == lane]
        if seconds > STUCK_SECONDS and time.time() - max(claimed, default=0) > STUCK_SECONDS:
            wrong[f"stuck:{lane}"] = f"Its oldest due task waits for {seconds / 60:.0f} minutes."
    return wrong


def _of_blobs(folder: Path | None) -> dict[str, str]:
    """What is wrong with a local blob store; others are not asked, since that would be slow."""
    if folder is None:
        return {}
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"may I?")
        disk = shutil.disk_usage(folder)
    except OSError:
        return {"blobs": "The blob store cannot be written."}
    if disk.free < LEAST_FREE_BYTES or disk.free < LEAST_FREE_SHARE * disk.total:
        return {"blobs": f"The blob store has {disk.free / 1e9:.1f} GB left."}
    return {}
