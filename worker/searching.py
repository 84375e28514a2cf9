"""The last step of a search: run it with the vectors that its steps left, and end its job."""

from uuid import UUID

from sqlalchemy import Connection

from db import catalogs, jobs, queue, retrieval
from db.errors import SightlineError, Unavailable
from db.queue import Outcome, Task
from db.retrieval import Asked
from db.vocabulary import TaskStatus


def finish(connection: Connection, token: UUID, task: Task, complete: bool = True) -> None:
    """Search, store the result and end the task; what is wrong with the query fails it.

    `complete=False` says in the result that a list of it could not be searched. Raises LeaseLost.
    """
    try:
        catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
        sha256 = None if "text" in task.payload else bytes.fromhex(task.payload["sha256"])
        asked = Asked.of(task.request)
        vectors = retrieval.known(connection, task.tenant_id, catalog, asked, sha256)
        if task.model not in (catalog.image_model, catalog.text_model):
            # The catalog switched to its second model since the query was embedded.
            steps = retrieval.steps(catalog, asked, vectors, sha256)
            if steps:
                queue.move(connection, token, [(task, steps)])
                return
        result = retrieval.result(connection, task.tenant_id, catalog, asked, vectors)
    except Unavailable:
        raise
    except SightlineError as error:
        queue.fail(connection, token, [(task, error)])
        return
    if not complete:
        result["incomplete"] = True
    jobs.set_result(connection, task.tenant_id, task.job_id, result)
    queue.finish(connection, token, [Outcome(task, TaskStatus.SUCCEEDED)])
