"""Searches accepted per second, and what a search by known words takes over HTTP."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import urllib3

from benchmarks import pictures
from benchmarks.report import Figure, at_least, at_most, percentile
from benchmarks.server import Server, archive_of, server
from benchmarks.singles import embed_worker_at_rest

CLIENTS = 8
MANY = 16
PATH = "/v1/catalogs/shop/searches"


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
    pool = urllib3.PoolManager(maxsize=CLIENTS)

    def send(number: int) -> int:
        body = {"text": f"red boot number {number}", "mode": "image"}
        return pool.request("POST", running.stack.url + PATH, json=body).status

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = list(clients.map(send, range(count)))
    seconds = time.perf_counter() - began
    if set(statuses) != {202}:
        raise RuntimeError(f"not all were accepted: {set(statuses)}")
    return seconds


def _known(running: Server) -> None:
    for words in ("red boot", "blue mug"):
        answer = running.http.post(PATH, json={"text": words}, headers={"Prefer": "wait=30"})
        running.wait(answer.raise_for_status().json())


def _timed(running: Server, clients: int, count: int) -> list[float]:
    """Milliseconds of each search."""
    pool = urllib3.PoolManager(maxsize=clients)
    words = itertools.cycle(("red boot", "blue mug"))

    def send(said: str) -> float:
        began = time.perf_counter()
        answer = pool.request("POST", running.stack.url + PATH, json={"text": said})
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {answer.data!r}")
        return (time.perf_counter() - began) * 1000

    with ThreadPoolExecutor(clients) as senders:
        return list(senders.map(send, itertools.islice(words, count)))
