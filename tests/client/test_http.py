"""The client's requests on a real socket: what is sent again, when, and what is made of errors."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import sightline
from sightline import Sightline, SightlineProblem, Unreachable
from sightline.backoff import Pauses, seconds_of

from db.embedded import free_port
from tests.client.loopback import Loopback, Plan, job, loopback, problem

BUSY = Plan(503, problem("unavailable"), {"Retry-After": "1"})
DONE = Plan(200, job(result={"hits": []}))


@contextmanager
def talk(*plans: Plan, **options: Any) -> Iterator[tuple[Loopback, Sightline]]:
    """A server with these plans, and a client of it."""
    with loopback(*plans) as server, Sightline(server.url, **options) as client:
        yield server, client


def test_a_503_is_waited_out_as_long_as_it_says() -> None:
    with talk(BUSY, BUSY, DONE) as (server, client):
        client.job("job_1")
    assert len(server.seen) == 3
    assert all(1.0 <= pause < 1.6 for pause in server.pauses())


def test_a_submit_is_sent_again_under_one_key_and_as_one_body() -> None:
    with talk(Plan(cut=True), BUSY, Plan(202, job("queued"))) as (server, client):
        client.import_bytes("shop", b"PK the bytes")
        client.import_bytes("shop", b"PK others")
    first, second, third, other = server.seen
    assert first.key and first.key == second.key == third.key
    assert first.body == second.body == third.body == b"PK the bytes"
    assert other.key != first.key


def test_a_stream_is_read_anew_for_each_try(tmp_path: Path) -> None:
    path = tmp_path / "c.zip"
    path.write_bytes(bytes(range(256)) * 4096)
    with talk(Plan(cut=True), Plan(202, job("queued"))) as (server, client):
        told: list[tuple[int, int]] = []
        client.import_zip("shop", path, lambda sent, total: told.append((sent, total)))
    assert server.seen[1].body == path.read_bytes()
    assert told[-1] == (1024**2, 1024**2)


def test_a_document_is_sent_whole_again(tmp_path: Path) -> None:
    path = tmp_path / "pump.pdf"
    path.write_bytes(b"%PDF-1.7 " + b"x" * 100_000)
    with talk(Plan(cut=True), Plan(202, job("queued"))) as (server, client):
        client.add_document("shop", path, id="pump")
    assert len(server.seen) == 2
    assert path.read_bytes() in server.seen[1].body
    assert server.seen[0].key == server.seen[1].key


def test_a_first_try_that_still_runs_is_waited_for() -> None:
    running = Plan(409, problem("request_in_progress"))
    with talk(running, Plan(202, job("queued"))) as (_, client):
        assert client.import_bytes("shop", b"PK")["id"] == "job_1"


def test_patience_bounds_all_tries_and_the_last_answer_is_the_error() -> None:
    with talk(BUSY, patience=2.5) as (server, client):
        begun = time.monotonic()
        with pytest.raises(sightline.Unavailable) as raised:
            client.job("job_1")
    assert time.monotonic() - begun < 3.5 and len(server.seen) == 3
    assert (raised.value.status, raised.value.request_id) == (503, "r-1")


def test_a_wait_longer_than_our_patience_is_not_begun() -> None:
    tomorrow = Plan(429, problem("daily_upload_reached"), {"Retry-After": "40000"})
    with talk(tomorrow) as (server, client):
        begun = time.monotonic()
        with pytest.raises(sightline.TooManyRequests) as raised:
            client.import_bytes("shop", b"PK")
    assert time.monotonic() - begun < 1 and len(server.seen) == 1
    assert raised.value.retry_after == 40000


def test_a_key_is_never_made_twice() -> None:
    for plan in (Plan(cut=True), BUSY):
        with talk(plan) as (server, client), pytest.raises(sightline.SightlineError):
            client.make_key(["read"])
        assert len(server.seen) == 1
    limited = Plan(429, problem("rate_limited"), {"Retry-After": "1"})
    with talk(limited, Plan(201, {"id": "k", "key": "sl_x"})) as (server, client):
        assert client.make_key(["read"])["key"] == "sl_x"  # the first try did nothing


def test_a_deletion_whose_answer_was_lost_has_happened() -> None:
    gone = Plan(404, problem("not_found"))
    with talk(Plan(cut=True), gone) as (_, client):
        client.delete_item("shop", "a")
    with talk(gone) as (_, client), pytest.raises(sightline.NotFound):
        client.delete_item("shop", "a")


def test_a_server_that_comes_up_is_reached_in_the_same_call() -> None:
    port = free_port()

    def come_up() -> None:
        time.sleep(0.6)
        with loopback(Plan(200, {"data": [{"name": "shop"}], "next": None}), port=port):
            asked.wait(10)

    asked = threading.Event()
    later = threading.Thread(target=come_up)
    later.start()
    with Sightline(f"http://127.0.0.1:{port}", patience=8) as client:
        assert [one["name"] for one in client.catalogs()] == ["shop"]
    asked.set()
    later.join()


def test_a_server_that_stays_away_is_given_up_after_our_patience() -> None:
    begun = time.monotonic()
    with Sightline("http://127.0.0.1:1", patience=0.6) as client, pytest.raises(
        Unreachable, match=r"127\.0\.0\.1:1 cannot be reached"
    ):  # fmt: skip
        client.catalogs()
    assert 0.2 < time.monotonic() - begun < 3


def test_closing_ends_what_waits_in_another_thread() -> None:
    client = Sightline("http://127.0.0.1:1", patience=600)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            client.catalogs()
        except Unreachable as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.6)
    client.close()
    thread.join(5)
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, sightline.InvalidRequest), (401, sightline.NotAllowed), (403, sightline.NotAllowed),
     (404, sightline.NotFound), (409, sightline.Conflict), (413, sightline.InvalidRequest),
     (422, sightline.InvalidRequest), (500, sightline.ServerFailed), (418, SightlineProblem)],
)  # fmt: skip
def test_an_error_is_of_its_kind_with_all_that_was_said(
    status: int, kind: type[SightlineProblem]
) -> None:
    errors = [{"pointer": "/limit", "code": "less", "detail": "too large"}]
    with (
        talk(Plan(status, problem("some_code", errors=errors))) as (_, client),
        pytest.raises(SightlineProblem) as raised,
    ):
        client.catalog("shop")
    told = raised.value
    assert type(told) is kind
    assert (told.code, told.detail, told.errors) == ("some_code", "About some_code.", errors)


@pytest.mark.parametrize("body", [b"<html>", ["a list"], b"[" * 100_000, b""])
def test_what_is_no_sightline_is_said_to_be_none(body: Any) -> None:
    with (
        talk(Plan(200, body)) as (_, client),
        pytest.raises(SightlineProblem, match="no Sightline"),
    ):
        client.catalog("shop")


def test_lists_are_read_page_by_page_as_they_are_needed() -> None:
    page = Plan(200, {"data": [{"id": str(n)} for n in range(100)], "next": "c/2"})
    last = Plan(200, {"data": [{"id": "last"}], "next": None})
    with talk(page, page, last) as (server, client):
        found = client.items("a shop", filters={"kind": ["image"]})
        assert server.seen == []
        assert next(found)["id"] == "0" and len(server.seen) == 1
        assert len(list(found)) == 200
    paths = [one.path for one in server.seen]
    assert paths[0].startswith("/v1/catalogs/a%20shop/items?limit=100&filters=%7B")
    assert paths[1].endswith("&after=c%2F2") and len(paths) == 3


def test_a_limit_asks_for_no_more_than_it_needs() -> None:
    page = Plan(200, {"data": [{"id": str(n)} for n in range(7)], "next": "more"})
    with talk(page) as (server, client):
        assert len(list(client.jobs(limit=7))) == 7
    assert [one.path for one in server.seen] == ["/v1/jobs?limit=7"]


def test_lines_are_told_as_they_come_and_half_a_stream_is_an_error() -> None:
    lines = b'{"index": 0}\n{"index": 1}\n'
    with talk(Plan(200, lines)) as (server, client):
        assert [task["index"] for task in client.tasks("job_1", status="failed")] == [0, 1]
        assert server.seen[0].headers["accept"] == "application/x-ndjson"
    with (
        talk(Plan(200, lines, half=True)) as (server, client),
        pytest.raises(Unreachable, match="broke off"),
    ):
        list(client.tasks("job_1"))
    with (
        talk(Plan(404, problem("not_found"))) as (server, client),
        pytest.raises(sightline.NotFound),
    ):
        list(client.tasks("job_1"))


def test_a_server_that_does_not_wait_is_not_asked_without_pause() -> None:
    running = Plan(200, job("running"))
    with talk(running, running, DONE) as (server, client):
        client.wait(job("running"))  # type: ignore[arg-type]
    assert len(server.seen) == 3 and all(pause > 0.9 for pause in server.pauses())
    assert {one.headers["prefer"] for one in server.seen} <= {"wait=1", "wait=2"}


def test_a_failed_job_is_an_error_that_has_the_job() -> None:
    failed = job("failed", error={"code": "broken_upload", "detail": "No ZIP."})
    with talk(Plan(200, failed)) as (_, client), pytest.raises(sightline.JobFailed) as raised:
        client.wait(job("running"))  # type: ignore[arg-type]
    assert raised.value.code == "broken_upload" and raised.value.job["id"] == "job_1"


def test_url_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(Plan(200, {"data": [], "next": None})) as server:
        monkeypatch.setenv("SIGHTLINE_URL", server.url)
        monkeypatch.setenv("SIGHTLINE_KEY", "sl_secret")
        with Sightline() as client:
            client.catalogs()
        with Sightline(key="sl_other") as client:
            client.catalogs()
    assert [one.headers["authorization"] for one in server.seen] == [
        "Bearer sl_secret", "Bearer sl_other"]  # fmt: skip


def test_a_retry_after_is_seconds_or_a_date() -> None:
    assert (seconds_of("7"), seconds_of(" 3 ")) == (7, 3)
    assert 85 <= (seconds_of(formatdate(time.time() + 90, usegmt=True)) or 0) <= 90
    assert seconds_of(formatdate(time.time() - 90, usegmt=True)) == 0


@pytest.mark.parametrize("header", [None, "", "soon", "-3", "1.5"])
def test_a_retry_after_that_says_nothing_is_none(header: str | None) -> None:
    assert seconds_of(header) is None


def test_pauses_double_up_to_a_bound_and_vary() -> None:
    pauses = Pauses(patience=1000, clock=lambda: 0.0)
    found = [pauses.next() or 0 for _ in range(9)]
    for pause, base in zip(found, [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10], strict=True):
        assert base <= pause <= base * 1.25
    assert len({round(Pauses(10).next() or 0, 6) for _ in range(20)}) > 10
