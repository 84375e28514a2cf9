"""Search: a query's vectors and words in, ranked hits with their metadata out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pgvector import HalfVector
from sqlalchemy import Connection, text

from db import fusion, hits, words
from db.catalogs import Catalog
from db.filters import Filters
from db.hits import Hit, item_urls

__all__ = ["Hit", "Query", "Vector", "cached_query", "find", "item_urls", "keep_query",
           "query_sha", "result", "to_vector"]  # fmt: skip

Vector = np.ndarray[Any, np.dtype[np.float32]]
KEEP_QUERIES_DAYS = 30
SPARE = 50
"""How much longer each list is than twice the hits: for what fusion and grouping push back."""


def query_sha(words: str) -> bytes:
    """The key under which a text query's vector is kept."""
    return hashlib.sha256(b"text\0" + words.encode()).digest()


def cached_query(
    connection: Connection, tenant: int, model_id: int | None, sha256: bytes
) -> Vector | None:
    """A query's vector, if the same words or the same picture were embedded before."""
    if model_id is None:
        return None
    found = connection.execute(
        text("""SELECT vector FROM query_embeddings
                WHERE tenant_id = :tenant AND model_id = :model AND sha256 = :sha256
                UNION ALL
                (SELECT vector FROM embeddings
                 WHERE tenant_id = :tenant AND model_id = :model AND sha256 = :sha256 LIMIT 1)
                LIMIT 1"""),
        {"tenant": tenant, "model": model_id, "sha256": sha256},
    ).scalar()
    return None if found is None else to_vector(found)


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


def find(connection: Connection, tenant: int, catalog: Catalog, query: Query) -> list[Hit]:
    """The best hits, ranked by the list that is wanted, or by several fused.

    Every vector of the catalog that passes the filters is compared, so `limit` hits come whenever
    that many items with vectors match; by words alone, those are found that hold one of them. One
    list alone keeps its order, save that further hits of a document's page stand behind all others.
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
        return []
    conditions = [] if query.filters.empty else query.filters.conditions()
    rows = connection.execute(fusion.statement(shape, conditions), _values(query, shape, read))
    return [hits.from_row(row, shape.lists) for row in rows]


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
    """A search job's whole result. It is complete: nothing is cut by a time limit."""
    shown = [hit.as_json(catalog.name) for hit in found]
    return {"query": query_echo, "hits": shown, "incomplete": False}
