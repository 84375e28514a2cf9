"""What an operator asks the database: read-only, each question bounded however full the tables are."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from db.vocabulary import Lane

EXACT = 100_000
"""Rows that are counted one by one; of more, the planner's estimate is told."""
FRONT = 1_000
"""Tasks at the front of each line in which the oldest is looked for: every job has one there."""
CLAIM_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Upper bounds of the groups in which workers count the sizes of their claims, before `+Inf`."""
LIVE_SECONDS = 15
"""A worker that was seen so lately lives: it is seen every five seconds."""

FIRST_IN_LINE = text(f"""
    WITH RECURSIVE lines AS (
        (SELECT lane, priority FROM tasks WHERE status = 'queued' ORDER BY lane, priority LIMIT 1)
        UNION ALL
        SELECT next.lane, next.priority FROM lines, LATERAL (
            SELECT lane, priority FROM tasks WHERE status = 'queued'
                AND (lane, priority) > (lines.lane, lines.priority)
            ORDER BY lane, priority LIMIT 1) next
    )
    SELECT lines.lane,
        extract(epoch FROM now() - min(greatest(front.created_at, front.run_after)))::float8 AS age
    FROM lines, LATERAL (
        SELECT created_at, run_after FROM tasks
        WHERE status = 'queued' AND lane = lines.lane AND priority = lines.priority
        ORDER BY rank, id LIMIT {FRONT}) front
    WHERE front.run_after IS NULL OR front.run_after <= now()
    GROUP BY lines.lane
""")
QUEUED = f"SELECT 1 FROM tasks WHERE status = 'queued' AND lane = :lane LIMIT {EXACT}"
RUNNING = text("SELECT lane, count(*) AS count FROM tasks WHERE status = 'running' GROUP BY lane")
EXPIRED = text("""
    SELECT count(*) FROM tasks WHERE status = 'running' AND lease_expires_at < now()
""")
UNENDED = text(f"""
    SELECT kind, count(*) AS count,
        extract(epoch FROM now() - min(created_at))::float8 AS oldest
    FROM (SELECT kind, created_at FROM jobs WHERE ended_at IS NULL
          ORDER BY expires_at LIMIT {EXACT}) few GROUP BY kind
""")
ENDED = text(f"""
    SELECT status, count(*) AS count
    FROM (SELECT status FROM jobs WHERE ended_at > now() - interval '1 hour' LIMIT {EXACT}) few
    GROUP BY status
""")
SERVER = text("""
    SELECT pg_database_size(current_database()) AS bytes, (
        SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float8
        FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend'
            AND pid <> pg_backend_pid()) AS oldest
""")
SEGMENTS = text("""
    SELECT count(*) FILTER (WHERE state = 'ready') AS ready,
        count(*) FILTER (WHERE state = 'dropping') AS dropping,
        coalesce(sum(rows) FILTER (WHERE state = 'ready'), 0)::bigint AS vectors, (
            SELECT greatest(reltuples, 0)::bigint FROM pg_class
            WHERE oid = 'embeddings'::regclass) AS all_vectors
    FROM segments
""")
BUILDING = text("""
    SELECT s.rows, coalesce(p.tuples_done, 0) AS done,
        extract(epoch FROM now() - s.created_at)::float8 AS seconds
    FROM segments s
    LEFT JOIN pg_stat_progress_create_index p ON p.index_relid = to_regclass(s.index_name)
    WHERE s.state = 'building' ORDER BY s.id LIMIT 1
""")
WORKERS = text(f"""
    SELECT name, lane, stats, seen_at > now() - interval '{LIVE_SECONDS} seconds' AS lives
    FROM workers WHERE seen_at > now() - interval '5 minutes' ORDER BY name
