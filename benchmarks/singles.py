"""Many jobs of one picture each, sent at once, against one import of as many pictures."""

import base64
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3

from benchmarks import pictures
from benchmarks.report import Figure, at_least
from benchmarks.server import Server, archive_of, server

CLIENTS = 8


def run(quick: bool) -> list[Figure]:
    """2,000 single-picture jobs from 8 connections, drawn pictures, demo model."""
    count = 200 if quick else 2000
    drawn = list(pictures.drawn(2 * count).items())
    with server() as running:
        bulk = count / running.import_zip("bulk", archive_of(dict(drawn[:count])))
        before = worked(running)
        sent, seconds = submit_all(running, [data for _, data in drawn[count:]])
        batches, items = (now - then for now, then in zip(worked(running), before, strict=True))
    return [
        Figure("import of as many", bulk, "pictures/s"),
        Figure("single jobs accepted", count / sent, "jobs/s"),
        Figure("single jobs done", count / seconds, "jobs/s"),
        at_least("mean batch", items / batches, 8, "pictures"),
        at_least("single jobs / import", count / seconds / bulk, 0.6),
    ]


def submit_all(running: Server, files: Sequence[bytes]) -> tuple[float, float]:
    """Send one job per picture; returns the seconds until all were accepted, and all were done."""
    running.http.put("/v1/catalogs/singles", json={}).raise_for_status()
    bodies = [
        {"items": [{"id": f"item-{n}", "image_base64": base64.b64encode(data).decode()}]}
        for n, data in enumerate(files)
    ]
    pool = urllib3.PoolManager(maxsize=CLIENTS)
    url = f"{running.stack.url}/v1/catalogs/singles/items"
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda body: pool.request("POST", url, json=body), bodies))
    sent = time.perf_counter() - began
    jobs: list[dict[str, Any]] = [answer.json() for answer in answers]
    while running.sql("SELECT 1 FROM sightline.jobs WHERE ended_at IS NULL LIMIT 1"):
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    for job in jobs:
        running.wait(job)
    return sent, seconds


def worked(running: Server) -> tuple[int, int]:
    """The batches and the tasks that the embed worker has done; it tells them every 5 s."""
    time.sleep(6)
    (row,) = running.sql(
        """SELECT (stats ->> 'batches')::int, (stats ->> 'items')::int
           FROM sightline.workers WHERE lane = 'embed'"""
    )
    return row[0], row[1]
