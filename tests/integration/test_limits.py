"""Limits per key and per day, and input that is too deep or too much, against a real Postgres."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from api import create_app, cursors, limits
from api.services import NAME
from db import usage
from db.blobs import BlobStore
from db.errors import DailyUploadReached, TokenCapReached
from db.session import Database
from db.settings import Settings
from db.vocabulary import DEFAULT_TENANT, JobKind, Lane
from tests.integration.answer_parts import SHOP, TEXT_MODEL, Room, room
from tests.integration.queue_parts import MODEL, submit
from tests.integration.worker_parts import pipeline, runtime
from tests.providers.plan import FAULTS, Planned
from tests.providers.server import FakeProviders
from worker.answer.calls import Calls, estimate
from worker.answer.prompt import caption_prompt
from worker.answer.provider import Picture, Prompt, Reply
from worker.runtime import Lease

MB = 1024**2
DEEP = "[" * 200 + "]" * 200
NEVER_CLOSED = "[" * 100_000


@pytest.fixture
def shops(database: Database, settings: Settings) -> Iterator[Any]:
    """Makes clients of apps with other limits, each with an empty catalog."""
    apps = []

    def make(**more: Any) -> FlaskClient:
        app = create_app(settings.model_copy(update={"image_model": MODEL} | more))
        apps.append(app)
        client = app.test_client()
        limits_of = app.extensions[limits.NAME]
        always, limits_of._always = limits_of._always, False
        assert client.put(SHOP).status_code in (200, 201)
        limits_of._always = always
        return client

    yield make
    for app in apps:
        app.extensions[NAME].close()


def used(database: Database) -> tuple[int, int]:
    """The bytes and tokens of all days."""
    with database.begin() as connection:
        row = connection.execute(
            text("SELECT coalesce(sum(upload_bytes), 0), coalesce(sum(tokens), 0) FROM usage")
        ).one()
    return int(row[0]), int(row[1])


def refused(answer: TestResponse, code: str) -> bool:
    """Whether an answer is a 429 that says why, and when to come again."""
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (429, code), answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert ";r=" in answer.headers["RateLimit"] and ";t=" in answer.headers["RateLimit"]
    return True


def stop_time(client: FlaskClient) -> None:
    """Let no bucket fill: how fast the requests come must not matter."""
    client.application.extensions[limits.NAME]._buckets._clock = lambda: 100.0


class TestRate:
    """Requests per second and key."""

    def test_a_burst_is_taken_and_then_told_to_wait(self, shops: Any) -> None:
        client = shops(requests_per_second=1.0)
        stop_time(client)
        answers = [client.get("/v1/catalogs") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert refused(answers[5], "rate_limited")
        assert answers[0].headers["RateLimit-Policy"] == '"requests";q=10;w=10'
        assert answers[0].headers["RateLimit"] == '"requests";r=4;t=2'
        assert answers[5].headers["RateLimit"] == '"requests";r=0;t=10'
        assert answers[5].headers["Retry-After"] == "2"
        assert answers[5].headers["RateLimit-Policy"] == answers[0].headers["RateLimit-Policy"]

    def test_health_and_metrics_are_never_limited(self, shops: Any) -> None:
        client = shops(requests_per_second=1.0)
        for path in ("/livez", "/readyz", "/metrics") * 5:
            answer = client.get(path)
            assert answer.status_code != 429 and "RateLimit" not in answer.headers

    def test_without_keys_nobody_is_limited_unless_it_is_asked_for(self, shops: Any) -> None:
        client = shops()
        answers = [client.get("/v1/catalogs") for _ in range(300)]
        assert {answer.status_code for answer in answers} == {200}
        assert "RateLimit" not in answers[0].headers

    def test_a_key_has_the_default_rate_and_its_own_bucket(self, shops: Any) -> None:
        client = shops()
        stop_time(client)
        key = "first"
        counted = client.application.extensions[limits.NAME].begin
        before = client.application.before_request_funcs[None]
        before.insert(before.index(counted), lambda: g.__setattr__("key_id", key))
        answers = [client.get("/v1/catalogs") for _ in range(251)]
        assert {answer.status_code for answer in answers[:250]} == {200}
        assert refused(answers[-1], "rate_limited")
        key = "second"
        assert client.get("/v1/catalogs").status_code == 200


class TestQueue:
    """Tasks that wait."""

    def test_a_full_queue_takes_no_more_and_says_so(self, shops: Any, database: Database) -> None:
        submit(database, 5)
        client = shops(max_queued_tasks=5)
        item = {"id": "a", "text": "words"}
        assert refused(client.post(f"{SHOP}/items", json=item), "too_many_tasks")
        lines = {"data": b'{"id": "a", "text": "x"}', "content_type": "application/x-ndjson"}
        assert refused(client.post(f"{SHOP}/imports", **lines), "too_many_tasks")

    def test_searches_count_apart_from_a_large_import(self, shops: Any, database: Database) -> None:
        submit(database, 5)
        search = {"text": "shoes"}
        client = shops(max_queued_tasks=5)
        assert client.post(f"{SHOP}/searches", json=search).status_code in (200, 202)
        submit(database, 5, JobKind.SEARCH)
        client = shops(max_queued_tasks=5)
        assert refused(client.post(f"{SHOP}/searches", json=search), "too_many_tasks")

    def test_a_job_that_was_made_is_shown_again_though_the_queue_is_full(
        self, shops: Any, database: Database
    ) -> None:
        client, key = shops(max_queued_tasks=5), {"Idempotency-Key": "k"}
        body = b'{"id": "a", "text": "x"}'
        send = {"data": body, "content_type": "application/x-ndjson", "headers": key}
        first = client.post(f"{SHOP}/imports", **send)
        assert first.status_code == 202
        submit(database, 5)
        client.application.extensions[limits.NAME].waiting._known.clear()
        again = client.post(f"{SHOP}/imports", **send)
        assert (again.status_code, again.json["id"]) == (202, first.json["id"])
        assert refused(client.post(f"{SHOP}/items", json={"text": "x"}), "too_many_tasks")

    def test_no_limit_is_no_limit(self, shops: Any, database: Database) -> None:
        submit(database, 5)
        client = shops(max_queued_tasks=0)
        assert client.post(f"{SHOP}/searches", json={"text": "shoes"}).status_code in (200, 202)


class Unannounced(io.RawIOBase):
    """A body that does not say how long it is; `read` counts what was taken of it."""

    def __init__(self, size: int) -> None:
        self.left, self.taken = size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self.left)
        buffer[:size] = b"x" * size
        self.left -= size
        self.taken += size
        return size


def send(client: FlaskClient, route: str, body: Any, **environ: str) -> TestResponse:
    """Post a body that is read as it comes, with JSON lines for an import, else with JSON."""
    kind = "application/x-ndjson" if route == "imports" else "application/json"
    return client.post(
        f"{SHOP}/{route}", content_type=kind,
        environ_overrides={"wsgi.input": body, "wsgi.input_terminated": True} | environ,
    )  # fmt: skip


def unannounced(client: FlaskClient, body: Unannounced) -> TestResponse:
    return send(client, "imports", body, HTTP_TRANSFER_ENCODING="chunked")


def files_in(blobs: BlobStore) -> list[Path]:
    assert blobs.folder is not None
    return [path for path in blobs.folder.rglob("*") if path.is_file()]


class TestUploads:
    """Bodies, by their size and by the day."""

    @pytest.mark.parametrize("route", ["searches", "items", "documents", "imports", "answers"])
    def test_a_declared_length_over_the_limit_is_refused_unread(
        self, shops: Any, route: str
    ) -> None:
        client = shops(max_upload_bytes=MB)
        body = Unannounced(200 * MB)
        answer = send(client, route, body, CONTENT_LENGTH=str(200 * MB))
        assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
        assert body.taken == 0

    def test_an_undeclared_body_is_read_to_the_limit_and_nothing_is_kept(
        self, shops: Any, blobs: BlobStore, database: Database
    ) -> None:
        client, body = shops(max_upload_bytes=MB), Unannounced(200 * MB)
        answer = unannounced(client, body)
        assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
        assert body.taken == MB
        assert files_in(blobs) == []

    def test_a_day_has_so_many_bytes(
        self, shops: Any, blobs: BlobStore, database: Database
    ) -> None:
        client = shops(daily_upload_bytes=1000)
        lines = {"data": b'{"text": "%s"}' % (b"x" * 588), "content_type": "application/x-ndjson"}
        assert client.post(f"{SHOP}/imports", **lines).status_code == 202
        assert used(database)[0] == 600
        kept = files_in(blobs)
        answer = client.post(f"{SHOP}/imports", **lines)
        assert refused(answer, "daily_upload_reached")
        assert answer.json["detail"].endswith("T00:00:00Z.")
        assert files_in(blobs) == kept
        assert refused(
            client.post(f"{SHOP}/items", json={"text": "x" * 500}), "daily_upload_reached"
        )
        assert client.post(f"{SHOP}/items", json={"text": "x" * 50}).status_code in (200, 202)

    def test_what_was_reserved_and_did_not_come_is_given_back(
        self, shops: Any, database: Database
    ) -> None:
        client = shops(daily_upload_bytes=10 * MB, max_upload_bytes=3 * MB)
        assert unannounced(client, Unannounced(MB + 5)).status_code == 202
        assert used(database)[0] == MB + 5
        assert unannounced(client, Unannounced(50 * MB)).status_code == 413
        assert used(database)[0] == 4 * MB + 5
        cut = send(client, "imports", Unannounced(10), CONTENT_LENGTH=str(MB))
        assert cut.status_code == 400
        assert used(database)[0] == 4 * MB + 15

    def test_an_undeclared_body_is_stopped_where_the_day_ends(
        self, shops: Any, blobs: BlobStore, database: Database
    ) -> None:
        client, body = shops(daily_upload_bytes=3 * MB), Unannounced(200 * MB)
        assert refused(unannounced(client, body), "daily_upload_reached")
        assert body.taken <= 3 * MB and files_in(blobs) == []

    def test_requests_without_a_body_cost_nothing(self, shops: Any, database: Database) -> None:
        client = shops(daily_upload_bytes=1000)
        assert client.get("/v1/catalogs").status_code == 200
        assert client.put(f"{SHOP}").status_code == 200
        assert used(database)[0] == 0


@pytest.mark.parametrize("value", [DEEP, NEVER_CLOSED, '{"a":' * 40 + "1" + "}" * 40])
class TestDepth:
    """JSON that is nested too deeply is the client's error wherever it stands."""

    def test_in_a_body(self, shops: Any, value: str) -> None:
        client = shops()
        for body in (value, f'{{"text": "x", "attributes": {{"a": {value}}}}}'):
            for route in ("items", "searches", "answers", "evaluations"):
                answer = client.post(f"{SHOP}/{route}", data=body, content_type="application/json")
                assert answer.status_code in (400, 422), answer.text
        body = f'{{"attributes": {{"a": {value}}}}}'
        answer = client.patch(f"{SHOP}/items/a", data=body, content_type="application/json")
        assert answer.status_code in (400, 422)

    def test_in_a_query_string(self, shops: Any, value: str) -> None:
        client = shops()
        filters = f'{{"attributes": {{"a": {value}}}}}'
        for asked in ({"filters": value}, {"filters": filters}):
            assert client.get(f"{SHOP}/items", query_string=asked).status_code in (400, 422)
        after = cursors.base64.urlsafe_b64encode(value.encode()).decode()
        assert client.get(f"{SHOP}/items", query_string={"after": after}).status_code == 422

    def test_in_a_field_of_a_form(self, shops: Any, value: str) -> None:
        client = shops()
        for route, part in (("items", "image"), ("documents", "file"), ("searches", "image")):
            for field in ("attributes", "filters", *["tags"][: value.startswith("[")]):
                form = {part: (io.BytesIO(b"%PDF-1.7"), "a.pdf"), field: value}
                answer = client.post(f"{SHOP}/{route}", data=form)
                assert answer.status_code in (400, 413, 415, 422), (route, field, answer.text)

    def test_in_a_manifest(
        self, database: Database, settings: Settings, blobs: BlobStore, value: str
    ) -> None:
        with FakeProviders() as providers:
            shop = room(database, settings, blobs, providers, keys=False)
            lines = [f'{{"id": "bad", "text": "x", "attributes": {{"a": {value}}}}}',
                     '{"id": "inf", "text": "x", "attributes": {"a": 1e999}}',
                     '{"id": "good", "text": "x", "attributes": {"a": 1}}']  # fmt: skip
            made = shop.client.post(f"{SHOP}/imports", data="\n".join(lines).encode(),
                                    content_type="application/x-ndjson")  # fmt: skip
            shop.work()
            job = shop.job(made.json)
            assert job["status"] == "succeeded"
            assert (job["counts"]["succeeded"], job["counts"]["failed"]) == (1, 2)
            failed = shop.client.get(f"{job['urls']['tasks']}?status=failed").json["data"]
            assert [one["error"]["code"] for one in failed] == ["invalid_manifest_line"] * 2
            shop.close()


