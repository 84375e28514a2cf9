"""One span a request of the interface, by OpenTelemetry's HTTP conventions: no queries, keys or bodies."""

import structlog
from flask import Flask, Response, g, request

from api.request_lines import job_of
from db import tracing

PREFIXES = ("/v1/", "/openai/")
"""What people and programs ask for; what machines ask every few seconds is not traced."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def install(app: Flask) -> None:
    """Trace an app's requests where this process traces; log lines then name the trace."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_abandon)


def _begin() -> None:
    if not request.path.startswith(PREFIXES):
        return
    method = request.method if request.method in METHODS else "_OTHER"
    route = request.url_rule.rule if request.url_rule else None
    about: tracing.About = {
        "http.request.method": method,
        "url.path": request.path,
        "url.scheme": request.scheme,
        **({"http.route": route} if route else {}),
    }
    name = f"{method if method != '_OTHER' else 'HTTP'} {route or ''}".rstrip()
    headers = {key: sent for key in tracing.W3C if (sent := request.headers.get(key))}
    g.trace = tracing.request(name, headers, about)
    if g.trace is not None and g.trace.traceparent is not None:
        found = tracing.trace_id(g.trace.traceparent)
        structlog.contextvars.bind_contextvars(trace_id=found)


def _end(response: Response) -> Response:
    opened = g.pop("trace", None)
    if opened is not None:
        about: tracing.About = {"http.response.status_code": response.status_code}
        if job := job_of(response):
            about["sightline.job_id"] = job
        if response.status_code >= 500:
            about[tracing.ERROR_TYPE] = str(response.status_code)
        opened.end(about)
    return response


def _abandon(error: BaseException | None) -> None:
    """End the span of a request that got no answer."""
    opened = g.pop("trace", None)
    if opened is not None:
        opened.end({tracing.ERROR_TYPE: type(error).__name__ if error else "unanswered"})
