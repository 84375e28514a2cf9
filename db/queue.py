"""Life of a task: every statement about jobs' work, from enqueue to reap.

    queued ──claim──> running ──finish──> succeeded | unchanged | canceled
      ^                  │  ──fail────> failed   (or queued again, later, when it can pass)
      └──────reap────────┘                (a lost lease)

Each function runs in the caller's transaction; what it does becomes true when that commits.
Rows are locked in the order tasks, then jobs by id, so that two batches never deadlock.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db import deliveries
from db.errors import LeaseLost, SightlineError, WorkerLost
from db.session import driver
from db.vocabulary import BULK_KINDS, MAX_ATTEMPTS, Lane, TaskStatus

JOB_ENDED = "sightline_job_ended"
"""The channel on which the ids of ended jobs are told."""
LEAST_URGENT = 9
WORKER_LOST = WorkerLost("Its workers died while they did it.")


@dataclass(frozen=True)
class Step:
    """One lane's part of a task's work; a task takes its steps one after the other.

    `model` is the name of the model that embeds it; None where none is needed.
    """

    lane: Lane
    payload: dict[str, Any]
    model: str | None = None


@dataclass(frozen=True)
class NewTask:
    """A task to enqueue. `place` is its index in the job."""

    lane: Lane
    place: int = 0
    status: TaskStatus = TaskStatus.QUEUED
    model: str | None = None
    item_id: int | None = None
    external_id: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    expands: bool = False

    @classmethod
    def of(cls, steps: Sequence[Step], **more: Any) -> "NewTask":
        """A task that begins with the first step; the others wait in its payload."""
        return cls(steps[0].lane, model=steps[0].model, payload=_payload(steps), **more)


@dataclass(frozen=True)
class Task:
    """A claimed task with what a worker needs of its job and catalog."""

    tenant_id: int
    id: int
    job_id: str
    job_kind: str
    catalog_id: int | None
    model_id: int | None
    """The vector space that the catalog has for `model`, once something was embedded in it."""
    place: int
    expands: bool
    model: str | None
    item_id: int | None
    external_id: str | None
    payload: dict[str, Any]
    request: dict[str, Any]
    attempts: int
    alone: bool
    cancel_requested: bool
    trace: str | None = None
    """The traceparent of the request that made the job, where that was traced."""

    @property
    def then(self) -> list[Step]:
        """The steps behind the one that is being done."""
        return [Step(Lane(one["lane"]), one["payload"], one["model"])
                for one in self.payload.get("then", [])]  # fmt: skip


def _payload(steps: Sequence[Step]) -> dict[str, Any]:
    """The first step's payload, with the steps behind it."""
    then = {"then": [vars(step) for step in steps[1:]]} if steps[1:] else {}
    return steps[0].payload | then


@dataclass(frozen=True)
class Claim:
    """Tasks leased together under one token."""

    token: UUID
    tasks: tuple[Task, ...]

    def __bool__(self) -> bool:
        return bool(self.tasks)


@dataclass(frozen=True)
class Outcome:
    """How a task ended; `item_id` and `result` are stored with it."""

    task: Task
    status: TaskStatus
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


_NONE_ENDED = {"succeeded": 0, "unchanged": 0, "failed": 0, "canceled": 0}
TASKS = bindparam("tasks", type_=JSONB)

INSERT_TASKS = """INSERT INTO tasks (tenant_id, job_id, lane, status, priority, rank, place, expands, model,
                           item_id, external_id, payload, error, ended_at)
        SELECT :tenant, :job, t.lane, t.status, :priority, place.rank + t.n, t.place, t.expands,
               t.model, t.item_id, t.external_id, t.payload, t.error,
               CASE WHEN t.status <> 'queued' THEN now() END
        FROM place, jsonb_to_recordset(:tasks) AS t(n bigint, lane text, status text, place int,
             expands bool, model text, item_id bigint, external_id text, payload jsonb,
             error jsonb)
"""
"""Tasks behind each other from the rank of `place` on."""

WAITING = """
    SELECT count(*) FROM (SELECT 1 FROM tasks WHERE status = 'queued' AND place = 0
        AND tenant_id = :tenant AND lane = :lane AND priority = :priority LIMIT 1000) few
"""
NEXT_RANK = f"SELECT sightline_api.front_of(:lane, :priority) + ({WAITING}) AS rank"
"""Where a new job begins: at the front of its lane, behind the tenant's other jobs there."""

NEXT_OF_JOB = text(f"""
    SELECT CASE WHEN last_rank < 0 THEN front + waiting ELSE greatest(last_rank + 1, front) END
        AS rank, now() AS now
    FROM (SELECT last_rank, sightline_api.front_of(:lane, :priority) AS front,
              ({WAITING}) AS waiting
          FROM jobs WHERE tenant_id = :tenant AND id = :job) AS line
""")
"""Where a job's next tasks stand: behind its last one, and never before the front."""

ADD = """
    COPY tasks (tenant_id, job_id, lane, status, priority, rank, place, expands, model, item_id,
                external_id, payload, error, ended_at) FROM STDIN
"""
"""Twice as fast as an INSERT from JSON, which makes a job with its first tasks."""

