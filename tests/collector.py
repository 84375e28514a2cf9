"""A loopback OTLP/HTTP collector for the tests of tracing: keeps the spans, or hangs when told to."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """One span as it arrived; ids in hexadecimal, times in Unix nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    begun: int
    ended: int
    kind: int
    failed: bool
    about: dict[str, Any]
    service: str


class Collector:
    """Takes `POST /v1/traces` while it is entered."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.bodies: list[bytes] = []
        self.hangs = False
        """Whether it takes requests and answers none."""
        self.hung = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT must be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def named(self, name: str, trace: str) -> list[Seen]:
        """The spans of a trace with a name, by their begin."""
        found = [one for one in self.spans if (one.name, one.trace) == (name, trace)]
        return sorted(found, key=lambda one: one.begun)

    def wait(self, true: Callable[[], bool], seconds: float = 20) -> None:
        """Return when it is true; fails with the names of all spans when it never is."""
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, sorted((one.trace, one.name) for one in self.spans)
            time.sleep(0.02)

    def take(self, body: bytes) -> None:
        """Keep what one request tells."""
        self.bodies.append(body)
        sent = ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            service = _read(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_seen(one, service) for one in scope.spans]


def _seen(span: Any, service: str) -> Seen:
    return Seen(
        span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
        span.start_time_unix_nano, span.end_time_unix_nano, span.kind, span.status.code == 2,
        _read(span.attributes), service,
    )  # fmt: skip


def _read(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        collector = self.server.collector
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if collector.hangs:
            collector.hung += 1
            collector.closing.wait()
            return
        collector.take(body)
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
