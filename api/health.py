"""Health: whether the process lives, whether it can take work, and its metrics."""

from flask import Response
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from api import schemas
from api.openapi import Routes, answer
from api.services import services
from db.errors import Unavailable
from db.models import REVISION, SCHEMA
from db.vocabulary import Lane

routes = Routes("health")
METRICS = "text/plain; version=0.0.4; charset=utf-8"
LIVE_LANES = text("SELECT DISTINCT lane FROM workers WHERE seen_at > now() - interval '15 seconds'")


@routes.route("GET", "/livez", answers={200: schemas.Live})
def livez() -> ResponseReturnValue:
    """The process answers."""
    return answer({"status": "ok"})


@routes.route("GET", "/readyz", answers={200: schemas.Ready, 503: schemas.Ready})
def readyz() -> ResponseReturnValue:
    """Whether Postgres and its schema are right; what else is missing is named."""
    try:
        with services().database.begin() as connection:
            migrated = _is_migrated(connection)
            live = set(connection.execute(LIVE_LANES).scalars()) if migrated else set()
    except (Unavailable, DBAPIError):
        return _unavailable("postgres")
    if not migrated:
        return _unavailable("migrations")
    lanes = {str(lane): lane in live for lane in Lane}
    missing = [] if _has_redis() else ["redis"]
    missing += [f"lane:{lane}" for lane, lives in lanes.items() if not lives]
    status = "degraded" if missing else "ready"
    return answer({"status": status, "degraded": missing, "lanes": lanes})


def _unavailable(what: str) -> Response:
    lanes = {str(lane): False for lane in Lane}
    response = answer({"status": "unavailable", "degraded": [what], "lanes": lanes}, 503)
    response.headers["Retry-After"] = "2"
    return response


def _is_migrated(connection: Connection) -> bool:
    made = connection.execute(
        text("SELECT to_regclass(:name) IS NOT NULL"), {"name": f"{SCHEMA}.alembic_version"}
    ).scalar_one()
    if not made:
        return False
    current = connection.execute(text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))
    return set(current.scalars()) == {REVISION}


def _has_redis() -> bool:
    try:
        return bool(services().redis.ping())
    except (RedisError, OSError):
        return False


@routes.route("GET", "/metrics", answers={200: ("text/plain",)})
def metrics() -> ResponseReturnValue:
    """Requests, queue and waits, as Prometheus reads them."""
    return Response(services().metrics.text(), content_type=METRICS)
