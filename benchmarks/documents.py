"""Documents over HTTP, from upload to searchable, against pypdfium2 alone on the same files."""

import time
from pathlib import Path

from benchmarks.report import Figure, at_least
from benchmarks.server import Server, python, server
from tests.unit import documents as made
from worker.demo_model import sample_manual

RUNS = 3


def run(quick: bool) -> list[Figure]:
    """Manuals of prose, drawings, photos and tables; demo model; each run into an empty catalog."""
    pages = 40 if quick else 250
    with server() as running:
        files = [made.manual(running.folder / "manual.pdf", pages), running.folder / "sample.pdf"]
        sample_manual.write(files[1])
        total, alone, ingest, reading = 0, [], [], []
        for _ in range(1 if quick else RUNS):
            # With the catalog its vectors go, which would else be the cache of the next run.
            running.http.delete("/v1/catalogs/manuals")
            running.http.put("/v1/catalogs/manuals", json={}).raise_for_status()
            floor = python("benchmarks.pdf_alone", *map(str, files))
            total = floor["pages"]
            alone.append(floor["pages_per_s"])
            seconds, read = _ingest(running, files)
            ingest.append(total / seconds)
            reading.append(total / read)
        again, _ = _ingest(running, files)
    floor_rate, rate = _middle(alone), _middle(ingest)
    return [
        Figure("pages in all", total, ""),
        Figure("pypdfium2 alone: text and drawing", floor_rate, "pages/s"),
        Figure("upload to last page read", _middle(reading), "pages/s"),
        Figure("upload to searchable", rate, "pages/s"),
        at_least("upload to searchable against pypdfium2 alone", rate / floor_rate, 0.6),
        Figure("the same files again", total / again, "pages/s"),
    ]


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _ingest(running: Server, files: list[Path]) -> tuple[float, float]:
    """Seconds until all is searchable, and until all is read."""
    began = time.perf_counter()
    jobs = []
    for file in files:
        with file.open("rb") as stream:
            answer = running.http.post(
                "/v1/catalogs/manuals/documents",
                files={"file": (file.name, stream)}, data={"id": file.stem},
            )  # fmt: skip
        jobs.append(answer.raise_for_status().json())
    read = 0.0
    for job in jobs:
        while not running.http.get(job["urls"]["self"]).raise_for_status().json()["expanded"]:
            time.sleep(0.02)
        read = time.perf_counter() - began
        running.wait(job)
    return time.perf_counter() - began, read
