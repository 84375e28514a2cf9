"""One task's error is its own: what a lane's task raises ends that task, and nothing else."""

from collections.abc import Callable
from uuid import UUID

import structlog

from db import queue
from db.errors import LeaseLost, SightlineError, TaskBroke, Unavailable
from db.queue import Outcome, Task
from db.vocabulary import TaskStatus
from worker.runtime import Runtime

log = structlog.get_logger(__name__)


class Canceled(Exception):
    """Raised inside a task whose job was canceled meanwhile."""


def guarded(runtime: Runtime, token: UUID, task: Task, act: Callable[[], None]) -> None:
    """Do one task, unless its job is canceled. Raises nothing but what Postgres away raises."""
    try:
        if task.cancel_requested:
            raise Canceled
        act()
    except Canceled:
        _cancel(runtime, token, task)
    except LeaseLost as error:
        log.warning("lease_lost", task=task.id, detail=error.detail)
    except Unavailable as error:
        # The lease runs out, and the task is done again.
        log.warning("task_left", task=task.id, error=error.detail)
    except Exception as error:
        if not isinstance(error, SightlineError):
            log.exception("task_broke", task=task.id)
            error = TaskBroke("The task met an unexpected error; it is tried again.")
        _fail(runtime, token, task, error)


def _fail(runtime: Runtime, token: UUID, task: Task, error: SightlineError) -> None:
    with runtime.database.begin() as connection:
        queue.fail(connection, token, [(task, error)])


def _cancel(runtime: Runtime, token: UUID, task: Task) -> None:
    with runtime.database.begin() as connection:
        queue.finish(connection, token, [Outcome(task, TaskStatus.CANCELED)])
        if task.expands:
            queue.end_expansion(connection, task)
