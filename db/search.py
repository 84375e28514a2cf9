"""Search: a query's vector in, ranked hits with their metadata out."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import numpy as np
from pgvector import HalfVector
from sqlalchemy import ColumnElement, Connection, Select, bindparam, literal_column, select, text

from db.catalogs import Catalog
from db.errors import ItemNotEmbedded, NotFound
from db.filters import Filters
from db.items import COLUMNS, Item
from db.models import Embedding
from db.models import Item as ItemRow

Vector = np.ndarray[Any, np.dtype[np.float32]]


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


def to_vector(value: Any) -> Vector:
    """A halfvec as the driver returns it, as float32."""
    return np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value, dtype=np.float32)


def item_vector(
    connection: Connection, tenant: int, catalog: Catalog, external_id: str
) -> tuple[int, Vector]:
    """A stored item's row number and vector. Raises NotFound, ItemNotEmbedded."""
    row = connection.execute(
        text("""SELECT i.id, e.vector FROM items i LEFT JOIN embeddings e
                ON e.tenant_id = i.tenant_id AND e.item_id = i.id AND e.model_id = :model
                WHERE i.tenant_id = :tenant AND i.catalog_id = :catalog
                  AND i.external_id = :external_id"""),
        {"tenant": tenant, "catalog": catalog.id, "model": catalog.model_id,
         "external_id": external_id},
    ).first()  # fmt: skip
    if row is None:
        raise NotFound(f"There is no item {external_id!r} in this catalog.")
    if row.vector is None:
        raise ItemNotEmbedded(f"The item {external_id!r} has no embedding (yet); try again later.")
    return row.id, to_vector(row.vector)


def run(
    connection: Connection,
    tenant: int,
    catalog: Catalog,
    vector: Vector,
    *,
    filters: Filters,
    limit: int,
    exclude: int | None = None,
    query: dict[str, Any],
) -> dict[str, Any]:
    """Search a catalog by a normalised vector; returns a search job's whole result.

    Every vector of the catalog that passes the filters is compared, so `limit` hits come
    whenever that many items match. `score` is the cosine similarity.
    """
    hits: list[dict[str, Any]] = []
    if catalog.model_id is not None:
        space = (tenant, catalog.id, catalog.model_id)
        if filters.empty and exclude is None:
            statement = unfiltered(*space, limit)
        else:
            statement = exact(*space, limit, exclude, filters.conditions())
        rows = connection.execute(statement, {"query": HalfVector(vector)}).mappings()
        hits = [_hit(catalog.name, rank, dict(row)) for rank, row in enumerate(rows, start=1)]
    return {"query": query, "hits": hits, "incomplete": False}


def exact(
    tenant: int,
    catalog_id: int,
    model_id: int,
    limit: int,
    exclude: int | None = None,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """Compare all that match, then fetch the metadata of the best alone.

    Catalog and model are integer literals, so that partial indexes can match.
    """
    distance = Embedding.vector.max_inner_product(bindparam("query"))
    nearest = select(Embedding.item_id, (-distance).label("score")).where(
        Embedding.tenant_id == literal_column(str(int(tenant))),
        Embedding.catalog_id == literal_column(str(int(catalog_id))),
        Embedding.model_id == literal_column(str(int(model_id))),
    )
    if exclude is not None:
        nearest = nearest.where(Embedding.item_id != exclude)
    if conditions:
        nearest = nearest.join(
            ItemRow,
            (ItemRow.tenant_id == Embedding.tenant_id) & (ItemRow.id == Embedding.item_id),
        ).where(*conditions)
    ranked = nearest.order_by(distance, Embedding.item_id).limit(limit).cte("image")
    return (
        select(ranked.c.score, *COLUMNS)
        .join(ranked, (ItemRow.id == ranked.c.item_id) & (ItemRow.tenant_id == tenant))
        .order_by(ranked.c.score.desc(), ItemRow.id)
    )


unfiltered = lru_cache(maxsize=100)(exact)
"""The commonest search, remembered: making its statement costs as much as running it."""


def _hit(catalog: str, rank: int, row: dict[str, Any]) -> dict[str, Any]:
    score = float(row.pop("score"))
    item = Item(**row)
    return {
        "item": item.as_json(),
        "score": round(score, 6),
        "ranks": {"image": rank},
        "snippet": None,
        "urls": item_urls(catalog, item),
    }


def item_urls(catalog: str, item: Item) -> dict[str, str | None]:
    """Where an item, its picture and its thumbnail are served."""
    path = f"/v1/catalogs/{quote(catalog, safe='')}/items/{quote(item.external_id, safe='')}"
    image = f"{path}/image" if item.sha256 else None
    return {"self": path, "image": image, "thumbnail": image and f"{image}?size=thumbnail"}


def respond(
    connection: Connection,
    tenant: int,
    catalog: Catalog,
    vector: Vector,
    request: dict[str, Any],
    exclude: int | None = None,
) -> dict[str, Any]:
    """The result of a search job from its request (`text`, `filters`, `limit`) and its vector."""
    filters = Filters.parse(request.get("filters"))
    query = {
        "text": request.get("text"),
        "searched_text": request.get("text"),
        "filters": filters.as_json(),
        "parsed_filters": {},
    }
    return run(
        connection, tenant, catalog, vector,
        filters=filters, limit=request.get("limit", 10), exclude=exclude, query=query,
    )  # fmt: skip
