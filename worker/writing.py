"""Writes what came of embedding tasks: vectors kept, tasks ended or handed on, all or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from pgvector import HalfVector
from sqlalchemy import Connection, text

from db import catalogs, queue, search
from db.errors import ItemChanged, LeaseLost
from db.queue import Outcome, Task
from db.session import checked_by_one_plan, driver
from db.vocabulary import JobKind, Lane, TaskStatus
from worker.batch import Outcomes, Vector, query_sha_of

INCOMING = """
    CREATE TEMP TABLE IF NOT EXISTS incoming (tenant_id bigint, task_id bigint, item_id bigint,
        catalog_id bigint, model_id int, sha256 bytea, vector halfvec) ON COMMIT DELETE ROWS
"""
"""Where a batch comes in."""
COPY = """
    COPY incoming (tenant_id, task_id, item_id, catalog_id, model_id, sha256, vector)
    FROM STDIN (FORMAT BINARY)
"""
COPY_TYPES = ["int8", "int8", "int8", "int8", "int4", "bytea", "halfvec"]

KEEP = text("""
    WITH kept AS (
        INSERT INTO embeddings (tenant_id, catalog_id, item_id, model_id, sha256, vector)
        SELECT DISTINCT ON (n.tenant_id, n.item_id, n.model_id) n.tenant_id, n.catalog_id,
            n.item_id, n.model_id, n.sha256, n.vector
        FROM incoming n CROSS JOIN LATERAL (
            SELECT FROM items i WHERE i.tenant_id = n.tenant_id AND i.id = n.item_id
                AND n.sha256 IN (i.sha256, i.words_sha256) OFFSET 0) i
        JOIN catalogs c ON c.tenant_id = n.tenant_id AND c.id = n.catalog_id
            AND n.model_id IN (c.model_id, c.second_model_id, c.text_model_id)
        ORDER BY n.tenant_id, n.item_id, n.model_id
        ON CONFLICT (tenant_id, item_id, model_id) DO UPDATE SET
            sha256 = excluded.sha256, vector = excluded.vector, seq = DEFAULT
        RETURNING tenant_id, item_id, model_id, sha256
    )
    SELECT n.task_id FROM incoming n
    JOIN kept k ON k.tenant_id = n.tenant_id AND k.item_id = n.item_id
        AND k.model_id = n.model_id AND k.sha256 = n.sha256
""")
"""Store vectors of items that still exist and still have these bytes or words, under a model that
their catalog still has; returns tasks.

OFFSET makes it look up each item. The temporary table has no statistics, and the planner took it for
so long that it read all items instead: 15 ms a batch at 30,000 items, and more with each.
"""

Row = tuple[int, int, int, int, int, bytes, Vector]
"""(tenant, task, item, catalog, model, sha256, vector), as `COPY` has them."""

CHANGED = ItemChanged("The item was deleted, or changed, before this was embedded.")


def write(
    connection: Connection, token: UUID, outcomes: Outcomes, models: Mapping[str, int]
) -> set[Lane]:
    """Write a batch, all of it or nothing; returns the lanes that its tasks went on to.

    `models` are the numbers of the vector spaces by model name. Raises LeaseLost.
    """
    # Read back by token: an earlier COMMIT may have been done although its answer was lost.
    held = queue.held(connection, token)
    if not held:
        raise LeaseLost("No task of the batch is held any more.")
    done = [(task, vector) for task, vector in outcomes.embedded if task.id in held]
    kept = _keep(connection, [pair for pair in done if pair[0].item_id is not None], models)
    ends = [Outcome(task, TaskStatus.CANCELED) for task in outcomes.canceled if task.id in held]
    moves: list[tuple[Task, list[queue.Step]]] = []
    for task, vector in done:
        if task.item_id is not None and task.id not in kept:
            ends.append(Outcome(task, TaskStatus.CANCELED, error=CHANGED.as_json()))
            continue
        if task.payload.get("query"):
            keep_query(connection, task, vector, models)
        if task.then:
            moves.append((task, task.then))
        else:
            ends.append(_end(task, vector))
    failures = [(task, error) for task, error in outcomes.failed if task.id in held]
    lanes = queue.move(connection, token, moves) if moves else set()
    if failures:
        queue.fail(connection, token, failures)
    if ends:
        queue.finish(connection, token, ends)
    return lanes


def keep_query(
    connection: Connection, task: Task, vector: Vector, models: Mapping[str, int]
) -> None:
    """Keep the vector of a query for the step that searches with it, and for the next time."""
    model = models[task.model or ""]
    search.keep_query(connection, task.tenant_id, model, query_sha_of(task), vector)


def _end(task: Task, vector: Vector) -> Outcome:
    if task.job_kind == JobKind.EMBEDDING:
        result = {"embedding": [float(value) for value in vector]}
        return Outcome(task, TaskStatus.SUCCEEDED, result=result)
    return Outcome(task, TaskStatus(task.payload.get("ends_as", TaskStatus.SUCCEEDED)))


def _keep(
    connection: Connection,
    embedded: Sequence[tuple[Task, Vector]],
    models: Mapping[str, int],
) -> set[int]:
    """Store items' vectors; returns the ids of the tasks whose item still wants its own."""
    if not embedded:
        return set()
    for tenant, catalog, name in sorted(
        {(t.tenant_id, t.catalog_id or 0, t.model or "") for t, _ in embedded if t.model_id is None}
    ):
        catalogs.set_model(connection, tenant, catalog, name, models[name])
    return keep_vectors(
        connection,
        ((task.tenant_id, task.id, task.item_id or 0, task.catalog_id or 0,
          models[task.model or ""], bytes.fromhex(task.payload["sha256"]), vector)
         for task, vector in embedded),
    )  # fmt: skip


def keep_vectors(connection: Connection, rows: Iterable[Row]) -> set[int]:
    """Store items' vectors; returns the ids of the tasks whose item still has these bytes or words.

    No index of vectors slows this down: what is new lies behind the bounds of all (`db/segments`).
    """
    connection.exec_driver_sql(INCOMING)
    with driver(connection).cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COPY_TYPES)
        for *keys, vector in rows:
            copy.write_row((*keys, HalfVector(vector)))
    with checked_by_one_plan(connection):
        return set(connection.execute(KEEP).scalars())
