"""One and two ingest workers on one database, and two of them before two embed workers."""

import sys
import time
from pathlib import Path

from sqlalchemy import text

from api import nudges
from benchmarks.report import Figure, at_least
from benchmarks.server import archive_of
from benchmarks.standin import MODEL, RATE
from benchmarks.workers import picture, standins, stores, wait, workers
from db import catalogs, jobs
from db.blobs import BlobStore, upload_path
from db.queue import NewTask
from db.session import Database
from db.vocabulary import JobKind, Lane

JOBS, ITEMS = 4, 3_000
"""Imports that are expanded at the same time, and the pictures of each: they take over five seconds."""
EMBEDDING = 2


def run(quick: bool) -> list[Figure]:
    """Four ZIP imports of tiny pictures: manifests read, blobs named, items put, tasks queued."""
    items = ITEMS // 10 if quick else ITEMS
    total = JOBS * items
    with stores() as (environment, database, blobs):
        rates = {}
        for count in (1, 2):
            made = _uploaded(database, blobs, items, seed=count * total)
            with workers(environment, database, _commands(count)):
                rates[count] = total / _seconds(environment, database, made, "expanded")
        made = _uploaded(database, blobs, items // 4, seed=3 * total)
        with workers(environment, database, _commands(2) | standins(EMBEDDING)):
            both = total / 4 / _seconds(environment, database, made, "status = 'succeeded'")
    ideal = EMBEDDING * RATE
    return [
        Figure("1 ingest worker", rates[1], "pictures/s"),
        Figure("2 ingest workers", rates[2], "pictures/s"),
        Figure("2 ingest workers, of twice one", rates[2] / (2 * rates[1]), ""),
        Figure("2 ingest and 2 embed workers together", both, "pictures/s"),
        at_least(f"together, of the embed workers' ideal {ideal:.0f}/s", both / ideal, 0.8),
    ]


def _commands(count: int) -> dict[str, list[str]]:
    celery = [str(Path(sys.executable).with_name("celery")), "-A", "worker.app", "worker"]
    lane = ["-l", "WARNING", "-Q", "ingest", "-P", "prefork", "-c", "1", "-n"]
    return {f"ingest{n}": [*celery, *lane, f"ingest{n}@%h"] for n in range(count)}


def _uploaded(database: Database, blobs: BlobStore, items: int, seed: int) -> list[str]:
    """Store uploads as the API does, in a database without jobs; returns the ids of those to be."""
    with database.begin() as connection:
        connection.execute(text("DELETE FROM catalogs"))
    made = [jobs.new_id() for _ in range(JOBS)]
    for number, job_id in enumerate(made):
        first = seed + number * items
        files = {f"{n}.png": picture(n) for n in range(first, first + items)}
        blobs.put_stream(upload_path(1, job_id, "body"), [archive_of(files)])
    return made


def _seconds(environment: dict[str, str], database: Database, made: list[str], ended: str) -> float:
    """From the commit of all imports until they have come so far."""
    asked = {"format": "zip", "files": False}
    with database.begin() as connection:
        catalog, _ = catalogs.put(connection, 1, "many", description=None, image_model=MODEL,
                                  text_model="none")  # fmt: skip
        for job_id in made:
            jobs.create(connection, 1, JobKind.IMPORT, catalog_id=catalog.id,
                        request=asked | {"upload": job_id}, expanded=False, job_id=job_id,
                        tasks=[NewTask(Lane.INGEST, expands=True)])  # fmt: skip
    url = environment["SIGHTLINE_REDIS_URL"]
    began = time.perf_counter()
    nudges.make(url, nudges.connect(url)).nudge(Lane.INGEST)
    wait(database, f"SELECT count(*) FROM jobs WHERE {ended}", JOBS)
    return time.perf_counter() - began
