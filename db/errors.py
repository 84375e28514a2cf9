"""Every error that a user can meet, each with a stable code and its HTTP status.

SightlineError
├── BadRequest            400  malformed: no JSON, a wrong header
│   └── ProviderNotConfigured
├── Unauthorized          401  no API key, or one that is wrong, expired or revoked
├── Forbidden             403  the address is refused
├── NotFound              404  unknown, or somebody else's
├── RequestTimeout        408  the client sends too slowly
├── Conflict              409  the state does not allow it
│   ├── JobAlreadyEnded
│   ├── JobNotRetryable
│   ├── RequestInProgress
│   └── CoverageIncomplete
├── TooLarge              413  over a size limit
│   ├── ImageTooLarge
│   └── DocumentTooLarge
├── UnsupportedMedia      415  a body of another type
├── Unprocessable         422  well-formed, but wrong
│   ├── InvalidInput          with pointers or lines
│   ├── UnsupportedImage
│   ├── BrokenImage
│   ├── UnsupportedDocument
│   ├── DocumentEncrypted
│   ├── BrokenDocument
│   ├── BrokenPage
│   ├── DocumentReplaced
│   ├── BrokenUpload
│   ├── EmptyUpload
│   ├── InvalidManifestLine
│   ├── UnsafeName
│   ├── ItemChanged
│   ├── ModeNotSupported
│   ├── DuplicateId
│   ├── FileMissing
│   ├── FetchRefused
│   ├── ItemNotEmbedded
│   ├── ModelNotServed
│   └── IdempotencyKeyReused
├── FetchFailed           422  a fetch that may pass when tried again
├── TooManyRequests       429  over a limit; `retry_after` says for how long
│   ├── RateLimited
│   ├── TooManyTasks
│   ├── DailyUploadReached
│   └── TokenCapReached
├── ProviderError         502  what a provider of answers or text vectors did
│   ├── ProviderBusy          may pass: 408, 409, 429, 5xx, no connection, too slow
│   ├── ProviderRefusedUs     a wrong key, model or request: trying again is no use
│   ├── ProviderQuotaSpent    a 429 that no waiting ends
│   ├── AnswerRefused         the model declined to answer
│   ├── AnswerTruncated       the answer was longer than `max_output_tokens`
│   ├── AnswerMalformed       a reply that is not what was asked for
│   └── AnswerUnknown         the call's outcome was lost twice
├── BlobMissing           500  a stored picture is gone or damaged
├── EncodingFailed        500  the model cannot encode what decoded well
├── TaskBroke             500  a task met an error nobody foresaw
├── WorkerLost            500  the workers died while they did the task
├── LeaseLost             409  never leaves the worker
└── Unavailable           503  Postgres or the blob store is away
"""

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


class ProviderNotConfigured(BadRequest):
    """Raised when a provider is named for which this server has no key."""

    code = "provider_not_configured"


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


class JobAlreadyEnded(Conflict):
    """Raised when an ended job is to be canceled."""

    code = "job_already_ended"


class JobNotRetryable(Conflict):
    """Raised when an expired or canceled job is to be retried."""

    code = "job_not_retryable"


class RequestInProgress(Conflict):
    """Raised when the first request with the same idempotency key still runs."""

    code = "request_in_progress"


class CoverageIncomplete(Conflict):
    """Raised when a catalog is to switch to a second model that lacks some of its pictures."""

    code = "coverage_incomplete"


class TooLarge(SightlineError):
    """Raised when a body is over its limit."""

    code, status, title = "body_too_large", 413, "Too large"


class ImageTooLarge(TooLarge):
    """Raised when a picture is over the limit in bytes, pixels or side."""

    code = "image_too_large"


class DocumentTooLarge(TooLarge):
    """Raised when a document is over the limit in bytes, pages, or unpacked size."""

    code = "document_too_large"


class UnsupportedMedia(SightlineError):
    """Raised when a body's media type is not one that the route takes."""

    code, status, title = "unsupported_media_type", 415, "This media type is not taken here"


class Unprocessable(SightlineError):
    """Raised when a request is well-formed but wrong."""

    code, status, title = "invalid_input", 422, "The input is not valid"


class InvalidInput(Unprocessable):
    """Raised when fields are wrong; `errors` names each by pointer or line."""


class UnsupportedImage(Unprocessable):
    """Raised when bytes are no picture of a kind that is taken."""

    code = "unsupported_image"


class BrokenImage(Unprocessable):
    """Raised when a picture cannot be decoded."""

    code = "broken_image"


class UnsupportedDocument(Unprocessable):
    """Raised when a document's bytes are neither a PDF nor a deck."""

    code = "unsupported_document"


