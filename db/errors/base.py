"""The root of all errors, how it is shown, and a class for each HTTP status that many share."""

from typing import Any, ClassVar


class SightlineError(Exception):
    """Raised for anything a user can meet; `detail` is plain words, without paths or secrets."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"
    can_pass: bool = False
    """Whether the same task may succeed when it is tried again."""
    retry_after: float | None = None
    """Seconds after which it may; None where nobody told."""

    def __init__(self, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []

    def as_json(self) -> dict[str, Any]:
        """The error as jobs and tasks show it."""
        return {"code": self.code, "detail": self.detail}


class BadRequest(SightlineError):
    """Raised when a request cannot be read."""

    code, status, title = "bad_request", 400, "The request cannot be read"


class Unauthorized(SightlineError):
    """Raised when a request shows no API key that is in force."""

    code, status, title = "unauthorized", 401, "An API key is needed"


class Forbidden(SightlineError):
    """Raised when the caller may not do this."""

    code, status, title = "forbidden", 403, "This is not allowed"


class NotFound(SightlineError):
    """Raised when a name is unknown in the caller's tenant."""

    code, status, title = "not_found", 404, "Not found"


class RequestTimeout(SightlineError):
    """Raised when a body comes more slowly than we wait for it."""

    code, status, title = "request_timeout", 408, "The body came too slowly"


class Conflict(SightlineError):
    """Raised when the state of a thing does not allow the request."""

    code, status, title = "conflict", 409, "The state does not allow this"


class TooLarge(SightlineError):
    """Raised when a body is over its limit."""

    code, status, title = "body_too_large", 413, "Too large"


class UnsupportedMedia(SightlineError):
    """Raised when a body's media type is not one that the route takes."""

    code, status, title = "unsupported_media_type", 415, "This media type is not taken here"


class Unprocessable(SightlineError):
    """Raised when a request is well-formed but wrong."""

    code, status, title = "invalid_input", 422, "The input is not valid"


class Unavailable(SightlineError):
    """Raised when Postgres or the blob store is away."""

    code, status, title = "unavailable", 503, "Temporarily unavailable"
