"""Searches accepted per second, and what a search by known words takes over HTTP."""

import itertools
import time

from benchmarks import pictures
from benchmarks.report import Figure, at_least, at_most, percentile
from benchmarks.sender import post
from benchmarks.server import Server, archive_of, server
from benchmarks.singles import embed_worker_at_rest

CLIENTS = 8
MANY = 16
PATH = "/v1/catalogs/shop/searches"
WORDS = ("red boot", "blue mug")


def run(quick: bool) -> list[Figure]:
    """New words with the embed worker at rest; then known words by one client, and by 16."""
    count = 300 if quick else 5_000
    with server() as running:
        running.import_zip("shop", archive_of(pictures.drawn(200 if quick else 2_000)))
        with embed_worker_at_rest(running):
            accepted = count / _submitted(running, count)
        _known(running)
        alone = _timed(running, 1, 50 if quick else 400)
        many = _timed(running, MANY, 200 if quick else 3_200)
    return [
        at_least("search jobs accepted", accepted, 1_000, "jobs/s"),
        at_most("search by known words, p50", percentile(alone, 50), 8, "ms"),
        Figure("search by known words, p95", percentile(alone, 95), "ms"),
        Figure("by 16 clients, p50", percentile(many, 50), "ms"),
        at_most("by 16 clients, p99", percentile(many, 99), 60, "ms"),
    ]


def _submitted(running: Server, count: int) -> float:
    """Seconds until so many searches by words that nobody asked before are accepted."""
    bodies = ({"text": f"red boot number {number}", "mode": "image"} for number in range(count))
    began = time.perf_counter()
    post(running.stack.port, PATH, bodies, CLIENTS, 202)
    return time.perf_counter() - began


def _known(running: Server) -> None:
    for words in WORDS:
        answer = running.http.post(PATH, json={"text": words}, headers={"Prefer": "wait=30"})
        running.wait(answer.raise_for_status().json())


def _timed(running: Server, clients: int, count: int) -> list[float]:
    """Milliseconds of each search by words that were asked before."""
    bodies = ({"text": words} for words in itertools.islice(itertools.cycle(WORDS), count))
    return post(running.stack.port, PATH, bodies, clients, 200)
