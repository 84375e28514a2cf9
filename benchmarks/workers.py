"""One, two, four and eight embed workers on one database: how near they come to so many times one."""

import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import text

from api import nudges
from benchmarks.report import Figure, at_least
from benchmarks.standin import MODEL, RATE
from db import catalogs, entries, jobs, queue
from db.blobs import BlobStore
from db.embedded import Postgres, Process, Redis
from db.embedded.stack import ROOT
from db.entries import Entry
from db.fields import ItemFields
from db.session import Database
from db.vocabulary import PRIORITY, JobKind, Lane
from migrations.__main__ import migrate

COUNTS = (1, 2, 4, 8)
SECONDS = 8
"""What a round takes in the ideal."""
CHUNK = 500


def run(quick: bool) -> list[Figure]:
    """Tiny pictures and a stand-in encoder: 178 pictures/s and worker in the ideal."""
    figures = []
    with stores() as (environment, database, blobs):
        for count in COUNTS[:2] if quick else COUNTS:
            items = round(count * RATE * (SECONDS / 4 if quick else SECONDS))
            with workers(environment, database, standins(count)):
                rate = items / _seconds(environment, database, blobs, items)
            ideal = count * RATE
            figures.append(Figure(f"{count} workers", rate, "pictures/s"))
            figures.append(at_least(f"{count} workers, of the ideal {ideal:.0f}/s",
                                    rate / ideal, 0.8))  # fmt: skip
    return figures


@contextmanager
def stores() -> Iterator[tuple[dict[str, str], Database, BlobStore]]:
    """The workers' environment, an empty database and a blob store, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as made:
        folder = Path(made)
        with Postgres(folder / "postgres") as postgres, Redis(folder / "redis") as redis:
            migrate(postgres.url)
            environment = {
                "SIGHTLINE_DATABASE_URL": postgres.url,
                "SIGHTLINE_REDIS_URL": redis.url,
                "SIGHTLINE_BLOB_URL": (folder / "blobs").as_uri(),
                "SIGHTLINE_IMAGE_MODEL": MODEL,
            }
            database = Database(postgres.url)
            yield environment, database, BlobStore(environment["SIGHTLINE_BLOB_URL"])
            database.close()


def standins(count: int) -> dict[str, list[str]]:
    """The commands of so many embed workers with the stand-in encoder, by name."""
    names = [f"embed{number}" for number in range(count)]
    return {name: [sys.executable, "-m", "benchmarks.standin", name] for name in names}


@contextmanager
def workers(
    environment: dict[str, str], database: Database, commands: Mapping[str, list[str]]
) -> Iterator[None]:
    """Processes by name, all of which have said that they live; the rows of former ones are gone."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        with database.begin() as connection:
            connection.execute(text("DELETE FROM workers"))
        for name, command in commands.items():
            process = Process(name, command, Path(folder), os.environ | environment, cwd=ROOT)
            process.start()
            stack.callback(process.stop)
        wait(database, "SELECT count(*) FROM workers", len(commands))
        yield


def _seconds(
    environment: dict[str, str], database: Database, blobs: BlobStore, items: int
) -> float:
    """From the commit of all tasks until the last has ended."""
    _submit(database, blobs, items)
    url = environment["SIGHTLINE_REDIS_URL"]
    began = time.perf_counter()
    nudges.make(url, nudges.connect(url)).nudge(Lane.EMBED)
    wait(database, "SELECT count(*) FROM jobs WHERE status = 'succeeded'", 1)
    return time.perf_counter() - began


def _submit(database: Database, blobs: BlobStore, items: int) -> None:
    """An import in one transaction, so that no worker begins before all waits."""
    pictures = [picture(number) for number in range(items)]
    with database.begin() as connection:
        connection.execute(text("DELETE FROM catalogs"))
        catalog, _ = catalogs.put(connection, 1, "many", description=None, image_model=MODEL,
                                  text_model="none")  # fmt: skip
        job = jobs.create(connection, 1, JobKind.IMPORT, catalog_id=catalog.id, expanded=False)
        for begin in range(0, items, CHUNK):
            some = [
                Entry(n, ItemFields(id=f"i{n}"), blobs.put(1, data), len(data), "image/png")
                for n, data in enumerate(pictures[begin : begin + CHUNK], begin)
            ]
            tasks = entries.put(connection, 1, catalog, some)
            queue.enqueue(connection, 1, job.id, PRIORITY[JobKind.IMPORT], tasks)
        connection.execute(text("UPDATE jobs SET expanded = true"))


def picture(seed: int) -> bytes:
    """A PNG of 16 x 16 pixels of noise."""
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(256, size=(16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def wait(database: Database, statement: str, count: int) -> None:
    """Poll until a count is reached; raises after five minutes."""
    until = time.monotonic() + 300
    while True:
        with database.begin() as connection:
            if connection.execute(text(statement)).scalar_one() >= count:
                return
        if time.monotonic() > until:
            raise RuntimeError(f"{statement}: not {count} within five minutes")
        time.sleep(0.05)
