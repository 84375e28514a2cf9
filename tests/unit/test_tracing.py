"""Tracing as its callers use it: on, off, not installed, and before a collector that is dead."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from db import tracing
from db.errors import ProviderBusy
from tests.collector import Collector

ROOT = Path(__file__).parents[2]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
SERVER, INTERNAL, CLIENT = 2, 1, 3


@dataclass(frozen=True)
class Work:
    """A task as far as tracing looks at one."""

    job_id: str = "job_1"
    trace: str | None = TRACEPARENT
    job_kind: str = "import"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that this process traces to."""
    with Collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        assert tracing.start("sightline-test", "here")
        yield running
        tracing.stop()


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        timeout=60, env={"PYTHONPATH": ":".join(sys.path), **environment},
    )  # fmt: skip


USE = """
import api, worker.store, worker.answer.calls, worker.ingest.expand, sys
from types import SimpleNamespace
from db import tracing
print(tracing.start("x", "y"), tracing.current(), tracing.request("GET /", {}, {}))
work = SimpleNamespace(job_id="j", job_kind="import", trace="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
with tracing.span("store", [work], {}) as told:
    told["a"] = 1
tracing.stop()
ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter")
print(sorted(name for name in sys.modules if name.startswith(ours)))
"""
"""redis-py imports the metrics of the SDK where it is installed; what makes spans is ours alone."""


def test_without_an_address_nothing_that_traces_is_imported() -> None:
    assert run(USE).stdout.splitlines() == ["False None None", "[]"]


def test_without_the_package_it_says_so_once_and_all_goes_on() -> None:
    block = "import sys\nsys.modules['opentelemetry'] = None\n"
    done = run(block + USE, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    lines = done.stdout.splitlines()
    assert lines[-2:] == ["False None None", "[]"]
    assert len([line for line in lines if "tracing_off" in line]) == 1
    assert "sightline-server[tracing]" in lines[0]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_the_standard_variables_decide(environment: dict[str, str], wanted: bool) -> None:
    assert tracing._wanted(environment) is wanted


def test_each_traced_job_of_a_batch_gets_its_span(collector: Collector) -> None:
    other = f"00-{'a' * 32}-{'b' * 16}-01"
    tasks = [Work(), Work(), Work("job_2", other), Work("job_3", None)]
    with tracing.span("store", tasks, {"sightline.batch_size": 4}) as told:
        told["sightline.written"] = True
    tracing.stop()
    mine, theirs = sorted(collector.spans, key=lambda one: one.about["sightline.job_id"])
    assert (mine.trace, mine.parent, mine.kind) == (TRACE, SPAN, INTERNAL)
    assert (theirs.trace, theirs.parent) == ("a" * 32, "b" * 16)
    assert mine.about == {"sightline.job_id": "job_1", "sightline.job_kind": "import",
                          "sightline.tasks": 2, "sightline.batch_size": 4,
                          "sightline.written": True}  # fmt: skip
    assert theirs.about["sightline.tasks"] == 1
    assert 0 < mine.begun <= mine.ended and not mine.failed


def test_a_failed_stage_tells_the_code_and_not_the_words(collector: Collector) -> None:
    with (
        pytest.raises(ProviderBusy),
        tracing.span("answer", [Work()], {}, is_call=True),
    ):
        raise ProviderBusy("canary words")
    tracing.stop()
    (seen,) = collector.spans
    assert (seen.failed, seen.kind, seen.about["error.type"]) == (True, CLIENT, "provider_busy")
    assert b"canary" not in b"".join(collector.bodies)


def test_a_stage_in_pieces_lasts_from_the_first_to_the_last(collector: Collector) -> None:
    stage = tracing.Stage()
    tracing.record("decode", [Work()], stage, {})
    with stage.running():
        begun = time.time_ns()
    with stage.running():
        time.sleep(0.01)
    tracing.record("forward", [Work()], stage, {})
    tracing.stop()
    (seen,) = collector.spans
    assert seen.name == "forward", "what never began has no span"
    assert seen.begun <= begun and seen.ended - seen.begun >= 10_000_000


def test_a_request_continues_the_trace_of_its_headers(collector: Collector) -> None:
    opened = tracing.request("POST /x", {"traceparent": TRACEPARENT}, {"url.path": "/x"})
    assert opened is not None
    made = tracing.current()
    assert made is not None and tracing.trace_id(made) == TRACE
    opened.end({"http.response.status_code": 202})
    assert tracing.current() is None
    tracing.record("claim", [Work(trace=made)], tracing.Stage(1, 2), {})
    tracing.stop()
    request, claim = sorted(collector.spans, key=lambda one: -one.begun)
    assert (request.parent, request.kind, request.service) == (SPAN, SERVER, "sightline-test")
    assert request.about == {"url.path": "/x", "http.response.status_code": 202}
    assert (claim.parent, claim.begun, claim.ended) == (request.id, 1, 2)


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-{SPAN}-01"])
def test_a_request_without_a_usable_header_begins_a_trace(collector: Collector, sent: str) -> None:
    opened = tracing.request("GET /x", {"traceparent": sent}, {})
    assert opened is not None
    opened.end({})
    tracing.stop()
    (seen,) = collector.spans
    assert seen.parent == "" and len(seen.trace) == 32 and seen.trace != TRACE


def test_what_is_not_sampled_is_neither_sent_nor_remembered(collector: Collector) -> None:
    opened = tracing.request("GET /x", {"traceparent": f"00-{TRACE}-{SPAN}-00"}, {})
    assert opened is not None and tracing.current() is None
    opened.end({})
    tracing.stop()
    assert collector.spans == []


def test_a_name_of_the_environment_wins(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    assert tracing.start("sightline-test", "here")
    tracing.record("claim", [Work()], tracing.Stage(1, 2), {})
    tracing.stop()
    assert [one.service for one in collector.spans] == ["shop"]


def test_a_wrong_variable_turns_it_off(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")  # less than one batch
    assert not tracing.start("sightline-test", "here")
    assert tracing.request("GET /x", {}, {}) is None


FLOOD = """
import time
from types import SimpleNamespace
from db import tracing
assert tracing.start("x", "y")
work = SimpleNamespace(job_id="j", job_kind="import", trace="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
begun = time.monotonic()
for _ in range(5000):
    with tracing.span("store", [work], {}):
        pass
print(time.monotonic() - begun, time.monotonic(), sep="\\n")
"""


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "refuses"])
def test_a_dead_collector_costs_no_time_but_a_little_at_the_end(hangs: bool) -> None:
    with Collector() as collector, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens: refused
        collector.hangs = True
        url = collector.url if hangs else f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = run(FLOOD, OTEL_EXPORTER_OTLP_ENDPOINT=url)
        flood, last = (float(line) for line in done.stdout.splitlines()[-2:])
        assert flood < 5, "5,000 spans, more than the queue holds"
        assert time.monotonic() - last < tracing.FLUSH_SECONDS + 2
        assert bool(collector.hung) is hangs
