"""LibreOffice: what it is given, what comes out, what it must not reach, and how it ends."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pypdfium2
import pytest

from tests.unit import decks
from worker.ingest import office
from worker.ingest.deck_copy import write_drawable

needs_office = pytest.mark.skipif(not office.installed(), reason="LibreOffice is not installed")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def program(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in the place of LibreOffice."""
    folder.mkdir(exist_ok=True)
    fake = folder / "soffice"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def page_count(pdf: Path) -> int:
    with pypdfium2.PdfDocument(pdf) as document:
        return len(document)


@needs_office
def test_a_deck_becomes_a_pdf(tmp_path: Path, out: Path) -> None:
    pdf = office.to_pdf(decks.plain(tmp_path / "deck.pptx"), out)
    assert pdf == out / "deck.pdf"
    assert page_count(pdf) == 3
    assert list(out.iterdir()) == [pdf]


@needs_office
def test_hidden_slides_are_left_out_until_a_copy_shows_them(tmp_path: Path, out: Path) -> None:
    builder = decks.Builder()
    builder.slide("Shown")
    builder.hidden("Not shown")
    path = builder.save(tmp_path / "deck.pptx")
    hidden = office.to_pdf(path, out)
    assert hidden and page_count(hidden) == 1
    copy = tmp_path / "copy.pptx"
    write_drawable(builder.deck, [True, True], copy)
    shown = office.to_pdf(copy, out)
    assert shown and page_count(shown) == 2


@needs_office
@pytest.mark.parametrize("data", [b"words", b"PK\x03\x04 no deck", b"<html><body>words"])
def test_what_cannot_be_converted_gives_nothing(tmp_path: Path, out: Path, data: bytes) -> None:
    path = tmp_path / "deck.pptx"
    path.write_bytes(data)
    assert office.to_pdf(path, out) is None


def linked_deck(path: Path, port: int) -> Path:
    builder = decks.Builder()
    slide = builder.slide("Linked")
    shape = decks.put(slide.shapes, decks.picture(), 100, 100, 200, 200)
    decks.link(slide.part, shape, f"http://127.0.0.1:{port}/picture.png")
    return builder.save(path)


@needs_office
@pytest.mark.parametrize("missing", ["nothing", "namespace", "settings", "proxy"])
def test_a_linked_picture_is_never_fetched(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Each of the guards is enough where the network can be taken away or not."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    if missing != "nothing":
        monkeypatch.setattr(office, "_without_network", lambda: ())
    if missing == "settings":
        monkeypatch.setattr(office, "SETTINGS", ())
    if missing == "proxy":
        monkeypatch.setattr(office, "_environment", lambda _: plain)
    with decks.listening() as (port, heard):
        assert office.to_pdf(linked_deck(tmp_path / "deck.pptx", port), out)
    assert heard == []


@needs_office
def test_without_any_guard_a_linked_picture_is_fetched(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the test before can fail."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    monkeypatch.setattr(office, "_without_network", lambda: ())
    monkeypatch.setattr(office, "SETTINGS", ())
    monkeypatch.setattr(office, "_environment", lambda _: plain)
    with decks.listening() as (port, heard):
        office.to_pdf(linked_deck(tmp_path / "deck.pptx", port), out)
    assert heard


@needs_office
def test_it_works_below_the_memory_limit_of_its_caller(tmp_path: Path, out: Path) -> None:
    """The process that reads documents may have 1.5 GB; what it starts gets what is allowed."""
    path = decks.plain(tmp_path / "deck.pptx")
    code = (
        "import resource, sys; from pathlib import Path; from worker.ingest import office; "
        "resource.setrlimit(resource.RLIMIT_AS, (3 * 2**29, 4 * 2**30)); "
        "sys.exit(office.to_pdf(Path(sys.argv[1]), Path(sys.argv[2])) is None)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), str(out)], check=False)
    assert done.returncode == 0
    assert page_count(out / "deck.pdf") == 3


def test_a_program_that_hangs_is_killed_with_all_it_started(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    program(tmp_path / "bin", f"sleep 60 & echo $! $$ > {pids}; wait", monkeypatch)
    started = time.monotonic()
    assert office.to_pdf(tmp_path / "deck.pptx", out, seconds=1) is None
    assert time.monotonic() - started < 10
    assert _are_gone(pids)


def test_what_a_program_leaves_behind_is_killed(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    program(tmp_path / "bin", f"sleep 60 & echo $! > {pids}", monkeypatch)
    assert office.to_pdf(tmp_path / "deck.pptx", out, seconds=20) is None
    assert _are_gone(pids)


def test_it_ends_also_when_its_caller_was_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    fake = tmp_path / "bin"
    with pytest.MonkeyPatch.context() as patch:
        program(fake, f"sleep 60 & echo $! $$ > {pids}; wait", patch)
        patch.setenv("TMPDIR", str(tmp_path))
        code = (
            "from pathlib import Path; from worker.ingest import office; "
            f"office.to_pdf(Path('deck.pptx'), Path({str(tmp_path)!r}), 1)"
        )
        caller = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 20
    while not (pids.exists() and pids.read_text().strip()):
        assert time.monotonic() < end
        time.sleep(0.02)
    caller.kill()
    caller.wait()
    assert _are_gone(pids)


def _are_gone(pids: Path) -> bool:
    """Whether the processes end within ten seconds; a zombie has ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not any(_runs(int(pid)) for pid in pids.read_text().split()):
            return True
        time.sleep(0.05)
    return False


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_good_exit_without_a_file_is_a_failure(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "exit 0", monkeypatch)
    assert office.to_pdf(tmp_path / "deck.pptx", out) is None


def test_secrets_of_the_worker_do_not_go_along(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    monkeypatch.setenv("SIGHTLINE_DATABASE_URL", "postgresql://user:password@host/")
    program(
        tmp_path / "bin", f"env > {told}; ulimit -v >> {told}; ulimit -c >> {told}", monkeypatch
    )
    office.to_pdf(tmp_path / "deck.pptx", out)
    lines = told.read_text().splitlines()
    assert not any("password" in line for line in lines)
    assert f"http_proxy={office.NOWHERE}" in lines
    assert lines[-2:] == [str(office.MAX_MEMORY // 1024), "0"]


def test_without_the_program_nothing_is_made(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert not office.installed()
    assert office.to_pdf(tmp_path / "deck.pptx", out) is None
