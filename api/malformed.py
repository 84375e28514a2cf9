"""Answers what is no HTTP request at all, which the application never sees: problems, as elsewhere."""

import json
from http import HTTPStatus
from uuid import uuid4

from gunicorn.http import errors  # type: ignore[import-untyped]

STATUS = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ForbiddenProxyRequest: HTTPStatus.FORBIDDEN,
}
CODES = {
    HTTPStatus.REQUEST_URI_TOO_LONG: ("uri_too_long", "The address is longer than 4094 bytes."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: ("headers_too_large", "The headers are too large."),
    HTTPStatus.EXPECTATION_FAILED: ("expectation_failed", "The Expect header asks for too much."),
    HTTPStatus.NOT_IMPLEMENTED: ("not_implemented", "This transfer coding is not understood."),
    HTTPStatus.FORBIDDEN: ("forbidden", "The request came through a proxy that is not known."),
    HTTPStatus.BAD_REQUEST: ("bad_request", "The request cannot be read."),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("internal_error", "The request could not be handled."),
}


def status_of(error: Exception) -> HTTPStatus:
    """The client's fault where the request could not be parsed, else ours."""
    ours = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
    if not isinstance(error, errors.ParseException) or isinstance(error, ours):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return STATUS.get(type(error), HTTPStatus.BAD_REQUEST)


def answer(status: HTTPStatus) -> bytes:
    """The whole answer; the connection closes behind it, since nobody knows where a next begins."""
    code, detail = CODES[status]
    body = json.dumps(
        {
            "type": f"urn:sightline:problem:{code}",
            "title": status.phrase,
            "status": int(status),
            "detail": detail,
            "code": code,
            "request_id": uuid4().hex,
        }
    ).encode()
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
