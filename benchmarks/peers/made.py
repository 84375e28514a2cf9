"""A made-up shop in files that both sides read, its queries, and what exact search finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clip_like import Array, Made

LARGE, CATEGORIES, TENTH = 0, 100, 10
"""One category has as many pictures as ten others; each other has 1 %."""
PRICES = 1_000
CHUNK = 10_000


@dataclass(frozen=True)
class Kind:
    """A kind of search: its queries' file, and its filter as each side writes it."""

    name: str
    queries: str
    sightline: dict[str, Any] = field(default_factory=dict)
    chroma: dict[str, Any] = field(default_factory=dict)


KINDS = (
    Kind("by picture", "pictures"),
    Kind("by words", "words"),
    Kind("category of 1 %", "words", {"category": "50"}, {"category": "50"}),
    Kind("category of 10 %", "words", {"category": "0"}, {"category": "0"}),
    Kind("price range of 10 %", "words", {"price": {"gte": 100, "lt": 200}},
         {"$and": [{"price": {"$gte": 100}}, {"price": {"$lt": 200}}]}),
    Kind("price under, 10 %", "words", {"price": {"lt": 100}}, {"price": {"$lt": 100}}),
)  # fmt: skip


@dataclass(frozen=True)
class Shop:
    """Vectors, metadata and queries; also as .npy files in a folder, by field name."""

    folder: Path
    vectors: Array
    categories: NDArray[np.int64]
    prices: NDArray[np.int64]
    queries: Mapping[str, Array]

    def file(self, kind: Kind) -> str:
        """Of a kind's queries."""
        return str(self.folder / f"{kind.queries}.npy")

    def recall(self, kind: Kind, found: Mapping[str, list[int]]) -> float:
        """The share of the ten nearest that was found, of the queries that were asked."""
        rows = sorted(found, key=int)
        right = self.nearest(kind, [int(row) for row in rows])
        hits = [len(set(found[row]) & set(true)) for row, true in zip(rows, right, strict=True)]
        return float(np.mean(hits)) / 10

    def nearest(self, kind: Kind, rows: list[int]) -> list[list[int]]:
        """The ten nearest of some queries by comparing all that pass."""
        within = np.flatnonzero(self._passing(kind.sightline))
        scores = self.queries[kind.queries][rows] @ self.vectors[within].T
        return within[np.argpartition(-scores, 10, axis=1)[:, :10]].tolist()  # type: ignore[no-any-return]

    def _passing(self, where: dict[str, Any]) -> NDArray[np.bool_]:
        if "category" in where:
            return np.asarray(self.categories == int(where["category"]))
        bounds = where.get("price", {})
        least, below = bounds.get("gte", 0), bounds.get("lt", PRICES)
        return np.asarray((self.prices >= least) & (self.prices < below))


def shop(folder: Path, count: int, queries: int) -> Shop:
    """Made-up pictures and queries, rounded to what both sides store alike (float16)."""
    made = Made()
    vectors = np.concatenate([half(made.pictures(CHUNK)) for _ in range(count // CHUNK)])
    asked = {"pictures": half(made.pictures(queries)), "words": half(made.words(queries))}
    drawn = made.random.integers(CATEGORIES, size=count)
    categories = np.where(drawn < TENTH, LARGE, drawn)
    prices = made.random.integers(PRICES, size=count)
    files = {"vectors": vectors, "categories": categories, "prices": prices, **asked}
    for name, values in files.items():
        np.save(folder / f"{name}.npy", values)
    return Shop(folder, vectors, categories, prices, asked)


def half(vectors: Array) -> Array:
    """float32 that float16 holds without loss."""
    return vectors.astype(np.float16).astype(np.float32)
