"""What a task is: as it is put in, as it is claimed, and as it ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from db.vocabulary import Lane, TaskStatus

NONE_ENDED = {"succeeded": 0, "unchanged": 0, "failed": 0, "canceled": 0}
"""What a job counts of its ended tasks, before there is any."""


@dataclass(frozen=True)
class Step:
    """One lane's part of a task's work; a task takes its steps one after the other.

    `model` is the name of the model that embeds it; None where none is needed.
    """

    lane: Lane
    payload: dict[str, Any]
    model: str | None = None


@dataclass(frozen=True)
class NewTask:
    """A task to enqueue. `place` is its index in the job."""

    lane: Lane
    place: int = 0
    status: TaskStatus = TaskStatus.QUEUED
    model: str | None = None
    item_id: int | None = None
    external_id: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    expands: bool = False

    @classmethod
    def of(cls, steps: Sequence[Step], **more: Any) -> "NewTask":
        """A task that begins with the first step; the others wait in its payload."""
        return cls(steps[0].lane, model=steps[0].model, payload=payload_of(steps), **more)


@dataclass(frozen=True)
class Task:
    """A claimed task with what a worker needs of its job and catalog."""

    tenant_id: int
    id: int
    job_id: str
    job_kind: str
    catalog_id: int | None
    model_id: int | None
    """The vector space that the catalog has for `model`, once something was embedded in it."""
    place: int
    expands: bool
    model: str | None
    item_id: int | None
    external_id: str | None
    payload: dict[str, Any]
    request: dict[str, Any]
    attempts: int
    alone: bool
    cancel_requested: bool
    trace: str | None = None
    """The traceparent of the request that made the job, where that was traced."""

    @property
    def then(self) -> list[Step]:
        """The steps behind the one that is being done."""
        return [Step(Lane(one["lane"]), one["payload"], one["model"])
                for one in self.payload.get("then", [])]  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """Tasks leased together under one token."""

    token: UUID
    tasks: tuple[Task, ...]

    def __bool__(self) -> bool:
        return bool(self.tasks)


@dataclass(frozen=True)
class Outcome:
    """How a task ended; `error` and `result` are stored with it."""

    task: Task
    status: TaskStatus
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


def payload_of(steps: Sequence[Step]) -> dict[str, Any]:
    """The first step's payload, with the steps behind it."""
    then = {"then": [vars(step) for step in steps[1:]]} if steps[1:] else {}
    return steps[0].payload | then
