"""One trace through the real processes: request, claim, decode, forward, store; and a dead collector."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from db.embedded import Stack, free_port
from tests.acceptance.conftest import ended, picture, zipped
from tests.collector import Collector, Seen

PICTURES = 40
EMBED = ("claim", "decode", "forward", "store")
CALLER = "00f067aa0ba902b7"
"""The span of the client that sends a `traceparent`."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Path, collector: Collector
) -> Iterator[Stack]:
    """A stack that traces to the collector, and sends every 100 ms."""
    environment = {
        "SIGHTLINE_IMAGE_MODEL": str(model_folder),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with Stack(tmp_path_factory.mktemp("traced"), free_port(), environment) as running:
        yield running


@pytest.fixture
def client(traced: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=traced.url, timeout=90) as made:
        made.put("/v1/catalogs/shop", json={})
        yield made


def upload(client: httpx.Client, trace: str, seed: int, flags: str = "01") -> dict[str, Any]:
    """An import of pictures, as a part of a trace; its job when it has ended."""
    lines = [{"id": f"{seed}-{n}", "image": f"{n}.jpg"} for n in range(PICTURES)]
    body = zipped(lines, {f"{n}.jpg": picture(seed + n) for n in range(PICTURES)})
    headers = {"Content-Type": "application/zip", "traceparent": f"00-{trace}-{CALLER}-{flags}"}
    made = client.post("/v1/catalogs/shop/imports", content=body, headers=headers)
    assert made.status_code == 202, made.text
    job = ended(client, made.json())
    assert job["counts"]["succeeded"] == PICTURES
    return job


def traceparents(stack: Stack) -> dict[str, str | None]:
    """What each job remembers."""
    with psycopg.connect(stack.database_url) as connection:
        return dict(connection.execute("SELECT id, trace FROM sightline.jobs").fetchall())


def test_one_trace_holds_an_import_from_the_request_to_the_store(
    traced: Stack, client: httpx.Client, collector: Collector
) -> None:
    trace = "1" * 32
    job = upload(client, trace, 1000)

    def stored() -> int:
        return sum(one.about["sightline.tasks"] for one in collector.named("store", trace))

    collector.wait(lambda: stored() == PICTURES)
    (request,) = collector.named("POST /v1/catalogs/<catalog>/imports", trace)
    assert (request.parent, request.service) == (CALLER, "sightline-api")
    assert request.about == {
        "http.request.method": "POST", "http.route": "/v1/catalogs/<catalog>/imports",
        "http.response.status_code": 202, "url.path": "/v1/catalogs/shop/imports",
        "url.scheme": "http", "sightline.job_id": job["id"],
    }  # fmt: skip
    assert traceparents(traced)[job["id"]] == f"00-{trace}-{request.id}-01"

    spans = [one for one in collector.spans if one.trace == trace and one != request]
    assert {one.parent for one in spans} == {request.id}
    assert {one.about["sightline.job_id"] for one in spans} == {job["id"]}
    assert all(request.begun < one.begun <= one.ended < time.time_ns() for one in spans)

    ingest = [one for one in spans if one.service == "sightline-ingest"]
    assert {one.name for one in ingest} == {"claim", "expand"}
    chunks = [one.about["sightline.lines"] for one in collector.named("expand", trace)]
    assert sum(chunks) == PICTURES and len(chunks) == 2
    batches = sets(one for one in spans if one.service == "sightline-embed")
    for batch in batches:
        assert [one.name for one in batch] == list(EMBED)
        # The next batch is claimed and decoded while this one is on the device.
        assert all(first.ended <= then.begun for first, then in pairwise(batch))
        assert len({one.about["sightline.batch_size"] for one in batch}) == 1
        assert batch[-1].about["sightline.written"] is True
    assert sum(batch[0].about["sightline.tasks"] for batch in batches) == PICTURES


def sets(spans: Iterator[Seen]) -> list[list[Seen]]:
    """The embed lane's spans by batch: the n-th of each name belong together."""
    by_name: dict[str, list[Seen]] = {name: [] for name in EMBED}
    for one in sorted(spans, key=lambda one: one.begun):
        by_name[one.name].append(one)
    return [list(batch) for batch in zip(*by_name.values(), strict=True)]


def test_a_search_by_new_words_is_traced(client: httpx.Client, collector: Collector) -> None:
    trace = "2" * 32
    headers = {"Prefer": "wait=20", "traceparent": f"00-{trace}-{CALLER}-01"}
    asked = {"text": "a red bicycle in a street", "mode": "image"}
    answer = client.post("/v1/catalogs/shop/searches", json=asked, headers=headers)
    assert answer.json()["status"] == "succeeded"
    collector.wait(lambda: len([one for one in collector.spans if one.trace == trace]) == 4)
    (request,) = collector.named("POST /v1/catalogs/<catalog>/searches", trace)
    found = [collector.named(name, trace)[0] for name in ("claim", "forward", "search")]
    assert [one.parent for one in found] == [request.id] * 3
    assert all(first.ended <= then.begun for first, then in pairwise(found))
    assert request.begun < found[0].begun and found[-1].begun < request.ended
    assert not any(b"bicycle" in body for body in collector.bodies)


def test_what_the_caller_does_not_sample_leaves_no_trace(
    traced: Stack, client: httpx.Client, collector: Collector
) -> None:
    job = upload(client, "3" * 32, 2000, flags="00")
    assert traceparents(traced)[job["id"]] is None
    time.sleep(0.5)  # five times as long as spans are kept back
    assert not any(one.trace == "3" * 32 for one in collector.spans)


def test_without_an_address_jobs_remember_nothing(stack: Stack, http: httpx.Client) -> None:
    http.put("/v1/catalogs/shop", json={})
    job = upload(http, "4" * 32, 3000)
    assert traceparents(stack)[job["id"]] is None


def test_a_collector_that_hangs_holds_up_neither_jobs_nor_the_end(
    traced: Stack, client: httpx.Client, collector: Collector
) -> None:
    """The last test of this file: it stops the stack."""
    collector.hangs = True
    begun = time.monotonic()
    upload(client, "5" * 32, 4000)
    upload(client, "6" * 32, 5000)
    assert time.monotonic() - begun < 10, "less than one try of the exporter"
    assert collector.hung
    begun = time.monotonic()
    traced.stop()
    assert time.monotonic() - begun < 20