class DocumentEncrypted(Unprocessable):
    """Raised when a document opens with a password only."""

    code = "document_encrypted"


class BrokenDocument(Unprocessable):
    """Raised when a document cannot be opened at all."""

    code = "broken_document"


class BrokenPage(Unprocessable):
    """Raised when one page of a document cannot be read; the others are."""

    code = "broken_page"


class DocumentReplaced(Unprocessable):
    """Raised when a document was deleted or sent anew while it was being read."""

    code = "document_replaced"


class BrokenUpload(Unprocessable):
    """Raised when an uploaded manifest or ZIP cannot be read at all."""

    code = "broken_upload"


class EmptyUpload(Unprocessable):
    """Raised when an upload names no item at all."""

    code = "empty_upload"


class InvalidManifestLine(Unprocessable):
    """Raised when one line of a manifest is no item."""

    code = "invalid_manifest_line"


class DuplicateId(Unprocessable):
    """Raised when an id stands twice in one import."""

    code = "duplicate_id"


class FileMissing(Unprocessable):
    """Raised when a manifest names a file that was not uploaded."""

    code = "file_missing"


class UnsafeName(Unprocessable):
    """Raised when a manifest names a file outside the upload."""

    code = "unsafe_name"


class FetchRefused(Unprocessable):
    """Raised when the guard does not let a URL be fetched."""

    code = "url_refused"


class ItemNotEmbedded(Unprocessable):
    """Raised when a search starts at an item that has no embedding (yet)."""

    code = "item_not_embedded"


class ItemChanged(Unprocessable):
    """Raised when an item was deleted or replaced before its picture was embedded."""

    code = "item_changed"


class ModelNotServed(Unprocessable):
    """Raised when no worker serves the model that a catalog names."""

    code = "model_not_served"


class ModeNotSupported(Unprocessable):
    """Raised when a search mode needs text vectors that this server does not have."""

    code = "mode_not_supported"


class IdempotencyKeyReused(Unprocessable):
    """Raised when an idempotency key comes again with another body."""

    code = "idempotency_key_reused"


class FetchFailed(Unprocessable):
    """Raised when a URL could not be fetched; it may pass when tried again."""

    code = "fetch_failed"
    can_pass = True


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


class ProviderError(SightlineError):
    """Raised for what a provider of answers or text vectors did; `retry_after` is in seconds."""

    code, status, title = "provider_error", 502, "The provider could not answer"
    usage: Any = None
    """The tokens that the failed call cost all the same, where the provider told."""
    too_large: bool = False
    """Whether the request was refused for its size: with smaller pictures it may pass."""
    unknown: bool = False
    """Whether the call may have been answered, and billed, though nobody here saw it."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class ProviderBusy(ProviderError):
    """Raised when a provider is overloaded, limits our rate, is too slow or cannot be reached."""

    code = "provider_busy"
    can_pass = True


class ProviderRefusedUs(ProviderError):
    """Raised when a provider does not take our key, our model or our request."""

    code = "provider_refused"


class ProviderQuotaSpent(ProviderError):
    """Raised when the account's quota at a provider is spent."""

    code = "provider_quota_spent"


class AnswerRefused(ProviderError):
    """Raised when a model declines to answer."""

    code = "answer_refused"


class AnswerTruncated(ProviderError):
    """Raised when a model was cut off before its answer ended."""

    code = "answer_truncated"


class AnswerMalformed(ProviderError):
    """Raised when a reply is not what was asked for; it is never stored as an answer."""

    code = "answer_malformed"
    can_pass = True


class AnswerUnknown(ProviderError):
    """Raised when a call was sent twice and both times its outcome was lost with the worker."""

    code = "answer_unknown"


class BlobMissing(SightlineError):
    """Raised when the bytes of a blob are gone from the store or do not match their hash."""

    code = "blob_missing"
    can_pass = True


class EncodingFailed(SightlineError):
    """Raised when the model cannot encode an input that decoded well."""

    code = "encoding_failed"
    can_pass = True


class TaskBroke(SightlineError):
    """Raised for a task that met an error nobody foresaw; the log has it."""

    can_pass = True


class WorkerLost(SightlineError):
    """Raised for a task whose workers died while it ran alone."""

    code = "worker_lost"


class LeaseLost(SightlineError):
    """Raised when a worker's lease went to somebody else; it must write nothing."""

    code, status = "lease_lost", 409


class Unavailable(SightlineError):
    """Raised when Postgres or the blob store is away."""

    code, status, title = "unavailable", 503, "Temporarily unavailable"
