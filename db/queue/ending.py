"""The end of a held task: as what it ended, or queued again where its error can pass."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.errors import LeaseLost, SightlineError
from db.queue.settling import settle
from db.queue.tasks import Outcome, Task
from db.vocabulary import MAX_ATTEMPTS, TaskStatus

END_TASKS = text("""
    UPDATE tasks t SET status = e.status, error = e.error, result = e.result, ended_at = now(),
        lease_token = NULL, lease_expires_at = NULL, leased_by = NULL
    FROM jsonb_to_recordset(:ends) AS e(tenant bigint, id bigint, status text, error jsonb,
                                        result jsonb)
    WHERE t.tenant_id = e.tenant AND t.id = e.id AND t.lease_token = :token
      AND t.status = 'running'
    RETURNING t.tenant_id, t.id
""").bindparams(bindparam("ends", type_=JSONB))

REQUEUE = text("""
    UPDATE tasks t SET status = 'queued', lease_token = NULL, lease_expires_at = NULL,
        leased_by = NULL, error = r.error,
        run_after = now() + make_interval(secs => r.delay)
    FROM jsonb_to_recordset(:tasks) AS r(tenant bigint, id bigint, error jsonb, delay float8)
    WHERE t.tenant_id = r.tenant AND t.id = r.id AND t.lease_token = :token
      AND t.status = 'running'
    RETURNING t.tenant_id, t.id
""").bindparams(bindparam("tasks", type_=JSONB))

END_EXPANSION = text("""
    UPDATE jobs SET expanded = true, error = :error WHERE tenant_id = :tenant AND id = :job
""").bindparams(bindparam("error", type_=JSONB(none_as_null=True)))


def finish(connection: Connection, token: UUID, outcomes: Sequence[Outcome]) -> list[str]:
    """End tasks of a claim, keep their jobs' counts, end the jobs that are done.

    Returns the ids of the jobs that ended. Raises LeaseLost when any task is not held under
    this token any more: roll back, somebody else has it.
    """
    ends = [
        {"tenant": o.task.tenant_id, "id": o.task.id, "status": o.status, "error": o.error,
         "result": o.result}
        for o in outcomes
    ]  # fmt: skip
    ended = connection.execute(END_TASKS, {"ends": ends, "token": token}).all()
    if len(ended) != len(outcomes):
        raise LeaseLost(f"{len(outcomes) - len(ended)} of {len(outcomes)} tasks are not held.")
    return settle(connection, [(o.task.tenant_id, o.task.job_id, o.status)
                               for o in outcomes if not o.task.expands])  # fmt: skip


def fail(
    connection: Connection, token: UUID, failures: Sequence[tuple[Task, SightlineError]]
) -> list[str]:
    """End tasks as failed, or queue those again whose error can pass and that have attempts left.

    Returns the ids of the jobs that ended. Raises LeaseLost as `finish` does.
    """
    again = [(t, e) for t, e in failures if e.can_pass and t.attempts < MAX_ATTEMPTS]
    final = [(t, e) for t, e in failures if not (e.can_pass and t.attempts < MAX_ATTEMPTS)]
    if again:
        rows = [
            {"tenant": t.tenant_id, "id": t.id, "error": e.as_json(), "delay": delay(t, e)}
            for t, e in again
        ]
        if len(connection.execute(REQUEUE, {"tasks": rows, "token": token}).all()) != len(again):
            raise LeaseLost("A failed task is not held any more.")
    if not final:
        return []
    ended = finish(
        connection, token, [Outcome(t, TaskStatus.FAILED, e.as_json()) for t, e in final]
    )
    for task, error in final:
        if task.expands:
            ended += end_expansion(connection, task, error)
    return ended


def delay(task: Task, error: SightlineError) -> float:
    """Seconds until a failed task is tried again."""
    return 2.0**task.attempts if error.retry_after is None else error.retry_after


def end_expansion(
    connection: Connection, task: Task, error: SightlineError | None = None
) -> list[str]:
    """Say that a job has all its tasks; with an error, that it could not be processed.

    Returns the job's id if that ended it.
    """
    connection.execute(
        END_EXPANSION,
        {"tenant": task.tenant_id, "job": task.job_id, "error": error and error.as_json()},
    )
    return settle(connection, changed=[(task.tenant_id, task.job_id)])
