"""A held task on its way: what it keeps for its next claim, and the step it is handed on to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.errors import LeaseLost
from db.queue.tasks import Step, Task, payload_of
from db.vocabulary import Lane

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
         "item_id": item_id, "payload": payload_of(steps)}
        for task, steps in moves
    ]  # fmt: skip
    moved = connection.execute(MOVE, {"moves": rows, "token": token}).all()
    if len(moved) != len(rows):
        raise LeaseLost("A task is not held any more.")
    return {steps[0].lane for _, steps in moves}
