"""Finds the catalog's own categories where a query names one: "red leather in shoes"."""

import re
from collections.abc import Collection, Iterable

from db.numbers_in_words import folded

Span = tuple[int, int]

_IN = re.compile(
    r"(?<!not )\b(?:(?P<article>(?:in|from) (?:the|your|our))\b|in\b"
    r"|(?P<label>(?:category|department|section) ?[:=])) ?(?=[\w&])"
)
_WORD = re.compile(r"[^\s,;:.!?()\"\0]+")
_DEPARTMENT = re.compile(r" (?:category|section|department|aisle)\b")
_GAP = re.compile(r"[ ,;:.!?)]*")
_WEARER = re.compile(
    r"(?<!for )(?<!for a )(?<!for my )\b(?:wom[ae]n|m[ae]n|girls?|boys?|persons?|people|kids?|"
    r"child|children|lady|ladies|guys?|models?|baby|babies|toddlers?|bride|couple|dancers?|"
    r"runners?|athletes?|someone|cats?|dogs?|puss|walking|running|dancing|standing|jumping|"
    r"sitting|dressed|wearing)\b(?!')"
)
"""Who or what wears what follows `in`, in a picture that is looked for."""
_MOST_WORDS = 6
_MOST_NAMES = 100
_LONGEST_NAME = 1000
"""What db.filters takes."""


def named(text: str, categories: Collection[str], claims: Iterable[int]) -> list[tuple[Span, str]]:
    """The categories a folded text names and where, spelled as in `categories`.

    `in shoes` counts at the end or before one of `claims`, the starts of other constraints, and
    not where somebody wears them; `in the shoes section` and `category: shoes` count anywhere.
    """
    if not categories or not _IN.search(text):
        return []
    known = {key: name for name in categories if len(name) <= _LONGEST_NAME and (key := _key(name))}
    wearer = _WEARER.search(text)
    stops = {len(text), *claims}
    found: list[tuple[Span, str]] = []
    for match in reversed(list(_IN.finditer(text))):
        end, name = _longest(text, match.end(), known)
        department = _DEPARTMENT.match(text, end)
        explicit = match["label"] or department
        worn = wearer is not None and wearer.start() < match.start()
        last = _after_gap(text, end) in stops and not worn and not match["article"]
        if name is not None and (explicit or last):
            found.append(((match.start(), department.end() if department else end), name))
            stops.add(match.start())
    return found[: -_MOST_NAMES - 1 : -1]


def _longest(text: str, at: int, known: dict[tuple[str, ...], str]) -> tuple[int, str | None]:
    """Where the longest known name that begins here ends."""
    words: list[str] = []
    best: tuple[int, str | None] = (at, None)
    while len(words) < _MOST_WORDS and (word := _WORD.match(text, at)):
        words.append(_singular(word[0]))
        name = known.get(tuple(words))
        if name is not None:
            best = (word.end(), name)
        at = word.end() + text.startswith(" ", word.end())
    return best


def _after_gap(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _key(name: str) -> tuple[str, ...]:
    return tuple(_singular(word) for word in _WORD.findall(folded(name)))


def _singular(word: str) -> str:
    """One form for `shoe` and `shoes`, `dress` and `dresses`, `&` and `and`."""
    if word == "&":
        return "and"
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
