"""Takes what a query says of price, stars and category out of its words: "boots under $200"."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from db import categories_in_words
from db.claims import Claim, Span, masked, prices, range_of, stars
from db.constraint_patterns import QUOTED
from db.filters import Filters
from db.numbers_in_words import folded

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_MARKS = ",;:.!?-&/–— "
_DANGLING = (" and", " but", " or", " with", " for", " that", " which")
_LEADING = re.compile(r"(?:[,;:.!?&/–—-]+(?: |$)|(?:and|but)\b ?)*", re.IGNORECASE)


@dataclass(frozen=True)
class Parsed:
    """A query taken apart."""

    text: str
    """What is left to be embedded; empty when the query was nothing but constraints."""
    filters: Filters
    """Only what the words said."""


def parse(text: str, categories: Collection[str] = ()) -> Parsed:
    """Split a query into its constraints and the words that are left, in linear time.

    Categories are found among `categories` alone and spelled as there. What cannot hold at once,
    and what would read differently once its constraints are cut out, is left as it is. White space
    is tidied. Never raises.
    """
    tidy = " ".join(text.split())
    parsed = _parse_once(tidy, categories)
    if not parsed.filters.empty and not _parse_once(parsed.text, categories).filters.empty:
        return Parsed(tidy, Filters())
    return parsed


def _parse_once(text: str, categories: Collection[str]) -> Parsed:
    low = folded(text)
    low = masked(low, [match.span() for match in QUOTED.finditer(low)])
    starred = stars(low)
    low = masked(low, [claim.span for claim in starred])
    priced = prices(low, text)
    spans = [claim.span for claim in (*starred, *priced)]
    named = categories_in_words.named(low, categories, [start for start, _ in spans])
    kept = [span for span, _ in named]
    return Parsed(
        _without(text, sorted(spans + kept)), _filters(starred, priced, [name for _, name in named])
    )


def _filters(starred: Sequence[Claim], priced: Sequence[Claim], names: Sequence[str]) -> Filters:
    return Filters(
        category=list(dict.fromkeys(names)) or None,
        price=range_of(priced),
        currency=next((claim.currency for claim in priced if claim.currency), None),
        attributes={"stars": found} if (found := range_of(starred)) else None,
    )


def _without(text: str, spans: Sequence[Span]) -> str:
    """The text without the spans, and without the punctuation and links that they leave behind."""
    if not spans:
        return text
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(text[at:start])
        at = end
    last, left = text[at:].strip(), pieces[0].rstrip()
    for piece in (*pieces[1:], last):
        left = _joined(left, piece.strip())
    return left if last.strip(_MARKS) else _without_dangling(left)


def _joined(left: str, right: str) -> str:
    if left and right[:1] == _CLOSING.get(left[-1]):
        left, right = left[:-1].rstrip(), right[1:].lstrip()
    if not left:
        return _LEADING.sub("", right, count=1)
    if right[:1] in tuple(",;:.!?)]}"):
        return left.rstrip(",;:- ") + right
    return f"{left} {right}".rstrip()


def _without_dangling(text: str) -> str:
    while (shorter := _without_last_link(text.rstrip(_MARKS))) != text:
        text = shorter
    return text


def _without_last_link(text: str) -> str:
    low = folded(text)
    return next((text[: -len(link)] for link in _DANGLING if low.endswith(link)), text)


def merged(explicit: Filters, parsed: Filters) -> tuple[Filters, Filters]:
    """All filters that hold, and those of the parsed ones that were applied.

    An explicit field wins over the parsed one of its name, and an explicit attribute over that
    attribute. A parsed price goes with its currency, as amounts are never converted: an explicit
    price, or an explicit other currency, drops both.
    """
    applied: dict[str, Any] = {}
    if explicit.category is None:
        applied["category"] = parsed.category
    other = parsed.currency is not None and explicit.currency not in (None, parsed.currency)
    if explicit.price is None and not other:
        applied["price"] = parsed.price
        applied["currency"] = parsed.currency if explicit.currency is None else None
    given = explicit.attributes or {}
    applied["attributes"] = {
        name: wanted for name, wanted in (parsed.attributes or {}).items() if name not in given
    } or None
    new = {name: value for name, value in applied.items() if value is not None}
    together = {"attributes": {**new["attributes"], **given}} if "attributes" in new else {}
    return explicit.model_copy(update=new | together), Filters(**new)
