"""What came of a job: its tasks and their results, its own result, its progress and its usage."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.vocabulary import TaskStatus


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
