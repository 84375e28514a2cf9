"""A catalog of made-up vectors that grows, is indexed and searched as by workers and the API."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, event, text

from benchmarks.clip_like import DIMENSIONS, Array, Made
from benchmarks.made_catalog import index, made_catalog, put_items, put_vectors, vacuum
from benchmarks.report import percentile
from db import search
from db.catalogs import Catalog
from db.filters import Filters
from db.search import Query
from db.session import Database

BATCH = 1_000
"""Vectors that are written in one transaction of a bulk load."""
CHUNK = 10_000
ENCODED = 32
"""Vectors that a worker writes at a time."""
NO_FILTERS = Filters()


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
    logged: dict[str, int] = field(default_factory=lambda: {"written": 0, "folded": 0})
    """Bytes of Postgres' log (WAL) by what caused them."""
    folded: int = 0
    """Vectors that went into an index, each as often as it did."""

    def grow(self, size: int) -> None:
        """Add pictures up to a number; their items are there before the clock starts."""
        while self.count < size:
            first = self.count
            self.count = min(size, first + CHUNK)
            vectors = self.made.pictures(self.count - first)
            self.vectors[first : self.count] = vectors
            self._items(first)
            began, log = time.perf_counter(), self._log()
            for start in range(first, self.count, BATCH):
                self._write(start, vectors[start - first : start - first + BATCH])
            self.seconds.append((time.perf_counter() - began) * CHUNK / len(vectors))
            self.logged["written"] += self._log() - log

    def trickle(self, vectors: Array, rate: float, stopping: threading.Event) -> int:
        """Add pictures as an import does whose encoder makes `rate` a second; returns how many.

        It ends with the vectors, or when it is told to.
        """
        began, added = time.perf_counter(), 0
        while added < len(vectors) and not stopping.is_set():
            batch, first = vectors[added : added + ENCODED], self.count
            self.vectors[first : first + len(batch)] = batch
            self.count, added = first + len(batch), added + len(batch)
            self._items(first)
            self._write(first, batch)
            stopping.wait(began + added / rate - time.perf_counter())
        return added

    def _log(self) -> int:
        with self.database.begin() as connection:
            at = connection.execute(text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
            return int(at.scalar_one())

    def _one(self, what: str, behind: int) -> int:
        """A number of the segments whose ids come behind one; 0 where there are none."""
        found = text(f"SELECT coalesce({what}, 0) FROM segments WHERE id > :behind")
        with self.database.begin() as connection:
            return int(connection.execute(found, {"behind": behind}).scalar_one())

    def _write(self, start: int, vectors: Array) -> None:
        with self.database.begin() as connection:
            put_vectors(connection, self.catalog.id, self.model, start + 1, vectors)

    def _items(self, first: int) -> None:
        items = ((n, None, int(self.prices[n - 1])) for n in range(first + 1, self.count + 1))
        with self.database.begin() as connection:
            put_items(connection, self.catalog.id, items)

    def rate(self, until: int, rows: int) -> float:
        """Rows a second of the last `rows` before a size."""
        chunks = self.seconds[max(0, (until - rows) // CHUNK) : until // CHUNK]
        return CHUNK * len(chunks) / sum(chunks)

    def fold(self) -> float:
        """Index what is fresh; rows a second."""
        vacuum(self.database)
        began, log, last = time.perf_counter(), self._log(), self._one("max(id)", 0)
        index(self.database)
        seconds = time.perf_counter() - began
        rows = self._one("sum(rows)", last)
        self.logged["folded"] += self._log() - log
        self.folded += rows
        return float(rows / seconds)

    def search(self, kind: str, times: int, prices: int | None = None) -> "Searched":
        """Search by as many queries of a kind, one after the other, and compare with numpy."""
        queries = (self.made.pictures if kind == "picture" else self.made.words)(times)
        right = self._nearest(queries, prices)
        filters = NO_FILTERS if prices is None else Filters.parse({"price": {"lt": prices}})
        asked = [self.ask(query, kind, filters) for query in queries]
        shares = [len(set(one.found) & set(wanted)) / len(wanted)
                  for one, wanted in zip(asked, right, strict=True)]  # fmt: skip
        counts = [len(one.found) / len(wanted) for one, wanted in zip(asked, right, strict=True)]
        return Searched(asked, float(np.mean(shares)), min(counts))

    def ask(self, query: Array, kind: str, filters: Filters = NO_FILTERS) -> "Asked":
        """Search by one vector."""
        asked = Query(None, query, None, filters, pictured=kind == "picture")
        with self.database.begin() as connection, timed(connection) as statements:
            began = time.perf_counter()
            found = search.find(connection, 1, self.catalog, asked)
            taken = (time.perf_counter() - began) * 1000
        return Asked([hit.item.id for hit in found], taken, sum(statements))

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
class Asked:
    """One search: the items, and milliseconds."""

    found: list[int]
    taken: float
    """Of the whole `search.find`."""
    in_sql: float
    """Of its statements, as the client sees them."""


@dataclass(frozen=True)
class Searched:
    """What came of many searches."""

    asked: Sequence[Asked]
    recall: float
    rows: float
    """The smallest share of the rows that should have come."""

    def taken(self, percent: int) -> float:
        """A percentile of the whole searches' milliseconds."""
        return percentile([one.taken for one in self.asked], percent)

    def in_sql(self, percent: int) -> float:
        """A percentile of the milliseconds in SQL."""
        return percentile([one.in_sql for one in self.asked], percent)


@contextmanager
def timed(connection: Connection) -> Iterator[list[float]]:
    """The milliseconds of each statement."""
    took: list[float] = []

    def before(*_: Any) -> None:
        took.append(-time.perf_counter() * 1000)

    def after(*_: Any) -> None:
        took[-1] += time.perf_counter() * 1000

    event.listen(connection, "before_cursor_execute", before)
    event.listen(connection, "after_cursor_execute", after)
    yield took


def stocked(database: Database, most: int) -> Stock:
    """An empty catalog with room for so many."""
    with database.begin() as connection:
        catalog, model = made_catalog(connection, DIMENSIONS)
    made = Made()
    prices = made.random.integers(1_000, size=most)
    return Stock(database, made, catalog, model, np.empty((most, DIMENSIONS), np.float16), prices)
