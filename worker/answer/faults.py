"""What a provider's failures mean: an answer's status and code become one of our errors."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpcore2
import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

from db.errors import (
    AnswerMalformed,
    AnswerRefused,
    ProviderBusy,
    ProviderError,
    ProviderQuotaSpent,
    ProviderRefusedUs,
)
from worker.answer.deadline import BodyTooLarge
from worker.answer.provider import Usage

MAX_RETRY_AFTER = 60.0
BUSY = frozenset([408, 409, 429])
QUOTA_CODES = frozenset(
    ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error",
     "enforced_spend_limit_reached", "contract_spend_limit_reached",
     "linked_organization_spend_limit_reached"]
)  # fmt: skip
TOO_LONG_CODES = frozenset(
    ["context_length_exceeded", "string_above_max_length", "exceed_context_size_error"]
)
TOO_LARGE_CODES = frozenset(
    ["image_too_large", "image_file_too_large", "image_dimensions_too_large", "request_too_large",
     "request_body_too_large_after_decoding"]
)  # fmt: skip
POLICY_CODES = frozenset(
    ["content_policy_violation", "content_filter", "image_content_policy_violation", "bio_policy",
     "misalignment_policy_violation"]
)  # fmt: skip
PASSING_CODES = frozenset(["server_error", "rate_limit_exceeded", "vector_store_timeout"])
"""Codes with which a Responses call fails inside an answer of status 200, and may pass later."""

TOO_LONG_WORDS = ("prompt is too long", "context length", "context window", "context size")
SPENT_WORDS = ("credit balance is too low", "exceeded your current quota")
PLAIN = {
    401: "does not accept the key",
    403: "does not allow this to the key",
    404: "does not know the model, or its address is wrong",
}

Failure = TypeVar("Failure", bound=ProviderError)


def billed(error: Failure, usage: Usage | None) -> Failure:
    """The same error, with what the failed call cost."""
    error.usage = usage
    return error


def of_answer(who: str, answer: httpx2.Response) -> ProviderError:
    """The error for an answer whose status is not 200; `who` begins its sentence."""
    if answer.status_code in BUSY or answer.status_code >= 500:
        return _of_busy(who, answer)
    return of_code(who, _Said.of(answer.content), answer.status_code)


def of_code(who: str, said: "_Said", status: int) -> ProviderError:
    """The error for what a provider said about a request that it will not take."""
    if said.codes & QUOTA_CODES or said.has(SPENT_WORDS) or status == 402:
        return ProviderQuotaSpent(f"{who} says that the account's quota is spent.")
    if said.codes & TOO_LONG_CODES or said.has(TOO_LONG_WORDS):
        return ProviderRefusedUs(f"{who} says that the request is longer than the model's context.")
    if said.codes & TOO_LARGE_CODES or status == 413 or said.tells_large_picture():
        return _too_large(who)
    if said.codes & POLICY_CODES:
        return AnswerRefused(f"{who} does not answer this: it is against its rules.")
    if 300 <= status < 400:
        return ProviderRefusedUs(f"{who} answers with a redirect; its address is wrong.")
    plain = PLAIN.get(status, f"does not accept the request (status {status})")
    return ProviderRefusedUs(f"{who} {plain}.")


def of_failed(who: str, code: str | None) -> ProviderError:
    """The error for a call that failed inside an answer of status 200."""
    if code in PASSING_CODES:
        return ProviderBusy(f"{who} failed while it answered.")
    return of_code(who, _Said(frozenset([code or ""]), ""), 400)


def too_slow(who: str, seconds: float) -> ProviderBusy:
    """The error for a call that met its deadline."""
    return _unknown(ProviderBusy(f"{who} did not answer within {seconds:g} s."))


def unreachable(who: str, cause: BaseException | None) -> ProviderError:
    """The error for a call without an answer; `cause` is what the connection raised."""
    if isinstance(cause, BodyTooLarge):
        return _unknown(AnswerMalformed(f"{who} sent far more than an answer."))
    error = ProviderBusy(f"{who} cannot be reached, or broke off while it answered.")
    never_sent = cause is not None and isinstance(cause.__cause__, httpcore2.ConnectError)
    return error if never_sent else _unknown(error)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait (0 to 60) as the headers tell them: milliseconds, seconds, or a date."""
    if (found := _number(headers.get("retry-after-ms"))) is not None:
        return _bounded(found / 1000)
    told = headers.get("retry-after")
    if (found := _number(told)) is not None:
        return _bounded(found)
    try:
        at = parsedate_to_datetime(told or "")
    except ValueError:
        return None
    return _bounded((at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _of_busy(who: str, answer: httpx2.Response) -> ProviderError:
    said = _Said.of(answer.content)
    if said.codes & QUOTA_CODES or (answer.status_code == 429 and said.has(SPENT_WORDS)):
        return ProviderQuotaSpent(f"{who} says that the account's quota is spent.")
    if answer.status_code == 429 and said.has(("request too large",)):
        # More tokens than the account may send in a minute: no waiting ends this one.
        return _too_large(who)
    plain = "limits our rate" if answer.status_code == 429 else "is overloaded or failed"
    return ProviderBusy(
        f"{who} {plain} (status {answer.status_code}).", retry_after(answer.headers)
    )


def _unknown(error: Failure) -> Failure:
    error.unknown = True
    return error


def _too_large(who: str) -> ProviderRefusedUs:
    error = ProviderRefusedUs(f"{who} says that the request or a picture in it is too large.")
    error.too_large = True
    return error


def _number(told: str | None) -> float | None:
    try:
        found = float(told or "")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


class _Details(BaseModel):
    error_code: str | None = None


class _Fault(BaseModel):
    """An error object; providers disagree about all but these names."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    code: str | None = None
    type: str | None = None
    message: str | None = None
    details: _Details | None = None


class _Body(_Fault):
    error: _Fault | str | None = None


class _Said:
    """The codes and the words of an error's body; they are read, and never shown."""

    def __init__(self, codes: frozenset[str], words: str) -> None:
        self.codes = codes
        self._words = words.lower()

    @classmethod
    def of(cls, body: bytes) -> "_Said":
        """From any body; one that says nothing has no codes."""
        try:
            read = _Body.model_validate_json(body)
        except ValidationError:
            return cls(frozenset(), "")
        if isinstance(read.error, str):
            return cls(frozenset(), read.error)
        fault = read.error or read
        details = fault.details.error_code if fault.details else None
        codes = frozenset(code for code in (fault.code, fault.type, details) if code)
        return cls(codes, fault.message or "")

    def has(self, phrases: tuple[str, ...]) -> bool:
        """Whether any of the phrases is said."""
        return any(phrase in self._words for phrase in phrases)

    def tells_large_picture(self) -> bool:
        """Whether the words are about a picture over a limit; no code tells it at Anthropic."""
        return "image" in self._words and self.has(("exceed", "too large"))