class Dying:
    """A provider during whose call the worker ends."""

    name, model, ends = "dying", "none", None

    def ask(self, prompt: Prompt, **_: Any) -> Reply:
        raise SystemExit


class TestTokens:
    """What providers use in a day."""

    @pytest.fixture
    def providers(self) -> Iterator[FakeProviders]:
        with FakeProviders() as running:
            yield running

    @pytest.fixture
    def make(
        self, database: Database, settings: Settings, blobs: BlobStore, providers: FakeProviders
    ) -> Iterator[Any]:
        rooms: list[Room] = []

        def made(**more: Any) -> Room:
            rooms.append(one := room(database, settings, blobs, providers, **more))
            one.put("red", "red", name="Red shoe")
            return one

        yield made
        for one in rooms:
            one.close()

    def test_of_twenty_at_once_as_many_pass_as_there_is_room_for(self, database: Database) -> None:
        def reserve(_: int) -> bool:
            try:
                with database.begin() as connection:
                    usage.reserve_tokens(connection, DEFAULT_TENANT, 100, cap=750)
            except TokenCapReached as error:
                assert error.retry_after > 0 and "T00:00:00Z" in error.detail
                return False
            return True

        with ThreadPoolExecutor(10) as pool:
            passed = list(pool.map(reserve, range(20)))
        assert passed.count(True) == 7
        assert used(database) == (0, 700)

    def test_bytes_and_tokens_are_counted_apart_and_corrected(self, database: Database) -> None:
        with database.begin() as connection:
            day = usage.reserve_tokens(connection, DEFAULT_TENANT, 100, 100)
            usage.reserve_upload(connection, DEFAULT_TENANT, 70, 70)
            usage.settle_tokens(connection, DEFAULT_TENANT, day, -30)
            usage.give_back_upload(connection, DEFAULT_TENANT, day, 20)
        assert used(database) == (50, 70)
        with pytest.raises(DailyUploadReached), database.begin() as connection:
            usage.reserve_upload(connection, DEFAULT_TENANT, 21, 70)

    def test_yesterdays_tokens_do_not_count(self, database: Database) -> None:
        with database.begin() as connection:
            usage.reserve_tokens(connection, DEFAULT_TENANT, 100, 100)
            connection.execute(text("UPDATE usage SET day = day - 1"))
            usage.reserve_tokens(connection, DEFAULT_TENANT, 100, 100)
        assert used(database) == (0, 200)

    def test_an_answer_counts_what_the_provider_counted(
        self, make: Any, database: Database
    ) -> None:
        shop = make(daily_tokens=100_000)
        told = shop.post("answers", question="Which?")["usage"]
        assert used(database)[1] == told["input_tokens"] + told["output_tokens"] > 0

    def test_a_call_over_the_cap_is_not_made_and_the_task_says_until_when(
        self, make: Any, database: Database, providers: FakeProviders
    ) -> None:
        shop = make(daily_tokens=4_000)
        job = shop.post("answers", question="Which?", max_output_tokens=4_000)
        assert (job["status"], job["error"]["code"]) == ("failed", "token_cap_reached")
        assert "T00:00:00Z" in job["error"]["detail"] and job["usage"] is None
        assert providers.requests == [] and used(database)[1] == 0
        task = shop.client.get(job["urls"]["tasks"]).json["data"][0]
        assert task["attempts"] == 1
        job = shop.post("answers", question="Which?", max_output_tokens=200)
        assert job["status"] == "succeeded"

    def test_no_number_of_answers_at_once_passes_the_cap_by_more_than_a_call(
        self, make: Any, database: Database, providers: FakeProviders
    ) -> None:
        shop = make(daily_tokens=8_000)
        body = {"question": "Which?", "max_output_tokens": 1_000, "detail": "high"}
        made = [shop.client.post(f"{SHOP}/answers", json=body).json for _ in range(20)]
        providers.plan(*[Planned(delay=0.5)] * 20)
        shop.work()
        ended = [shop.job(job) for job in made]
        codes = {job["error"]["code"] for job in ended if job["error"]}
        called = sum(job["status"] == "succeeded" for job in ended)
        assert codes == {"token_cap_reached"}
        assert called == len(providers.requests) >= 3
        assert used(database)[1] <= 8_000

    @pytest.mark.parametrize(
        ("fault", "keeps"), [(0, False), (2, False), (6, True), (7, True)],
        ids=[FAULTS[n].name for n in (0, 2, 6, 7)],
    )  # fmt: skip
    def test_a_refused_call_costs_nothing_and_an_unknown_one_all(
        self, make: Any, database: Database, providers: FakeProviders, fault: int, keeps: bool
    ) -> None:
        shop = make(daily_tokens=100_000)
        providers.plan(FAULTS[fault].planned)
        body = {"question": "Which?", "max_output_tokens": 1_000}
        made = shop.client.post(f"{SHOP}/answers", json=body).json
        shop.work()
        told = shop.job(made)["usage"]
        counted = told["input_tokens"] + told["output_tokens"]
        left = used(database)[1] - counted
        assert left > 1_000 if keeps else left == 0

    def test_a_call_that_its_worker_did_not_outlive_keeps_what_it_reserved(
        self, make: Any, database: Database, blobs: BlobStore
    ) -> None:
        shop = make(daily_tokens=100_000)
        shop.client.post(f"{SHOP}/answers", json={"question": "Which?"})
        pipeline(database, blobs, shop.settings)[0].drain()
        claim = shop.claimed()
        worker = runtime(database, blobs, shop.settings, Lane.ANSWER)
        calls = Calls(worker, claim.token, Lease(claim.token), claim.tasks[0])
        prompt = caption_prompt(Picture(b"", "image/jpeg"))
        options = {"max_output_tokens": 500, "detail": "high"}
        with pytest.raises(SystemExit):
            calls.ask(Dying(), prompt, dict, model=None, **options)
        assert used(database)[1] == estimate(prompt, **options)

    def test_a_failure_that_was_billed_counts_its_bill(
        self, make: Any, database: Database, providers: FakeProviders
    ) -> None:
        shop = make(daily_tokens=100_000)
        refusal = next(fault for fault in FAULTS if fault.name == "refusal")
        providers.plan(refusal.planned)
        told = shop.post("answers", question="Which?")["usage"]
        assert used(database)[1] == told["input_tokens"] + told["output_tokens"] > 0

    def test_words_count_by_their_length(
        self, make: Any, database: Database, providers: FakeProviders
    ) -> None:
        make(daily_tokens=100_000, text_model=TEXT_MODEL)
        assert providers.requests[0].body["input"] == ["Red shoe"]
        assert used(database)[1] == 3

    def test_words_over_the_cap_fail_their_item_and_not_a_search(
        self, make: Any, database: Database, providers: FakeProviders
    ) -> None:
        shop = make(daily_tokens=3, text_model=TEXT_MODEL)
        job = shop.put("blue", "blue", name="Blue boot")
        assert (job["status"], job["error"]["code"]) == ("failed", "token_cap_reached")
        found = shop.post("searches", text="a shoe of red")
        assert (found["status"], found["result"]["incomplete"]) == ("succeeded", True)
        assert len(providers.requests) == 1 and used(database)[1] == 3
        assert json.dumps(found["result"]["hits"][0])
