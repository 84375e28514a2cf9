"""The counts of jobs, and their end when their last task has ended."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db import deliveries
from db.queue.tasks import NONE_ENDED
from db.vocabulary import BULK_KINDS

JOB_ENDED = "sightline_job_ended"
"""The channel on which the ids of ended jobs are told."""

BULK = ", ".join(f"'{kind}'" for kind in BULK_KINDS)
SETTLE = text(f"""
    WITH counted AS (
        SELECT j.tenant_id, j.id, d.succeeded + j.succeeded AS succeeded,
            d.unchanged + j.unchanged AS unchanged, d.failed + j.failed AS failed,
            d.canceled + j.canceled AS canceled,
            j.expanded AND j.ended_at IS NULL AND j.total = j.succeeded + j.unchanged + j.failed
                + j.canceled + d.succeeded + d.unchanged + d.failed + d.canceled AS done
        FROM jobs j JOIN jsonb_to_recordset(:deltas) AS d(tenant bigint, job text,
            succeeded int, unchanged int, failed int, canceled int)
          ON d.tenant = j.tenant_id AND d.job = j.id
        ORDER BY j.id FOR UPDATE OF j
    ), settled AS (
        UPDATE jobs j SET succeeded = c.succeeded, unchanged = c.unchanged, failed = c.failed,
            canceled = c.canceled,
            ended_at = CASE WHEN done THEN now() ELSE ended_at END,
            started_at = CASE WHEN done THEN coalesce(started_at, now()) ELSE started_at END,
            status = CASE
                WHEN NOT done THEN status
                WHEN error IS NOT NULL THEN 'failed'
                WHEN cancel_requested_at IS NOT NULL AND (c.canceled > 0 OR total = 0)
                    THEN 'canceled'
                WHEN kind IN ({BULK}) OR total > 1 THEN 'succeeded'
                WHEN c.failed = 1 THEN 'failed'
                WHEN c.canceled = 1 THEN 'canceled'
                ELSE 'succeeded' END,
            error = CASE
                WHEN done AND error IS NULL AND total = 1 AND c.failed + c.canceled = 1
                    AND kind NOT IN ({BULK})
                THEN (SELECT t.error FROM tasks t WHERE t.tenant_id = j.tenant_id
                      AND t.job_id = j.id AND NOT t.expands LIMIT 1)
                ELSE error END
        FROM counted c WHERE j.tenant_id = c.tenant_id AND j.id = c.id
        RETURNING j.tenant_id, j.id, c.done
    )
    SELECT tenant_id, id, pg_notify('{JOB_ENDED}', id), EXISTS (
        SELECT FROM webhooks w WHERE w.tenant_id = s.tenant_id AND w.disabled_at IS NULL)
        AS has_webhooks
    FROM settled s WHERE done
""").bindparams(bindparam("deltas", type_=JSONB))
"""Count ended tasks in their jobs, end the jobs whose last task has ended, tell who waits. Says
whether a job's tenant has webhooks, which are then told too."""


def settle(
    connection: Connection,
    ended: Iterable[tuple[int, str, str]] = (),
    changed: Iterable[tuple[int, str]] = (),
) -> list[str]:
    """Count ended tasks (tenant, job, status), and end the jobs that are done.

    `changed` are further jobs (tenant, id) that may be done now. Returns the ids of the jobs that
    ended. Comes last in a transaction: it locks the jobs.
    """
    deltas: dict[tuple[int, str], dict[str, Any]] = {}
    for tenant, job in changed:
        deltas[tenant, job] = {"tenant": tenant, "job": job, **NONE_ENDED}
    for tenant, job, status in ended:
        delta = deltas.setdefault((tenant, job), {"tenant": tenant, "job": job, **NONE_ENDED})
        delta[status] += 1
    if not deltas:
        return []
    done = connection.execute(SETTLE, {"deltas": list(deltas.values())}).all()
    if told := [(row.tenant_id, row.id) for row in done if row.has_webhooks]:
        deliveries.tell(connection, told)
    return [row.id for row in done]
