"""The ingest lane: expands uploads and documents into items, and fetches pictures by URL."""

from concurrent.futures import ThreadPoolExecutor

from db import queue, tracing
from db.queue import Claim, Task
from db.vocabulary import JobKind
from worker.fetch import Fetcher
from worker.guard import guarded
from worker.ingest.documents import DocumentExpansion
from worker.ingest.expand import Expansion
from worker.ingest.fetched import Fetched
from worker.ingest.reembedding import Reembedding
from worker.runtime import Lease, Runtime

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
        guarded(self._runtime, claim.token, task, lambda: self._run(claim, lease, task))

    def _run(self, claim: Claim, lease: Lease, task: Task) -> None:
        if not task.expands:
            with tracing.span("fetch", [task], {}):
                self._fetched.run(claim.token, task)
        elif task.job_kind == JobKind.DOCUMENT:
            DocumentExpansion(self._runtime, claim.token, lease, task).run()
        elif task.job_kind == JobKind.REEMBEDDING:
            Reembedding(self._runtime, claim.token, lease, task).run()
        else:
            Expansion(self._runtime, claim.token, lease, task).run()
