"""The paid calls of one task: each is noted before it is made, so that none is made twice unseen."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from db import failpoints, jobs, queue, tracing
from db.errors import AnswerUnknown, ProviderBusy, ProviderError
from db.queue import Task
from db.usage import reserve_tokens, settle_tokens
from worker.answer.provider import Prompt, Provider, Reply, Usage
from worker.guard import Canceled
from worker.runtime import Lease, Runtime

T = TypeVar("T")
MAX_CALLS = 3
MAX_LOST = 1
"""Calls whose outcome may be lost with their worker; each counts as spent."""
CHARACTERS_PER_TOKEN = 4
PICTURE_TOKENS = {"low": 300, "high": 1_000}
"""An estimate by detail, before a call; what the provider counts stands in its place after it."""
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
        self._reserved: tuple[date, int] | None = None
        """What the call that is out has of the day's tokens."""
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
        TokenCapReached or Canceled before a call that is not to be made any more; LeaseLost.
        """
        self._check_left()
        spent = self._spent
        noted = Spent(spent.until, spent.calls + 1, spent.lost, out=True)
        self._note(noted, estimate(prompt, **options))
        usage = None
        try:
            failpoints.reach("calls.before_call")
            reply = self._call(provider, prompt, **options)
            usage = reply.usage
            failpoints.reach("calls.after_call")
            read_reply = read(reply.data)
        except ProviderError as error:
            self._failed(usage or error.usage, error.unknown)
            if not self._may_retry(error):
                error.can_pass = False
            raise
        self._unpaid = usage
        return read_reply, reply

    def _call(self, provider: Provider, prompt: Prompt, **options: Any) -> Reply:
        """The call, as a span that tells who was asked and what it cost, and no word of it."""
        about: tracing.About = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider.name,
            "gen_ai.request.model": options.get("model") or provider.model,
            "gen_ai.request.max_tokens": options["max_output_tokens"],
        }
        with tracing.span("answer", [self.task], about, is_call=True) as told:
            reply = provider.ask(prompt, seconds=self.seconds_left, **options)
            told["gen_ai.response.model"] = reply.model
            told["gen_ai.response.finish_reasons"] = [reply.finish_reason]
            told["gen_ai.usage.input_tokens"] = reply.usage.input_tokens
            told["gen_ai.usage.output_tokens"] = reply.usage.output_tokens
        return reply

    def settle(self, connection: Connection) -> None:
        """Count what the last call cost, in the transaction that ends its task.

        Until that commits the call's outcome is unknown to others: it is resent at most once.
        """
        if self._unpaid is not None:
            self._count(connection, self._unpaid)
            self._settle_tokens(connection, self._unpaid)

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

    def _note(self, spent: Spent, tokens: int) -> None:
        """Note the call and reserve its tokens; a call whose outcome stays unknown keeps them."""
        tenant, cap = self.task.tenant_id, self._runtime.settings.daily_tokens
        self._reserved = None
        with self._runtime.database.begin() as connection:
            self._keep(connection, spent)
            job = jobs.get(connection, tenant, self.task.job_id)
            if job.cancel_requested_at is not None:
                raise Canceled
            day = reserve_tokens(connection, tenant, tokens, cap) if cap else None
        self._spent = spent
        self._reserved = (day, tokens) if day else None

    def _failed(self, usage: Usage | None, unknown: bool) -> None:
        spent = Spent(self._spent.until, self._spent.calls, self._spent.lost)
        with self._runtime.database.begin() as connection:
            self._keep(connection, spent)
            if usage is not None:
                self._count(connection, usage)
            if usage is not None or not unknown:
                self._settle_tokens(connection, usage)
        self._spent = spent

    def _settle_tokens(self, connection: Connection, usage: Usage | None) -> None:
        """Let the day count what the provider did; a call that it refused costs nothing."""
        if self._reserved is not None:
            day, reserved = self._reserved
            used = usage.input_tokens + usage.output_tokens if usage else 0
            settle_tokens(connection, self.task.tenant_id, day, used - reserved)

    def _count(self, connection: Connection, usage: Usage) -> None:
        jobs.add_usage(connection, self.task.tenant_id, self.task.job_id, asdict(usage))

    def _keep(self, connection: Connection, spent: Spent) -> None:
        payload = self.task.payload | {"spent": asdict(spent)}
        queue.note(connection, self.token, self.task, payload)


def estimate(prompt: Prompt, *, max_output_tokens: int, detail: str, **_: Any) -> int:
    """The tokens that a call may need at most, as far as can be told before it."""
    texts = [prompt.instructions, *(part.text for part in prompt.parts if part.text)]
    pictures = sum(part.picture is not None for part in prompt.parts)
    words = sum(map(len, texts)) // CHARACTERS_PER_TOKEN
    return words + pictures * PICTURE_TOKENS[detail] + max_output_tokens


def _final(detail: str) -> ProviderBusy:
    error = ProviderBusy(detail)
    error.can_pass = False
    return error
