"""Captions: a model describes the pictures that have no caption; marked as made by it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db import catalogs, queue, rewording, tracing
from db.errors import AnswerMalformed, ProviderNotConfigured
from db.queue import NewTask, Outcome, Task
from db.vocabulary import PRIORITY, JobKind, Lane, TaskStatus
from worker.answer import prompt
from worker.answer.calls import Calls
from worker.answer.provider import Provider
from worker.runtime import Lease, Runtime

CHUNK = 256
MAX_TOKENS = 4_000
"""Thinking counts inside the limit, and today's models think unasked."""
MAX_CHARACTERS = 20_000


class Captioning:
    """Expands a caption job into one task a picture, and captions each."""

    def __init__(self, runtime: Runtime, providers: Mapping[str, Provider]) -> None:
        self._runtime, self._providers = runtime, providers

    def expand(self, token: UUID, lease: Lease, task: Task) -> None:
        """Make the job's tasks, some at a time; goes on behind the last that were committed."""
        after, place = task.payload.get("after", 0), task.payload.get("place", 0)
        left = task.request["limit"] - place
        while left > 0 and task.id not in lease.canceled:
            self._runtime.hand_back_if_stopping(token, lease, task)
            with (
                tracing.span("expand", [task], {}) as told,
                self._runtime.database.begin() as connection,
            ):
                found = rewording.uncaptioned(
                    connection, task.tenant_id, task.catalog_id or 0, task.request.get("kind"),
                    after, min(CHUNK, left),
                )  # fmt: skip
                told["sightline.pictures"] = len(found)
                if not found:
                    break
                after, place, left = found[-1].id, place + len(found), left - len(found)
                queue.progress(connection, token, task, {"after": after, "place": place})
                tasks = [
                    NewTask(Lane.ANSWER, place=place - len(found) + n, item_id=one.id,
                            external_id=one.external_id, payload={"sha256": one.sha256.hex()})
                    for n, one in enumerate(found)
                ]  # fmt: skip
                queue.enqueue(
                    connection, task.tenant_id, task.job_id, PRIORITY[JobKind.CAPTION], tasks
                )
            lease.progressed()
        self._end_expansion(token, task)

    def run(self, calls: Calls) -> None:
        """Caption one picture. Raises ProviderError, BlobMissing, BrokenImage, LeaseLost."""
        task = calls.task
        provider = self._providers.get(task.request["provider"])
        if provider is None:
            raise ProviderNotConfigured("The provider has no key here any more.")
        sha256 = bytes.fromhex(task.payload["sha256"])
        detail = task.request["detail"]
        data = self._runtime.blobs.get(task.tenant_id, sha256)
        picture = prompt.fitted(data, prompt.longest_of("image", detail))
        caption, reply = calls.ask(
            provider, prompt.caption_prompt(picture), _caption,
            model=task.request.get("model"), max_output_tokens=MAX_TOKENS, detail=detail,
        )  # fmt: skip

        def end(connection: Connection) -> list[Lane]:
            calls.settle(connection)
            return _keep(connection, calls.token, task, sha256, caption, reply.model)

        self._runtime.commit(end)

    def _end_expansion(self, token: UUID, task: Task) -> None:
        with self._runtime.database.begin() as connection:
            queue.finish(connection, token, [Outcome(task, TaskStatus.SUCCEEDED)])
            queue.end_expansion(connection, task)


def _caption(data: dict[str, Any]) -> str:
    caption: str = data["caption"].strip()
    if not caption:
        raise AnswerMalformed("The model sent an empty caption.")
    return caption[:MAX_CHARACTERS]


def _keep(
    connection: Connection, token: UUID, task: Task, sha256: bytes, caption: str, by: str
) -> list[Lane]:
    """Store a caption and hand the item on to the text model, if there is one."""
    item_id = task.item_id or 0
    kept = rewording.set_caption(connection, task.tenant_id, item_id, sha256, caption, by)
    step = None
    if kept:
        catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
        step = rewording.reword(connection, task.tenant_id, catalog, item_id)
    if step is not None:
        return list(queue.move(connection, token, [(task, [step])]))
    result: dict[str, Any] | None = {"caption": caption} if kept else None
    status = TaskStatus.SUCCEEDED if kept else TaskStatus.UNCHANGED
    queue.finish(connection, token, [Outcome(task, status, result=result)])
    return []
