"""Writes a batch's vectors and the ends of its tasks in one transaction, behind the encoder."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

import structlog
from pgvector import HalfVector
from sqlalchemy import Connection, text

from db import catalogs, jobs, queue, search
from db.errors import ItemChanged, LeaseLost, SightlineError, Unavailable
from db.queue import Outcome, Task
from db.session import driver
from db.vocabulary import JobKind, TaskStatus
from worker.batch import Batch, Outcomes, Vector
from worker.runtime import Runtime

log = structlog.get_logger(__name__)

EXIT_DEVICE_LOST = 71
SEARCHERS = 2
"""Threads that run search SQL, so that the device never waits for it."""
ITEM_KINDS = (JobKind.ITEM, JobKind.IMPORT, JobKind.DOCUMENT)

INCOMING = """
    CREATE TEMP TABLE IF NOT EXISTS incoming (tenant_id bigint, task_id bigint, item_id bigint,
        catalog_id bigint, model_id int, sha256 bytea, vector halfvec) ON COMMIT DELETE ROWS
"""
COPY = """
    COPY incoming (tenant_id, task_id, item_id, catalog_id, model_id, sha256, vector)
    FROM STDIN (FORMAT BINARY)
"""
COPY_TYPES = ["int8", "int8", "int8", "int8", "int4", "bytea", "halfvec"]

KEEP = text("""
    WITH kept AS (
        INSERT INTO embeddings (tenant_id, catalog_id, item_id, model_id, sha256, vector)
        SELECT DISTINCT ON (n.tenant_id, n.item_id) n.tenant_id, n.catalog_id, n.item_id,
            n.model_id, n.sha256, n.vector
        FROM incoming n
        JOIN items i ON i.tenant_id = n.tenant_id AND i.id = n.item_id AND i.sha256 = n.sha256
        ORDER BY n.tenant_id, n.item_id
        ON CONFLICT (tenant_id, item_id, model_id) DO UPDATE SET
            sha256 = excluded.sha256, vector = excluded.vector, seq = DEFAULT
        RETURNING tenant_id, item_id, sha256
    )
    SELECT n.task_id FROM incoming n
    JOIN kept k ON k.tenant_id = n.tenant_id AND k.item_id = n.item_id AND k.sha256 = n.sha256
""")
"""Store vectors of items that still exist and still name these bytes; returns their tasks."""


class Store:
    """One writer, at most one batch behind; searches run beside it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._writer = ThreadPoolExecutor(1, "write")
        self._searchers = ThreadPoolExecutor(SEARCHERS, "search")
        self._last: Future[None] | None = None

    def submit(self, batch: Batch, models: Mapping[str, int]) -> None:
        """Write a batch behind the next one; waits while the one before is being written."""
        outcomes = batch.outcomes()
        if self._last is not None:
            self._last.result()
        searches = [
            self._searchers.submit(self._patiently, batch, self._search, task, vector,
                                   models[task.model or ""])
            for task, vector in outcomes.searched
        ]  # fmt: skip
        self._last = self._writer.submit(self._write, batch, outcomes, dict(models), searches)

    def wait(self) -> None:
        """Return when all is written."""
        if self._last is not None:
            self._last.result()
            self._last = None

    def abandon(self) -> None:
        """Write what is ready, then end the process: the device answers no more."""
        with suppress(Exception):
            self.wait()
        os._exit(EXIT_DEVICE_LOST)

    def _write(
        self, batch: Batch, outcomes: Outcomes, models: Mapping[str, int],
        searches: "list[Future[None]]",
    ) -> None:  # fmt: skip
        try:
            if outcomes.embedded or outcomes.failed or outcomes.canceled:
                self._patiently(batch, self._write_items, outcomes, models)
            for searched in searches:
                searched.result()
        except Exception as error:
            # The leases run out, and the tasks are done again: nothing half was written.
            log.error("batch_not_written", error=repr(error))
        finally:
            self._runtime.heart.let_go(batch.claim.token)

    def _patiently(self, batch: Batch, write, *arguments) -> None:  # type: ignore[no-untyped-def]
        """Write; while Postgres is away try again for a lease's time."""
        until = time.monotonic() + self._runtime.settings.lease_seconds
        while True:
            try:
                with self._runtime.database.begin() as connection:
                    write(connection, batch.claim.token, *arguments)
                return
            except LeaseLost as error:
                log.warning("lease_lost", detail=error.detail)
                return
            except Unavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def _write_items(
        self, connection: Connection, token: UUID, outcomes: Outcomes, models: Mapping[str, int]
    ) -> None:
        # Read back by token: an earlier COMMIT may have been done although its answer was lost.
        held = queue.held(connection, token)
        done = [(t, v) for t, v in outcomes.embedded if t.id in held]
        kept = self._keep(connection, [p for p in done if p[0].job_kind in ITEM_KINDS], models)
        ends = [_item_end(t, kept) for t, _ in done if t.job_kind in ITEM_KINDS]
        ends += [
            Outcome(t, TaskStatus.SUCCEEDED, result={"embedding": [float(x) for x in v]})
            for t, v in done
            if t.job_kind == JobKind.EMBEDDING
        ]
        ends += [Outcome(t, TaskStatus.CANCELED) for t in outcomes.canceled if t.id in held]
        failures = [(t, e) for t, e in outcomes.failed if t.id in held]
        if failures:
            queue.fail(connection, token, failures)
        if ends:
            queue.finish(connection, token, ends)

    def _keep(
        self,
        connection: Connection,
        embedded: list[tuple[Task, Vector]],
        models: Mapping[str, int],
    ) -> set[int]:
        if not embedded:
            return set()
        for tenant, catalog, model in sorted(
            {(t.tenant_id, t.catalog_id or 0, models[t.model or ""])
             for t, _ in embedded if t.model_id is None}
        ):  # fmt: skip
            catalogs.set_model(connection, tenant, catalog, model)
        connection.execute(text(INCOMING))
        with driver(connection).cursor() as cursor, cursor.copy(COPY) as copy:
            copy.set_types(COPY_TYPES)
            for task, vector in embedded:
                copy.write_row(
                    (task.tenant_id, task.id, task.item_id, task.catalog_id,
                     models[task.model or ""], bytes.fromhex(task.payload["sha256"]),
                     HalfVector(vector))
                )  # fmt: skip
        return set(connection.execute(KEEP).scalars())

    def _search(
        self, connection: Connection, token: UUID, task: Task, vector: Vector, model_id: int
    ) -> None:
        try:
            catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
            if "text" in task.payload:
                sha256 = search.query_sha(task.payload["text"])
            else:
                sha256 = bytes.fromhex(task.payload["sha256"])
            search.keep_query(connection, task.tenant_id, model_id, sha256, vector)
            result = search.respond(connection, task.tenant_id, catalog, vector, task.request)
        except Unavailable:
            raise
        except SightlineError as error:
            queue.fail(connection, token, [(task, error)])
            return
        jobs.set_result(connection, task.tenant_id, task.job_id, result)
        queue.finish(connection, token, [Outcome(task, TaskStatus.SUCCEEDED)])


def _item_end(task: Task, kept: set[int]) -> Outcome:
    if task.id in kept:
        return Outcome(task, TaskStatus.SUCCEEDED)
    changed = ItemChanged(
        "The item was deleted, or got another picture, before this one was embedded."
    )
    return Outcome(task, TaskStatus.CANCELED, error=changed.as_json())
