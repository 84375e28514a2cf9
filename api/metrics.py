"""Metrics: what this process answered, and what waits in the queue."""

import time
from collections.abc import Callable, Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from db import queue
from db.errors import Unavailable
from db.session import Database

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """A registry of its own, so that two apps in one process do not meet."""

    def __init__(self, database: Database, waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "sightline_requests", "Requests by route and status.", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "sightline_request_seconds", "How long an answer took.", ["method", "route"],
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(QueueCollector(database, waiting))

    def text(self) -> bytes:
        """The metrics as Prometheus reads them."""
        return generate_latest(self.registry)

    def install(self, app: Flask) -> None:
        """Count every request of an app."""
        app.before_request(_start)
        app.after_request(self._count)

    def _count(self, response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.url_rule else "other"
        self.requests.labels(method, route, str(response.status_code)).inc()
        self.seconds.labels(method, route).observe(time.monotonic() - g.get("started", 0.0))
        return response


def _start() -> None:
    g.started = time.monotonic()


class QueueCollector(Collector):
    """Reads the queue when it is asked; says nothing of it while Postgres is away."""

    def __init__(self, database: Database, waiting: Callable[[], int]) -> None:
        self._database = database
        self._waiting = waiting

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is read at registration."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges as of now."""
        waiting = "Requests that wait for a job here."
        yield GaugeMetricFamily("sightline_waiting", waiting, self._waiting())
        try:
            with self._database.begin() as connection:
                due = queue.due_by_lane(connection)
        except Unavailable:
            return
        queued = GaugeMetricFamily("sightline_tasks_queued", "Queued tasks.", labels=["lane"])
        oldest = GaugeMetricFamily(
            "sightline_oldest_task_seconds", "Age of the oldest queued task.", labels=["lane"]
        )
        for lane, (count, age) in due.items():
            queued.add_metric([lane], count)
            oldest.add_metric([lane], age)
        yield queued
        yield oldest
