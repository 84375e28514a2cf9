"""Search by words over HTTP, one client, alone and beside an import, against encoding the words."""

import time
from itertools import count
from typing import Any

from benchmarks import pictures
from benchmarks.report import Figure, at_most, percentile
from benchmarks.server import Server, archive_of, python, server
from db.settings import DEMO_MODEL

ROUND_TRIP_MS = 20
NUMBERS = count()


def run(quick: bool) -> list[Figure]:
    """Distinct words each time, 2,000 drawn pictures, demo model, `Prefer: wait`."""
    size, times = (200, 50) if quick else (2000, 300)
    drawn = list(pictures.drawn(2 * size).items())
    first, second = archive_of(dict(drawn[:size])), archive_of(dict(drawn[size:]))
    with server() as running:
        path = running.folder / "pictures.zip"
        path.write_bytes(first)
        alone = python("benchmarks.alone", str(path), DEMO_MODEL)["text_ms"]
        running.import_zip("shop", first)
        quiet = [search(running) for _ in range(times)]
        known = [search(running, "the same words") for _ in range(times)][1:]
        busy = beside(running, running.submit_zip("other", second))
    return [
        Figure("encoding the words alone, p50", alone, "ms"),
        at_most("search by new words, p50", percentile(quiet, 50), alone + ROUND_TRIP_MS, "ms"),
        Figure("search by new words, p95", percentile(quiet, 95), "ms"),
        Figure("search by known words, p50", percentile(known, 50), "ms"),
        Figure("searches during the import", len(busy), ""),
        Figure("search during the import, p50", percentile(busy, 50), "ms"),
        at_most("search during the import, p95", percentile(busy, 95), 250, "ms"),
    ]


def search(running: Server, words: str | None = None) -> float:
    """Milliseconds from the request to the hits."""
    body = {"text": words or f"a red thing number {next(NUMBERS)}"}
    began = time.perf_counter()
    answer = running.http.post(
        "/v1/catalogs/shop/searches", json=body, headers={"Prefer": "wait=30"}
    )
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != 200 or len(answer.json()["result"]["hits"]) != 10:
        raise RuntimeError(answer.text)
    return took


def beside(running: Server, job: dict[str, Any]) -> list[float]:
    """Search for as long as the import runs."""
    took = []
    while running.sql("SELECT 1 FROM sightline.jobs WHERE id = %s AND ended_at IS NULL", job["id"]):
        took.append(search(running))
    running.wait(job)
    return took
