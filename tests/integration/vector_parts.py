"""A database of its own with catalogs of many made-up vectors, and searches checked by numpy."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, event, text

from db import catalogs, search
from db.catalogs import Catalog
from db.filters import Filters
from db.search import Query
from db.session import Database
from worker import writing
from worker.indexing import Indexer

DIMENSIONS, CLUSTERS = 64, 60
Vectors = NDArray[np.float32]


class Made:
    """Vectors in clusters; words lie beside all of them, as CLIP's do. Seeds differ in the draws alone."""

    def __init__(self, seed: int = 5) -> None:
        world = np.random.default_rng(1)
        self.random = np.random.default_rng(seed)
        # As with real embeddings, few directions hold most of what differs.
        self.scale = 1.5 / np.sqrt(np.arange(1, DIMENSIONS + 1))
        self.centers = world.normal(size=(CLUSTERS, DIMENSIONS)) * self.scale
        self.gap = np.roll(np.eye(DIMENSIONS)[0] * 6, DIMENSIONS - 1)

    def pictures(self, count: int, cluster: int | None = None) -> Vectors:
        return unit(0.3 + self._meant(count, cluster))

    def words(self, count: int) -> Vectors:
        return unit(self.gap + self._meant(count, None))

    def _meant(self, count: int, cluster: int | None) -> NDArray[np.float64]:
        of = self.random.integers(CLUSTERS, size=count) if cluster is None else [cluster] * count
        noise = self.random.normal(size=(count, DIMENSIONS)) * self.scale * 0.6
        return np.asarray(self.centers[of] + noise)


def unit(vectors: NDArray[Any]) -> Vectors:
    """Each of length 1, as float32."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


class Stock:
    """A catalog that is filled by the same statements as by a worker."""

    def __init__(self, database: Database, name: str = "shop") -> None:
        self.database, self.name = database, name
        self.vectors: dict[int, NDArray[np.float32]] = {}
        """By item: what should be found."""
        self.category: dict[int, str] = {}
        with database.begin() as connection:
            self.model: int = connection.execute(
                text("""INSERT INTO models AS m (name, revision, preprocessing, dimensions)
                        VALUES ('made', 'up', 1, :dimensions)
                        ON CONFLICT (name, revision, preprocessing)
                        DO UPDATE SET dimensions = m.dimensions RETURNING id"""),
                {"dimensions": DIMENSIONS},
            ).scalar_one()
            catalogs.put(
                connection, 1, name, description=None, image_model="made", text_model="none"
            )
            made = catalogs.get(connection, 1, name)
            catalogs.set_model(connection, 1, made.id, "made", self.model)
            self.catalog: Catalog = replace(catalogs.get(connection, 1, name), indexed=True)
            """As it is once it has an index; before, that costs a look."""

    def add(self, vectors: Vectors, category: str | None = None) -> list[int]:
        """New items of these pictures, committed; returns their numbers."""
        with self.database.begin() as connection:
            items = self.insert(connection, vectors, category)
        self.vectors |= dict(zip(items, vectors, strict=True))
        self.category |= dict.fromkeys(items, category or "")
        return items

    def insert(
        self, connection: Connection, vectors: Vectors, category: str | None = None
    ) -> list[int]:
        """Within a transaction, and not remembered."""
        items = list(connection.execute(
            text("""INSERT INTO items (tenant_id, catalog_id, external_id, category, sha256)
                    SELECT 1, :catalog, gen_random_uuid(), :category, :sha256
                    FROM generate_series(1, :count) RETURNING id"""),
            {"catalog": self.catalog.id, "category": category, "count": len(vectors),
             "sha256": sha256_of("first")},
        ).scalars())  # fmt: skip
        self._keep(connection, items, vectors, "first")
        return items

    def replace(self, items: Sequence[int], vectors: Vectors, picture: str) -> None:
        """Give items another picture."""
        with self.database.begin() as connection:
            connection.execute(
                text("UPDATE items SET sha256 = :sha256 WHERE id = ANY(:items)"),
                {"sha256": sha256_of(picture), "items": list(items)},
            )
            self._keep(connection, items, vectors, picture)
        self.vectors |= dict(zip(items, vectors, strict=True))

    def _keep(
        self, connection: Connection, items: Sequence[int], vectors: Vectors, picture: str
    ) -> None:
        sha256 = sha256_of(picture)
        rows = [(1, number, item, self.catalog.id, self.model, sha256, vector)
                for number, (item, vector) in enumerate(zip(items, vectors, strict=True))]  # fmt: skip
        assert len(writing.keep_vectors(connection, rows)) == len(items)

    def delete(self, items: Sequence[int]) -> None:
        with self.database.begin() as connection:
            connection.execute(text("DELETE FROM items WHERE id = ANY(:i)"), {"i": list(items)})
        for item in items:
            del self.vectors[item]

    def find(self, vector: Any, *, database: Database | None = None, limit: int = 10,
             pictured: bool = True, **filters: Any) -> list[int]:  # fmt: skip
        """The numbers of the items that a search finds."""
        asked = Query(None, vector, None, Filters.parse(filters), limit, pictured=pictured)
        with (database or self.database).begin() as connection:
            found = search.find(connection, 1, self.catalog, asked)
        assert found.complete
        return [hit.item.id for hit in found]

    def nearest(self, vector: Any, *, limit: int = 10, category: str | None = None) -> list[int]:
        """The numbers of the items that it should find."""
        items = [item for item in self.vectors if category in (None, self.category[item])]
        known = stored(np.array([self.vectors[item] for item in items]))
        return [items[place] for place in np.argsort(-(known @ stored(vector)))[:limit]]

    def recall(self, queries: Vectors, **asked: Any) -> float:
        """The share of the ten nearest that searches find; `category` may be asked for."""
        shares = []
        for query in queries:
            right = self.nearest(query, category=asked.get("category"))
            found = self.find(query, **asked)
            assert len(found) == len(right)
            shares.append(len(set(found) & set(right)) / len(right))
        return float(np.mean(shares))


def stored(vectors: Any) -> Vectors:
    """As Postgres keeps them: with 16 bits a number."""
    return np.asarray(vectors, dtype=np.float16).astype(np.float32)


def sha256_of(picture: str) -> bytes:
    return hashlib.sha256(picture.encode()).digest()


def index(database: Database) -> int:
    """Build all that is due; returns how many indexes were."""
    return Indexer(database.url, threading.Event()).run()


def indexes(database: Database) -> dict[str, bool]:
    """The indexes of vectors, and whether each is valid."""
    with database.begin() as connection:
        rows = connection.execute(text(
            """SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE i.indrelid = 'sightline.embeddings'::regclass
                   AND starts_with(c.relname, 'embeddings_nearest_')"""))  # fmt: skip
        return {row.relname: row.indisvalid for row in rows}


def states(database: Database) -> list[str]:
    """The states of all segments, by number."""
    with database.begin() as connection:
        return list(connection.execute(text("SELECT state FROM segments ORDER BY id")).scalars())


@contextmanager
def explained(database: Database) -> Iterator[list[str]]:
    """Collects the indexes that the searches in it scan."""
    used: list[str] = []

    def explain(connection: Connection, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "<#>" in statement and not statement.startswith("EXPLAIN"):
            plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
            used.extend(re.findall(r'"Index Name": "(\w+)"', json.dumps(plan.scalar_one())))

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield used
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)
