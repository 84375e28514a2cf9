"""What the server is told to answer next, and the fourteen failures that providers must survive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from db.errors import ProviderError
from tests.providers.reading import Seen

Body = bytes | dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """One answer. Without a body it is a sensible one; `breaks` says how the connection misbehaves.

    `hang` never answers, `drip` sends the body a byte at a time and `creep` the headers, `reset`
    cuts the connection off, and `cut` ends it in the middle of the body.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    body: Body | Callable[[Seen], Body] | None = None
    breaks: Literal["hang", "drip", "creep", "reset", "cut"] | None = None

    def content(self, seen: Seen) -> Body:
        """The body for a request."""
        if self.body is None:
            return seen.wire.answer(seen)
        return self.body(seen) if callable(self.body) else self.body


@dataclass(frozen=True)
class Fault:
    """A failure with what must become of it, whichever provider it happens to."""

    name: str
    planned: Planned
    code: str
    retry_after: float | None = None
    billed: bool = False
    """Whether the answer tells what it cost."""
    too_large: bool = False

    def is_met_by(self, error: ProviderError) -> bool:
        """Whether an error is what must become of this failure."""
        told = (error.code, error.retry_after, error.usage is not None, error.too_large)
        return told == (self.code, self.retry_after, self.billed, self.too_large)


def _error(status: int, code: str | None, message: str, **headers: str) -> Planned:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Planned(status, named, body=lambda seen: seen.wire.error(status, code, message))


def _html(status: int) -> Planned:
    page = b"<!doctype html><title>Sign in</title><h1>Welcome to the network</h1>"
    return Planned(status, {"content-type": "text/html"}, body=page)


FAULTS = (
    Fault("429 that tells how long", _error(429, "rate_limit_exceeded", "Slow down.",
                                            retry_after="7"), "provider_busy", 7.0),
    Fault("429 that does not", _error(429, "rate_limit_exceeded", "Slow down."), "provider_busy"),
    Fault("500", _error(500, None, "Something broke."), "provider_busy"),
    Fault("529", _error(529, None, "Overloaded."), "provider_busy"),
    Fault("hang", Planned(breaks="hang"), "provider_busy"),
    Fault("slow drip", Planned(breaks="drip"), "provider_busy"),
    Fault("connection reset", Planned(breaks="reset"), "provider_busy"),
    Fault("body cut off", Planned(breaks="cut"), "provider_busy"),
    Fault("refusal", Planned(body=lambda seen: seen.wire.refused(seen)), "answer_refused",
          billed=True),
    Fault("all thinking", Planned(body=lambda seen: seen.wire.only_thought(seen)),
          "answer_truncated", billed=True),
    Fault("wrong JSON", Planned(body=lambda seen: seen.wire.said(seen, '{"reply": 1}')),
          "answer_malformed", billed=True),
    Fault("HTML with 200", _html(200), "answer_malformed"),
    Fault("context too long", Planned(400, body=lambda seen: seen.wire.too_long()),
          "provider_refused"),
    Fault("picture too large", _error(413, None, "Request exceeds the maximum size."),
          "provider_refused", too_large=True),
)  # fmt: skip
