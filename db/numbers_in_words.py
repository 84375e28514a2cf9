"""Reads numbers and amounts of money as people write them: `1.299,00`, `2k`, `fifty bucks`."""

import re
from collections.abc import Iterable
from decimal import Decimal

POUNDS = "pounds"
"""Money or weight: the words around it decide."""
UNITS = dict(zip(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen".split(), range(20), strict=True,
))  # fmt: skip
TENS = dict(zip(
    "twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True
))  # fmt: skip
SCALES = {"k": 1000, "thousand": 1000, "grand": 1000, "million": 1_000_000}

_PLAIN = str.maketrans("‘’‐‑‒–—−", "''------")


def either(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first."""
    return f"(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})"


_DIGIT = [word for word, value in UNITS.items() if 0 < value < 10]
_SMALL = rf"(?:{either(TENS)}(?:[ -]{either(_DIGIT)})?|{either(UNITS)})\b"
_GROUP = rf"(?:(?:{_SMALL}|a) hundred\b(?: (?:and )?{_SMALL})?|{_SMALL})"
_LARGE = rf"(?:{_GROUP}|a) (?:thousand|grand|million)\b(?: (?:and )?{_GROUP})?"
# Every repetition is bounded, so a place in a text is left after a bounded number of steps.
_DIGITS = (
    r"(?:[0-9]{1,3}(?:,[0-9]{2,3}){0,4},[0-9]{3}(?:\.[0-9]{1,2})?"
    r"|[0-9]{1,3}(?:\.[0-9]{3}){1,4}(?:,[0-9]{1,2})?"
    r"|[0-9]{1,3}(?:'[0-9]{3}){1,4}(?:[.,][0-9]{1,2})?"
    r"|[0-9]{1,3}(?: [0-9]{3}){1,4}(?:[.,][0-9]{1,2})?"
    r"|[0-9]{1,12}(?:[.,][0-9]{1,4})?)"
    r"(?![.,']?[0-9])"
)
NUMBER = rf"(?:{_DIGITS}(?:k\b| ?(?:thousand|grand|million)\b)?|\b(?:{_LARGE}|{_GROUP}))"
"""A pattern without groups, for folded text with single spaces; see `number`."""

_SIGNS = {
    "us$": "USD", "ca$": "CAD", "c$": "CAD", "au$": "AUD", "a$": "AUD", "nz$": "NZD",
    "hk$": "HKD", "s$": "SGD", "r$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY",
    "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY",
}  # fmt: skip
_CODES = set("usd eur gbp jpy chf aud nzd cny inr sek nok dkk pln czk huf krw sgd hkd mxn".split())
_SHOUTED = set("cad brl zar try php ron ils aed sar thb myr idr twd".split())
"""Codes that are words or programs in lower case: they count in upper case alone."""
_NAMES = {
    "dollar": "USD", "dollars": "USD", "us dollar": "USD", "us dollars": "USD", "buck": "USD",
    "bucks": "USD", "canadian dollars": "CAD", "australian dollars": "AUD", "euro": "EUR",
    "euros": "EUR", "british pounds": "GBP", "pounds sterling": "GBP", "quid": "GBP",
    "yen": "JPY", "yuan": "CNY", "francs": "CHF", "swiss francs": "CHF", "rupee": "INR",
    "rupees": "INR", "kronor": "SEK", "zł": "PLN", "kč": "CZK", "kr": "", "kroner": "",
    "pound": POUNDS, "pounds": POUNDS,
}  # fmt: skip
"""Names of currencies; those of several countries have no code and still tell of money."""

SIGN = either(_SIGNS)
CURRENCY = rf"(?:{SIGN}|{either([*_CODES, *_SHOUTED, *_NAMES])}(?![^\W\d_]))"
"""A pattern without groups, for folded text; see `currency`."""
_WORD = re.compile(r"[a-z]+")


def folded(text: str) -> str:
    """The text in lower case, with plain dashes and apostrophes, each character in its place."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return low.translate(_PLAIN)


def number(written: str) -> Decimal:
    """What a match of NUMBER says: `1.299,00` → 1299, `two thousand five hundred` → 2500.

    Three digits behind a separator are thousands, unless all before them is a 0.
    """
    words = _WORD.findall(written)
    if not written[:1].isdigit():
        return Decimal(_spelled(words))
    scale = SCALES[words[0]] if words else 1
    return _in_digits(_WORD.sub("", written).replace(" ", "").replace("'", "")) * scale


def _in_digits(written: str) -> Decimal:
    last = max(written.rfind("."), written.rfind(","))
    whole, rest = written[: max(last, 0)], written[last + 1 :]
    point = "" if last < 0 or (len(rest) == 3 and whole != "0") else "."
    return Decimal(whole.replace(",", "").replace(".", "") + point + rest)


def _spelled(words: list[str]) -> int:
    total = group = 0
    for word in words:
        if word == "hundred":
            group = (group or 1) * 100
        elif word in SCALES:
            total, group = total + (group or 1) * SCALES[word], 0
        elif word not in ("a", "and"):
            group += UNITS[word] if word in UNITS else TENS[word]
    return total + group


def currency(written: str) -> str | None:
    """The ISO code of a match of CURRENCY, as it stood before it was folded.

    "" is money of no single country, POUNDS may be a weight, and None is no currency.
    """
    low = folded(written)
    if low in _CODES or (low in _SHOUTED and written.isupper()):
        return low.upper()
    return _SIGNS.get(low, _NAMES.get(low))
