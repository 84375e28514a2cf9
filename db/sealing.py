"""Which vectors get an index next: decides when a segment is built, of what, and how large it may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

Session = psycopg.Connection[Any]
"""One that gives rows as named tuples, in autocommit."""

SEAL_FROM = 10_000
"""Fresh vectors from which a segment is built. To compare so many of 512 takes 6 ms."""
MANY_INDEXES = 100
"""With each hundred of these indexes it takes as many fresh vectors more: planning looks at all of
them, 34 ms at 1,000."""
MOST_ROWS = 320_000
"""Of a segment; so many times the smallest as doubling it gives. A graph of 1,000,000 has islands: 2 of
100 searches by picture and 4 of 100 by words ended in a wrong one, whatever `ef` was. At half its
`ef`, one of 250,000 had a recall of 0.996 instead of 0.976 by picture and of 0.975 instead of 0.961 by
words, and it is built a fifth faster, in a quarter of the memory.
"""
MOST_SMALL = 4
"""Segments of a catalog and model that can still be doubled: each takes about 0.5 ms to search."""
MOST_DIMENSIONS = 4_000
"""What pgvector indexes of a halfvec."""
M, EF_CONSTRUCTION = 20, 64
"""Of every graph. With 16 neighbours words had a recall of 0.972 where 20 have 0.98, built as fast; with
24 or with 100 candidates a graph is built a quarter slower."""
ROW_BYTES = 32 * M + 320
"""What one vector takes of memory while its graph is built, besides its own two bytes a number.

A graph that outgrows `maintenance_work_mem` is finished on the disk, eight times slower.
"""

DUE = """
    SELECT c.tenant_id AS tenant, c.id AS catalog, m.id AS model, m.dimensions,
        coalesce(covered.bound, 0) AS bound, fresh.rows, newest.seq + 1 AS until
    FROM catalogs c
    JOIN models m ON m.id IN (c.model_id, c.second_model_id, c.text_model_id)
        AND m.dimensions BETWEEN 1 AND %(most_dimensions)s
    LEFT JOIN LATERAL (
        SELECT max(to_seq) AS bound FROM segments s WHERE s.tenant_id = c.tenant_id
            AND s.catalog_id = c.id AND s.model_id = m.id AND s.state = 'ready') covered ON true
    CROSS JOIN LATERAL (
        SELECT e.seq FROM embeddings e WHERE e.tenant_id = c.tenant_id
            AND e.catalog_id = c.id AND e.model_id = m.id ORDER BY e.seq DESC LIMIT 1) newest
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows FROM embeddings e WHERE e.tenant_id = c.tenant_id
            AND e.catalog_id = c.id AND e.model_id = m.id
            AND e.seq >= coalesce(covered.bound, 0)
            AND newest.seq - coalesce(covered.bound, 0) >= %(from)s) fresh
    WHERE fresh.rows > %(from)s
    ORDER BY fresh.rows DESC LIMIT 1
"""
"""The catalog and model with the most fresh vectors. A catalog whose newest number is not that far
behind its bound is passed over by one look into the btree."""
SEALED = """
    SELECT from_seq AS first, rows AS built, (
        SELECT count(*) FROM embeddings e WHERE e.tenant_id = s.tenant_id
            AND e.catalog_id = s.catalog_id AND e.model_id = s.model_id
            AND e.seq >= s.from_seq AND e.seq < s.to_seq) AS rows
    FROM segments s
    WHERE tenant_id = %s AND catalog_id = %s AND model_id = %s AND state = 'ready' ORDER BY from_seq
"""
NTH = """
    SELECT seq FROM embeddings WHERE tenant_id = %s AND catalog_id = %s AND model_id = %s
        AND seq >= %s ORDER BY seq OFFSET %s LIMIT 1
"""


@dataclass(frozen=True)
class Work:
    """A segment to be built: the vectors of a catalog and model with `first <= seq < bound`."""

    tenant: int
    catalog: int
    model: int
    dimensions: int
    first: int
    bound: int
    rows: int
    """About how many they are."""


def due(session: Session) -> Work | None:
    """The segment that is to be built next; None while no catalog has many fresh vectors."""
    indexes = one(session, "SELECT count(*) AS count FROM segments").count
    least = SEAL_FROM * (1 + indexes // MANY_INDEXES)
    row = session.execute(DUE, {"from": least, "most_dimensions": MOST_DIMENSIONS}).fetchone()
    if row is None:
        return None
    key = (row.tenant, row.catalog, row.model)
    sealed = session.execute(SEALED, key).fetchall()
    capacity = capacity_of(session, row.dimensions)
    swallowed = swallowed_by([(s.rows, s.built) for s in sealed], row.rows, capacity)
    taken = sealed[len(sealed) - swallowed :]
    first = taken[0].first if taken else row.bound
    rows = row.rows + sum(s.rows for s in taken)
    most = max(capacity, least)
    beyond = session.execute(NTH, (*key, first, most)).fetchone()
    bound = beyond.seq if beyond else row.until
    return Work(*key, row.dimensions, first, bound, min(rows, most))


def swallowed_by(sealed: Sequence[tuple[int, int]], fresh: int, capacity: int) -> int:
    """How many of the youngest segments go into the one that is made of the fresh vectors.

    `sealed` are the rows of each now and when it was built, the oldest first. A segment goes in
    that is no larger than what goes in already, or has lost half its rows; and the youngest as long
    as too many could still be doubled. None goes in that would make the whole outgrow `capacity`.
    So each row of a catalog that grows to 1,000,000 by 10,000 is built 4 times.
    """
    rows, count, half = fresh, 0, capacity // 2
    small = sum(now <= half for now, _ in sealed)
    for now, built in reversed(sealed):
        too_many = now <= half and small - count + 1 > MOST_SMALL
        if rows + now > capacity or not (too_many or now <= max(rows, built // 2)):
            break
        rows, count = rows + now, count + 1
    return count


def capacity_of(session: Session, dimensions: int) -> int:
    """The vectors of the largest segment: their graph fits the server's `maintenance_work_mem`."""
    fitting = most_kilobytes(session) * 1024 // (ROW_BYTES + 2 * dimensions)
    return min(MOST_ROWS, fitting)


def most_kilobytes(session: Session) -> int:
    """The server's own setting: whoever runs it says how much memory there is."""
    found: int = one(
        session,
        "SELECT reset_val::int AS most FROM pg_settings WHERE name = 'maintenance_work_mem'",
    ).most
    return found


def one(session: Session, statement: str, *values: Any) -> Any:
    """The first row of a statement; None where there is none."""
    return session.execute(statement, values).fetchone()
