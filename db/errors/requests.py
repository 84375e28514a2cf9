"""Errors of a request: its fields, its key, what it asks of a catalog, the limits it meets."""

from db.errors.base import Conflict, SightlineError, Unprocessable


class InvalidInput(Unprocessable):
    """Raised when fields are wrong; `errors` names each by pointer or line."""


class RequestInProgress(Conflict):
    """Raised when the first request with the same idempotency key still runs."""

    code = "request_in_progress"


class IdempotencyKeyReused(Unprocessable):
    """Raised when an idempotency key comes again with another body."""

    code = "idempotency_key_reused"


class ItemNotEmbedded(Unprocessable):
    """Raised when a search starts at an item that has no embedding (yet)."""

    code = "item_not_embedded"


class ModeNotSupported(Unprocessable):
    """Raised when a search mode needs text vectors that this server does not have."""

    code = "mode_not_supported"


class CoverageIncomplete(Conflict):
    """Raised when a catalog is to switch to a second model that lacks some of its pictures."""

    code = "coverage_incomplete"


class TooManyRequests(SightlineError):
    """Raised when a limit is reached; `retry_after` is in seconds, and always known."""

    code, status, title = "too_many_requests", 429, "Too many requests"
    retry_after: float

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class RateLimited(TooManyRequests):
    """Raised when requests come faster than a key may send them."""

    code = "rate_limited"


class TooManyTasks(TooManyRequests):
    """Raised when a tenant has as many tasks waiting as it may."""

    code, title = "too_many_tasks", "Too many tasks wait"


class DailyUploadReached(TooManyRequests):
    """Raised when a tenant has sent as many bytes today as it may."""

    code, title = "daily_upload_reached", "The day's uploads are used up"


class TokenCapReached(TooManyRequests):
    """Raised before a paid call that could take a tenant over its tokens of the day."""

    code, title = "token_cap_reached", "The day's tokens are used up"
