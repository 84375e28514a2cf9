"""A task that names a URL: fetch the picture, then hand the task on to the embed lane."""

from uuid import UUID

from sqlalchemy import Connection

from db import catalogs, items, queue
from db.catalogs import Catalog
from db.images import check
from db.items import Entry, ItemFields
from db.queue import Outcome, Task
from db.vocabulary import Lane, TaskStatus
from worker.ingest.fetch import Fetcher
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
            self._hand_on(token, task, task.payload.get("model"), None, sha256)
            return
        fields = ItemFields.model_validate(task.payload["item"])
        entry = Entry(task.place, fields, sha256, len(data), media_type, source_url=url)
        self._put(token, task, entry)

    def _put(self, token: UUID, task: Task, entry: Entry) -> None:
        with self._runtime.database.begin() as connection:
            catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
            (new,) = items.put(connection, task.tenant_id, catalog, [entry])
            if new.status != TaskStatus.QUEUED:
                queue.finish(connection, token, [Outcome(task, new.status)])
                return
            queue.move(connection, token, task, Lane.EMBED, model=new.model,
                       item_id=new.item_id, payload=new.payload)  # fmt: skip
        self._runtime.nudger.nudge(Lane.EMBED)

    def _hand_on(
        self, token: UUID, task: Task, model: str | None, item_id: int | None, sha256: bytes
    ) -> None:
        with self._runtime.database.begin() as connection:
            if model is None:
                model = self._catalog(connection, task).image_model
            queue.move(connection, token, task, Lane.EMBED, model=model, item_id=item_id,
                       payload={"sha256": sha256.hex()})  # fmt: skip
        self._runtime.nudger.nudge(Lane.EMBED)

    def _catalog(self, connection: Connection, task: Task) -> Catalog:
        return catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
