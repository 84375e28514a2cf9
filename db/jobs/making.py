"""New jobs: with the tasks that they begin with, or ended at once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from ulid import ULID

from db import queue, tracing
from db.jobs.reading import Job, get, shown
from db.queue import NewTask
from db.vocabulary import PRIORITY, JobKind, Lane, TaskStatus

INSERT_JOB = text(f"""
    WITH place AS (
        {queue.NEXT_RANK}
    ), job AS (
        INSERT INTO jobs (tenant_id, id, kind, catalog_id, request, expanded, expires_at, last_rank,
                          total, succeeded, unchanged, failed, canceled, trace)
        SELECT :tenant, :id, :kind, :catalog_id, :request, :expanded,
            now() + make_interval(secs => :deadline),
            CASE WHEN :count > 0 THEN rank + :count - 1 ELSE -1 END,
            :total, :succeeded, :unchanged, :failed, :canceled, :trace
        FROM place RETURNING *
    ), added AS (
        {queue.INSERT_TASKS}
    )
    {shown("job")}
""").bindparams(bindparam("request", type_=JSONB), queue.TASKS)
"""A job with its first tasks, as it is shown: one statement, for it is what a submit waits for."""

INSERT_ENDED = text(f"""
    WITH job AS (
        INSERT INTO jobs (tenant_id, id, kind, catalog_id, request, expanded, expires_at, status,
                          started_at, ended_at, total, succeeded, result)
        VALUES (:tenant, :id, :kind, :catalog_id, :request, true, now() + interval '1 day',
                'succeeded', now(), now(), 1, 1, :result)
        RETURNING *
    )
    {shown("job", request="NULL", result="NULL")}
""").bindparams(bindparam("request", type_=JSONB), bindparam("result", type_=JSONB))


def new_id() -> str:
    """A job id: sorts by the time it was made, and cannot be guessed."""
    return f"job_{str(ULID()).lower()}"


def create(
    connection: Connection,
    tenant: int,
    kind: JobKind,
    *,
    catalog_id: int | None = None,
    request: dict[str, Any] | None = None,
    tasks: Sequence[NewTask] = (),
    expanded: bool = True,
    job_id: str | None = None,
    deadline_hours: float = 24.0,
) -> Job:
    """Make a job with its tasks; it ends at once when none of them is left to do."""
    job_id = job_id or new_id()
    row = connection.execute(
        INSERT_JOB,
        {"tenant": tenant, "id": job_id, "kind": kind, "catalog_id": catalog_id,
         "request": request or {}, "expanded": expanded, "deadline": deadline_hours * 3600,
         "lane": tasks[0].lane if tasks else Lane.EMBED, "priority": PRIORITY[kind],
         "job": job_id, "tasks": queue.rows_of(tasks), "count": len(tasks),
         "trace": tracing.current(),
         **queue.counts_of(tasks)},
    ).mappings()  # fmt: skip
    made = Job(**row.one())
    if expanded and not any(task.status == TaskStatus.QUEUED for task in tasks):
        queue.settle(connection, changed=[(tenant, job_id)])
        return get(connection, tenant, job_id)
    return made


def create_ended(
    connection: Connection,
    tenant: int,
    kind: JobKind,
    *,
    catalog_id: int,
    request: dict[str, Any],
    result: dict[str, Any],
) -> Job:
    """Make a job that needed no worker, with its result."""
    row = connection.execute(
        INSERT_ENDED,
        {"tenant": tenant, "id": new_id(), "kind": kind, "catalog_id": catalog_id,
         "request": request, "result": result},
    ).mappings()  # fmt: skip
    # A result may be long, and need not come back.
    return Job(**{**row.one(), "request": request, "result": result})
