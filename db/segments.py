"""Segments: the ranges of a catalog's vectors that have an HNSW index of their own.

A vector has a number, `seq`, from one sequence. The segments of a catalog and model cover all
numbers from 0 up to a bound; the vectors behind the bound are *fresh* and are compared one by one.
A new vector and a replaced one take a new number, so both are fresh, and no row ever moves.

No vector can be missed, whatever is committed when: a search reads the ranges and compares every
row of every range and every row behind them, in one snapshot. The index of a range is only a way to
find its rows, and Postgres keeps it: it holds each row that fulfils its predicate, also one whose
transaction took its number before the bound was chosen and commits after the index was built
(CREATE INDEX CONCURRENTLY waits for those that began before it, and later ones insert into it).
For the same reason a search with outdated ranges, or with an index that is gone, is still right.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

PREFIX = "embeddings_nearest_"
"""What the names of these indexes begin with; the segment's number follows."""

READY = text("""
    SELECT id, model_id AS model, dimensions, from_seq AS first, to_seq AS bound, rows
    FROM segments WHERE tenant_id = :tenant AND catalog_id = :catalog AND state = 'ready'
    ORDER BY model_id, from_seq
""")
SPACES = text("SELECT model_id, text_model_id FROM catalogs WHERE tenant_id = :tenant AND id = :id")
COUNTS = text("""
    SELECT count(*) FILTER (WHERE seq < :bound) AS indexed,
        count(*) FILTER (WHERE seq >= :bound) AS fresh
    FROM embeddings WHERE tenant_id = :tenant AND catalog_id = :catalog AND model_id = :model
""")
PROGRESS = text("SELECT phase, done, expected FROM index_progress(:catalog)")


@dataclass(frozen=True)
class Segment:
    """The vectors of one catalog and model with `first <= seq < bound`."""

    id: int
    model: int
    dimensions: int
    first: int
    bound: int
    rows: int
    """How many there were when its index was ready."""


def of(connection: Connection, tenant: int, catalog: int) -> list[Segment]:
    """The segments that a search of a catalog goes through, by model and number; often none."""
    rows = connection.execute(READY, {"tenant": tenant, "catalog": catalog}).mappings().all()
    found = [Segment(**row) for row in rows]
    models = dict.fromkeys(segment.model for segment in found)
    return [s for model in models for s in chained(found, model)]


def chained(found: Iterable[Segment], model: int) -> list[Segment]:
    """Those of a model that follow one another from 0: what lies behind a gap is fresh."""
    chain: list[Segment] = []
    for segment in found:
        if segment.model == model and segment.first == bound_of(chain):
            chain.append(segment)
    return chain


def bound_of(chain: Iterable[Segment]) -> int:
    """The smallest number that no segment of a chain covers."""
    return max((segment.bound for segment in chain), default=0)


def predicate(tenant: int, catalog: int, model: int, first: int, bound: int) -> str:
    """The condition of a segment's index, which a search repeats to the letter.

    CASE hides the columns from the planner. It would guess how many rows fulfil all four conditions
    as if they had nothing to do with each other, find hardly any, and then sort the whole segment
    by way of the btree. Like this the HNSW index is the only one that fits. It must be literals: no
    parameter proves a predicate.
    """
    return (
        f"CASE WHEN catalog_id = {catalog:d} AND tenant_id = {tenant:d} AND model_id = {model:d} "
        f"AND seq >= {first:d} AND seq < {bound:d} THEN true ELSE false END"
    )


def indexed(dimensions: int) -> str:
    """The expression of such an index: the column has no fixed number of dimensions."""
    return f"CAST(vector AS halfvec({dimensions:d}))"


def summary(connection: Connection, tenant: int, catalog: int) -> dict[str, Any]:
    """How much of a catalog is indexed, for the HTTP contract; by the API's role.

    `indexed` and `fresh` count vectors: an item with a picture and words has two.
    """
    found = of(connection, tenant, catalog)
    spaces = connection.execute(SPACES, {"tenant": tenant, "id": catalog}).one()
    sums = {"indexed": 0, "fresh": 0}
    for model in filter(None, dict.fromkeys(spaces)):
        bound = bound_of(chained(found, model))
        counts = connection.execute(
            COUNTS, {"tenant": tenant, "catalog": catalog, "model": model, "bound": bound}
        )
        for name, count in counts.mappings().one().items():
            sums[name] += count
    return {**sums, "building": _building(connection, catalog)}


def _building(connection: Connection, catalog: int) -> dict[str, Any] | None:
    """What Postgres says of an index that is being built, its progress from 0 to 1."""
    row = connection.execute(PROGRESS, {"catalog": catalog}).first()
    if row is None:
        return None
    done = min(1.0, (row.done or 0) / max(row.expected, 1))
    return {"phase": row.phase or "initializing", "progress": round(done, 3)}
