"""Tasks that their workers no longer do: lost leases, and calls that nobody waits for any more."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.errors import WorkerLost
from db.queue.settling import settle
from db.vocabulary import MAX_ATTEMPTS, Lane, TaskStatus

WORKER_LOST = WorkerLost("Its workers died while they did it.")

REAP = text(f"""
    WITH lost AS (
        SELECT tenant_id, id FROM tasks
        WHERE status = 'running'
          AND (lease_expires_at < now() OR leased_by = ANY(:workers))
        ORDER BY id FOR UPDATE SKIP LOCKED
    )
    UPDATE tasks t SET
        status = CASE WHEN t.alone AND t.attempts >= {MAX_ATTEMPTS} THEN 'failed'
                      ELSE 'queued' END,
        ended_at = CASE WHEN t.alone AND t.attempts >= {MAX_ATTEMPTS} THEN now() END,
        error = CASE WHEN t.alone AND t.attempts >= {MAX_ATTEMPTS} THEN CAST(:error AS jsonb)
                ELSE t.error END,
        attempts = t.attempts - CASE WHEN t.alone THEN 0 ELSE 1 END,
        alone = true, lease_token = NULL, lease_expires_at = NULL, leased_by = NULL
    FROM lost
    WHERE t.tenant_id = lost.tenant_id AND t.id = lost.id AND t.status = 'running'
      AND (t.lease_expires_at < now() OR t.leased_by = ANY(:workers))
    RETURNING t.tenant_id, t.id, t.job_id, t.lane, t.status, t.expands
""").bindparams(bindparam("error", type_=JSONB))
"""Give lost leases back. An attempt counts only when the task ran alone: blame the culprit."""

ABANDON = text("""
    WITH unwanted AS (
        SELECT t.tenant_id, t.id FROM tasks t
        JOIN jobs j ON j.tenant_id = t.tenant_id AND j.id = t.job_id
        WHERE t.status = 'running' AND t.lane = 'answer' AND NOT t.expands
          AND j.cancel_requested_at < now() - interval '5 seconds'
        ORDER BY t.id FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE tasks t SET status = 'canceled', ended_at = now(), lease_token = NULL,
        lease_expires_at = NULL, leased_by = NULL
    FROM unwanted u WHERE t.tenant_id = u.tenant_id AND t.id = u.id
    RETURNING t.tenant_id, t.job_id
""")
"""End canceled tasks whose worker still waits for a provider; what comes back writes nothing."""


def reap(connection: Connection, former_lives: Sequence[str] = ()) -> dict[Lane, int]:
    """Queue tasks again whose lease expired, or that the named dead workers held.

    Ends those of canceled jobs that wait for a provider. Returns how many became due, by lane.
    """
    unwanted = connection.execute(ABANDON).all()
    lost = connection.execute(
        REAP, {"workers": list(former_lives), "error": WORKER_LOST.as_json()}
    ).all()
    failed = [row for row in lost if row.status == TaskStatus.FAILED]
    for row in failed:
        if row.expands:
            _fail_unexpanded(connection, row.tenant_id, row.job_id)
    settle(
        connection,
        [(row.tenant_id, row.job_id, row.status) for row in failed if not row.expands]
        + [(row.tenant_id, row.job_id, TaskStatus.CANCELED) for row in unwanted],
        [(row.tenant_id, row.job_id) for row in failed if row.expands],
    )
    due: dict[Lane, int] = {}
    for row in lost:
        if row.status == TaskStatus.QUEUED:
            due[Lane(row.lane)] = due.get(Lane(row.lane), 0) + 1
    return due


def _fail_unexpanded(connection: Connection, tenant: int, job: str) -> None:
    connection.execute(
        text("""UPDATE jobs j SET expanded = true, error = t.error FROM tasks t
                WHERE j.tenant_id = :tenant AND j.id = :job AND t.tenant_id = j.tenant_id
                  AND t.job_id = j.id AND t.expands"""),
        {"tenant": tenant, "job": job},
    )
