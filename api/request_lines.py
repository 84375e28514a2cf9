"""One log line a request: who asked what, how it ended, how long it took, and which job it made."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from api import auth

log = structlog.get_logger(__name__)

JOB = re.compile(r"/v1/jobs/(job_\w+)$")
ASKED_OFTEN = frozenset({"/livez", "/readyz", "/metrics"})
"""Routes that machines ask every few seconds: their lines are for debugging."""


def install(app: Flask) -> None:
    """Log every answer of an app whose metrics are installed: they note when a request began."""
    app.after_request(_tell)


def _tell(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "unmatched"
    say = log.debug if route in ASKED_OFTEN else log.info
    say(
        "request",
        method=request.method,
        route=route,
        status=response.status_code,
        seconds=round(time.monotonic() - g.get("started", time.monotonic()), 4),
        **_known(response),
    )
    return response


def _known(response: Response) -> dict[str, str | int]:
    """The tenant and the key's id, where somebody was let in, and the job that was made or asked for."""
    known: dict[str, str | int] = {}
    if tenant := auth.transaction_tenant():
        known["tenant"] = tenant
    if key := g.get("key_id"):
        known["key"] = key
    job = job_of(response)
    return known | ({"job": job} if job else {})


def job_of(response: Response) -> str | None:
    """The id of the job that a request made or asked for."""
    made = JOB.search(response.headers.get("Location", ""))
    return made[1] if made else (request.view_args or {}).get("job")
