"""Errors of the providers of answers and text vectors."""

from typing import Any

from db.errors.base import BadRequest, SightlineError


class ProviderNotConfigured(BadRequest):
    """Raised when a provider is named for which this server has no key."""

    code = "provider_not_configured"


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
