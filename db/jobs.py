"""Jobs as clients see them: made, read, listed, canceled, retried, expired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from ulid import ULID

from db import queue, tracing
from db.errors import JobAlreadyEnded, JobNotRetryable, NotFound
from db.queue import NewTask
from db.vocabulary import PRIORITY, JobKind, JobStatus, Lane, TaskStatus

CANCEL_AT_ONCE = 10_000
"""Queued tasks that a cancel ends itself; upkeep ends the others."""


@dataclass(frozen=True)
class Job:
    """A job's row, with its catalog's name."""

    id: str
    kind: JobKind
    catalog: str | None
    status: JobStatus
    total: int
    succeeded: int
    unchanged: int
    failed: int
    canceled: int
    expanded: bool
    request: dict[str, Any]
    progress: dict[str, Any] | None
    usage: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime
    cancel_requested_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.ended_at is not None

    @property
    def pending(self) -> int:
        """Tasks that have not ended."""
        return self.total - self.succeeded - self.unchanged - self.failed - self.canceled


@dataclass(frozen=True)
class TaskView:
    """A task as its job's list shows it."""

    id: int
    index: int
    item_id: str | None
    status: TaskStatus
    attempts: int
    error: dict[str, Any] | None
    note: str | None
    """What was left out, in plain words."""


def _shown(jobs: str, request: str = "j.request", result: str = "j.result") -> str:
    """The columns of a `Job`, from a table or a CTE of jobs."""
    return f"""
    SELECT j.id, j.kind, c.name AS catalog, j.status, j.total, j.succeeded, j.unchanged, j.failed,
        j.canceled, j.expanded, {request} AS request, j.progress, j.usage, {result} AS result,
        j.error, j.created_at, j.started_at, j.ended_at, j.expires_at, j.cancel_requested_at
    FROM {jobs} j LEFT JOIN catalogs c ON c.tenant_id = j.tenant_id AND c.id = j.catalog_id
"""


SELECT_JOBS = _shown("jobs") + " WHERE j.tenant_id = :tenant"

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
    {_shown("job")}
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
    {_shown("job", request="NULL", result="NULL")}
