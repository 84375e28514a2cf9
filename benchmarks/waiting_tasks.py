"""A queue of 1,000,000 tasks: how fast it fills, and how long a claim from it takes."""

import time

from sqlalchemy import text

from benchmarks.full_text import postgres
from benchmarks.report import Figure, at_least, at_most, percentile
from db import jobs, queue
from db.queue import NewTask, Outcome
from db.session import Database
from db.vocabulary import PRIORITY, JobKind, Lane, TaskStatus

MODEL = "made-up"
CHUNK = 1_000
CLAIM = 32


def run(quick: bool) -> list[Figure]:
    """One bulk job fills the queue chunk by chunk; then batches of 32 are claimed and ended."""
    size, claims = (50_000, 50) if quick else (1_000_000, 400)
    with postgres() as database:
        filled = size / _fill(database, size)
        _second_job(database)
        claimed, ended = _drain(database, claims)
    return [
        at_least("tasks queued by one bulk job", filled, 50_000, "rows/s"),
        Figure(f"claim of {CLAIM} with {size:,} queued, p50", percentile(claimed, 50), "ms"),
        at_most(f"claim of {CLAIM} with {size:,} queued, p99", percentile(claimed, 99), 5, "ms"),
        Figure(f"ending {CLAIM}, p50", percentile(ended, 50), "ms"),
        Figure("claimed and ended", CLAIM * claims / (sum(claimed) + sum(ended)) * 1000, "tasks/s"),
    ]


def _fill(database: Database, size: int) -> float:
    """Seconds that the chunks take, each in a transaction of its own, as an import's are."""
    with database.begin() as connection:
        job = jobs.create(connection, 1, JobKind.IMPORT, expanded=False)
    seconds = 0.0
    for begin in range(0, size, CHUNK):
        tasks = [
            NewTask(Lane.EMBED, place=n, model=MODEL, external_id=f"sku-{n}",
                    payload={"sha256": f"{n:064x}"})
            for n in range(begin, begin + CHUNK)
        ]  # fmt: skip
        began = time.perf_counter()
        with database.begin() as connection:
            queue.enqueue(connection, 1, job.id, PRIORITY[JobKind.IMPORT], tasks)
        seconds += time.perf_counter() - began
    return seconds


def _second_job(database: Database) -> None:
    """What others ask for meanwhile: it takes turns with the bulk job."""
    tasks = [NewTask(Lane.EMBED, place=n, model=MODEL) for n in range(100)]
    with database.begin() as connection:
        jobs.create(connection, 1, JobKind.IMPORT, tasks=tasks)
        connection.execute(text("SELECT 1"))


def _drain(database: Database, claims: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each claim, and of ending what it took."""
    claimed, ended = [], []
    for _ in range(claims):
        began = time.perf_counter()
        with database.begin() as connection:
            claim = queue.claim(connection, Lane.EMBED, "bench", CLAIM, 60, [MODEL])
        middle = time.perf_counter()
        with database.begin() as connection:
            done = [Outcome(task, TaskStatus.SUCCEEDED) for task in claim.tasks]
            queue.finish(connection, claim.token, done)
        claimed.append((middle - began) * 1000)
        ended.append((time.perf_counter() - middle) * 1000)
    return claimed, ended
