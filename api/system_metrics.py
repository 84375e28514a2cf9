"""Metrics of the whole system: the queue, the jobs, the workers' own counts, the stores."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from api.watching import statistics_of
from db.statistics import CLAIM_SIZES, Indexes, Statistics, WorkerSeen
from db.vocabulary import Lane

COUNTS = {
    "tasks": "Tasks by how they ended in this worker: a status, `retried` (queued again for a later"
    " attempt), or `left` (its lease was lost or Postgres was away). Ingest counts claims only.",
    "claimed": "Tasks that this worker leased.",
    "claimed_again": "Tasks that it leased for their second or third attempt.",
    "batches": "Batches that went through the model.",
    "items": "Tasks in those batches.",
    "encoded": "Inputs that the model encoded: the others were cached or failed.",
    "leases_lost": "Writes refused because the lease had gone to another worker: it was away too"
    " long. Nothing was written twice.",
}
"""Counts that workers publish, by name, with what they mean."""
SECONDS = (
    "Seconds spent in a stage: claim (leasing tasks), decode (the device waiting for decoded"
    " pictures), encode (the model), store (writing vectors), search (SQL), provider (paid calls)."
)
REAPED = "Leases that ran out and were handed out again, by the task's lane: its worker died."
CALLS = "Calls to providers by outcome: `answered`, or the code of the error."
TOKENS = "Tokens that providers bill, by kind; failed calls that they billed are in it."
SIZES = "Tasks leased at once: near 1 under light load, near the batch size under heavy load."


class SystemCollector(Collector):
    """Reads the database when it is scraped; only `sightline_database_up` while that is away."""

    def __init__(self, database_url: str, blobs: Path | None) -> None:
        self._statistics = statistics_of(database_url)
        self._blobs = blobs

    def describe(self) -> list[Metric]:
        """Nothing is read at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything as of now, or of a second ago."""
        found = self._statistics()
        yield _gauge("database_up", "1 while Postgres answers and may be read.", found is not None)
        with suppress(OSError):
            if self._blobs is not None:
                free = shutil.disk_usage(self._blobs).free
                yield _gauge("blobs_free_bytes", "Free bytes where blobs lie (local only).", free)
        if found is not None:
            yield from _of_queue(found)
            yield from _of_jobs(found)
            yield from _of_workers(found.workers)
            yield from _of_indexes(found.indexes)


def _of_queue(found: Statistics) -> Iterator[Metric]:
    yield _by("tasks_queued", "Tasks that wait, those for a later attempt among them; exact up to"
              " 100,000, an estimate above.", "lane", found.queued)  # fmt: skip
    yield _by("tasks_running", "Tasks that a worker holds.", "lane", found.running)
    yield _by("oldest_task_seconds", "How long the oldest task that could run has waited; 0 where"
              " none waits. In a long import it is hours, and that is well: see"
              " sightline_worker_claimed_total too.", "lane", found.oldest_due)  # fmt: skip
    yield _gauge("leases_expired", "Leases that ran out and were not handed out again yet. Upkeep"
                 " does that every 10 s: it should be near 0.", found.leases_expired)  # fmt: skip
    yield _gauge("database_bytes", "Size of the database on its disk.", found.database_bytes)
    yield _gauge("oldest_transaction_seconds", "Age of the oldest transaction: while it lives,"
                 " vacuum removes nothing newer, and claims slow down.",
                 found.oldest_transaction)  # fmt: skip


def _of_jobs(found: Statistics) -> Iterator[Metric]:
    yield _by("jobs_unended", "Jobs that have not ended; 100,000 at most are counted.",
              "kind", found.unended_jobs)  # fmt: skip
    yield _by("oldest_job_seconds", "Age of the oldest job that has not ended.",
              "kind", found.oldest_job)  # fmt: skip
    yield _by("jobs_ended_last_hour", "Jobs that ended in the last hour; 100,000 at most are"
              " counted.", "status", found.ended_jobs)  # fmt: skip


def _of_workers(workers: list[WorkerSeen]) -> Iterator[Metric]:
    living = {str(lane): 0 for lane in Lane}
    for worker in workers:
        living[worker.lane] = living.get(worker.lane, 0) + worker.lives
    yield _by("workers", "Worker processes that live: seen in the last 15 s.", "lane", living)
    for name, words in COUNTS.items():
        labels = ["outcome"] if name == "tasks" else []
        yield _counter(f"worker_{name}", words, labels, name, workers)
    yield _counter("worker_stage_seconds", SECONDS, ["stage"], "seconds", workers)
    yield _counter("leases_reaped", REAPED, ["task_lane"], "leases_reaped", workers)
    yield _counter("provider_calls", CALLS, ["provider", "outcome"], "provider_calls", workers)
    yield _counter("provider_tokens", TOKENS, ["provider", "kind"], "provider_tokens", workers)
    yield _claim_sizes(workers)


def _of_indexes(found: Indexes) -> Iterator[Metric]:
    yield _by("index_segments", "Indexes of vectors by state: at most four `ready` for a catalog and"
              " model; `dropping` ones go within a minute or two.", "state", found.segments)  # fmt: skip
    yield _gauge("vectors_indexed", "Vectors that are searched by index.", found.indexed)
    yield _gauge("vectors_fresh", "Vectors that are compared one by one, those of small catalogs"
                 " among them; an estimate.", found.fresh)  # fmt: skip
    yield _gauge("index_building_progress", "How far the index is that is being built, from 0 to 1;"
                 " 0 while none is.", found.building_progress)  # fmt: skip
    yield _gauge("index_building_seconds", "How long it has been built; 0 while none is.",
                 found.building_seconds)  # fmt: skip


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"sightline_{name}", words, float(value))


def _by(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(f"sightline_{name}", words, labels=[label])
    for key, value in values.items():
        gauge.add_metric([key], value)
    return gauge


def _counter(
    name: str, words: str, labels: list[str], key: str, workers: Iterable[WorkerSeen]
) -> Metric:
    """A count of each worker: a restarted one begins at 0, which a sum over all would hide."""
    counter = CounterMetricFamily(f"sightline_{name}", words, labels=["lane", "worker", *labels])
    for worker in workers:
        for label, value in _labelled(worker.stats.get(key, {} if labels else 0)).items():
            values = label.split("/", len(labels) - 1) if labels else []
            counter.add_metric([worker.lane, worker.name, *values], value)
    return counter


def _claim_sizes(workers: Iterable[WorkerSeen]) -> Metric:
    histogram = HistogramMetricFamily("sightline_claim_tasks", SIZES, labels=["lane", "worker"])
    for worker in workers:
        sizes = _labelled(worker.stats.get("claims", {}))
        total, buckets = 0.0, []
        for size in (*CLAIM_SIZES, "+Inf"):
            total += sizes.get(str(size), 0)
            buckets.append((str(size), total))
        histogram.add_metric(
            [worker.lane, worker.name], buckets, float(worker.stats.get("claimed", 0))
        )
    return histogram


def _labelled(counted: object) -> dict[str, float]:
    """Counts by label, in both forms of `Stats.as_json`."""
    if isinstance(counted, dict):
        return {str(label): float(value) for label, value in counted.items()}
    return {"": float(counted)} if isinstance(counted, int | float) else {}
