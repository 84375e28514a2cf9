"""Reads an uploaded document page by page; each committed page is embedded while the next is read."""

import time
from collections.abc import Iterator
from uuid import UUID

import structlog
from sqlalchemy import Connection

from db import catalogs, documents, entries, failpoints, jobs, queue, tracing
from db.blobs import blob_path
from db.documents import Document
from db.entries import Entry
from db.fields import ItemFields
from db.images import sniff
from db.queue import NewTask, Outcome, Task
from db.vocabulary import PPTX, PRIORITY, ItemKind, JobKind, Lane, TaskStatus
from worker.ingest import reader
from worker.ingest.pages import Box, Figure, Page
from worker.ingest.reader import FailedPage, Limits, Reading
from worker.runtime import Lease, Runtime

log = structlog.get_logger(__name__)

PAGES_A_COMMIT = 16
"""At most: each commit costs 6 ms, whatever it holds."""
BYTES_A_COMMIT = 16 * 1024**2
SECONDS_A_COMMIT = 1.0
"""A slow document shows its progress page by page."""


class DocumentExpansion:
    """One claimed document; goes on behind the last page that was committed."""

    def __init__(self, runtime: Runtime, token: UUID, lease: Lease, task: Task) -> None:
        self._runtime, self._token, self._lease, self._task = runtime, token, lease, task
        self._tenant, self._catalog_id = task.tenant_id, task.catalog_id or 0
        self._read: int = task.payload.get("pages", 0)
        self._place: int = task.payload.get("place", 0)

    def run(self) -> None:
        """Read to the end. Raises SightlineError when the document as a whole is unusable."""
        with self._runtime.database.begin() as connection:
            document = documents.get(
                connection, self._tenant, self._catalog_id, self._task.request["document_id"]
            )
        path = blob_path(self._tenant, document.sha256)
        limits = Limits(max_pages=self._runtime.settings.max_document_pages)
        with (
            self._runtime.blobs.local_file(path) as file,
            reader.opened(file, document.media_type, limits, self._read + 1) as reading,
        ):
            document = self._opened(document, reading)
            self._take_pages(document, reading)

    def _opened(self, document: Document, reading: Reading) -> Document:
        with self._runtime.database.begin() as connection:
            document = documents.opened(
                connection, self._tenant, self._catalog_id, document,
                reading.title, reading.count, reading.notes,
            )  # fmt: skip
            self._tell_progress(connection, reading.count)
        return document

    def _take_pages(self, document: Document, reading: Reading) -> None:
        for pages in _grouped(reading.pages(), first=self._read == 0):
            self._runtime.hand_back_if_stopping(self._token, self._lease, self._task)
            if self._task.id in self._lease.canceled:
                break
            with tracing.span("expand", [self._task], {"sightline.pages": len(pages)}):
                lanes = self._commit(document, reading, pages)
            self._lease.progressed()
            for lane in lanes:
                self._runtime.nudger.nudge(lane)
        self._end(document, reading)

    def _commit(
        self, document: Document, reading: Reading, pages: list[Page | FailedPage]
    ) -> set[Lane]:
        items, failed = self._store(document, pages)
        self._read = pages[-1].number
        self._place += len(items) + len(failed)
        with self._runtime.database.begin() as connection:
            payload = {"pages": self._read, "place": self._place}
            queue.progress(connection, self._token, self._task, payload)
            for page in pages:
                ids = [e.fields.id or "" for e in items if e.page == page.number]
                documents.replace_page(
                    connection, self._tenant, self._catalog_id, document, page.number, ids
                )
            # Read again: the first embedded page fixes the catalog's vector spaces.
            catalog = catalogs.by_id(connection, self._tenant, self._catalog_id)
            tasks = failed + entries.put(connection, self._tenant, catalog, items)
            tasks.sort(key=lambda task: task.place)
            queue.enqueue(
                connection, self._tenant, self._task.job_id, PRIORITY[JobKind.DOCUMENT], tasks
            )
            self._tell_progress(connection, reading.count)
            failpoints.reach("documents.before_commit")
        return {task.lane for task in tasks if task.status == TaskStatus.QUEUED}

    def _store(
        self, document: Document, pages: list[Page | FailedPage]
    ) -> tuple[list[Entry], list[NewTask]]:
        """Put the pictures into the blob store; the items, and the tasks of pages that failed."""
        items: list[Entry] = []
        failed: list[NewTask] = []
        maker = Items(self._runtime, self._tenant, document)
        for page in pages:
            place = self._place + len(items) + len(failed)
            if isinstance(page, FailedPage):
                failed.append(_failed(document, page, place))
            else:
                items += maker.of_page(page, place)
        return items, failed

    def _tell_progress(self, connection: Connection, pages: int) -> None:
        told = {"pages": pages, "read": self._read}
        jobs.set_progress(connection, self._tenant, self._task.job_id, told)

    def _end(self, document: Document, reading: Reading) -> None:
        done = {"document_id": document.id, "title": document.title, "pages": reading.count,
                "notes": document.notes}  # fmt: skip
        with self._runtime.database.begin() as connection:
            jobs.set_result(connection, self._tenant, self._task.job_id, done)
            queue.finish(connection, self._token, [Outcome(self._task, TaskStatus.SUCCEEDED)])
            queue.end_expansion(connection, self._task)


