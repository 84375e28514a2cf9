"""Decides which amounts and stars in a text are constraints, and what they bound."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from db.constraint_patterns import (
    BETWEEN_CLAIMS,
    COMPARED,
    NEGATED,
    NOT_A_PRICE,
    OF_PRICE,
    PRICE,
    SAVED,
    STARS,
    SUFFIXES,
    UNIT,
)
from db.filters import Range
from db.numbers_in_words import POUNDS, SCALES, currency, number

Span = tuple[int, int]
Bounds = tuple[tuple[str, Decimal], ...]

_AROUND = (Decimal("0.8"), Decimal("1.2"))
_ENDS = {"max": "lte", "maximum": "lte", "min": "gte", "minimum": "gte"}
_SPENT = re.compile(r"\b(?:budget|pay|paying|spend|spending)\b")
_PAID = re.compile(r"\b(?:pay|paying|spend|spending)\b")
_PURPOSE = re.compile(r" (?:on|for)\b")
_STOPS = re.compile(r"$| ?[,;.:!?)\]]")
_COUNT = re.compile(r"(?:[0-9]|\b(?:two|three|four|five|six)) $")
"""`2 for $20` is no price of one."""
_NARROWER = (("USD", {"CAD", "AUD", "NZD", "HKD", "SGD", "MXN"}), ("JPY", {"CNY"}),
             (POUNDS, {"GBP"}))  # fmt: skip
"""A sign or word of several countries, and what makes it plain: `$50 CAD`."""
_FEWEST_ALONE = 3
"""`5 star` alone is a rating; one or two stars are a thing's shape."""
_LOOK_BACK = 30


@dataclass(frozen=True)
class Claim:
    """A comparison: what is bounded in gt, gte, lt and lte, and where the text says so."""

    span: Span
    bounds: Bounds
    currency: str | None = None
    """An ISO code, "" for money of no single country, None while nothing tells of money."""


def masked(text: str, spans: Iterable[Span]) -> str:
    """The text with NULs, which no pattern matches, in place of the spans."""
    chars = list(text)
    for start, end in spans:
        chars[start:end] = "\0" * (end - start)
    return "".join(chars)


def stars(text: str) -> list[Claim]:
    """The claims on stars in a folded text; none if they cannot hold at once."""
    return _agreed([claim for match in STARS.finditer(text) if (claim := _star_claim(match))])


def prices(text: str, original: str) -> list[Claim]:
    """The claims on prices in a folded text; none if they cannot hold at once.

    `original` is the text before it was folded: some codes count in upper case alone.
    """
    found, at = [], 0
    while match := PRICE.search(text, at):
        claim = _price_claim(match, original)
        found.append(claim)
        at = match.end() if claim else match.end("low")
    return _agreed([claim for claim in _sharing(found, text) if claim.currency is not None])


def range_of(claims: Sequence[Claim]) -> Range | None:
    """All claims in one, the tightest of each bound; None without claims."""
    bounds: dict[str, Decimal] = {}
    for name, value in (bound for claim in claims for bound in claim.bounds):
        tighter = max if name in ("gt", "gte") else min
        bounds[name] = tighter(bounds.get(name, value), value)
    return Range(**bounds) if bounds else None


def _agreed(claims: list[Claim]) -> list[Claim]:
    found = range_of(claims)
    if found is None or len({claim.currency for claim in claims} - {"", None}) > 1:
        return []
    lows = [value for value in (found.gt, found.gte) if value is not None]
    highs = [value for value in (found.lt, found.lte) if value is not None]
    low, high = max(lows, default=Decimal(0)), min(highs, default=Decimal("inf"))
    strict = low == found.gt or high == found.lt
    return claims if low < high or (low == high and not strict) else []


def _star_claim(match: re.Match[str]) -> Claim | None:
    unclear = not match["star"] and (not match["rated"] or UNIT.match(match.string, match.end()))
    if unclear or _is_of_other_thing(match):
        return None
    low = number(match["low"])
    if match["high"]:
        return Claim(match.span(), _between(low, number(match["high"])))
    bound = "gte" if match["plus"] else _bound_of(match)
    if bound is None and (match["rated"] or (low >= _FEWEST_ALONE and not match["with"])):
        bound = "gte"
    return Claim(match.span(), _bounds(bound, low)) if bound else None


def _price_claim(match: re.Match[str], original: str) -> Claim | None:
    codes, priced = _codes(match, original), _is_priced(match)
    if len(codes) > 1 or (POUNDS in codes and not priced):
        return None
    if _is_of_other_thing(match) or NOT_A_PRICE.match(match.string, match.end()):
        return None
    code = next(iter(codes), "" if priced else None)
    if not codes and UNIT.match(match.string, max(match.end("low"), match.end("high"))):
        return None
    bounds = _price_bounds(match, bool(codes))
    alone = code is None and not _may_share(match)
    if not bounds or alone:
        return None
    return Claim(_price_span(match), bounds, "GBP" if code == POUNDS else code)


