"""Spans of a job, from its request to its store, where OpenTelemetry is installed and has an address.

Off, every function here returns at once and nothing of OpenTelemetry is imported. On, spans go into
a queue of bounded length that a thread of its own sends: a collector that is away costs spans, and
never a request or a task any time.
"""

import atexit
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from db.queue import Task

log = structlog.get_logger(__name__)

Attribute = str | int | bool | Sequence[str]
About = dict[str, Attribute]
"""Attributes of a span: counts, ids and names, never words, keys or addresses of clients."""

ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
W3C = ("traceparent", "tracestate")
"""The headers by which a request belongs to a trace."""
FLUSH_SECONDS = 2.0
"""How long the last spans may hold up the end of a process; what is not sent by then is lost."""
ERROR_TYPE = "error.type"
"""The attribute that marks a span as failed: an error's code or class, never its words."""


@dataclass
class Stage:
    """When something that threads do in pieces began and ended, in Unix nanoseconds; 0 is never."""

    begun: int = 0
    ended: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """One piece of it."""
        begun = time.time_ns()
        self.begun = min(self.begun or begun, begun)
        try:
            yield
        finally:
            self.ended = max(self.ended, begun, time.time_ns())


_request: ContextVar[str | None] = ContextVar("traceparent", default=None)
_exporting: "_Exporting | None" = None


def start(service: str, instance: str) -> bool:
    """Trace in this process from now on, where that is wanted and installed; says whether it is.

    Comes after the last fork. The standard variables say where to and how; `service` is the
    name where OTEL_SERVICE_NAME is not set.
    """
    global _exporting
    stop()
    if not _wanted(os.environ):
        return False
    try:
        _exporting = _Exporting(service, instance)
    except ImportError:
        log.warning("tracing_off", detail="It needs: pip install 'sightline-server[tracing]'")
    except ValueError as error:
        log.warning("tracing_off", detail=f"A variable of OpenTelemetry is wrong: {error}")
    else:
        log.info("tracing", service=service)
    return _exporting is not None


def _wanted(environment: Mapping[str, str]) -> bool:
    said = {name: environment.get(name, "").strip().lower()
            for name in (*ADDRESSES, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER")}  # fmt: skip
    return (
        any(said[name] for name in ADDRESSES)
        and said["OTEL_SDK_DISABLED"] != "true"
        and said["OTEL_TRACES_EXPORTER"] in ("", "otlp")
    )


def secrets() -> list[str]:
    """What the environment sends to the collector and no log line may show."""
    pairs = ",".join(os.environ.get(name, "") for name in HEADERS).split(",")
    return [pair.partition("=")[2].strip() for pair in pairs]


def stop() -> None:
    """Send what is left, for `FLUSH_SECONDS` at most, and trace no more."""
    global _exporting
    ending, _exporting = _exporting, None
    if ending is not None:
        ending.stop()


atexit.register(stop)


def current() -> str | None:
    """The traceparent for what this request makes; None where it is not traced, or outside one."""
    return _request.get()


def trace_id(traceparent: str) -> str:
    """The id of the trace that a traceparent belongs to, as log lines name it."""
    return traceparent.split("-")[1]


def record(name: str, tasks: Iterable["Task"], stage: Stage, about: About, **more: bool) -> None:
    """One span for each traced job among the tasks, with how many of them are its own.

    Nothing where the stage never began. `error.type` in `about` marks the span as failed; for
    `is_call=True` it is a call of another service.
    """
    if _exporting is None or not stage.begun:
        return
    jobs = Counter((one.trace, one.job_id, one.job_kind) for one in tasks if one.trace)
    for (traceparent, job_id, kind), count in jobs.items():
        told = {"sightline.job_id": job_id, "sightline.job_kind": str(kind),
                "sightline.tasks": count, **about}  # fmt: skip
        _exporting.record(name, traceparent or "", stage, told, **more)


@contextmanager
def span(name: str, tasks: Sequence["Task"], about: About, **more: bool) -> Iterator[About]:
    """Record what is done inside as one stage; attributes may be added to what is yielded."""
    told, stage = dict(about), Stage()
    try:
        with stage.running():
            yield told
    except Exception as error:
        told[ERROR_TYPE] = getattr(error, "code", type(error).__name__)
        raise
    finally:
        record(name, tasks, stage, told, **more)


class Request:
    """The span of one HTTP request, which the jobs made in it remember."""

    def __init__(self, opened: "Span") -> None:
        self._span = opened
        context = opened.get_span_context()
        self.traceparent: str | None = None
        if opened.is_recording():
            self.traceparent = (
                f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
            )
        _request.set(self.traceparent)

    def end(self, about: About) -> None:
        """It is answered; `error.type` in `about` marks it as failed."""
        _request.set(None)
        _finish(self._span, about)


def request(name: str, headers: Mapping[str, str], about: About) -> Request | None:
    """Begin the span of a request, as a part of the trace that its `W3C` headers name."""
    if _exporting is None:
        return None
    return Request(_exporting.request(name, headers, about))


def _finish(opened: "Span", about: About, ended: int | None = None) -> None:
    from opentelemetry.trace import StatusCode

    opened.set_attributes(about)
    if ERROR_TYPE in about:
        opened.set_status(StatusCode.ERROR)
    opened.end(ended)


class _Exporting:
    """The SDK in this process. It is not made global: what libraries may trace stays unseen."""

    def __init__(self, service: str, instance: str) -> None:
        """Raises ImportError where the extra `tracing` is not installed."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        # Each try of a dead collector is a warning of its own: one error a batch is enough.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        ours = Resource.create({"service.name": service, "service.instance.id": instance})
        self._provider = TracerProvider(
            resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("sightline")
        self._ending, self._ended = threading.Event(), threading.Event()
        threading.Thread(target=self._shut_down, name="tracing", daemon=True).start()

    def request(self, name: str, headers: Mapping[str, str], about: About) -> "Span":
        """An open span of the kind `server`."""
        from opentelemetry.trace import SpanKind

        return self._tracer.start_span(name, _parent(headers), SpanKind.SERVER, about)

    def record(
        self, name: str, traceparent: str, stage: Stage, about: About, is_call: bool = False
    ) -> None:
        """A span that has ended, below the request that made the job."""
        from opentelemetry.trace import SpanKind

        kind = SpanKind.CLIENT if is_call else SpanKind.INTERNAL
        opened = self._tracer.start_span(
            name, _parent({"traceparent": traceparent}), kind, start_time=stage.begun
        )
        _finish(opened, about, stage.ended)

    def stop(self) -> None:
        """Send what is left, and wait a little for it."""
        self._ending.set()
        self._ended.wait(FLUSH_SECONDS)

    def _shut_down(self) -> None:
        # The SDK waits 30 s for a collector that hangs. No thread can be started while the
        # interpreter ends, so this one has been waiting.
        self._ending.wait()
        self._provider.shutdown()
        self._ended.set()


def _parent(carrier: Mapping[str, str]) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(carrier, context=Context())