class Items:
    """The items of a document's pages: the page or slide, its figures, its text chunks."""

    def __init__(self, runtime: Runtime, tenant: int, document: Document) -> None:
        self._blobs, self._tenant, self._document = runtime.blobs, tenant, document
        self._is_deck = document.media_type == PPTX

    def of_page(self, page: Page, place: int) -> list[Entry]:
        """In this order, numbered from `place`; a page without a picture has none of its own."""
        made = [self._slide(page, place) if self._is_deck else self._page(page, place)]
        for number, figure in enumerate(page.figures, 1):
            made.append(self._figure(page, figure, number, place + len(made)))
        for number, chunk in enumerate(page.chunks, 1):
            made.append(
                Entry(
                    place + len(made),
                    self._fields(page, f".t{number}"),
                    text=chunk.text,
                    kind=ItemKind.TEXT,
                    document_id=self._document.id,
                    page=page.number,
                    span=(chunk.start, chunk.end),
                )  # fmt: skip
            )
        return made

    def _page(self, page: Page, place: int) -> Entry:
        return self._pictured(place, page, page.image, self._fields(page), kind=ItemKind.PAGE,
                              note=" ".join(page.notes) or None)  # fmt: skip

    def _slide(self, page: Page, place: int) -> Entry:
        fields = self._fields(page, caption=page.title)
        return self._pictured(place, page, page.image, fields, kind=ItemKind.SLIDE,
                              text=page.text or None, note=" ".join(page.notes) or None)  # fmt: skip

    def _figure(self, page: Page, figure: Figure, number: int, place: int) -> Entry:
        fields = self._fields(page, f".f{number}", caption=figure.caption)
        return self._pictured(place, page, figure.image, fields, kind=ItemKind.FIGURE,
                              text=figure.around or None, box=_rounded(figure.box))  # fmt: skip

    def _pictured(
        self, place: int, page: Page, image: bytes | None, fields: ItemFields, *,
        kind: ItemKind, text: str | None = None, note: str | None = None,
        box: Box | None = None,
    ) -> Entry:  # fmt: skip
        return Entry(
            place, fields, self._blobs.put(self._tenant, image) if image else None,
            len(image or b""), sniff(image[:32]) or "" if image else "", text=text, kind=kind,
            document_id=self._document.id, page=page.number, box=box, note=note,
        )  # fmt: skip

    def _fields(self, page: Page, part: str = "", caption: str | None = None) -> ItemFields:
        document = self._document
        return ItemFields(
            id=page_id(document, page.number) + part,
            # Without the page's number: "fuse of 5 A" must not find every page 5.
            name=(document.title or document.id)[:1_000],
            caption=caption,
            category=document.category,
            tags=document.tags,
            attributes=document.attributes,
        )


def _rounded(box: Box) -> Box:
    """To a tenth of a point: more is noise."""
    left, top, right, bottom = (round(edge, 1) for edge in box)
    return left, top, right, bottom


def page_id(document: Document, number: int) -> str:
    """The id of the item that a page is; its figures and chunks add `.f1`, `.t1`."""
    return f"{document.id}.p{number}"


def _failed(document: Document, page: FailedPage, place: int) -> NewTask:
    return NewTask(
        Lane.INGEST,
        place=place,
        status=TaskStatus.FAILED,
        external_id=page_id(document, page.number),
        error=page.error.as_json(),
    )


def _grouped(pages: Iterator[Page | FailedPage], first: bool) -> Iterator[list[Page | FailedPage]]:
    """Some pages at a time; the very first alone, so that embedding starts at once."""
    group: list[Page | FailedPage] = []
    size, begun = 0, time.monotonic()
    for page in pages:
        group.append(page)
        size += _bytes_of(page)
        waited = time.monotonic() - begun
        full = len(group) == PAGES_A_COMMIT or size >= BYTES_A_COMMIT
        if first or full or waited >= SECONDS_A_COMMIT:
            yield group
            group, first = [], False
            size, begun = 0, time.monotonic()
    if group:
        yield group


def _bytes_of(page: Page | FailedPage) -> int:
    if isinstance(page, FailedPage):
        return 0
    return len(page.image or b"") + sum(len(figure.image) for figure in page.figures)
