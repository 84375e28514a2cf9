"""Expands an upload chunk by chunk; each committed chunk is being embedded while the next is read."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from db import catalogs, entries, failpoints, queue, tracing
from db.blobs import BlobStore
from db.catalogs import Catalog
from db.entries import Entry
from db.errors import (
    DuplicateId,
    EmptyUpload,
    InvalidManifestLine,
    SightlineError,
    Unavailable,
)
from db.fields import storable
from db.images import check
from db.queue import NewTask, Outcome, Task
from db.session import checked_by_one_plan
from db.vocabulary import PRIORITY, JobKind, Lane, TaskStatus
from worker.ingest import manifest, upload
from worker.ingest.manifest import BadLine, Line
from worker.ingest.upload import Files
from worker.runtime import Lease, Runtime

log = structlog.get_logger(__name__)

FIRST_CHUNK = 32
"""The first chunk is small, so that embedding starts at once."""
CHUNK = 256
CHUNK_CHARACTERS = 64 * 1024**2
"""Of pictures inside the lines; one line may hold 30 MB."""


class Expansion:
    """One claimed expansion; goes on behind the last chunk that was committed."""

    def __init__(self, runtime: Runtime, token: UUID, lease: Lease, task: Task) -> None:
        self._runtime, self._token, self._lease, self._task = runtime, token, lease, task
        self._done: int = task.payload.get("lines", 0)
        self._seen: set[bytes] = set()

    def run(self) -> None:
        """Expand to the end. Raises SightlineError when the upload as a whole is unusable."""
        task = self._task
        request = task.request
        with self._runtime.database.begin() as connection:
            catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
            if self._done:
                self._remember_ids(connection)
        with upload.opened(
            self._runtime.blobs, task.tenant_id, request["upload"], request["format"],
            bool(request.get("files")),
        ) as (stream, form, files):  # fmt: skip
            lines = manifest.skip(manifest.read(stream, form), self._done)
            self._expand(lines, files, catalog)
        self._end()

    def _expand(self, lines: Iterator[Line | BadLine], files: Files, catalog: Catalog) -> None:
        size = FIRST_CHUNK
        while chunk := _chunk(lines, size):
            self._runtime.hand_back_if_stopping(self._token, self._lease, self._task)
            if self._task.id in self._lease.canceled:
                return
            with tracing.span("expand", [self._task], {"sightline.lines": len(chunk)}):
                self._commit(chunk, files, catalog)
            self._lease.progressed()
            self._runtime.nudger.nudge(Lane.EMBED)
            size = CHUNK

    def _commit(self, chunk: list[Line | BadLine], files: Files, catalog: Catalog) -> None:
        items: list[Entry] = []
        ready: list[NewTask] = []
        for line in chunk:
            made = self._prepared(line, files)
            if isinstance(made, Entry):
                items.append(made)
            else:
                ready.append(made)
        self._done = chunk[-1].index + 1
        with self._runtime.database.begin() as connection:
            queue.progress(connection, self._token, self._task, {"lines": self._done})
            # Read again: the first embedded picture fixes the catalog's vector space.
            catalog = catalogs.by_id(connection, self._task.tenant_id, catalog.id)
            with checked_by_one_plan(connection):
                put = entries.put(connection, self._task.tenant_id, catalog, items)
            tasks = ready + put
            tasks.sort(key=lambda task: task.place)
            queue.enqueue(
                connection, self._task.tenant_id, self._task.job_id, PRIORITY[JobKind.IMPORT], tasks
            )
            failpoints.reach("expand.before_commit")

    def _prepared(self, line: Line | BadLine, files: Files) -> Entry | NewTask:
        """An item whose bytes are stored, or a task that failed or must fetch first."""
        if isinstance(line, BadLine):
            return _failed(line.index, line.item_id, line.error)
        try:
            self._check_once(line)
            if line.source == "image_url":
                return _to_fetch(line)
            if line.source == "text":
                return Entry(line.index, line.fields, text=str(storable(line.value)))
            return _stored(self._runtime.blobs, self._task.tenant_id, line, files)
        except Unavailable:
            raise
        except SightlineError as error:
            return _failed(line.index, line.fields.id, error)
        except ValueError as error:
            return _failed(line.index, line.fields.id,
                           InvalidManifestLine(f"Line {line.index + 1}: {error}."))  # fmt: skip

    def _check_once(self, line: Line) -> None:
        if line.fields.id is None:
            return
        key = _short(line.fields.id)
        if key in self._seen:
            raise DuplicateId(f"Line {line.index + 1}: the id {line.fields.id!r} came before.")
        self._seen.add(key)

    def _remember_ids(self, connection: Connection) -> None:
        """The ids of the chunks before a restart."""
        rows = connection.execution_options(yield_per=10_000).execute(
            text("""SELECT external_id FROM tasks WHERE tenant_id = :tenant AND job_id = :job
                    AND external_id IS NOT NULL"""),
            {"tenant": self._task.tenant_id, "job": self._task.job_id},
        )
        self._seen = {_short(row.external_id) for row in rows}

    def _end(self) -> None:
        task = self._task
        with self._runtime.database.begin() as connection:
            queue.finish(connection, self._token, [Outcome(task, TaskStatus.SUCCEEDED)])
            queue.end_expansion(connection, task, None if self._done else EmptyUpload(
                "The manifest names no item."))  # fmt: skip
        self._runtime.blobs.delete_upload(task.tenant_id, task.request["upload"])


def _chunk(lines: Iterator[Line | BadLine], size: int) -> list[Line | BadLine]:
    """The next lines: `size` of them, or fewer that hold much, for pictures may be inline."""
    chunk: list[Line | BadLine] = []
    held = 0
    for line in islice(lines, size):
        chunk.append(line)
        held += len(line.value) if isinstance(line, Line) else 0
        if held > CHUNK_CHARACTERS:
            break
    return chunk


def _stored(blobs: BlobStore, tenant: int, line: Line, files: Files) -> Entry:
    if line.source == "image_base64":
        data, sha256 = line.inline_bytes(), None
    else:
        data, sha256 = files.stored(line.value)
    media_type = check(data)
    sha256 = sha256 or blobs.put(tenant, data)
    return Entry(line.index, line.fields, sha256, len(data), media_type)


def _to_fetch(line: Line) -> NewTask:
    fields = line.fields.model_dump(mode="json", exclude_unset=True)
    return NewTask(
        Lane.INGEST,
        place=line.index,
        external_id=line.fields.id,
        payload={"image_url": storable(line.value), "item": fields},
    )


def _failed(index: int, item_id: str | None, error: SightlineError) -> NewTask:
    return NewTask(
        Lane.INGEST,
        place=index,
        status=TaskStatus.FAILED,
        external_id=item_id,
        error=error.as_json(),
    )


def _short(item_id: str) -> bytes:
    return hashlib.blake2b(item_id.encode(), digest_size=12).digest()