COUNT_ADDED = text("""
    UPDATE jobs SET last_rank = :last_rank, total = total + :total,
        succeeded = succeeded + :succeeded, unchanged = unchanged + :unchanged,
        failed = failed + :failed, canceled = canceled + :canceled
    WHERE tenant_id = :tenant AND id = :job
""")

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
""").bindparams(TASKS)

MOVE = text("""
    UPDATE tasks t SET lane = m.lane, status = 'queued', attempts = 0, alone = false,
        lease_token = NULL, lease_expires_at = NULL, leased_by = NULL, run_after = NULL,
        model = m.model, item_id = coalesce(m.item_id, t.item_id), payload = m.payload
    FROM jsonb_to_recordset(:moves) AS m(tenant bigint, id bigint, lane text, model text,
                                         item_id bigint, payload jsonb)
    WHERE t.tenant_id = m.tenant AND t.id = m.id AND t.lease_token = :token
      AND t.status = 'running'
    RETURNING t.id
""").bindparams(bindparam("moves", type_=JSONB))

NOTE = text("""
    UPDATE tasks SET payload = :payload, attempts = coalesce(:attempts, attempts)
    WHERE tenant_id = :tenant AND id = :id AND lease_token = :token AND status = 'running'
    RETURNING id
""").bindparams(bindparam("payload", type_=JSONB))

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

END_EXPANSION = text("""
    UPDATE jobs SET expanded = true, error = :error WHERE tenant_id = :tenant AND id = :job
""").bindparams(bindparam("error", type_=JSONB(none_as_null=True)))

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


def enqueue(
    connection: Connection, tenant: int, job: str, priority: int, tasks: Sequence[NewTask]
) -> None:
    """Add tasks of one lane to a job, and count them; ended ones as what they ended as.

    A task's rank is its place in line, such that tenants and jobs take turns (see `NEXT_OF_JOB`).
    For the workers' role: tasks are copied into the table itself.
    """
    if not tasks:
        return
    mine = {"tenant": tenant, "job": job}
    place = mine | {"lane": tasks[0].lane, "priority": priority}
    rank, now = connection.execute(NEXT_OF_JOB, place).one()
    with driver(connection).cursor() as cursor, cursor.copy(ADD) as copy:
        for n, task in enumerate(tasks, rank):
            ended_at = None if task.status == TaskStatus.QUEUED else now
            copy.write_row(
                (tenant, job, str(task.lane), str(task.status), priority, n, task.place,
                 task.expands, task.model, task.item_id, task.external_id,
                 json.dumps(task.payload), task.error and json.dumps(task.error), ended_at)
            )  # fmt: skip
    counted = mine | counts_of(tasks) | {"last_rank": rank + len(tasks) - 1}
    connection.execute(COUNT_ADDED, counted)


def counts_of(tasks: Sequence[NewTask]) -> dict[str, int]:
    """What tasks add to the counts of their job; expansions are not counted."""
    counted = Counter(task.status for task in tasks if not task.expands)
    return {"total": counted.total()} | {name: counted[TaskStatus(name)] for name in _NONE_ENDED}


def rows_of(tasks: Sequence[NewTask]) -> list[dict[str, Any]]:
    """Tasks as the statements that insert them read them, numbered in their order."""
    return [{"n": n, **vars(task)} for n, task in enumerate(tasks)]


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


def progress(connection: Connection, token: UUID, task: Task, payload: dict[str, Any]) -> None:
    """Note how far an expansion came, in the transaction of its chunk. Raises LeaseLost.

    A committed chunk is progress, so the attempts begin again.
    """
    note(connection, token, task, payload, attempts=1)


def note(
    connection: Connection,
    token: UUID,
    task: Task,
    payload: dict[str, Any],
    attempts: int | None = None,
) -> None:
    """Keep what a task must know when it is claimed again. Raises LeaseLost."""
    noted = connection.execute(
        NOTE,
        {"tenant": task.tenant_id, "id": task.id, "token": token, "payload": payload,
         "attempts": attempts},
    ).first()  # fmt: skip
    if noted is None:
        raise LeaseLost("The task is not held any more.")


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
        deltas[tenant, job] = {"tenant": tenant, "job": job, **_NONE_ENDED}
    for tenant, job, status in ended:
        delta = deltas.setdefault((tenant, job), {"tenant": tenant, "job": job, **_NONE_ENDED})
        delta[status] += 1
    if not deltas:
        return []
    done = connection.execute(SETTLE, {"deltas": list(deltas.values())}).all()
    if told := [(row.tenant_id, row.id) for row in done if row.has_webhooks]:
        deliveries.tell(connection, told)
    return [row.id for row in done]


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


def release(connection: Connection, token: UUID, tasks: Sequence[Task]) -> None:
    """Hand tasks back untouched: the worker is stopping."""
    connection.execute(
        text("""UPDATE tasks SET status = 'queued', attempts = attempts - 1, lease_token = NULL,
                lease_expires_at = NULL, leased_by = NULL
                WHERE lease_token = :token AND status = 'running' AND id = ANY(:ids)"""),
        {"token": token, "ids": [task.id for task in tasks]},
    )


def move(
    connection: Connection,
    token: UUID,
    moves: Sequence[tuple[Task, Sequence[Step]]],
    item_id: int | None = None,
) -> set[Lane]:
    """Hand tasks on to the first of their steps, with fresh attempts; returns its lanes.

    `item_id` is the item that they are about from now on. Raises LeaseLost.
    """
    rows = [
        {"tenant": task.tenant_id, "id": task.id, "lane": steps[0].lane, "model": steps[0].model,
         "item_id": item_id, "payload": _payload(steps)}
        for task, steps in moves
    ]  # fmt: skip
    moved = connection.execute(MOVE, {"moves": rows, "token": token}).all()
    if len(moved) != len(rows):
        raise LeaseLost("A task is not held any more.")
    return {steps[0].lane for _, steps in moves}


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
