"""Many jobs of one picture each, all waiting at once, against one import of as many pictures."""

import base64
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks import pictures
from benchmarks.report import Figure, at_least
from benchmarks.sender import post
from benchmarks.server import Server, archive_of, server

CLIENTS = 8


def run(quick: bool) -> list[Figure]:
    """2,000 single-picture jobs over 8 connections, drawn pictures, demo model."""
    count = 200 if quick else 2000
    drawn = list(pictures.drawn(3 * count).items())
    with server() as running:
        bulk = count / running.import_zip("bulk", archive_of(dict(drawn[:count])))
        before = worked(running)
        with embed_worker_at_rest(running):
            accepted = count / submit_all(running, [data for _, data in drawn[count : 2 * count]])
        queued = count / seconds_until_done(running)
        batches, items = (now - then for now, then in zip(worked(running), before, strict=True))
        began = time.perf_counter()
        submit_all(running, [data for _, data in drawn[2 * count :]])
        seconds_until_done(running)
        whole = count / (time.perf_counter() - began)
    return [
        Figure("import of as many", bulk, "pictures/s"),
        Figure("single jobs accepted, embed worker at rest", accepted, "jobs/s"),
        Figure("single jobs done, once all were waiting", queued, "jobs/s"),
        at_least("mean batch", items / batches, 8, "pictures"),
        at_least("done once waiting / import", queued / bulk, 0.6),
        Figure("accepted and done at the same time", whole, "jobs/s"),
    ]


def submit_all(running: Server, files: Sequence[bytes]) -> float:
    """Send one job per picture; returns the seconds until all were accepted."""
    running.http.put("/v1/catalogs/singles", json={}).raise_for_status()
    bodies = [{"image_base64": base64.b64encode(data).decode()} for data in files]
    began = time.perf_counter()
    post(running.stack.port, "/v1/catalogs/singles/items", bodies, CLIENTS, 200, 202)
    return time.perf_counter() - began


def seconds_until_done(running: Server) -> float:
    """Wait until no job is left; raises when one of them failed."""
    began = time.perf_counter()
    while running.sql("SELECT 1 FROM sightline.jobs WHERE ended_at IS NULL LIMIT 1"):
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    if failed := running.sql("SELECT id FROM sightline.jobs WHERE status <> 'succeeded'"):
        raise RuntimeError(f"{len(failed)} jobs failed, {failed[0][0]} among them")
    return seconds


@contextmanager
def embed_worker_at_rest(running: Server) -> Iterator[None]:
    """Hold the embed worker, so that work piles up."""
    worker = running.stack.processes["embed"]
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def worked(running: Server) -> tuple[int, int]:
    """The batches and the tasks that the embed worker has done; it tells them every 5 s."""
    time.sleep(6)
    (row,) = running.sql(
        """SELECT (stats ->> 'batches')::int, (stats ->> 'items')::int
           FROM sightline.workers WHERE lane = 'embed'"""
    )
    return row[0], row[1]
