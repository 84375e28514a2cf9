"""Search by vectors, by words and by both fused, in SQL: what the words add to the vectors."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from sqlalchemy import Connection, text

from benchmarks.full_text import postgres
from benchmarks.made_catalog import made_catalog
from benchmarks.report import Figure, at_most, percentile
from db import search
from db.catalogs import Catalog
from db.filters import Filters
from db.search import Query, Vector
from db.session import Database, driver

DIMENSIONS, CLUSTERS, VOCABULARY = 512, 200, 30_000
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


@dataclass(frozen=True)
class Made:
    """What items are made of, all from one seed."""

    random: np.random.Generator
    centers: NDArray[np.float32]
    words: NDArray[np.str_]
    chances: NDArray[np.float64]

    @classmethod
    def up(cls) -> "Made":
        """Words by Zipf's law behind the ten commonest, which a text search leaves out."""
        random = np.random.default_rng(1)
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            words["".join(random.choice(SYLLABLES, size=random.integers(2, 6)))] = None
        chances = 1 / (np.arange(VOCABULARY) + 10)
        centers = random.normal(size=(CLUSTERS, DIMENSIONS)).astype(np.float32)
        return cls(random, centers, np.array(list(words)), chances / chances.sum())

    def vectors(self, count: int) -> NDArray[np.float32]:
        """Normalised, in clusters that share a direction, as CLIP's are and do."""
        near = self.centers[self.random.integers(CLUSTERS, size=count)]
        noise = self.random.normal(size=(count, DIMENSIONS)).astype(np.float32)
        made = 1.0 + near + noise
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)

    def sentences(self, count: int, least: int, most: int) -> Iterator[str]:
        """Texts of so many words."""
        lengths = self.random.integers(least, most + 1, size=count)
        drawn = self.words[self.random.choice(VOCABULARY, size=lengths.sum(), p=self.chances)]
        for some in np.split(drawn, np.cumsum(lengths)[:-1]):
            yield " ".join(some)


def run(quick: bool) -> list[Figure]:
    """100,000 made items in one catalog; the vectors are scanned exactly, without an index."""
    size, times = (10_000, 40) if quick else (100_000, 200)
    made = Made.up()
    with postgres() as database:
        catalog = filled(database, made, size)
        queries = list(zip(made.vectors(times), made.sentences(times, 2, 6), strict=True))
        common = str(" ".join(made.words[:3]))
        with database.begin() as connection:
            taken = measured(connection, catalog, queries, common)
    vectors, hybrid = (percentile(taken[name], 50) for name in ("vectors", "hybrid"))
    return [
        Figure("vectors alone (exact scan), p50", vectors, "ms"),
        Figure("hybrid, p50", hybrid, "ms"),
        at_most("hybrid, times the vectors alone, p50", hybrid / vectors, 1.5),
        Figure("hybrid, p95", percentile(taken["hybrid"], 95), "ms"),
        at_most("hybrid with the three commonest words, times the vectors alone, p50",
                percentile(taken["hybrid, common words"], 50) / vectors, 1.5),
        Figure("words alone, p50", percentile(taken["words"], 50), "ms"),
        at_most("words alone, p95", percentile(taken["words"], 95), 15, "ms"),
        Figure("words alone, the three commonest, p50",
               percentile(taken["common words"], 50), "ms"),
    ]  # fmt: skip


def filled(database: Database, made: Made, size: int) -> Catalog:
    """A catalog of that many items, each with a vector and one to three sentences."""
    with database.begin() as connection:
        catalog, _ = made_catalog(connection, DIMENSIONS)
        _copy_items(connection, catalog, made, size)
        _copy_vectors(connection, catalog, made, size)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE items, embeddings"))
    return catalog


def _copy_items(connection: Connection, catalog: Catalog, made: Made, size: int) -> None:
    columns = "tenant_id, id, catalog_id, external_id, name, description, created_at"
    names, texts = made.sentences(size, 2, 2), made.sentences(size, 8, 40)
    now = datetime.now(UTC)
    with (
        driver(connection).cursor() as cursor,
        cursor.copy(f"COPY items ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["int8", "int8", "int8", "text", "text", "text", "timestamptz"])
        for number, (name, description) in enumerate(zip(names, texts, strict=True), start=1):
            copy.write_row((1, number, catalog.id, f"item {number}", name, description, now))


def _copy_vectors(connection: Connection, catalog: Catalog, made: Made, size: int) -> None:
    columns = "tenant_id, item_id, model_id, catalog_id, sha256, vector"
    with (
        driver(connection).cursor() as cursor,
        cursor.copy(f"COPY embeddings ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["int8", "int8", "int4", "int8", "bytea", "halfvec"])
        for first in range(1, size + 1, 10_000):
            count = min(10_000, size + 1 - first)
            for number, vector in enumerate(made.vectors(count), start=first):
                copy.write_row((1, number, catalog.model_id, catalog.id, b"", HalfVector(vector)))


def measured(
    connection: Connection, catalog: Catalog, queries: list[tuple[Vector, str]], common: str
) -> dict[str, list[float]]:
    """Milliseconds of each kind of search; the kinds take turns, so that all meet the same load."""
    taken: dict[str, list[float]] = {}
    for turn, (vector, words) in enumerate([queries[0], *queries]):
        kinds = {
            "vectors": Query(None, vector, None, Filters()),
            "hybrid": Query(words, vector, None, Filters()),
            "words": Query(words, None, None, Filters()),
            "hybrid, common words": Query(common, vector, None, Filters()),
            "common words": Query(common, None, None, Filters()),
        }
        for name, query in kinds.items():
            began = time.perf_counter()
            search.find(connection, 1, catalog, query)
            if turn > 0:
                taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    return taken
