"""Text of others made safe to show: no terminal escapes, no markup, nothing that cannot be printed."""

import re

from rich.markup import escape

UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and newline, what turns the direction of text, and half characters."""


def safe(value: object) -> str:
    """The value as text that does nothing to a terminal; it may be broken into lines."""
    return UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", str(value).replace("\r\n", "\n"))


def marked(value: object) -> str:
    """The value as text inside rich's markup, of which it can have none of its own."""
    return escape(safe(value))


def one_line(value: object, longest: int = 200) -> str:
    """The value's words on one line, cut off after so many characters."""
    words = " ".join(safe(value).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"
