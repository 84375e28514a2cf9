"""Jobs as clients see them: made, read, listed, canceled, retried, expired."""

from db.jobs.making import create, create_ended, new_id
from db.jobs.outcomes import TaskView, add_usage, results, set_progress, set_result, tasks
from db.jobs.reading import Job, get, listed
from db.jobs.steering import cancel, expire, purge, retry, sweep_canceled

__all__ = [
    "Job",
    "TaskView",
    "add_usage",
    "cancel",
    "create",
    "create_ended",
    "expire",
    "get",
    "listed",
    "new_id",
    "purge",
    "results",
    "retry",
    "set_progress",
    "set_result",
    "sweep_canceled",
    "tasks",
]
