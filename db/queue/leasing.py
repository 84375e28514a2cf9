"""A worker's right to tasks: claimed, renewed, read back, and handed back untouched."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from db.queue.tasks import Claim, Task
from db.vocabulary import Lane

LEAST_URGENT = 9

CLAIM = text("""
    WITH due AS (
        SELECT tenant_id, id, alone, row_number() OVER (ORDER BY priority, rank, id) AS n
        FROM (SELECT tenant_id, id, alone, priority, rank FROM tasks
              WHERE status = 'queued' AND lane = :lane
                AND (run_after IS NULL OR run_after <= now())
                AND CASE WHEN cardinality(CAST(:models AS text[])) = 0 THEN model IS NULL
                         ELSE model = ANY(CAST(:models AS text[])) END
                AND priority <= :priority
              ORDER BY priority, rank, id LIMIT :limit FOR UPDATE SKIP LOCKED) AS locked
    ), picked AS (
        SELECT tenant_id, id FROM due
        WHERE CASE WHEN (SELECT alone FROM due WHERE n = 1) THEN n = 1 AND :may_be_alone
                   ELSE NOT alone END
    ), claimed AS (
        UPDATE tasks t SET status = 'running', attempts = attempts + 1, lease_token = :token,
            lease_expires_at = now() + make_interval(secs => :seconds), leased_by = :worker
        FROM picked, jobs j
        LEFT JOIN catalogs c ON c.tenant_id = j.tenant_id AND c.id = j.catalog_id
        WHERE t.tenant_id = picked.tenant_id AND t.id = picked.id
          AND j.tenant_id = t.tenant_id AND j.id = t.job_id
        RETURNING t.tenant_id, t.id, t.job_id, j.kind AS job_kind, j.catalog_id,
            CASE t.model WHEN c.text_model THEN c.text_model_id
                WHEN c.second_model THEN c.second_model_id ELSE c.model_id END AS model_id,
            t.place, t.expands, t.model, t.item_id, t.external_id, t.payload, j.request,
            t.attempts, t.alone, j.cancel_requested_at IS NOT NULL AS cancel_requested, j.trace,
            t.priority, t.rank, j.status AS job_status
    ), started AS (
        UPDATE jobs SET status = 'running', started_at = coalesce(started_at, now())
        WHERE (tenant_id, id) IN (
            SELECT j.tenant_id, j.id FROM jobs j
            JOIN (SELECT DISTINCT tenant_id, job_id FROM claimed WHERE job_status = 'queued') w
              ON j.tenant_id = w.tenant_id AND j.id = w.job_id
            WHERE j.status = 'queued' ORDER BY j.id FOR UPDATE OF j)
    )
    SELECT * FROM claimed ORDER BY priority, rank, id
""")
"""Lease up to `limit` due tasks, and start their jobs. One that lost its lease is handed out by
itself."""

HEARTBEAT = text("""
    UPDATE tasks t SET lease_expires_at = now() + make_interval(secs => :seconds)
    FROM jobs j
    WHERE t.lease_token = :token AND t.status = 'running'
      AND j.tenant_id = t.tenant_id AND j.id = t.job_id
    RETURNING t.id, j.cancel_requested_at IS NOT NULL AS cancel_requested
""")


def claim(
    connection: Connection,
    lane: Lane,
    worker: str,
    limit: int,
    lease_seconds: float,
    models: Sequence[str] = (),
    may_be_alone: bool = True,
    priority: int = LEAST_URGENT,
) -> Claim:
    """Lease up to `limit` due tasks of a lane, most urgent first, under one new token.

    `may_be_alone=False` is for a worker that holds other tasks: what must run alone is left.
    `priority` is the least urgent one that is taken.
    """
    token = uuid4()
    rows = connection.execute(
        CLAIM,
        {"lane": lane, "models": list(models), "limit": limit, "token": token, "worker": worker,
         "seconds": lease_seconds, "may_be_alone": may_be_alone, "priority": priority},
    ).mappings()  # fmt: skip
    return Claim(
        token,
        tuple(Task(**{name: row[name] for name in Task.__dataclass_fields__}) for row in rows),
    )


def heartbeat(connection: Connection, token: UUID, lease_seconds: float) -> dict[int, bool] | None:
    """Renew a claim; returns for each task still held whether its job is to be canceled.

    None means that the lease is lost: abandon the work.
    """
    rows = connection.execute(HEARTBEAT, {"token": token, "seconds": lease_seconds}).all()
    return {row.id: row.cancel_requested for row in rows} or None


def held(connection: Connection, token: UUID) -> set[int]:
    """The ids of the tasks still held under a token: to read back after an unclear COMMIT.

    They are locked, so that their catalog is not deleted before what is written of them commits.
    """
    return set(
        connection.execute(
            text("""SELECT id FROM tasks WHERE lease_token = :token AND status = 'running'
                    ORDER BY id FOR UPDATE"""),
            {"token": token},
        ).scalars()
    )


def release(connection: Connection, token: UUID, tasks: Sequence[Task]) -> None:
    """Hand tasks back untouched: the worker is stopping."""
    connection.execute(
        text("""UPDATE tasks SET status = 'queued', attempts = attempts - 1, lease_token = NULL,
                lease_expires_at = NULL, leased_by = NULL
                WHERE lease_token = :token AND status = 'running' AND id = ANY(:ids)"""),
        {"token": token, "ids": [task.id for task in tasks]},
    )
