"""The answer lane: whatever waits for a provider, many calls at a time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from db.queue import Claim, Task
from db.vocabulary import JobKind
from worker.answer.answering import Answering
from worker.answer.calls import Calls
from worker.answer.captioning import Captioning
from worker.answer.counted import Counted, CountedTextVectors
from worker.answer.evaluating import Evaluating
from worker.answer.provider import Provider, configured
from worker.guard import guarded
from worker.runtime import Lease, Runtime

log = structlog.get_logger(__name__)

SLOT_SECONDS = 0.5
"""How often a lane whose calls are all out looks whether it was told to stop."""


class AnswerLane:
    """Drains the answer lane: each task has a thread, so that a slow provider delays no other."""

    def __init__(self, runtime: Runtime, providers: dict[str, Provider] | None = None) -> None:
        """`providers` are by default those that the settings have keys for."""
        self._runtime = runtime
        settings = runtime.settings
        given = configured(settings) if providers is None else providers
        able: dict[str, Provider] = {
            name: Counted(one, runtime.stats) for name, one in given.items()
        }
        self._slots = threading.BoundedSemaphore(settings.answer_threads)
        self._pool = ThreadPoolExecutor(settings.answer_threads, "answer")
        self._vectors = CountedTextVectors.of(runtime)
        self._answering = Answering(runtime, able)
        self._captioning = Captioning(runtime, able)
        self._evaluating = Evaluating(runtime)
        log.info("providers", able=sorted(able), text_vectors=self._vectors is not None)
        for name, provider in able.items():
            if ends := provider.ends:
                log.warning("model_ends", provider=name, model=provider.model, ends=ends)

    def drain(self) -> None:
        """Begin all that is due; return when nothing is, or the worker is told to stop.

        What was begun goes on behind; the lane begins more as threads become free.
        """
        while not self._runtime.stopping.is_set():
            begun = self._begin(1, [], self._do_one)
            if self._vectors is not None:
                begun |= self._begin(*self._vectors.claims, self._vectors.run)
            if not begun:
                return

    def wait(self) -> None:
        """Return when everything that was begun has ended."""
        self._pool.shutdown(wait=True)

    def _begin(
        self, limit: int, models: list[str], do: Callable[[Claim, Lease], None]
    ) -> bool:  # fmt: skip
        """Claim and begin; says whether there was something."""
        while not self._slots.acquire(timeout=SLOT_SECONDS):
            if self._runtime.stopping.is_set():
                return False
        claim = None
        try:
            claim = self._runtime.claim(limit, models)
        finally:
            if not claim:
                self._slots.release()
        if not claim:
            return False
        self._pool.submit(self._held, claim, do)
        return True

    def _held(self, claim: Claim, do: Callable[[Claim, Lease], None]) -> None:
        lease = self._runtime.heart.hold(claim)
        try:
            do(claim, lease)
        except Exception:
            # The leases run out, and the tasks are done again.
            log.exception("claim_left", tasks=len(claim.tasks))
        finally:
            self._runtime.heart.let_go(claim.token)
            self._slots.release()

    def _do_one(self, claim: Claim, lease: Lease) -> None:
        (task,) = claim.tasks
        guarded(self._runtime, claim.token, task, lambda: self._run(claim, lease, task))

    def _run(self, claim: Claim, lease: Lease, task: Task) -> None:
        calls = Calls(self._runtime, claim.token, lease, task)
        if task.job_kind == JobKind.ANSWER:
            self._answering.run(calls)
        elif task.expands:
            self._captioning.expand(claim.token, lease, task)
        elif task.job_kind == JobKind.CAPTION:
            self._captioning.run(calls)
        else:
            self._evaluating.run(claim.token, task)
