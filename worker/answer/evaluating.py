"""Evaluation: each query ranked by each method, and the methods compared when all are done."""

from uuid import UUID

from sqlalchemy import Connection

from db import catalogs, evaluation, jobs, queue
from db.queue import Outcome, Task
from db.vocabulary import TaskStatus
from worker.runtime import Runtime


class Evaluating:
    """Measures one labelled query; who ends the job's last one sums up."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def run(self, token: UUID, task: Task) -> None:
        """Rank and measure, and end the task. Raises LeaseLost."""
        with self._runtime.database.begin() as connection:
            catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
            measured = evaluation.measure(
                connection, task.tenant_id, catalog, task.request, task.place
            )

        def end(connection: Connection) -> None:
            outcome = Outcome(task, TaskStatus.SUCCEEDED, result=measured)
            if queue.finish(connection, token, [outcome]):
                results = jobs.results(connection, task.tenant_id, task.job_id)
                summed = evaluation.summary(task.request, dict(results))
                jobs.set_result(connection, task.tenant_id, task.job_id, summed)

        self._runtime.commit(end)
