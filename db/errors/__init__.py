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
│   ├── FetchFailed           a fetch that may pass when tried again
│   ├── ItemNotEmbedded
│   ├── ModelNotServed
│   └── IdempotencyKeyReused
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

from db.errors.base import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    RequestTimeout,
    SightlineError,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unprocessable,
    UnsupportedMedia,
)
from db.errors.files import (
    BlobMissing,
    BrokenDocument,
    BrokenImage,
    BrokenPage,
    BrokenUpload,
    DocumentEncrypted,
    DocumentTooLarge,
    DuplicateId,
    EmptyUpload,
    FetchFailed,
    FetchRefused,
    FileMissing,
    ImageTooLarge,
    InvalidManifestLine,
    UnsafeName,
    UnsupportedDocument,
    UnsupportedImage,
)
from db.errors.jobs import (
    DocumentReplaced,
    EncodingFailed,
    ItemChanged,
    JobAlreadyEnded,
    JobNotRetryable,
    LeaseLost,
    ModelNotServed,
    TaskBroke,
    WorkerLost,
)
from db.errors.providers import (
    AnswerMalformed,
    AnswerRefused,
    AnswerTruncated,
    AnswerUnknown,
    ProviderBusy,
    ProviderError,
    ProviderNotConfigured,
    ProviderQuotaSpent,
    ProviderRefusedUs,
)
from db.errors.requests import (
    CoverageIncomplete,
    DailyUploadReached,
    IdempotencyKeyReused,
    InvalidInput,
    ItemNotEmbedded,
    ModeNotSupported,
    RateLimited,
    RequestInProgress,
    TokenCapReached,
    TooManyRequests,
    TooManyTasks,
)

__all__ = [
    "AnswerMalformed",
    "AnswerRefused",
    "AnswerTruncated",
    "AnswerUnknown",
    "BadRequest",
    "BlobMissing",
    "BrokenDocument",
    "BrokenImage",
    "BrokenPage",
    "BrokenUpload",
    "Conflict",
    "CoverageIncomplete",
    "DailyUploadReached",
    "DocumentEncrypted",
    "DocumentReplaced",
    "DocumentTooLarge",
    "DuplicateId",
    "EmptyUpload",
    "EncodingFailed",
    "FetchFailed",
    "FetchRefused",
    "FileMissing",
    "Forbidden",
    "IdempotencyKeyReused",
    "ImageTooLarge",
    "InvalidInput",
    "InvalidManifestLine",
    "ItemChanged",
    "ItemNotEmbedded",
    "JobAlreadyEnded",
    "JobNotRetryable",
    "LeaseLost",
    "ModeNotSupported",
    "ModelNotServed",
    "NotFound",
    "ProviderBusy",
    "ProviderError",
    "ProviderNotConfigured",
    "ProviderQuotaSpent",
    "ProviderRefusedUs",
    "RateLimited",
    "RequestInProgress",
    "RequestTimeout",
    "SightlineError",
    "TaskBroke",
    "TokenCapReached",
    "TooLarge",
    "TooManyRequests",
    "TooManyTasks",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "UnsafeName",
    "UnsupportedDocument",
    "UnsupportedImage",
    "UnsupportedMedia",
    "WorkerLost",
]