""").bindparams(bindparam("request", type_=JSONB), bindparam("result", type_=JSONB))

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


def get(connection: Connection, tenant: int, job_id: str) -> Job:
    """One job. Raises NotFound, also for another tenant's."""
    row = connection.execute(
        text(SELECT_JOBS + " AND j.id = :job"), {"tenant": tenant, "job": job_id}
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return Job(**found)


def listed(
    connection: Connection,
    tenant: int,
    *,
    status: str | None = None,
    kind: str | None = None,
    catalog: str | None = None,
    limit: int = 20,
    after: str | None = None,
) -> list[Job]:
    """Jobs, newest first, behind the job `after`."""
    wanted = {"j.status": status, "j.kind": kind, "c.name": catalog}
    conditions = [f"{column} = :{column[2:]}" for column, value in wanted.items() if value]
    if after:
        conditions.append("j.id < :after")
    sql = (
        SELECT_JOBS + "".join(f" AND {c}" for c in conditions) + " ORDER BY j.id DESC LIMIT :limit"
    )
    rows = connection.execute(
        text(sql),
        {"tenant": tenant, "status": status, "kind": kind, "name": catalog, "after": after,
         "limit": limit},
    ).mappings()  # fmt: skip
    return [Job(**row) for row in rows]


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
                    result = NULL, failed = failed - :failed, expanded = expanded AND NOT :expands
                    WHERE tenant_id = :tenant AND id = :job"""),
            {"tenant": tenant, "job": job_id, "failed": sum(not row.expands for row in rows),
             "expands": any(row.expands for row in rows)},
        )  # fmt: skip
    return get(connection, tenant, job_id), sorted({row.lane for row in rows})


def tasks(
    connection: Connection,
    tenant: int,
    job_id: str,
    *,
    status: str | None = None,
    limit: int = 20,
    after: tuple[int, int] = (-1, 0),
) -> list[TaskView]:
    """A job's tasks by index, behind the (index, id) `after`."""
    rows = connection.execute(
        text(f"""SELECT id, place AS index, external_id AS item_id, status, attempts, error,
                    payload->>'note' AS note
                 FROM tasks WHERE tenant_id = :tenant AND job_id = :job AND NOT expands
                 AND (place, id) > (:place, :id) {"AND status = :status" if status else ""}
                 ORDER BY place, id LIMIT :limit"""),
        {"tenant": tenant, "job": job_id, "place": after[0], "id": after[1], "status": status,
         "limit": limit},
    ).mappings()  # fmt: skip
    return [TaskView(**row) for row in rows]


def results(
    connection: Connection, tenant: int, job_id: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The (index, result) of a job's tasks that left one, by index."""
    rows = connection.execute(
        text("""SELECT place, result FROM tasks WHERE tenant_id = :tenant AND job_id = :job
                AND result IS NOT NULL ORDER BY place"""),
        {"tenant": tenant, "job": job_id},
    )
    return ((row.place, row.result) for row in rows)


def set_result(connection: Connection, tenant: int, job_id: str, result: dict[str, Any]) -> None:
    """Store a job's result; the transaction that ends it does this first."""
    connection.execute(
        text("UPDATE jobs SET result = :result WHERE tenant_id = :tenant AND id = :job").bindparams(
            bindparam("result", type_=JSONB)
        ),
        {"tenant": tenant, "job": job_id, "result": result},
    )


def set_progress(
    connection: Connection, tenant: int, job_id: str, progress: dict[str, Any]
) -> None:
    """Say how far a job came, where its counts do not."""
    connection.execute(
        text("UPDATE jobs SET progress = :p WHERE tenant_id = :tenant AND id = :job").bindparams(
            bindparam("p", type_=JSONB)
        ),
        {"tenant": tenant, "job": job_id, "p": progress},
    )


def add_usage(connection: Connection, tenant: int, job_id: str, usage: dict[str, int]) -> None:
    """Add what a provider says that a call cost, whatever came of the call."""
    connection.execute(
        text("""UPDATE jobs SET usage = jsonb_build_object(
                    'calls', coalesce((usage->>'calls')::int, 0) + 1,
                    'input_tokens', coalesce((usage->>'input_tokens')::int, 0) + :input_tokens,
                    'output_tokens', coalesce((usage->>'output_tokens')::int, 0) + :output_tokens)
                WHERE tenant_id = :tenant AND id = :job"""),
        {"tenant": tenant, "job": job_id, **usage},
    )


def expire(connection: Connection) -> int:
    """End jobs whose deadline passed before any worker began them; returns how many."""
    jobs = connection.execute(
        text("""UPDATE jobs SET status = 'expired', ended_at = now(), canceled = total
                WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM jobs WHERE ended_at IS NULL
                    AND status = 'queued' AND expires_at < now() ORDER BY id LIMIT 1000
                    FOR UPDATE SKIP LOCKED)
                RETURNING tenant_id, id, pg_notify(:channel, id)"""),
        {"channel": queue.JOB_ENDED},
    ).all()
    connection.execute(
        text("""UPDATE tasks SET status = 'canceled', ended_at = now() WHERE status = 'queued'
                AND (tenant_id, job_id) IN (SELECT * FROM unnest(CAST(:tenants AS bigint[]),
                                                                 CAST(:jobs AS text[])))"""),
        {"tenants": [job.tenant_id for job in jobs], "jobs": [job.id for job in jobs]},
    )
    return len(jobs)


def purge(connection: Connection, retention_days: float) -> int:
    """Delete jobs that ended long ago, with their tasks; returns how many."""
    return connection.execute(
        text("""DELETE FROM jobs WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM jobs
                WHERE ended_at < now() - make_interval(secs => :seconds) LIMIT 100)"""),
        {"seconds": retention_days * 86400},
    ).rowcount
