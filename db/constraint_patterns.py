"""The patterns by which prices and stars are said, for folded text with single spaces."""

import re
from collections.abc import Iterable, Mapping

from db.numbers_in_words import CURRENCY, NUMBER, SIGN, either


def _by_words(bounds: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {words: bound for bound, all_words in bounds.items() for words in all_words}


COMPARED = _by_words({
    "lt": ["under", "below", "beneath", "less than", "lower than", "fewer than", "cheaper than",
           "less expensive than", "<"],
    "lte": ["at most", "up to", "upto", "max", "maximum", "max of", "maximum of", "within",
            "not exceeding", "<=", "=<", "≤"],
    "gt": ["over", "above", "more than", "greater than", "higher than", "exceeding", "pricier than",
           "more expensive than", ">"],
    "gte": ["at least", "from", "min", "minimum", "min of", "minimum of", "starting at",
            "starting from", "starts at", "upwards of", ">=", "=>", "≥"],
    "around": ["around", "about", "roughly", "approximately", "approx", "circa", "ca", "close to",
               "~"],
    "exact": ["exactly", "precisely", "="],
})  # fmt: skip
NEGATED = {"lt": "gte", "gt": "lte", "lte": "gt", "gte": "lt"}
OF_PRICE = {"cheaper than", "less expensive than", "pricier than", "more expensive than"}
"""Comparisons that only prices have."""

SUFFIXES = _by_words({
    "lte": ["or less", "or under", "or below", "or cheaper", "or lower", "and under", "and below",
            "and less", "& under", "max", "maximum", "tops", "at most"],
    "gte": ["or more", "or over", "or above", "or higher", "or up", "or better", "and up",
            "and over", "and above", "and more", "and higher", "& up", "& above", "min", "minimum",
            "+"],
})  # fmt: skip
_WORDS = [said for said in COMPARED if said[0].isalpha()]
_MARKS = [said for said in COMPARED if not said[0].isalpha()]
_COMPARISON = (
    rf"(?:(?:(?P<negated>no|not|nothing|none) )?"
    rf"(?P<compared>{either(_WORDS)}\b(?=\.? |[^\w.])|{either(_MARKS)})\.? ?(?:an? )?)?"
    r"(?P<between>between )?"
)
_RANGE = r"(?(between)(?: and | & | to | ?- ?)|(?: to | ?- ?))"
_NO_RANGE = r"(?(between)(?!))"
"""`between` needs its second number."""
_SUFFIX = rf"(?: ?(?P<suffix>\+|{either(SUFFIXES)}\b)(?! ?{SIGN}? ?{NUMBER}))?"

_WHO = r"(?:(?:that|which|it)(?: is| are|'s)? |(?:i|we) |i'm )?"
_WILL = (
    r"(?:(?:want to|would like to|can|could|have|willing to|looking to"
    r"|(?P<unwilling>(?:don't|do not|doesn't|does not|can't|cannot|"
    r"shouldn't|should not|must not|isn't|aren't|is not|are not)"
    r"(?: want to)?|not)) )?"
)
_NOUN = (
    r"(?:(?:for|at|with|on|in|within) )?(?:(?:a|an|the|my|our|total) )?"
    r"(?:(?P<end>max|maximum|min|minimum)\.? )?"
    r"(?:price|prices|budget|cost)\b(?: (?:range|limit|tag|point|cap))?"
    r"(?P<glue> (?:is|are|of|should be|must be|at)|:| ?=)? ?"
)
_VERB = r"(?:priced|costs?|costing|pay|paying|spend|spending|worth|sold|selling)(?: (?:at|for))? "
_STARTED = r"(?<![\w\0])"
"""A word or number begins here."""
_FREE = r"(?<![0-9][.,'])(?<![-/])"


def _amount(name: str) -> str:
    return (
        rf"(?:(?P<before_{name}>{CURRENCY}) ?)?(?P<{name}>{NUMBER})"
        rf"(?: ?(?:-(?=[a-z]))?(?P<behind_{name}>{CURRENCY})|(?![\w%\"'°\0]))"
    )


_LINKS = r"(?:for|and|but|in|with|on|of)\b"
"""Without one, `budget` belongs to the next word: `under $200 budget phone`."""
PRICE = re.compile(
    rf"{_STARTED}{_FREE}(?:(?:and|but) )?{_WHO}{_WILL}"
    rf"(?P<said>{_NOUN}|{_VERB})?"
    rf"(?:(?P<preposition>for|at|with|in|on|of) )?(?:an? )?{_COMPARISON}"
    rf"{_amount('low')}"
    rf"(?:{_RANGE}{_amount('high')}|{_NO_RANGE})"
    rf"{_SUFFIX}(?P<tail> (?:budget|price|in price)\b(?! (?!{_LINKS})\w))?"
)
"""An amount with all that is said around it; whether it is a price is decided by its groups."""

_STAR_COUNT = r"(?:[0-5](?:[.,][0-9]{1,2})?|one|two|three|four|five)"
_SHAPED = (
    r"(?! (?:wars|trek|shaped?|patterns?|prints?|anise|fruit|flags?|charms?|charts?|signs?|"
    r"earrings?|necklaces?|stickers?|lights?)\b)"
)  # fmt: skip
STARS = re.compile(
    rf"{_STARTED}{_FREE}(?:(?:and|but) )?{_WHO}"
    rf"(?P<rated>(?:(?:with )?(?:an? |the )?)(?:(?P<end>min|minimum) )?"
    rf"(?:(?:average|customer|star) )?(?:rated|ratings?)(?: of| is|:)? )?"
    rf"(?P<with>with |of |has |have )?(?:an? )?{_COMPARISON}"
    rf"(?P<low>{_STAR_COUNT})"
    rf"(?:{_RANGE}(?P<high>{_STAR_COUNT})|{_NO_RANGE})"
    rf"(?![\w.,]?[0-9])(?P<plus> ?\+)?(?:(?: out of |/)(?:5|five)\b)?"
    rf"(?:[ -]?(?P<star>stars?(?: rat(?:ing|ed))?|rating|[★⭐]\ufe0f?){_SHAPED}(?!\w)"
    rf"|(?![\w%\"°])){_SUFFIX}"
)
"""A number of stars from 0 to 5, by the word star or behind the word rated."""

_UNITS = (
    "mm cm m km inch inches ft feet kg kilo kilos g gram grams mg lb lbs oz ml l liter liters "
    "litre litres ghz mhz hz mb gb tb mp w watt watts v volt volts amp amps mah lumens psi rpm "
    "pack packs piece pieces people person persons players kids guests years year months month "
    "weeks week days day hours hour minutes minute seconds mins pockets ports stars star points "
    "pages colors colours sizes x tickets percent"
)
UNIT = re.compile(rf" ?-?(?:{either(_UNITS.split())}\b|[%\"'°])")
"""What behind a number makes it no price."""
NOT_A_PRICE = re.compile(
    r" (?:off|discount|cashback|vouchers?|coupons?|bills?|notes?|coins?|gift ?cards?|pianos?)\b"
    r"| ?/| per (?!item|piece|pair|unit|person)"
    r"| an? (?:kilo|kg|pound|lb|litre|liter|month|week|year|night|hour|day)\b"
)
"""What behind money tells of a discount, of cash as a thing, or of a price by measure."""
SAVED = re.compile(
    r"\b(?:shipping|delivery|orders?|saves?|saving|savings|win|earn|age)(?: on| of| with)? ?$"
)
"""What before money tells that it is not the price of the thing; before a rating too."""
BETWEEN_CLAIMS = re.compile(r" ?(?:,? ?(?:and|but) )?")
"""What may stand between two comparisons that share a currency."""
QUOTED = re.compile(
    r"(?<![0-9])\"[^\"]{0,500}\"|“[^”]{0,500}”|«[^»]{0,500}»"
    r"|(?<![\w'])'(?=[^\s'])[^']{0,500}'(?!\w)"
)
"""Text in quotes, taken literally; a quote behind a digit is an inch."""
