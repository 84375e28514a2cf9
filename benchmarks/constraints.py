"""Constraints in words against phrases labelled by hand: precision, recall and time."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report import Figure, at_least, at_most
from db.constraints import Parsed, parse
from tests.unit.constraint_phrases import CATEGORIES, HELD_OUT, TUNED, Phrase


@dataclass(frozen=True)
class Score:
    """What was found among what was meant, counted by single bounds, currencies and categories."""

    found: int
    meant: int
    right: int
    whole: float
    """The share of phrases whose filters and remaining words are both as labelled."""

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.meant if self.meant else 1.0


def run(quick: bool) -> list[Figure]:
    """Phrases written before the parser; those held out were never tuned on."""
    overall, held_out = score([*TUNED, *HELD_OUT]), score(HELD_OUT)
    return [
        Figure("phrases", len(TUNED) + len(HELD_OUT), ""),
        at_least("precision", overall.precision, 0.95),
        at_least("recall", overall.recall, 0.95),
        Figure("phrases held out", len(HELD_OUT), ""),
        at_least("precision, held out", held_out.precision, 0.9),
        at_least("recall, held out", held_out.recall, 0.9),
        Figure("phrases right as a whole, held out", 100 * held_out.whole, "%"),
        at_most("parsing a phrase, p50", _microseconds(3 if quick else 30), 1000, "µs"),
    ]


def score(phrases: Sequence[Phrase]) -> Score:
    """Micro-averaged over all phrases: a negative can only cost precision."""
    parsed = [parse(phrase.text, CATEGORIES) for phrase in phrases]
    pairs = [
        (set(_facts(got.filters.as_json())), set(_facts(phrase.filters)))
        for got, phrase in zip(parsed, phrases, strict=True)
    ]
    return Score(
        found=sum(len(found) for found, _ in pairs),
        meant=sum(len(meant) for _, meant in pairs),
        right=sum(len(found & meant) for found, meant in pairs),
        whole=statistics.mean(map(is_right, parsed, phrases)),
    )


def is_right(parsed: Parsed, phrase: Phrase) -> bool:
    """Whether the filters and the remaining words are both as labelled."""
    return parsed.filters.as_json() == phrase.filters and parsed.text == phrase.rest


def _facts(filters: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in filters.items():
        if isinstance(value, dict):
            yield from _facts(value, f"{path}/{name}")
        else:
            yield from ((f"{path}/{name}", one) for one in _listed(value))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _microseconds(times: int) -> float:
    took = []
    for phrase in [*TUNED, *HELD_OUT] * times:
        began = time.perf_counter()
        parse(phrase.text, CATEGORIES)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6
