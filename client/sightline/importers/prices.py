"""Prices as people and feeds write them: "19.99 USD", "$1,299.00", "1.299,00 €"."""

import re
from dataclasses import dataclass
from decimal import Decimal

SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "zł": "PLN"}
"""What a sign alone means; "$" is the US dollar, as in the server's own reading of queries."""
AMOUNT = re.compile(r"\d[\d.,'  ]*")
CODE = re.compile(r"\b([A-Z]{3})\b")
LONGEST = 64


@dataclass(frozen=True)
class Price:
    """An amount, with its currency's three letters where they were told."""

    amount: Decimal
    currency: str | None = None


def parsed(words: str | None) -> Price | None:
    """The price that words name; None where they name no price, or more than one number."""
    if not words or len(words) > LONGEST or "-" in words:
        return None
    numbers = AMOUNT.findall(words)
    if len(numbers) != 1:
        return None
    code = CODE.search(words.upper())
    sign = next((known for one, known in SIGNS.items() if one in words), None)
    return Price(_amount(numbers[0]), code[1] if code else sign)


def _amount(digits: str) -> Decimal:
    """A number whose last point or comma stands before its cents, unless three digits follow it."""
    digits = re.sub(r"['  ]", "", digits).rstrip(".,")
    whole, mark, cents = _split(digits)
    plain = re.sub(r"[.,]", "", whole)
    return Decimal(f"{plain or '0'}.{cents}" if mark else plain)


def _split(digits: str) -> tuple[str, str, str]:
    at = max(digits.rfind("."), digits.rfind(","))
    if at < 0:
        return digits, "", ""
    whole, mark, cents = digits[:at], digits[at], digits[at + 1 :]
    groups = len(cents) == 3 and whole not in ("", "0")  # "1,299" and "12.345.678"
    return (digits, "", "") if groups or mark in whole else (whole, mark, cents)


def fields_of(words: str | None, currency: str | None = None) -> dict[str, object]:
    """`price` and `currency` of an item; words that are no price become an attribute."""
    if not words:
        return {}
    found = parsed(words)
    if found is None:
        return {"attributes": {"price_text": words[:LONGEST]}}
    made: dict[str, object] = {"price": float(found.amount)}
    known = found.currency or currency
    return made | ({"currency": known} if known else {})
