"""Writes batches behind the encoder: at most one behind, and searches beside it."""

import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import structlog
from sqlalchemy import Connection

from db import failpoints, logs, tracing
from db.queue import Task
from db.vocabulary import Lane
from worker import searching, writing
from worker.batch import Batch, Outcomes, Vector
from worker.runtime import Runtime
from worker.stats import outcome_of

log = structlog.get_logger(__name__)

EXIT_DEVICE_LOST = 71
SEARCHERS = 2
"""Threads that run search SQL, so that the device never waits for it."""


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
            self._searchers.submit(self._search, batch, task, vector, models)
            for task, vector in outcomes.searched
        ]
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
        def act(connection: Connection) -> set[Lane]:
            failpoints.reach("store.before_write", batch.claim.tasks)
            return writing.write(connection, batch.claim.token, outcomes, models)

        try:
            if outcomes.embedded or outcomes.failed or outcomes.canceled:
                tasks = outcomes.written()
                with (
                    self._runtime.stats.timed("store"),
                    tracing.span("store", tasks, batch.about) as told,
                ):
                    told["sightline.written"] = written = self._runtime.commit(act)
                if written:
                    self._tell(outcomes)
            for searched in searches:
                searched.result()
        except Exception as error:
            # The leases run out, and the tasks are done again: nothing half was written.
            log.error("batch_not_written", error=repr(error))
        finally:
            self._runtime.heart.let_go(batch.claim.token)

    def _tell(self, outcomes: Outcomes) -> None:
        stats = self._runtime.stats
        stats.ended("succeeded", len(outcomes.embedded))
        stats.ended("canceled", len(outcomes.canceled))
        for task, error in outcomes.failed:
            outcome = outcome_of(task, error)
            stats.ended(outcome)
            with logs.about(task):
                log.warning("task_failed", code=error.code, outcome=outcome)

    def _search(self, batch: Batch, task: Task, vector: Vector, models: Mapping[str, int]) -> None:
        def act(connection: Connection) -> None:
            writing.keep_query(connection, task, vector, models)
            searching.finish(connection, batch.claim.token, task)

        with (
            self._runtime.stats.timed("search"),
            tracing.span("search", [task], batch.about) as told,
        ):
            told["sightline.written"] = written = self._runtime.commit(act)
        self._runtime.stats.ended("succeeded", int(written))
