"""The ingest lane: expands uploads into items and tasks, and fetches pictures by URL."""

from concurrent.futures import ThreadPoolExecutor

import structlog

from db import queue
from db.errors import LeaseLost, SightlineError, TaskBroke, Unavailable
from db.queue import Claim, Outcome, Task
from db.vocabulary import TaskStatus
from worker.ingest.expand import Expansion
from worker.ingest.fetch import Fetcher
from worker.ingest.fetched import Fetched
from worker.runtime import Lease, Runtime

log = structlog.get_logger(__name__)

FETCHERS = 8
"""Fetches in flight in one process: they wait for strangers' servers most of the time."""


class IngestLane:
    """Drains the ingest lane: one expansion at a time, several fetches beside each other."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pool = ThreadPoolExecutor(FETCHERS, "fetch")
        self._fetched = Fetched(runtime, Fetcher.of(runtime.settings))

    def drain(self) -> None:
        """Do tasks until nothing is due, or until the worker is told to stop."""
        while not self._runtime.stopping.is_set():
            claim = self._runtime.claim(FETCHERS)
            if not claim:
                return
            lease = self._runtime.heart.hold(claim)
            try:
                self._do(claim, lease)
            finally:
                self._runtime.heart.let_go(claim.token)

    def _do(self, claim: Claim, lease: Lease) -> None:
        expansions = [task for task in claim.tasks if task.expands]
        fetches = [task for task in claim.tasks if not task.expands]
        if expansions[1:]:
            with self._runtime.database.begin() as connection:
                queue.release(connection, claim.token, expansions[1:])
            self._runtime.nudger.nudge(self._runtime.lane)
        doing = [self._pool.submit(self._guarded, claim, lease, task) for task in fetches]
        for task in expansions[:1]:
            self._guarded(claim, lease, task)
        for future in doing:
            future.result()

    def _guarded(self, claim: Claim, lease: Lease, task: Task) -> None:
        """Do one task; its error is its own."""
        try:
            if task.cancel_requested:
                self._cancel(claim, task)
            elif task.expands:
                Expansion(self._runtime, claim.token, lease, task).run()
            else:
                self._fetched.run(claim.token, task)
        except LeaseLost as error:
            log.warning("lease_lost", task=task.id, detail=error.detail)
        except Unavailable as error:
            # The lease runs out, and the task is done again.
            log.warning("task_left", task=task.id, error=error.detail)
        except Exception as error:
            if not isinstance(error, SightlineError):
                log.exception("task_broke", task=task.id)
                error = TaskBroke("The task met an unexpected error; it is tried again.")
            with self._runtime.database.begin() as connection:
                queue.fail(connection, claim.token, [(task, error)])

    def _cancel(self, claim: Claim, task: Task) -> None:
        with self._runtime.database.begin() as connection:
            queue.finish(connection, claim.token, [Outcome(task, TaskStatus.CANCELED)])
            if task.expands:
                queue.end_expansion(connection, task)
