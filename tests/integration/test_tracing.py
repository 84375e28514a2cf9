"""One trace from the request through the lanes, and nothing in it that a client said."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from db import logs, tracing
from db.blobs import BlobStore
from db.session import Database
from db.settings import Settings
from tests.collector import Collector
from tests.integration.answer_parts import SHOP, TEXT_MODEL, Room, room
from tests.integration.key_parts import a_key
from tests.providers.plan import Planned
from tests.providers.server import FakeProviders

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
CLIENT = 3
CANARY = "canarywords"


@pytest.fixture
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        yield running
        tracing.stop()


@pytest.fixture
def traced(
    collector: Collector, database: Database, settings: Settings, blobs: BlobStore,
    providers: FakeProviders,
) -> Iterator[Room]:  # fmt: skip
    """A room whose API turned tracing on as it was made."""
    made = room(database, settings, blobs, providers, text_model=TEXT_MODEL)
    made.put("red", "red", name="Red shoe")
    yield made
    made.close()


def ask(traced: Room, question: str) -> dict[str, object]:
    made = traced.client.post(
        f"{SHOP}/answers", json={"question": question, "provider": "anthropic"},
        headers=HEADERS | {"Idempotency-Key": CANARY},
    )  # fmt: skip
    assert made.status_code == 202, made.text
    traced.work()
    return traced.job(made.json)


def test_an_answer_is_traced_to_the_call_and_its_tokens(traced: Room, collector: Collector) -> None:
    job = ask(traced, f"Which {CANARY} shoe?")
    assert job["status"] == "succeeded"
    tracing.stop()
    (request,) = collector.named("POST /v1/catalogs/<catalog>/answers", TRACE)
    assert request.about["http.response.status_code"] == 202
    assert request.about["url.path"] == f"{SHOP}/answers"
    assert request.about["sightline.job_id"] == job["id"]
    (answer,) = collector.named("answer", TRACE)
    usage = job["result"]["usage"]
    assert answer.kind == CLIENT and answer.parent == request.id
    assert answer.about["gen_ai.provider.name"] == "anthropic"
    assert answer.about["gen_ai.request.model"] == traced.settings.anthropic_model
    assert answer.about["gen_ai.usage.input_tokens"] == usage["input_tokens"]
    assert answer.about["gen_ai.usage.output_tokens"] == usage["output_tokens"]
    vectors = [one for one in collector.named("forward", TRACE) if one.kind == CLIENT]
    assert [one.about["gen_ai.operation.name"] for one in vectors] == ["embeddings"]
    told = b"".join(collector.bodies)
    for secret in (CANARY, traced.providers.key, "Red shoe"):
        assert secret.encode() not in told


def test_a_failed_call_is_a_failed_span(traced: Room, collector: Collector) -> None:
    refused = Planned(body=lambda seen: seen.wire.refused(seen))
    traced.providers.plan(Planned(), refused)  # the vector of the question, then the answer
    assert ask(traced, "Which?")["status"] == "failed"
    tracing.stop()
    (answer,) = collector.named("answer", TRACE)
    assert answer.failed and answer.about["error.type"] == "answer_refused"


def test_keys_and_queries_are_not_told(traced: Room, collector: Collector) -> None:
    key = a_key(traced.database)
    headers = HEADERS | {"Authorization": f"Bearer {key}"}
    asked = {"filters": json.dumps({"tags": [CANARY]})}
    answer = traced.client.get(f"{SHOP}/items", headers=headers, query_string=asked)
    assert answer.status_code == 200
    assert traced.client.get(f"{SHOP}/items", headers=HEADERS).status_code == 401
    tracing.stop()
    found = collector.named("GET /v1/catalogs/<catalog>/items", TRACE)
    assert [one.about["http.response.status_code"] for one in found] == [200, 401]
    assert {one.about["url.path"] for one in found} == {f"{SHOP}/items"}
    told = b"".join(collector.bodies)
    assert key.encode() not in told and CANARY.encode() not in told


def test_what_machines_ask_is_not_traced(traced: Room, collector: Collector) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        traced.client.get(path, headers=HEADERS)
    assert traced.client.get("/v1/nowhere", headers=HEADERS).status_code == 404
    tracing.stop()
    (seen,) = [one for one in collector.spans if one.trace == TRACE]
    assert (seen.name, seen.about["http.response.status_code"]) == ("GET", 404)
    assert "http.route" not in seen.about


def test_lines_name_the_trace(traced: Room, settings: Settings) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter())
    logging.getLogger().addHandler(handler)
    try:
        ask(traced, "Which?")
    finally:
        logging.getLogger().removeHandler(handler)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    named = {line["event"] for line in lines if line.get("trace_id") == TRACE}
    assert {"request", "task_ended"} <= named


def test_a_job_of_a_request_that_is_not_traced_remembers_nothing(
    database: Database, settings: Settings, blobs: BlobStore, providers: FakeProviders
) -> None:
    made = room(database, settings, blobs, providers)
    made.client.post(f"{SHOP}/answers", json={"question": "Which?"}, headers=HEADERS)
    made.close()
    with database.begin() as connection:
        assert connection.execute(text("SELECT trace FROM jobs")).scalars().all() == [None]
