"""One task's error is its own: what a lane's task raises ends that task, and nothing else."""

import time
from collections.abc import Callable
from uuid import UUID

import structlog

from db import logs, queue
from db.errors import LeaseLost, SightlineError, TaskBroke, Unavailable
from db.queue import Outcome, Task
from db.vocabulary import TaskStatus
from worker.runtime import Runtime
from worker.stats import outcome_of

log = structlog.get_logger(__name__)


class Canceled(Exception):
    """Raised inside a task whose job was canceled meanwhile."""


def guarded(runtime: Runtime, token: UUID, task: Task, act: Callable[[], None]) -> None:
    """Do one task, unless its job is canceled, and count and log how it ended.

    Raises nothing but what Postgres away raises.
    """
    begun = time.monotonic()
    with logs.about(task):
        outcome = _ended(runtime, token, task, act)
        runtime.stats.ended(outcome)
        log.info("task_ended", kind=task.job_kind, outcome=outcome, attempt=task.attempts,
                 seconds=round(time.monotonic() - begun, 3))  # fmt: skip


def _ended(runtime: Runtime, token: UUID, task: Task, act: Callable[[], None]) -> str:
    """Do it; returns how it ended, in the words of the statistics."""
    try:
        if task.cancel_requested:
            raise Canceled
        act()
        return "succeeded"
    except Canceled:
        _cancel(runtime, token, task)
        return "canceled"
    except LeaseLost as error:
        log.warning("lease_lost", detail=error.detail)
        runtime.stats.add("leases_lost")
    except Unavailable as error:
        # The lease runs out, and the task is done again.
        log.warning("task_left", error=error.detail)
    except Exception as error:
        if not isinstance(error, SightlineError):
            log.exception("task_broke")
            error = TaskBroke("The task met an unexpected error; it is tried again.")
        _fail(runtime, token, task, error)
        return outcome_of(task, error)
    return "left"


def _fail(runtime: Runtime, token: UUID, task: Task, error: SightlineError) -> None:
    with runtime.database.begin() as connection:
        queue.fail(connection, token, [(task, error)])


def _cancel(runtime: Runtime, token: UUID, task: Task) -> None:
    with runtime.database.begin() as connection:
        queue.finish(connection, token, [Outcome(task, TaskStatus.CANCELED)])
        if task.expands:
            queue.end_expansion(connection, task)
