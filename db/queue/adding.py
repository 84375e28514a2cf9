"""Putting tasks in: where they stand in line, and how they are counted in their job."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.queue.tasks import NONE_ENDED, NewTask
from db.session import checked_by_one_plan, driver
from db.vocabulary import TaskStatus

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
    with (
        checked_by_one_plan(connection),
        driver(connection).cursor() as cursor,
        cursor.copy(ADD) as copy,
    ):
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
    return {"total": counted.total()} | {name: counted[TaskStatus(name)] for name in NONE_ENDED}


def rows_of(tasks: Sequence[NewTask]) -> list[dict[str, Any]]:
    """Tasks as the statements that insert them read them, numbered in their order."""
    return [{"n": n, **vars(task)} for n, task in enumerate(tasks)]
