"""Embeds a catalog's pictures under its second model: a task for each, chunk by chunk."""

from uuid import UUID

from sqlalchemy import Connection, text

from db import catalogs, entries, failpoints, queue, tracing
from db.catalogs import Catalog
from db.entries import PICTURES
from db.errors import Conflict
from db.queue import NewTask, Outcome, Task
from db.vocabulary import PRIORITY, JobKind, Lane, TaskStatus
from worker.runtime import Lease, Runtime

CHUNK = 1_000
NEXT = text("""
    SELECT i.id, i.external_id, i.sha256, e.item_id IS NOT NULL AS embedded
    FROM items i LEFT JOIN embeddings e ON e.tenant_id = i.tenant_id AND e.item_id = i.id
        AND e.model_id = :model AND e.sha256 = i.sha256
    WHERE i.tenant_id = :tenant AND i.catalog_id = :catalog AND i.id > :after
      AND i.sha256 IS NOT NULL
    ORDER BY i.id LIMIT :limit
""")


class Reembedding:
    """One claimed expansion; goes on behind the last chunk that was committed."""

    def __init__(self, runtime: Runtime, token: UUID, lease: Lease, task: Task) -> None:
        self._runtime, self._token, self._lease, self._task = runtime, token, lease, task
        self._after: int = task.payload.get("after", 0)
        self._place: int = task.payload.get("place", 0)

    def run(self) -> None:
        """Make the tasks. Raises Conflict when the second model was dropped or exchanged."""
        while self._task.id not in self._lease.canceled:
            self._runtime.hand_back_if_stopping(self._token, self._lease, self._task)
            with tracing.span("expand", [self._task], {}) as told:
                told["sightline.pictures"] = made = self._commit()
            if not made:
                break
            self._lease.progressed()
            self._runtime.nudger.nudge(Lane.EMBED)
        with self._runtime.database.begin() as connection:
            queue.finish(connection, self._token, [Outcome(self._task, TaskStatus.SUCCEEDED)])
            queue.end_expansion(connection, self._task)

    def _commit(self) -> int:
        """One chunk; returns how many pictures it had."""
        task = self._task
        with self._runtime.database.begin() as connection:
            catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
            if catalog.second_model != task.request["image_model"]:
                raise Conflict("The catalog's second model is another by now.")
            made = self._tasks(connection, catalog)
            payload = {"after": self._after, "place": self._place}
            queue.progress(connection, self._token, task, payload)
            priority = PRIORITY[JobKind.REEMBEDDING]
            queue.enqueue(connection, task.tenant_id, task.job_id, priority, made)
            failpoints.reach("reembedding.before_commit")
        return len(made)

    def _tasks(self, connection: Connection, catalog: Catalog) -> list[NewTask]:
        tenant, model = self._task.tenant_id, catalog.second_model_id
        rows = connection.execute(
            NEXT,
            {"tenant": tenant, "catalog": catalog.id, "model": model, "after": self._after,
             "limit": CHUNK},
        ).all()  # fmt: skip
        lacking = [row.id for row in rows if not row.embedded]
        cached = entries.from_cache(connection, tenant, model, PICTURES, lacking)
        made: list[NewTask] = []
        for row in rows:
            status = TaskStatus.UNCHANGED if row.embedded else TaskStatus.QUEUED
            status = TaskStatus.SUCCEEDED if row.id in cached else status
            made.append(
                NewTask(Lane.EMBED, place=self._place + len(made), model=catalog.second_model,
                        status=status, item_id=row.id, external_id=row.external_id,
                        payload={"sha256": bytes(row.sha256).hex()})
            )  # fmt: skip
        if rows:
            self._after, self._place = rows[-1].id, self._place + len(rows)
        return made
