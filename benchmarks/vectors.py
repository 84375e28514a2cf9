"""Vectors at scale: writing them, building their indexes, and searching, against exact answers.

`python -m benchmarks.vectors --size 100000 --size 300000` measures other sizes.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from benchmarks.clip_like import DIMENSIONS, Array, Made
from benchmarks.full_text import postgres
from benchmarks.made_catalog import made_catalog
from benchmarks.report import Figure, at_least, at_most, percentile, show
from db import search
from db.catalogs import Catalog
from db.filters import Filters
from db.search import Query
from db.session import Database, driver
from worker import writing
from worker.indexing import Indexer

SIZES = (100_000, 500_000, 1_000_000)
TAILS = (2_500, 5_000, 10_000, 20_000)
BATCH = 1_000
"""Vectors that are written in one transaction."""
CHUNK = 10_000
FILTERS = {"10 %": 100, "1 %": 10, "0.1 %": 1}
"""Prices are whole numbers below 1,000, each as frequent as any other: how many of them match."""
WRITTEN, FOLDED = 20_000, 4_000
RECALL = 0.98
P95 = {"picture": 10, "words": 25}
FILTERED_P95 = 25


@dataclass
class Stock:
    """One growing catalog, and all that is in it as numpy sees it."""

    database: Database
    made: Made
    catalog: Catalog
    model: int
    vectors: NDArray[np.float16]
    """As they are stored; item `n` is row `n - 1`."""
    prices: NDArray[np.int64]
    count: int = 0
    seconds: list[float] = field(default_factory=list)
    """What writing each chunk took."""

    def grow(self, size: int) -> None:
        """Add pictures up to a number; their items are there before the clock starts."""
        while self.count < size:
            first = self.count
            self.count = min(size, first + CHUNK)
            vectors = self.made.pictures(self.count - first)
            self.vectors[first : self.count] = vectors
            self._items(first)
            began = time.perf_counter()
            for start in range(first, self.count, BATCH):
                self._write(start, vectors[start - first : start - first + BATCH])
            self.seconds.append((time.perf_counter() - began) * CHUNK / len(vectors))

    def _write(self, start: int, vectors: Array) -> None:
        rows = ((1, number, number, self.catalog.id, self.model, sha256_of(number), vector)
                for number, vector in enumerate(vectors, start=start + 1))  # fmt: skip
        with self.database.begin() as connection:
            kept = writing.keep_vectors(connection, rows)
        if len(kept) != len(vectors):
            raise RuntimeError("not every vector was kept")

    def _items(self, first: int) -> None:
        columns = "tenant_id, id, catalog_id, external_id, sha256, price, created_at"
        now = datetime.now(UTC)
        with (
            self.database.begin() as connection,
            driver(connection).cursor() as cursor,
            cursor.copy(f"COPY items ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(["int8", "int8", "int8", "text", "bytea", "numeric", "timestamptz"])
            for number in range(first + 1, self.count + 1):
                copy.write_row((1, number, self.catalog.id, str(number), sha256_of(number),
                                int(self.prices[number - 1]), now))  # fmt: skip

    def rate(self, until: int, rows: int) -> float:
        """Rows a second of the last `rows` before a size."""
        chunks = self.seconds[max(0, (until - rows) // CHUNK) : until // CHUNK]
        return CHUNK * len(chunks) / sum(chunks)

    def fold(self) -> float:
        """Index what is fresh; rows a second."""
        self._vacuum()
        began = time.perf_counter()
        if not Indexer(self.database.url, threading.Event()).run():
            raise RuntimeError("nothing was indexed")
        seconds = time.perf_counter() - began
        with self.database.begin() as connection:
            rows = connection.execute(
                text("SELECT rows FROM segments WHERE state = 'ready' ORDER BY id DESC LIMIT 1")
            ).scalar_one()
        return float(rows / seconds)

    def _vacuum(self) -> None:
        """As autovacuum would after a while."""
        level = self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with level as connection:
            connection.execute(text("VACUUM ANALYZE items, embeddings"))

    def search(self, kind: str, times: int, prices: int | None = None) -> "Searched":
        """Search by as many queries of a kind, one after the other, and compare with numpy."""
        queries = (self.made.pictures if kind == "picture" else self.made.words)(times)
        right = self._nearest(queries, prices)
        filters = Filters() if prices is None else Filters.parse({"price": {"lt": prices}})
        taken, shares, counts = [], [], []
        for query, wanted in zip(queries, right, strict=True):
            asked = Query(None, query, None, filters, pictured=kind == "picture")
            with self.database.begin() as connection:
                began = time.perf_counter()
                found = search.find(connection, 1, self.catalog, asked)
                taken.append((time.perf_counter() - began) * 1000)
            shares.append(len({hit.item.id for hit in found} & set(wanted)) / len(wanted))
            counts.append(len(found) / len(wanted))
        return Searched(taken, float(np.mean(shares)), min(counts))

    def _nearest(self, queries: Array, prices: int | None) -> list[list[int]]:
        """The ten nearest items of each, compared as stored, a part of the catalog at a time."""
        within = np.arange(self.count)
        if prices is not None:
            within = np.flatnonzero(self.prices[: self.count] < prices)
        stored = queries.astype(np.float16).astype(np.float32)
        scores, items = np.empty((len(queries), 0)), np.empty((len(queries), 0), int)
        for part in np.array_split(within, max(1, len(within) // 50_000)):
            near = stored @ self.vectors[part].astype(np.float32).T
            scores = np.hstack([scores, near])
            items = np.hstack([items, np.broadcast_to(part + 1, near.shape)])
            if scores.shape[1] > 10:
                first = np.argpartition(-scores, 10, axis=1)[:, :10]
                scores, items = (np.take_along_axis(a, first, 1) for a in (scores, items))
        return [[int(item) for item in row] for row in items]


@dataclass(frozen=True)
class Searched:
    """What came of many searches; `taken` is the whole `search.find`, in milliseconds."""

    taken: Sequence[float]
    recall: float
    rows: float
    """The smallest share of the rows that should have come."""


def sha256_of(number: int) -> bytes:
    """32 bytes as unordered as a hash's."""
    return (number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big") * 4


def run(quick: bool) -> list[Figure]:
    """One catalog of 512 numbers each grows, is indexed and searched at 100,000, 500,000, 1,000,000."""
    return measured((20_000, 40_000), 30) if quick else measured(SIZES, 100)


def measured(sizes: Sequence[int], times: int) -> list[Figure]:
    """The figures at each size; the last one's are held against the targets."""
    window = min(sizes[0], 100_000)
    figures: list[Figure] = []
    with postgres() as database:
        stock = stocked(database, sizes[-1] + TAILS[-1])
        for size in sizes:
            stock.grow(size)
            at = f"{size:,} vectors: "
            figures.append(at_least(f"{at}written", stock.rate(size, window), WRITTEN, "rows/s"))
            figures.append(at_least(f"{at}indexed", stock.fold(), FOLDED, "rows/s"))
            figures += [figure for kind in P95 for figure in searched(stock, kind, times, at)]
        slower = stock.rate(sizes[0], window) / stock.rate(sizes[-1], window)
        figures.append(at_most(f"writing at {sizes[-1]:,} is slower than at {sizes[0]:,}, times",
                               slower, 1.3))  # fmt: skip
        figures += tails(stock, sizes[-1], times)
    return figures


def stocked(database: Database, most: int) -> Stock:
    """An empty catalog with room for so many."""
    with database.begin() as connection:
        catalog, model = made_catalog(connection, DIMENSIONS)
    made = Made()
    prices = made.random.integers(1_000, size=most)
    return Stock(database, made, catalog, model, np.empty((most, DIMENSIONS), np.float16), prices)


def searched(stock: Stock, kind: str, times: int, at: str) -> Iterator[Figure]:
    """Recall and time of a kind of query, over all and filtered."""
    for name, prices in (("", None), *FILTERS.items()):
        stock.search(kind, 10, prices)  # what is read first comes from the disk
        found = stock.search(kind, times, prices)
        what = f"{at}by {kind}{f', a filter of {name}' if name else ''}"
        yield at_least(f"{what}: recall@10", found.recall, RECALL)
        if name:
            yield at_least(f"{what}: share of the rows, the least", found.rows, 1.0)
        else:
            yield Figure(f"{what}: p50", percentile(found.taken, 50), "ms")
        bound = FILTERED_P95 if name else P95[kind]
        yield at_most(f"{what}: p95", percentile(found.taken, 95), bound, "ms")


def tails(stock: Stock, size: int, times: int) -> Iterator[Figure]:
    """What vectors cost that no index has yet."""
    for tail in TAILS:
        stock.grow(size + tail)
        found = stock.search("picture", times)
        yield Figure(f"{size:,} vectors and {tail:,} fresh ones: by picture, p95",
                     percentile(found.taken, 95), "ms")  # fmt: skip


@click.command()
@click.option("--size", "sizes", type=int, multiple=True, default=SIZES, show_default=True,
              help="A size at which to measure; several in growing order.")  # fmt: skip
@click.option("--times", default=100, show_default=True, help="Searches of each kind.")
def main(sizes: Sequence[int], times: int) -> None:
    """Measure at sizes of your own; each is to bring more than 10,000 new vectors."""
    show("vectors", __doc__ or "", measured(sizes, times))


if __name__ == "__main__":
    main()