""")


@dataclass(frozen=True)
class WorkerSeen:
    """A worker process that reported itself in the last five minutes."""

    name: str
    lane: str
    lives: bool
    stats: dict[str, Any]
    """See `worker/stats.py`: counts since it started, by name and label."""


@dataclass(frozen=True)
class Indexes:
    """The indexes of vectors; see `db/segments.py`."""

    segments: dict[str, int]
    """By state: `ready`, `building`, `dropping`."""
    indexed: int
    """Vectors that they held when they were built."""
    fresh: int
    """Vectors that are compared one by one; an estimate, as small catalogs are not counted."""
    building_progress: float
    """From 0 to 1; 0 while none is built, as what follows."""
    building_seconds: float


@dataclass(frozen=True)
class Statistics:
    """The database as an operator sees it."""

    queued: dict[str, int]
    """By lane, as all that follows; every lane is there."""
    running: dict[str, int]
    oldest_due: dict[str, float]
    """Seconds since the oldest task could have begun; 0 where none is due."""
    leases_expired: int
    unended_jobs: dict[str, int]
    """By kind, as what follows."""
    oldest_job: dict[str, float]
    ended_jobs: dict[str, int]
    """By status, of the last hour."""
    workers: list[WorkerSeen]
    indexes: Indexes
    database_bytes: int
    oldest_transaction: float


def read(connection: Connection) -> Statistics:
    """Everything at once; measured at 1,000,000 queued tasks in `docs/operations.md`."""
    queued = {str(lane): queued_tasks(connection, lane) for lane in Lane}
    running = _pairs(connection.execute(RUNNING))
    unended = connection.execute(UNENDED).all()
    server = connection.execute(SERVER).one()
    return Statistics(
        queued=queued,
        running=_by_lane(running, 0),
        oldest_due=oldest_due(connection),
        leases_expired=connection.execute(EXPIRED).scalar_one(),
        unended_jobs={kind: count for kind, count, _ in unended},
        oldest_job={kind: oldest for kind, _, oldest in unended},
        ended_jobs=_pairs(connection.execute(ENDED)),
        workers=workers(connection),
        indexes=indexes(connection),
        database_bytes=server.bytes,
        oldest_transaction=server.oldest or 0.0,
    )


def oldest_due(connection: Connection) -> dict[str, float]:
    """For each lane, the seconds since its oldest due task could have begun; 0 where none is due.

    Looked for among the first 1,000 in line of each priority: jobs take turns, so what waits
    longest is there. A task that waits for its `run_after` is not due, and one that is to run
    again is due since then.
    """
    ages = {row.lane: max(0.0, row.age) for row in connection.execute(FIRST_IN_LINE)}
    return _by_lane(ages, 0.0)


def queued_tasks(connection: Connection, lane: Lane) -> int:
    """A lane's queued tasks: exact up to 100,000, the planner's estimate above."""
    parameters = {"lane": str(lane)}
    counted: int = connection.execute(
        text(f"SELECT count(*) FROM ({QUEUED}) few"), parameters
    ).scalar_one()
    if counted < EXACT:
        return counted
    every = QUEUED.removesuffix(f" LIMIT {EXACT}")
    told = connection.execute(text(f"EXPLAIN (FORMAT JSON) {every}"), parameters).scalar_one()
    plan = json.loads(told) if isinstance(told, str) else told
    return max(counted, int(plan[0]["Plan"]["Plan Rows"]))


def indexes(connection: Connection) -> Indexes:
    """The indexes of vectors, and how far the one is that is being built."""
    found = connection.execute(SEGMENTS).one()
    building = connection.execute(BUILDING).first()
    return Indexes(
        {"ready": found.ready, "building": int(building is not None), "dropping": found.dropping},
        indexed=found.vectors,
        fresh=max(0, found.all_vectors - found.vectors),
        building_progress=min(1.0, building.done / max(building.rows, 1)) if building else 0.0,
        building_seconds=building.seconds if building else 0.0,
    )


def workers(connection: Connection) -> list[WorkerSeen]:
    """The workers of the last five minutes, by name."""
    return [_seen(row) for row in connection.execute(WORKERS)]


def _seen(row: Row[Any]) -> WorkerSeen:
    return WorkerSeen(row.name, row.lane, row.lives, row.stats)


def _pairs(rows: Iterable[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in rows}


def _by_lane(found: dict[str, Any], otherwise: Any) -> dict[str, Any]:
    return {str(lane): found.get(lane, otherwise) for lane in Lane}
