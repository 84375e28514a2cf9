"""Jobs stopped and begun again: canceled, retried, expired after their deadline, and deleted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from db import queue
from db.errors import JobAlreadyEnded, JobNotRetryable
from db.jobs.reading import Job, get
from db.vocabulary import JobStatus, Lane, TaskStatus

CANCEL_AT_ONCE = 10_000
"""Queued tasks that a cancel ends itself; upkeep ends the others."""

CANCEL_TASKS = text("""
    WITH waiting AS (
        SELECT tenant_id, id FROM tasks
        WHERE tenant_id = :tenant AND job_id = :job AND status = 'queued'
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE tasks t SET status = 'canceled', ended_at = now() FROM waiting w
    WHERE t.tenant_id = w.tenant_id AND t.id = w.id
    RETURNING t.expands
""")

RETRY_TASKS = text("""
    UPDATE tasks SET status = 'queued', attempts = 0, alone = false, error = NULL,
        ended_at = NULL, run_after = NULL, payload = payload - 'spent'
    WHERE tenant_id = :tenant AND job_id = :job AND status = 'failed'
        AND (expands OR lane <> :ingest OR payload->>'image_url' IS NOT NULL)
    RETURNING expands, lane
""")
"""What was wrong with an upload itself, as a line or a page, stays so: there is nothing left to do."""

LATE = text("""
    SELECT tenant_id, id FROM jobs
    WHERE ended_at IS NULL AND status = 'queued' AND expires_at < now() ORDER BY id LIMIT 1000
""")
NAMED = "(SELECT * FROM unnest(CAST(:tenants AS bigint[]), CAST(:jobs AS text[])))"
LOCK_TASKS = text(f"""
    SELECT count(*) FROM (SELECT FROM tasks WHERE status = 'queued'
        AND (tenant_id, job_id) IN {NAMED} ORDER BY id FOR UPDATE) locked
""")
EXPIRE = text(f"""
    UPDATE jobs SET status = 'expired', ended_at = now(),
        canceled = total - succeeded - unchanged - failed
    WHERE (tenant_id, id) IN {NAMED} AND ended_at IS NULL AND status = 'queued'
    RETURNING tenant_id, id, pg_notify(:channel, id)
""")
CANCEL_ALL = text(f"""
    UPDATE tasks SET status = 'canceled', ended_at = now()
    WHERE status = 'queued' AND (tenant_id, job_id) IN {NAMED}
""")


def cancel(connection: Connection, tenant: int, job_id: str) -> Job:
    """Ask a job to stop: what is queued is canceled now, what runs is told by its heartbeat."""
    if get(connection, tenant, job_id).ended:
        raise JobAlreadyEnded("The job has ended; there is nothing to cancel.")
    mark = text("""UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, now())
                   WHERE tenant_id = :tenant AND id = :job AND ended_at IS NULL""")
    connection.execute(mark, {"tenant": tenant, "job": job_id})
    sweep_canceled(connection, tenant, job_id)
    return get(connection, tenant, job_id)


def sweep_canceled(connection: Connection, tenant: int, job_id: str) -> None:
    """Cancel queued tasks of a job, a bounded number at a time, and end it if none is left."""
    rows = connection.execute(
        CANCEL_TASKS, {"tenant": tenant, "job": job_id, "limit": CANCEL_AT_ONCE}
    ).all()
    if any(row.expands for row in rows):
        connection.execute(
            text("UPDATE jobs SET expanded = true WHERE tenant_id = :tenant AND id = :job"),
            {"tenant": tenant, "job": job_id},
        )
    ended = [(tenant, job_id, TaskStatus.CANCELED) for row in rows if not row.expands]
    queue.settle(connection, ended, changed=[(tenant, job_id)])


def retry(connection: Connection, tenant: int, job_id: str) -> tuple[Job, list[str]]:
    """Queue a job's failed tasks again that can be; returns it and the lanes that have work now."""
    job = get(connection, tenant, job_id)
    if job.status in (JobStatus.EXPIRED, JobStatus.CANCELED):
        raise JobNotRetryable(f"The job is {job.status}; submit it again instead.")
    values = {"tenant": tenant, "job": job_id, "ingest": Lane.INGEST}
    rows = connection.execute(RETRY_TASKS, values).all()
    if rows:
        connection.execute(
            text("""UPDATE jobs SET status = 'running', ended_at = NULL, error = NULL,
                    result = NULL, failed = failed - :failed, expanded = expanded AND NOT :expands,
                    cancel_requested_at = NULL
                    WHERE tenant_id = :tenant AND id = :job"""),
            {"tenant": tenant, "job": job_id, "failed": sum(not row.expands for row in rows),
             "expands": any(row.expands for row in rows)},
        )  # fmt: skip
    return get(connection, tenant, job_id), sorted({row.lane for row in rows})


def expire(connection: Connection) -> int:
    """End jobs whose deadline passed before any worker began them; returns how many."""
    late = connection.execute(LATE).all()
    if not late:
        return 0
    # Tasks before jobs, as everybody locks them; who had claimed one meanwhile has begun its job.
    connection.execute(LOCK_TASKS, _named(late))
    ended = connection.execute(EXPIRE, _named(late) | {"channel": queue.JOB_ENDED}).all()
    connection.execute(CANCEL_ALL, _named(ended))
    return len(ended)


def _named(jobs: Sequence[Row[Any]]) -> dict[str, list[Any]]:
    return {"tenants": [job.tenant_id for job in jobs], "jobs": [job.id for job in jobs]}


def purge(connection: Connection, retention_days: float) -> int:
    """Delete jobs that ended long ago, with their tasks; returns how many."""
    return connection.execute(
        text("""DELETE FROM jobs WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM jobs
                WHERE ended_at < now() - make_interval(secs => :seconds) LIMIT 100)"""),
        {"seconds": retention_days * 86400},
    ).rowcount
