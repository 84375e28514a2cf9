"""Reading in a child process: what a hostile document costs, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from db.errors import (
    BrokenDocument,
    DocumentEncrypted,
    DocumentTooLarge,
    SightlineError,
    UnsupportedDocument,
)
from db.vocabulary import PDF, PPTX
from tests.unit import decks, documents
from worker.ingest import messages, reader
from worker.ingest.child import Child
from worker.ingest.pages import Page
from worker.ingest.pdf import PdfFile
from worker.ingest.reader import FailedPage, Limits
from worker.ingest.said import SaidPage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return documents.manual(tmp_path / "book.pdf", pages=16)


def good_bytes(folder: Path) -> bytes:
    return documents.pdf(folder / "good.pdf", documents.words).read_bytes()


def children() -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return [one for one in found if "worker.ingest.reading" in " ".join(one.cmdline())]


def gone(pid: int, seconds: float = 5) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_what_arrives_is_what_was_read(book: Path) -> None:
    with PdfFile.open(book) as source:
        here = [source.page(number) for number in range(1, source.count + 1)]
    with reader.opened(book, PDF) as reading:
        assert (reading.title, reading.count, reading.notes) == (None, 16, ())
        assert list(reading.pages()) == here
    assert len(here[0].figures) == 1


def test_reading_goes_on_at_any_page(book: Path) -> None:
    for first in (2, 4, 16):
        with reader.opened(book, PDF, first_page=first) as reading:
            assert [page.number for page in reading.pages()] == list(range(first, 17))
    with reader.opened(book, PDF, first_page=17) as reading:
        assert list(reading.pages()) == []


@pytest.mark.parametrize("readers", [1, 2, 3])
def test_any_number_of_children_gives_every_page_once(tmp_path: Path, readers: int) -> None:
    # So long that no child has read its share, and ended, before they are counted.
    book = documents.manual(tmp_path / "long.pdf", pages=60)
    with reader.opened(book, PDF, Limits(readers=readers)) as reading:
        pages = reading.pages()
        first = next(pages)
        assert len(children()) == readers
        assert [first.number, *(page.number for page in pages)] == list(range(1, 61))


@pytest.mark.parametrize(
    ("write", "media_type", "limits", "error"),
    [
        (documents.locked, PDF, Limits(), DocumentEncrypted),
        (documents.manual, PDF, Limits(max_pages=3), DocumentTooLarge),
        (decks.plain, PPTX, Limits(max_pages=2), DocumentTooLarge),
        (lambda path: path.write_bytes(b"%PDF-1.7 and no more"), PDF, Limits(), BrokenDocument),
        (lambda path: path.write_bytes(b""), PDF, Limits(), BrokenDocument),
        (documents.manual, "text/plain", Limits(), UnsupportedDocument),
    ],
)
def test_what_is_wrong_with_a_document_arrives_as_its_error(
    write: documents.Write, media_type: str, limits: Limits,
    error: type[SightlineError], tmp_path: Path,
) -> None:  # fmt: skip
    file = tmp_path / "secret-name.pdf"
    write(file)
    with pytest.raises(error) as caught, reader.opened(file, media_type, limits):
        pass
    assert "secret-name" not in caught.value.detail
    assert children() == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(page_cpu_seconds=1, page_wall_seconds=60), "computing time"),
        (Limits(page_cpu_seconds=60, page_wall_seconds=1.5), "too long"),
    ],
)
def test_a_page_without_end_fails_alone(limits: Limits, words: str, tmp_path: Path) -> None:
    good = good_bytes(tmp_path)
    file = documents.bound(tmp_path / "book.pdf", good, documents.endless(), good)
    began = time.monotonic()
    with reader.opened(file, PDF, limits) as reading:
        before, bad, after = reading.pages()
    assert isinstance(before, Page) and isinstance(after, Page)
    assert isinstance(bad, FailedPage) and bad.number == 2
    assert bad.error.code == "broken_page" and words in bad.error.detail
    assert time.monotonic() - began < 20


def test_tesseract_has_more_time_than_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\nsleep 2\necho read at last\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    stroke = documents.by_hand(b"0 0 m 9 9 l S")
    file = documents.bound(tmp_path / "book.pdf", stroke, stroke)
    with reader.opened(file, PDF, Limits(page_wall_seconds=1)) as reading:
        assert [getattr(page, "text", None) for page in reading.pages()] == ["read at last"] * 2


def test_a_flood_of_memory_fails_alone(tmp_path: Path) -> None:
    good = good_bytes(tmp_path)
    file = documents.bound(tmp_path / "book.pdf", good, documents.flood(), good)
    limits = Limits(memory_bytes=400_000_000, page_cpu_seconds=60, page_wall_seconds=60)
    with reader.opened(file, PDF, limits) as reading:
        before, bad, after = reading.pages()
    assert isinstance(before, Page) and isinstance(after, Page)
    assert isinstance(bad, FailedPage) and bad.number == 2


def test_a_child_that_dies_while_it_starts_costs_no_page(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = []

    class Weak(Child):
        def __init__(self, path: Path, media_type: str, wanted: dict[str, Any]) -> None:
            super().__init__(path, media_type, wanted)
            if wanted["first"] == 2 and not killed:
                killed.append(self._process.pid)
                self._process.kill()

    monkeypatch.setattr(reader, "Child", Weak)
    with reader.opened(book, PDF, Limits(readers=2)) as reading:
        assert all(isinstance(page, Page) for page in reading.pages())
    assert len(killed) == 1


def test_a_short_document_keeps_one_child(tmp_path: Path) -> None:
    file = documents.manual(tmp_path / "short.pdf", pages=5)
    assert file.stat().st_size > reader.WORTH_BYTES
    with reader.opened(file, PDF) as reading:
        assert len(children()) == 1
        assert len(list(reading.pages())) == 5


def test_a_killed_child_costs_at_most_the_page_it_was_at(book: Path) -> None:
    with reader.opened(book, PDF, Limits(readers=1)) as reading:
        pages = reading.pages()
        found = [next(pages)]
        (child,) = children()
        child.kill()
        found += pages
    assert [page.number for page in found] == list(range(1, 17))
    failed = [page for page in found if isinstance(page, FailedPage)]
    assert len(failed) <= 1
    assert all("crashed" in page.error.detail for page in failed)


def test_a_document_that_kills_every_child_is_given_up(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_DEATHS", 2)
    file = documents.bound(book.with_name("bad.pdf"), *[documents.endless()] * 5)
    with reader.opened(file, PDF, Limits(page_cpu_seconds=60, page_wall_seconds=0.3)) as reading:
        details = [page.error.detail for page in reading.pages() if isinstance(page, FailedPage)]
    assert ["too long" in detail for detail in details] == [True, True, False, False, False]
    assert "2 pages before it" in details[-1]


def test_children_that_die_at_opening_end_after_three_tries(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Dying(Child):
        def __init__(self, path: Path, media_type: str, wanted: dict[str, Any]) -> None:
            super().__init__(path, media_type, wanted)
            started.append(self._process.pid)
            self._process.kill()

    monkeypatch.setattr(reader, "Child", Dying)
    with pytest.raises(BrokenDocument, match="crashed"), reader.opened(book, PDF):
        pass
    assert len(started) == 3 + 1  # the second child is started beside the first
    assert all(gone(pid) for pid in started)


def test_leaving_early_ends_the_children(book: Path) -> None:
    with reader.opened(book, PDF) as reading:
        next(reading.pages())
        pids = [child.pid for child in children()]
        assert len(pids) == 2
    assert all(gone(pid, 0.5) for pid in pids)


def test_the_child_ends_with_its_parent(book: Path) -> None:
    code = (
        "import sys, pathlib, psutil\n"
        "from worker.ingest import reader\n"
        f"with reader.opened(pathlib.Path(sys.argv[1]), {PDF!r}) as reading:\n"
        "    print(psutil.Process().children()[0].pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(book)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid, 0.1)
        os.kill(parent.pid, signal.SIGKILL)
    assert gone(pid)


def test_the_child_runs_ahead_but_not_far(book: Path) -> None:
    with reader.opened(book, PDF, Limits(readers=1)) as reading:
        pages = reading.pages()
        next(pages)
        time.sleep(1.5)
        (child,) = children()
        assert child.status() == psutil.STATUS_SLEEPING
        child.kill()
        found = list(pages)
    ahead = [before for before, after in pairwise(found) if isinstance(after, FailedPage)]
    assert 2 <= ahead[0].number <= 14


def test_the_child_gets_limits_and_no_secrets(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_DATABASE_URL", "postgresql://user:word@host/db")
    with reader.opened(book, PDF, Limits(memory_bytes=700_000_000)) as reading:
        next(reading.pages())
        child = children()[0]
        assert child.rlimit(psutil.RLIMIT_AS)[0] == 700_000_000
        assert child.rlimit(psutil.RLIMIT_CORE)[0] == 0
        assert not [name for name in child.environ() if name.startswith("SIGHTLINE")]


PAGE = {"kind": "page", "number": 1, "text": "words", "spans": [[0, 5]], "image": 3, "figures": [],
        "title": None, "notes": []}  # fmt: skip


def test_a_page_is_cut_from_its_message() -> None:
    page = SaidPage.model_validate(json.loads(json.dumps(PAGE))).page(memoryview(b"abc"))
    assert (page.image, page.chunks[0].text) == (b"abc", "words")


@pytest.mark.parametrize(
    ("field", "value"),
    [("text", "a\0b"), ("text", "\ud800"), ("image", 4), ("image", -1), ("spans", [[-1, 2]]), ("spans", [[0, 6]]),
     ("number", "one"), ("more", 1), ("notes", ["\0"]), ("title", 7)],
)  # fmt: skip
def test_what_a_child_says_wrongly_is_refused(field: str, value: object) -> None:
    header = json.loads(json.dumps(PAGE | {field: value}))
    with pytest.raises(ValueError):
        SaidPage.model_validate(header).page(memoryview(b"abc"))


def test_a_message_is_a_header_and_its_parts() -> None:
    out = BytesIO()
    messages.send(out, {"kind": "failed"}, b"ab", b"c")
    head, parts = messages.LENGTHS.unpack(out.getvalue()[:8])
    assert json.loads(out.getvalue()[8 : 8 + head]) == {"kind": "failed"}
    assert (parts, out.getvalue()[8 + head :]) == (3, b"abc")


def test_the_child_loads_quickly_and_little() -> None:
    code = (
        "import sys, worker.ingest.reading, worker.ingest.pdf\n"
        "print(sorted({'torch', 'sqlalchemy', 'celery', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_pictures_of_read_pages_decode(book: Path) -> None:
    with reader.opened(book, PDF) as reading:
        page = next(reading.pages())
    assert isinstance(page, Page) and page.image is not None
    with Image.open(BytesIO(page.image)) as image:
        image.load()
        assert (image.format, image.height) == ("JPEG", 1568)
