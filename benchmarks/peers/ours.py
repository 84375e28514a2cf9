"""Sightline's side: writes a made-up shop as the workers do, and searches it as the API does."""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, text

from benchmarks.clip_like import DIMENSIONS, Array
from benchmarks.full_text import postgres
from benchmarks.made_catalog import made_catalog
from benchmarks.peers import asking
from benchmarks.peers.made import Shop
from benchmarks.stock import BATCH, sha256_of
from db import catalogs, search
from db.catalogs import Catalog
from db.filters import Filters
from db.plan import Plan, choose
from db.search import Query
from db.session import Database, driver
from worker import writing
from worker.indexing import Indexer

EXACT = 0
"""In place of a number of candidates: compare everything."""
ITEMS = """COPY items (tenant_id, id, catalog_id, external_id, sha256, category, price, created_at)
    FROM STDIN (FORMAT BINARY)"""
"""With the checks of foreign keys planned once and not for each row, as for vectors."""
TYPES = ["int8", "int8", "int8", "text", "bytea", "text", "numeric", "timestamptz"]


@dataclass(frozen=True)
class Store:
    """A database with one empty catalog."""

    database: Database
    catalog: Catalog
    model: int

    def fill(self, shop: Shop) -> float:
        """Write items and vectors; the seconds until all are found by one search."""
        count = len(shop.vectors)
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            rows = range(start, min(count, start + BATCH))
            with self.database.begin() as connection:
                self._items(connection, shop, rows)
                self._vectors(connection, shop, rows)
        with self.database.begin() as connection:
            query = Query(None, shop.vectors[-1], None, Filters(), pictured=True)
            if len(search.find(connection, 1, self.catalog, query)) != 10:
                raise RuntimeError("what was written is not found")
        return time.perf_counter() - began

    def empty(self) -> None:
        """Take all items out again."""
        with self.database.begin() as connection:
            connection.execute(text("TRUNCATE items CASCADE"))

    def index(self) -> float:
        """The seconds in which upkeep indexes everything, once autovacuum has been there."""
        level = self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with level as connection:
            connection.execute(text("VACUUM ANALYZE items, embeddings"))
        began = time.perf_counter()
        if not Indexer(self.database.url, threading.Event()).run():
            raise RuntimeError("nothing was indexed")
        return time.perf_counter() - began

    def _items(self, connection: Connection, shop: Shop, rows: range) -> None:
        now = datetime.now(UTC)
        connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        with driver(connection).cursor() as cursor, cursor.copy(ITEMS) as copy:
            copy.set_types(TYPES)
            for row in rows:
                copy.write_row((1, row + 1, self.catalog.id, str(row), sha256_of(row),
                                str(shop.categories[row]), int(shop.prices[row]), now))  # fmt: skip

    def _vectors(self, connection: Connection, shop: Shop, rows: range) -> None:
        written = ((1, row + 1, row + 1, self.catalog.id, self.model, sha256_of(row),
                    shop.vectors[row]) for row in rows)  # fmt: skip
        if len(writing.keep_vectors(connection, written)) != len(rows):
            raise RuntimeError("not every vector was kept")


@contextmanager
def store() -> Iterator[Store]:
    """A database of its own, stopped and removed afterwards."""
    with postgres() as database:
        with database.begin() as connection:
            catalog, model = made_catalog(connection, DIMENSIONS)
        yield Store(database, catalog, model)


class Sightline:
    """The catalog over one connection to Postgres, by the statement that the API runs."""

    def __init__(self, url: str, ef: int | None) -> None:
        self._database = Database(url, pool_size=1)
        with self._database.begin() as connection:
            self._catalog = catalogs.get(connection, 1, "shop")
        if ef is not None:
            patch("db.search.choose", with_candidates(ef)).start()

    def ask(self, vector: Array, where: dict[str, Any]) -> list[int]:
        """The ten nearest, with all their metadata."""
        query = Query(None, vector, None, Filters.parse(where))
        with self._database.begin() as connection:
            found = search.find(connection, 1, self._catalog, query)
        return [int(hit.item.external_id) for hit in found]


def with_candidates(ef: int) -> Any:
    """The plan's own choice between index and looking up, with other candidates by index."""

    def chosen(*given: Any, **named: Any) -> Plan:
        plan = choose(*given, **named)
        if not plan.sealed:
            return plan
        return Plan() if ef == EXACT else replace(plan, ef=ef)

    return chosen


def main() -> None:
    """Read commands and answer each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.ours", description=__doc__)
    parser.add_argument("url", help="of the database")
    parser.add_argument("--ef", type=int, help="candidates by index; 0 compares all")
    given = parser.parse_args()
    asking.answer(Sightline(given.url, given.ef))


if __name__ == "__main__":
    main()
