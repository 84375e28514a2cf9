"""Metrics of this process: what it answered, and how many of its requests wait."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.system_metrics import SystemCollector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
PROCESS = "The API runs in several processes: `process` tells whose count this is; sum over it."


class Metrics:
    """A registry of its own, so that two apps in one process do not meet."""

    def __init__(self, database_url: str, blobs: Path | None, waiting: Callable[[], int]) -> None:
        """`blobs` is the folder of a local blob store; the database is asked at each scrape."""
        self.registry = CollectorRegistry()
        self.process = str(os.getpid())
        self.requests = Counter(
            "sightline_requests", f"Requests by route and status. {PROCESS}",
            ["process", "method", "route", "status"], registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "sightline_request_seconds",
            f"Seconds until an answer began, waits by `Prefer: wait` among them. {PROCESS}",
            ["process", "method", "route"], buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_Waiting(self.process, waiting))
        self.registry.register(SystemCollector(database_url, blobs))

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
        self.requests.labels(self.process, method, route, str(response.status_code)).inc()
        seconds = time.monotonic() - g.get("started", time.monotonic())
        self.seconds.labels(self.process, method, route).observe(seconds)
        return response


def _start() -> None:
    g.started = time.monotonic()


class _Waiting(Collector):
    def __init__(self, process: str, waiting: Callable[[], int]) -> None:
        self._process, self._waiting = process, waiting

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is read at registration."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauge as of now."""
        words = f"Requests that are held until a job ends, SIGHTLINE_API_WAITERS at most. {PROCESS}"
        gauge = GaugeMetricFamily("sightline_waiting", words, labels=["process"])
        gauge.add_metric([self._process], self._waiting())
        yield gauge
