"""Evaluation: methods of search compared on a user's own labelled queries."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from db import ranking_metrics, retrieval, search
from db.catalogs import Catalog
from db.retrieval import Asked
from db.search import Query

METHODS = ("image", "caption", "text", "hybrid")
"""`image`: pictures by CLIP. `caption`: captions as text, by the text model's vectors where the
catalog has one, else by their words. `text`: all words, and their vectors. `hybrid`: everything."""

BY_CAPTION = text("""
    SELECT external_id FROM items i,
        to_tsquery('english', nullif(replace(plainto_tsquery('english', :words)::text,
                                             ' & ', ' | '), '')) AS wanted
    WHERE i.tenant_id = :tenant AND i.catalog_id = :catalog AND i.caption IS NOT NULL
      AND to_tsvector('english', i.caption) @@ wanted
    ORDER BY ts_rank(to_tsvector('english', i.caption), wanted) DESC, i.id LIMIT :limit
""")


def measure(
    connection: Connection, tenant: int, catalog: Catalog, request: Mapping[str, Any], place: int
) -> dict[str, Any]:
    """One query's metrics by method: `{"image": {"ndcg", "recall", "mrr"}, …}`."""
    query, k = request["queries"][place], request["k"]
    measured: dict[str, Any] = {}
    for method in request["methods"]:
        asked = Asked(query["text"], query["text"], limit=k, mode=_mode(method))
        ranked = _ranked(connection, tenant, catalog, asked, method)
        measured[method] = ranking_metrics.of_ranking(ranked, query["relevant"], k)
    return measured


def summary(
    request: Mapping[str, Any], measured: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """An evaluation job's result from its queries' metrics; failed queries are left out."""
    per_query = [measured[place] for place in sorted(measured)]
    summed = ranking_metrics.summary(per_query, request["methods"])
    queries = [
        {"text": query["text"], "metrics": measured.get(place)}
        for place, query in enumerate(request["queries"])
    ]
    return {"k": request["k"], "measured": len(per_query), **summed, "queries": queries}


def _mode(method: str) -> str:
    return "text" if method == "caption" else method


def _ranked(
    connection: Connection, tenant: int, catalog: Catalog, asked: Asked, method: str
) -> list[str]:
    if method != "caption":
        vectors = retrieval.known(connection, tenant, catalog, asked)
        found = retrieval.hits(connection, tenant, catalog, asked, vectors)
        return [hit.item.external_id for hit in found]
    vector = retrieval.known(connection, tenant, catalog, asked).get("text")
    if vector is not None:
        query = Query(None, None, vector, asked.filters, asked.limit)
        found = search.find(connection, tenant, catalog, query)
        return [hit.item.external_id for hit in found]
    values = {"tenant": tenant, "catalog": catalog.id, "words": asked.text, "limit": asked.limit}
    return list(connection.execute(BY_CAPTION, values).scalars())
