"""Search: a query's vectors and words in, ranked hits with their metadata out."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pgvector import HalfVector
from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import OperationalError

from db import fusion, hits, segments, words
from db.catalogs import Catalog
from db.filters import Filters
from db.hits import Hit, item_urls
from db.plan import (
    FINISH_SECONDS,
    ONE_PLAN,
    PLANS_ANEW,
    SPARE,
    Plan,
    choose,
    most_compared,
    pool_of,
)
from db.segments import Segment

__all__ = ["Found", "Hit", "Query", "Vector", "find", "item_urls", "keep_query", "known_in",
           "query_sha", "result", "to_vector"]  # fmt: skip

Rows = Sequence[Row[Any]]
Vector = np.ndarray[Any, np.dtype[np.float32]]
KEEP_QUERIES_DAYS = 30


KNOWN = text("""
    SELECT model_id, vector FROM query_embeddings
    WHERE tenant_id = :tenant AND model_id = ANY(:models) AND sha256 = :sha256
    UNION ALL
    SELECT model, vector FROM unnest(CAST(:models AS bigint[])) AS model
    CROSS JOIN LATERAL (SELECT vector FROM embeddings WHERE tenant_id = :tenant
        AND model_id = model AND sha256 = :sha256 LIMIT 1) AS embedded
""")


def query_sha(words: str) -> bytes:
    """The key under which a text query's vector is kept."""
    return hashlib.sha256(b"text\0" + words.encode()).digest()


def known_in(
    connection: Connection, tenant: int, spaces: Collection[int], sha256: bytes
) -> dict[int, Vector]:
    """A query's vectors by space, in those of the spaces in which it was embedded before."""
    values = {"tenant": tenant, "models": list(spaces), "sha256": sha256}
    rows = connection.execute(KNOWN, values)
    return {model: to_vector(vector) for model, vector in rows}


def keep_query(
    connection: Connection, tenant: int, model_id: int, sha256: bytes, vector: Vector
) -> None:
    """Keep a query's vector for the next time."""
    connection.execute(
        text("""INSERT INTO query_embeddings (tenant_id, model_id, sha256, vector)
                VALUES (:tenant, :model, :sha256, :vector)
                ON CONFLICT (tenant_id, model_id, sha256) DO UPDATE SET used_at = now()"""),
        {"tenant": tenant, "model": model_id, "sha256": sha256, "vector": HalfVector(vector)},
    )


def forget_queries(connection: Connection) -> int:
    """Delete queries' vectors that are a month old; returns how many. Who asks again makes them anew."""
    return connection.execute(
        text(
            f"DELETE FROM query_embeddings WHERE used_at < now() - interval '{KEEP_QUERIES_DAYS} days'"
        )
    ).rowcount


def to_vector(value: Any) -> Vector:
    """A halfvec as the driver returns it, as float32."""
    return np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value, dtype=np.float32)


@dataclass(frozen=True)
class Query:
    """What is searched for. A list whose vector or words are None is left out."""

    words: str | None
    """For full text; None for a query by picture or item, or where words are not to be compared."""
    image: Vector | None
    """A normalised vector in the space of the catalog's pictures."""
    text: Vector | None
    """A normalised vector in the space of its items' words."""
    filters: Filters
    limit: int = 10
    exclude: int | None = None
    """The row of an item that is never returned: the one that is searched with."""
    pictured: bool = False
    """Whether it is a picture: those lie among the catalog's, where an index finds them with less."""


class Found(list[Hit]):
    """Hits, the best first."""

    complete = True
    """False where a time limit cut the search before it had all that match."""


def find(connection: Connection, tenant: int, catalog: Catalog, query: Query) -> Found:
    """The best hits, ranked by the list that is wanted, or by several fused.

    Every vector of a small catalog that passes the filters is compared; a large one's are searched
    by index (`db/plan.py`), and all compared where that leads to too few. So `limit` hits come
    whenever that many items with vectors match, or the result is not `complete`; by words alone,
    those are found that hold one of them. One list alone keeps its order, save that further hits of
    a document's page stand behind all others.
    """
    read = None if query.words is None else words.read(query.words)
    shape = fusion.Shape(
        tenant,
        catalog.id,
        image=None if query.image is None else catalog.model_id,
        text=None if query.text is None else catalog.text_model_id,
        words=read is not None,
        formed=read is not None and read.form is not None,
        required=read is not None and read.required,
        exclude=query.exclude is not None,
    )
    if not shape.lists:
        return Found()
    search = _Search(connection, shape, query, _values(query, shape, read), catalog.indexed)
    rows, complete = search.run()
    found = Found(hits.from_row(row, shape.lists) for row in rows)
    found.complete = complete
    return found


