"""Reads a document in child processes: a hang, a crash or a flood of memory costs one page."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from db.errors import BrokenDocument, BrokenPage
from db.vocabulary import PDF
from worker.ingest import messages, ocr
from worker.ingest.child import Child, Died
from worker.ingest.pages import Page
from worker.ingest.said import Opened, SaidFailed, SaidPage, as_opened

TRIES = 3
"""Deaths in a row at opening, before the document is given up."""
MAX_DEATHS = 20
"""Deaths over all pages; behind them no page is tried, so that a document cannot hold a worker."""
WORTH_BYTES = 64 * 1024
"""A smaller PDF is read by one child until it proves long: a start costs 0.1 s."""
GRACE_SECONDS = 5.0
"""The child ends itself in time; the parent waits this much longer."""


@dataclass(frozen=True)
class Limits:
    """What one document, and one page of it, may take."""

    max_pages: int = 300
    page_cpu_seconds: float = 5.0
    page_wall_seconds: float = 15.0
    memory_bytes: int = 1_000_000_000
    open_wall_seconds: float = 150.0
    """For a deck, which is drawn at opening; a PDF opens within a page's limits."""
    readers: int = 2
    """Children that share a long PDF; each may take `memory_bytes`."""


@dataclass(frozen=True)
class FailedPage:
    """A page that cannot be read, and why."""

    number: int
    error: BrokenPage


class Reading:
    """An opened document, whose pages come one by one."""

    def __init__(self, path: Path, media_type: str, limits: Limits, begin: int) -> None:
        self._path, self._media_type, self._limits, self._begin = path, media_type, limits, begin
        self._children: dict[int, Child] = {}
        self._starting: dict[int, Child] = {}
        if media_type == PDF and path.stat().st_size >= WORTH_BYTES:
            self._start_others(limits.readers)
        try:
            self._children[0], opened = self._open(begin)
        except BaseException:
            self.close()
            raise
        self.title, self.count, self.notes = opened.title, opened.count, opened.notes
        self._step = messages.step(media_type, self.count, begin, limits.readers)
        if self._step == 1:
            self._end(self._starting)
        self._start_others(self._step)

    def pages(self) -> Iterator[Page | FailedPage]:
        """Every page from the first one asked for, in order; each once."""
        deaths = 0
        for number in range(self._begin, self.count + 1):
            if deaths >= MAX_DEATHS:
                yield _failed(number, f"{MAX_DEATHS} pages before it could not be read either")
                continue
            try:
                yield self._page(number)
            except Died as death:
                deaths += 1
                yield _failed(number, death.reason)

    def close(self) -> None:
        """End the children."""
        self._end(self._children)
        self._end(self._starting)

    @staticmethod
    def _end(children: dict[int, Child]) -> None:
        while children:
            children.popitem()[1].end()

    def _page(self, number: int) -> Page | FailedPage:
        place = (number - self._begin) % self._step
        try:
            return self._received(self._ready(place, number), number)
        except Died:
            self._children.pop(place).end()
            raise

    def _ready(self, place: int, number: int) -> Child:
        """Return the child that reads these pages; a fresh one where it died."""
        if starting := self._starting.pop(place, None):
            self._children[place] = starting
            try:
                self._greeting(starting)
            except Died:
                self._children.pop(place).end()
        if place not in self._children:
            self._children[place], _ = self._open(number)
        return self._children[place]

    def _greeting(self, child: Child) -> Opened:
        header, _ = child.receive(self._limits.open_wall_seconds + GRACE_SECONDS)
        try:
            return as_opened(header)
        except ValueError as error:
            raise Died("its reader broke") from error

    def _received(self, child: Child, number: int) -> Page | FailedPage:
        wait = self._limits.page_wall_seconds + ocr.SECONDS + GRACE_SECONDS
        header, parts = child.receive(wait)
        try:
            if header.get("number") != number:
                raise ValueError("another page")
            if header.get("kind") == messages.FAILED:
                return FailedPage(number, BrokenPage(SaidFailed.model_validate(header).detail))
            return SaidPage.model_validate(header).page(parts)
        except ValueError as error:
            raise Died("its reader broke") from error

    def _start_others(self, readers: int) -> None:
        """Start the children beside the first; each greets when its first page is wanted."""
        for place in range(1, readers):
            if place not in self._starting:
                self._starting[place] = self._start(self._begin + place)

    def _start(self, first: int) -> Child:
        wanted = {
            **asdict(self._limits),
            "begin": self._begin,
            "first": first,
            "parent": os.getpid(),
        }
        return Child(self._path, self._media_type, wanted)

    def _open(self, first: int) -> tuple[Child, Opened]:
        """Start a child. Raises what the child says of the document, or BrokenDocument."""
        reason = ""
        for _ in range(TRIES):
            child = self._start(first)
            try:
                return child, self._greeting(child)
            except Died as death:
                child.end()
                reason = death.reason
                if death.is_final:
                    break
            except BaseException:
                child.end()
                raise
        raise BrokenDocument(f"The document cannot be opened: {reason}.")


@contextmanager
def opened(
    path: Path, media_type: str, limits: Limits = Limits(), first_page: int = 1
) -> Iterator[Reading]:
    """Yield the document, read from `first_page` on in a child that ends with the block.

    Raises DocumentEncrypted, BrokenDocument, DocumentTooLarge or UnsupportedDocument.
    """
    reading = Reading(path, media_type, limits, first_page)
    try:
        yield reading
    finally:
        reading.close()


def _failed(number: int, reason: str) -> FailedPage:
    return FailedPage(number, BrokenPage(f"Page {number} cannot be read: {reason}."))
