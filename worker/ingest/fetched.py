"""A task that names a URL: fetch the picture, then hand the task on to the embed lane."""

from uuid import UUID

from db import catalogs, entries, queue
from db.entries import Entry
from db.fields import ItemFields
from db.images import check
from db.queue import Outcome, Step, Task
from db.vocabulary import Lane, TaskStatus
from worker.fetch import Fetcher
from worker.runtime import Runtime


class Fetched:
    """Fetches one task's picture; the item is made in the transaction that hands it on."""

    def __init__(self, runtime: Runtime, fetcher: Fetcher) -> None:
        self._runtime, self._fetcher = runtime, fetcher

    def run(self, token: UUID, task: Task) -> None:
        """Fetch and hand on. Raises FetchRefused, FetchFailed, and what a bad picture raises."""
        url = task.payload["image_url"]
        data = self._fetcher.get(url)
        media_type = check(data)
        sha256 = self._runtime.blobs.put(task.tenant_id, data)
        if task.payload.get("query"):
            self._hand_on(token, task, sha256)
            return
        fields = ItemFields.model_validate(task.payload["item"])
        entry = Entry(task.place, fields, sha256, len(data), media_type, source_url=url)
        self._put(token, task, entry)

    def _put(self, token: UUID, task: Task, entry: Entry) -> None:
        with self._runtime.database.begin() as connection:
            catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
            (new,) = entries.put(connection, task.tenant_id, catalog, [entry])
            if new.status != TaskStatus.QUEUED:
                queue.finish(connection, token, [Outcome(task, new.status)])
                return
            step = Step(new.lane, new.payload, new.model)
            queue.move(connection, token, [(task, [step])], item_id=new.item_id)
        self._runtime.nudger.nudge(new.lane)

    def _hand_on(self, token: UUID, task: Task, sha256: bytes) -> None:
        step = Step(Lane.EMBED, {"sha256": sha256.hex()}, task.payload["model"])
        with self._runtime.database.begin() as connection:
            queue.move(connection, token, [(task, [step, *task.then])])
        self._runtime.nudger.nudge(Lane.EMBED)
