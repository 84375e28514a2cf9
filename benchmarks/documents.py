"""Documents over HTTP against pypdfium2 alone on the same files.

Ingest alone is until the last page is stored, with the embed worker held: as where a GPU embeds.
Until all is searchable, the embed worker takes its share of the same cores.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import heavy_pdf
from benchmarks.report import Figure, at_least
from benchmarks.server import Server, python, server
from tests.unit import documents as made

RUNS = 3
POLL_SECONDS = 0.05
"""Who polls more often takes the cores that are measured."""


def run(quick: bool) -> list[Figure]:
    """A light manual of drawn pages and one heavy with photos; each run into an empty catalog."""
    pages = 40 if quick else 240
    figures = []
    with server() as running:
        light = made.manual(running.folder / "light.pdf", pages)
        heavy = heavy_pdf.write(running.folder / "heavy.pdf", pages // 8)
        for file, count in ((light, pages), (heavy, pages // 8)):
            figures += _compared(running, file, count, 1 if quick else RUNS)
    return figures


def _compared(running: Server, file: Path, pages: int, runs: int) -> list[Figure]:
    alone, stored, searchable = [], [], []
    for _ in range(runs):
        alone.append(python("benchmarks.pdf_alone", str(file))["pages_per_s"])
        _empty(running)
        with _held(running.stack.processes["embed"]):
            stored.append(pages / _until_stored(running, file))
        _empty(running)
        searchable.append(pages / _until_searchable(running, file))
    again = _until_searchable(running, file)
    name, floor = file.stem, _middle(alone)
    return [
        Figure(f"{name}: pypdfium2 alone, text and drawing", floor, "pages/s"),
        Figure(f"{name}: upload to last page stored", _middle(stored), "pages/s"),
        at_least(f"{name}: stored against pypdfium2 alone", _middle(stored) / floor, 0.6),
        Figure(f"{name}: upload to searchable", _middle(searchable), "pages/s"),
        Figure(f"{name}: searchable against pypdfium2 alone", _middle(searchable) / floor, ""),
        Figure(f"{name}: sent again, unchanged", pages / again, "pages/s"),
    ]


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _empty(running: Server) -> None:
    """With a catalog its vectors go, which would else be the cache of the next run."""
    running.http.delete("/v1/catalogs/manuals")
    running.http.put("/v1/catalogs/manuals", json={}).raise_for_status()


@contextmanager
def _held(pid: int | None) -> Iterator[None]:
    """Stop a process for the while."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _sent(running: Server, file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        answer = running.http.post(
            "/v1/catalogs/manuals/documents", files={"file": (file.name, stream)},
            data={"id": file.stem},
        )  # fmt: skip
    return dict(answer.raise_for_status().json())


def _until_stored(running: Server, file: Path) -> float:
    """Seconds until the last page is read and its items are in the database."""
    began = time.perf_counter()
    job = _sent(running, file)
    while not running.http.get(job["urls"]["self"]).raise_for_status().json()["expanded"]:
        time.sleep(POLL_SECONDS)
    return time.perf_counter() - began


def _until_searchable(running: Server, file: Path) -> float:
    """Seconds until every picture is embedded as well."""
    began = time.perf_counter()
    running.wait(_sent(running, file))
    return time.perf_counter() - began
