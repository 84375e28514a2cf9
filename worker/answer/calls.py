"""The paid calls of one task: each is noted before it is made, so that none is made twice unseen."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from db import jobs, queue
from db.errors import AnswerUnknown, ProviderBusy, ProviderError
from db.queue import Task
from worker.answer.provider import Prompt, Provider, Reply, Usage
from worker.guard import Canceled
from worker.runtime import Lease, Runtime

T = TypeVar("T")
MAX_CALLS = 3
MAX_LOST = 1
"""Calls whose outcome may be lost with their worker; each counts as spent."""
LEAST_SECONDS = 1.0
"""With less time left no call is begun."""


@dataclass(frozen=True)
class Spent:
    """What a task has spent, kept in its payload under `spent`."""

    until: float
    """When its time is over, in Unix seconds."""
    calls: int = 0
    lost: int = 0
    out: bool = False
    """Whether a call was begun whose end nobody noted."""


class Calls:
    """At most three calls in the time of one answer; an unknown outcome is resent once."""

    def __init__(self, runtime: Runtime, token: UUID, lease: Lease, task: Task) -> None:
        self._runtime, self.token, self.lease, self.task = runtime, token, lease, task
        known = task.payload.get("spent")
        seconds = runtime.settings.answer_seconds
        self._spent = Spent(**known) if known else Spent(time.time() + seconds)
        self._unpaid: Usage | None = None
        if self._spent.out:
            self._spent = Spent(self._spent.until, self._spent.calls, self._spent.lost + 1)

    def ask(
        self,
        provider: Provider,
        prompt: Prompt,
        read: Callable[[dict[str, Any]], T],
        **options: Any,
    ) -> tuple[T, Reply]:
        """Call a provider once; returns what `read` makes of the reply's data, and the reply.

        Raises ProviderError, with `can_pass` only where another call is left in the task's time;
        Canceled before a call that nobody wants any more; LeaseLost.
        """
        self._check_left()
        spent = self._spent
        self._note(Spent(spent.until, spent.calls + 1, spent.lost, out=True))
        usage = None
        try:
            reply = provider.ask(prompt, seconds=self.seconds_left, **options)
            usage = reply.usage
            read_reply = read(reply.data)
        except ProviderError as error:
            self._failed(usage or error.usage)
            if not self._may_retry(error):
                error.can_pass = False
            raise
        self._unpaid = usage
        return read_reply, reply

    def settle(self, connection: Connection) -> None:
        """Count what the last call cost, in the transaction that ends its task.

        Until that commits the call's outcome is unknown to others: it is resent at most once.
        """
        if self._unpaid is not None:
            self._count(connection, self._unpaid)

    @property
    def seconds_left(self) -> float:
        """Seconds of the task's time."""
        return self._spent.until - time.time()

    def _check_left(self) -> None:
        if self._spent.lost > MAX_LOST:
            raise AnswerUnknown("The provider was asked twice, and both replies were lost.")
        if self._spent.calls >= MAX_CALLS:
            raise _final(f"The provider could not answer in {MAX_CALLS} calls.")
        if self.seconds_left < LEAST_SECONDS:
            raise _final("The provider did not answer in time.")

    def _may_retry(self, error: ProviderError) -> bool:
        if not error.can_pass or self._spent.calls >= MAX_CALLS:
            return False
        return queue.delay(self.task, error) + LEAST_SECONDS < self.seconds_left

    def _note(self, spent: Spent) -> None:
        with self._runtime.database.begin() as connection:
            self._keep(connection, spent)
            job = jobs.get(connection, self.task.tenant_id, self.task.job_id)
            if job.cancel_requested_at is not None:
                raise Canceled
        self._spent = spent

    def _failed(self, usage: Usage | None) -> None:
        spent = Spent(self._spent.until, self._spent.calls, self._spent.lost)
        with self._runtime.database.begin() as connection:
            self._keep(connection, spent)
            if usage is not None:
                self._count(connection, usage)
        self._spent = spent

    def _count(self, connection: Connection, usage: Usage) -> None:
        jobs.add_usage(connection, self.task.tenant_id, self.task.job_id, asdict(usage))

    def _keep(self, connection: Connection, spent: Spent) -> None:
        payload = self.task.payload | {"spent": asdict(spent)}
        queue.note(connection, self.token, self.task, payload)


def _final(detail: str) -> ProviderBusy:
    error = ProviderBusy(detail)
    error.can_pass = False
    return error
