"""Documents over HTTP, from upload to searchable, against pypdfium2 alone on the same files."""

import time
from pathlib import Path

from benchmarks import heavy_pdf
from benchmarks.report import Figure, at_least
from benchmarks.server import Server, python, server
from tests.unit import documents as made

RUNS = 3
POLL_SECONDS = 0.2
"""Who polls more often takes the cores that are measured."""


def run(quick: bool) -> list[Figure]:
    """A light manual of drawn pages and one heavy with photos; each run into an empty catalog."""
    pages = 40 if quick else 240
    figures = []
    with server() as running:
        light = made.manual(running.folder / "light.pdf", pages)
        heavy = heavy_pdf.write(running.folder / "heavy.pdf", pages // 4)
        for file, count in ((light, pages), (heavy, pages // 4)):
            figures += _compared(running, file, count, 1 if quick else RUNS)
    return figures


def _compared(running: Server, file: Path, pages: int, runs: int) -> list[Figure]:
    alone, ingest, reading = [], [], []
    for _ in range(runs):
        # With the catalog its vectors go, which would else be the cache of the next run.
        running.http.delete("/v1/catalogs/manuals")
        running.http.put("/v1/catalogs/manuals", json={}).raise_for_status()
        alone.append(python("benchmarks.pdf_alone", str(file))["pages_per_s"])
        seconds, read = _ingest(running, file)
        ingest.append(pages / seconds)
        reading.append(pages / read)
    again, _ = _ingest(running, file)
    name, floor, rate = file.stem, _middle(alone), _middle(ingest)
    return [
        Figure(f"{name}: pypdfium2 alone, text and drawing", floor, "pages/s"),
        Figure(f"{name}: upload to last page read", _middle(reading), "pages/s"),
        Figure(f"{name}: upload to searchable", rate, "pages/s"),
        at_least(f"{name}: searchable against pypdfium2 alone", rate / floor, 0.6),
        Figure(f"{name}: sent again, unchanged", pages / again, "pages/s"),
    ]


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _ingest(running: Server, file: Path) -> tuple[float, float]:
    """Seconds until all is searchable, and until all is read."""
    began = time.perf_counter()
    with file.open("rb") as stream:
        answer = running.http.post(
            "/v1/catalogs/manuals/documents", files={"file": (file.name, stream)},
            data={"id": file.stem},
        )  # fmt: skip
    job = answer.raise_for_status().json()
    while not running.http.get(job["urls"]["self"]).raise_for_status().json()["expanded"]:
        time.sleep(POLL_SECONDS)
    read = time.perf_counter() - began
    running.wait(job)
    return time.perf_counter() - began, read