def _is_of_other_thing(match: re.Match[str]) -> bool:
    """`free shipping over $50`, `age rating 3+`."""
    return SAVED.search(_before(match)) is not None


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _LOOK_BACK) : match.start()]


def _codes(match: re.Match[str], original: str) -> set[str]:
    """The currencies of an amount or a range: one, none, or a contradiction."""
    groups = [f"{side}_{name}" for name in ("low", "high") for side in ("before", "behind")]
    spans = [match.span(group) for group in groups if match[group]]
    codes = {code for start, end in spans if (code := currency(original[start:end])) is not None}
    if match["low"].endswith("grand") or (match["high"] or "").endswith("grand"):
        codes.add("")
    for wide, narrow in _NARROWER:
        if wide in codes and not codes.isdisjoint(narrow):
            codes.remove(wide)
    return codes if len(codes) < 2 else codes - {""}


def _is_priced(match: re.Match[str]) -> bool:
    return bool(match["said"] or match["tail"] or match["compared"] in OF_PRICE)


def _may_share(match: re.Match[str]) -> bool:
    """Whether `over 50` can be money because of the `under $100` beside it."""
    compared = COMPARED.get(match["compared"] or "")
    return compared in NEGATED and match["compared"] != "from" and not match["high"]


def _sharing(found: list[Claim | None], text: str) -> list[Claim]:
    claims = [claim for claim in found if claim]
    for order in (1, -1):
        indexes = range(len(claims))[::order]
        for here, there in pairwise(indexes):
            claims[there] = _shared(claims[here], claims[there], text)
    return claims


def _shared(money: Claim, claim: Claim, text: str) -> Claim:
    """The claim with the currency of the one beside it, if they bound two sides of one thing."""
    first, second = sorted((money.span, claim.span))
    if claim.currency is not None or money.currency is None:
        return claim
    beside = BETWEEN_CLAIMS.fullmatch(text, first[1], second[0])
    two_sides = money.bounds[0][0][0] != claim.bounds[0][0][0]
    return replace(claim, currency=money.currency) if beside and two_sides else claim


def _bound_of(match: re.Match[str]) -> str | None:
    """`lt`, `lte`, `gt`, `gte`, `around` or `exact`, where a comparison says so."""
    compared = COMPARED.get(match["compared"] or "")
    if match["negated"]:
        return NEGATED.get(compared or "")
    if match["suffix"] and compared in (None, "exact", "around"):
        return SUFFIXES[match["suffix"]]
    return compared or _ENDS.get(match["end"] or "")


def _price_bound(match: re.Match[str], has_currency: bool) -> str | None:
    bound, said = _bound_of(match), match["said"] or ""
    if match["unwilling"]:
        return NEGATED.get(bound or "")
    if bound is None and said and not has_currency and not _is_complete(match):
        return None
    if bound or _SPENT.search(said + (match["tail"] or "")):
        return bound or "lte"
    at = match["preposition"] in ("for", "at") and has_currency
    return "exact" if said or (at and not _COUNT.search(_before(match))) else None


def _is_complete(match: re.Match[str]) -> bool:
    """Whether `budget 50` is an amount, and not the start of `budget 50 inch screen`."""
    linked = match["glue"] or (match["said"] or "").endswith((" at ", " for "))
    return bool(linked or match["high"] or _STOPS.match(match.string, match.end()))


def _price_bounds(match: re.Match[str], has_currency: bool) -> Bounds:
    low = number(match["low"])
    if not match["high"]:
        bound = _price_bound(match, has_currency)
        return _bounds(bound, low) if bound else ()
    if match["unwilling"] or _bound_of(match) in ("lt", "lte", "gt"):
        return ()
    high, scale = number(match["high"]), _scale(match["high"])
    # `1-2k` and `one to two thousand` say the scale once.
    return _between(low * scale if _scale(match["low"]) == 1 and low * scale < high else low, high)


def _scale(written: str) -> int:
    return next((scale for word, scale in SCALES.items() if written.endswith(word)), 1)


def _bounds(bound: str, value: Decimal) -> Bounds:
    if bound == "around":
        return ("gte", value * _AROUND[0]), ("lte", value * _AROUND[1])
    return (("gte", value), ("lte", value)) if bound == "exact" else ((bound, value),)


def _between(one: Decimal, other: Decimal) -> Bounds:
    return ("gte", min(one, other)), ("lte", max(one, other))


def _price_span(match: re.Match[str]) -> Span:
    """With the `on` of `spend $50 on boots`."""
    start, end = match.span()
    purpose = _PURPOSE.match(match.string, end)
    return start, purpose.end() if purpose and _PAID.search(match["said"] or "") else end
