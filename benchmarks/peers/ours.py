"""Sightline's side: writes a made-up shop as the workers do, and searches it as the API does."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from sqlalchemy import text

from benchmarks.clip_like import DIMENSIONS, Array
from benchmarks.full_text import postgres
from benchmarks.made_catalog import index, made_catalog, put_items, put_vectors, vacuum
from benchmarks.peers import asking
from benchmarks.peers.made import Shop
from benchmarks.stock import BATCH
from db import catalogs, search
from db.catalogs import Catalog
from db.filters import Filters
from db.plan import Plan, choose
from db.search import Query
from db.session import Database

EXACT = 0
"""In place of a number of candidates: compare everything."""


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
            items = ((row + 1, str(shop.categories[row]), int(shop.prices[row])) for row in rows)
            with self.database.begin() as connection:
                put_items(connection, self.catalog.id, items)
                put_vectors(connection, self.catalog.id, self.model, start + 1,
                            shop.vectors[rows.start : rows.stop])  # fmt: skip
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
        vacuum(self.database)
        began = time.perf_counter()
        index(self.database)
        return time.perf_counter() - began


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
        return [int(hit.item.external_id) - 1 for hit in found]


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
