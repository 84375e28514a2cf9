"""Every error as `application/problem+json`, with the request's id, and nothing else in it."""

import math
import re
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, Response, g, json, request
from obstore.exceptions import BaseError as StoreError
from pydantic import ValidationError
from sqlalchemy.exc import DataError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from werkzeug.exceptions import HTTPException

from db.errors import InvalidInput, RateLimited, SightlineError, TooManyRequests, Unavailable

log = structlog.get_logger(__name__)

REQUEST_ID = "X-Request-Id"
USABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
RETRY_AFTER = "2"
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
}
DETAILS = {
    400: "The request cannot be read.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    413: "The body is larger than this address takes.",
    415: "This media type is not taken here.",
}


def install(app: Flask) -> None:
    """Give each request an id, and each error its one shape."""
    app.before_request(_begin)
    app.after_request(_name_request)
    app.register_error_handler(SightlineError, _sightline)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DataError, _data)
    app.register_error_handler(NoConnectionLeft, _busy)
    app.register_error_handler(StoreError, _no_store)
    app.register_error_handler(Exception, _unexpected)


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
) -> Response:
    """The answer that tells of an error."""
    body: dict[str, Any] = {
        "type": f"urn:sightline:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id(),
    }
    if errors:
        body["errors"] = errors
    return Response(json.dumps(body), status=status, content_type="application/problem+json")


def request_id() -> str:
    """The id under which this request stands in the logs: the client's, if it sent a fair one."""
    if "request_id" not in g:
        sent = request.headers.get(REQUEST_ID, "")
        g.request_id = sent if USABLE_ID.fullmatch(sent) else uuid4().hex
    found: str = g.request_id
    return found


def from_validation(error: ValidationError, detail: str, under: str = "") -> InvalidInput:
    """Pydantic's findings, each by the pointer to its field; no input is repeated."""
    return InvalidInput(
        detail,
        [
            {
                "pointer": under + pointer(found["loc"]),
                "code": found["type"],
                "detail": found["msg"].removeprefix("Value error, "),
            }
            for found in error.errors(include_url=False, include_input=False)[:100]
        ],
    )


def pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _begin() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())


def _name_request(response: Response) -> Response:
    response.headers[REQUEST_ID] = request_id()
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _sightline(error: SightlineError) -> Response:
    answer = problem(error.status, error.code, error.title, error.detail, error.errors)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = RETRY_AFTER
    if isinstance(error, TooManyRequests):
        _tell_when(answer, error)
    if error.status >= 500:
        log.error("request_failed", code=error.code, cause=type(error.__cause__).__name__)
    return answer


def _tell_when(answer: Response, error: TooManyRequests) -> None:
    """When to come again; the rate tells its own state with every answer."""
    seconds = max(math.ceil(error.retry_after), 1)
    answer.headers["Retry-After"] = str(seconds)
    if not isinstance(error, RateLimited):
        answer.headers["RateLimit"] = f'"{error.code}";r=0;t={seconds}'


def _http(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    code = CODES.get(status, "internal_error" if status >= 500 else f"http_{status}")
    detail = DETAILS.get(status, f"The request ended in {error.name.lower()}.")
    answer = problem(status, code, error.name, detail)
    for name, value in error.get_headers(request.environ):
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _data(error: DataError) -> Response:
    log.warning("data_refused", cause=type(error.orig).__name__)
    return _sightline(InvalidInput("A value is out of the range that can be stored."))


def _busy(error: NoConnectionLeft) -> Response:
    return _sightline(Unavailable("Every database connection is in use; try again shortly."))


def _no_store(error: StoreError) -> Response:
    log.error("blob_store_failed", cause=type(error).__name__)
    return _sightline(Unavailable("The blob store cannot be reached; try again shortly."))


def _unexpected(error: Exception) -> Response:
    log.error("request_broke", exc_info=error)
    return _sightline(SightlineError("The request could not be handled; it is in our log."))