@dataclass(frozen=True)
class _Search:
    """One search on its way: the plan is chosen, carried out and, where it led to too few, changed."""

    connection: Connection
    shape: fusion.Shape
    query: Query
    values: dict[str, Any]
    indexed: bool
    """Whether the catalog has any index; else none is asked for."""

    def run(self) -> tuple[Rows, bool]:
        """The rows of the best, and whether nothing was cut."""
        sealed = self._sealed()
        if not sealed:
            return self._compared(), True
        pool = pool_of(
            self.query.limit,
            alone=len(self.shape.lists) == 1,
            filtered=not self.query.filters.empty,
        )
        matches = None if self.query.filters.empty else self._matches(most_compared(sealed, pool))
        plan = choose(sealed, pool, matches, pictured=self.query.pictured)
        if not plan.sealed:
            return self._rows(plan), True
        self.connection.exec_driver_sql(plan.settings)
        rows = self._rows(plan, pool)
        limit = self.query.limit
        if len(rows) >= (limit if matches is None else min(limit, matches)):
            return rows, True
        finished = self._within(FINISH_SECONDS, Plan())
        return (rows, False) if finished is None else (finished, True)

    def _compared(self) -> Rows:
        if not self.query.filters.empty:
            return self._rows(Plan())
        self.connection.exec_driver_sql(ONE_PLAN)
        rows = self._rows(Plan())
        self.connection.exec_driver_sql(PLANS_ANEW)
        return rows

    def _sealed(self) -> list[Segment]:
        """The segments of the lists that are wanted."""
        spaces = set(self.shape.spaces.values())
        if not spaces or not self.indexed:
            return []
        found = segments.of(self.connection, self.shape.tenant, self.shape.catalog)
        return [segment for segment in found if segment.model in spaces]

    def _matches(self, most: int) -> int:
        """The items that pass the filters, or one more than `most`."""
        counted = fusion.counted(self.shape, self.query.filters.conditions(), most + 1)
        found: int = self.connection.execute(counted).scalar_one()
        return found

    def _rows(self, plan: Plan, pool: int | None = None) -> Rows:
        values = self.values if pool is None else self.values | {"pool": pool}
        shape = replace(self.shape, sealed=plan.sealed, few=plan.few)
        filters = self.query.filters
        conditions = [] if filters.empty else filters.conditions()
        return self.connection.execute(fusion.statement(shape, conditions), values).all()

    def _within(self, seconds: float, plan: Plan) -> Rows | None:
        """The rows, or None where they take longer; the transaction goes on either way."""
        try:
            with self.connection.begin_nested():
                self.connection.exec_driver_sql(
                    f"SET LOCAL statement_timeout = {int(1000 * seconds):d}; "
                    "SET LOCAL enable_seqscan TO DEFAULT"
                )
                rows = self._rows(plan)
                self.connection.execute(text("SET LOCAL statement_timeout TO DEFAULT"))
        except OperationalError as error:
            if isinstance(error.orig, QueryCanceled):
                return None
            raise
        return rows


def _values(query: Query, shape: fusion.Shape, read: words.Words | None) -> dict[str, Any]:
    values: dict[str, Any] = {"limit": query.limit, "pool": 2 * query.limit + SPARE}
    for name, vector in (("image", query.image), ("text", query.text)):
        if name in shape.spaces and vector is not None:
            values[name] = HalfVector(vector)
    if read is not None:
        values |= {"words": read.typed, "form": read.form, "held": read.held}
    if shape.exclude:
        values["exclude"] = query.exclude
    return values


def result(catalog: Catalog, found: Sequence[Hit], query_echo: dict[str, Any]) -> dict[str, Any]:
    """A search job's whole result; incomplete where a time limit cut what `find` found."""
    shown = [hit.as_json(catalog.name) for hit in found]
    complete = not isinstance(found, Found) or found.complete
    return {"query": query_echo, "hits": shown, "incomplete": not complete}
