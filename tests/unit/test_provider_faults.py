"""Every failure of a provider: the right error, in time, and never a wrong answer."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import AnswerMalformed, ProviderBusy, ProviderError, ProviderRefusedUs
from tests.providers import FAULTS, KEY, FakeProviders, Fault, Planned, Seen
from tests.providers.asking import WAYS, ask
from worker.answer import faults

SECONDS = 0.5


@pytest.fixture(scope="module")
def fakes() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_failure_becomes_its_error_in_time(fakes: FakeProviders, way: str, fault: Fault) -> None:
    fakes.plan(fault.planned)
    began = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        ask(WAYS[way](fakes.url), seconds=SECONDS)
    assert time.monotonic() - began < SECONDS + 1
    error = caught.value
    assert (error.code, error.retry_after) == (fault.code, fault.retry_after)
    assert (error.usage is not None, error.too_large) == (fault.billed, fault.too_large)
    assert fault.is_met_by(error)
    assert not fakes.invalid


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", ["drip", "creep"])
def test_a_drip_ends_at_the_deadline_though_every_read_is_quick(
    fakes: FakeProviders, way: str, part: Literal["drip", "creep"]
) -> None:
    fakes.plan(Planned(breaks=part))
    with pytest.raises(ProviderBusy, match=r"within 0\.5 s"):
        ask(WAYS[way](fakes.url), seconds=SECONDS)


@pytest.mark.parametrize("way", WAYS)
def test_a_short_delay_is_no_failure(fakes: FakeProviders, way: str) -> None:
    fakes.plan(Planned(delay=0.2))
    assert ask(WAYS[way](fakes.url)).data["relevant"]


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_unpacks_to_too_much_is_not_taken(fakes: FakeProviders, way: str) -> None:
    bomb = gzip.compress(b" " * 40_000_000)
    fakes.plan(Planned(200, {"content-encoding": "gzip"}, body=bomb))
    with pytest.raises(AnswerMalformed, match="far more"):
        ask(WAYS[way](fakes.url))


@pytest.mark.parametrize("way", WAYS)
def test_a_packed_answer_is_unpacked(fakes: FakeProviders, way: str) -> None:
    def packed(seen: Seen) -> bytes:
        return gzip.compress(json.dumps(seen.wire.answer(seen)).encode())

    fakes.plan(Planned(200, {"content-encoding": "gzip"}, body=packed))
    assert ask(WAYS[way](fakes.url)).data["citations"] == ["S1"]


@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_is_not_followed_with_the_key(fakes: FakeProviders, way: str) -> None:
    before = len(fakes.requests)
    fakes.plan(Planned(307, {"location": fakes.url + "/v1/elsewhere"}))
    with pytest.raises(ProviderRefusedUs, match="redirect"):
        ask(WAYS[way](fakes.url))
    assert len(fakes.requests) == before + 1


@pytest.mark.parametrize("way", WAYS)
def test_nobody_listening_may_pass(way: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ProviderBusy, match="reached") as caught:
            ask(WAYS[way](f"http://127.0.0.1:{bound.getsockname()[1]}"))
    assert caught.value.can_pass and caught.value.retry_after is None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "status 400"), (401, "accept the key"), (403, "allow"), (404, "model"),
     (422, "status 422")],
)  # fmt: skip
def test_a_final_refusal_says_why_without_the_providers_words(
    fakes: FakeProviders, way: str, status: int, words: str
) -> None:
    secret = f"You sent {KEY} and a secret prompt"
    fakes.plan(Planned(status, body=lambda seen: seen.wire.error(status, None, secret)))
    with pytest.raises(ProviderRefusedUs, match=words) as caught:
        ask(WAYS[way](fakes.url))
    error = caught.value
    assert not error.can_pass and not error.too_large
    assert KEY not in error.detail and "secret" not in error.detail
    assert error.__cause__ is None and error.__suppress_context__, "a log would show the body"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_says_so(fakes: FakeProviders, way: str, status: int) -> None:
    fakes.plan(Planned(status, {"retry-after-ms": "1500"}, body=b"<html>"))
    with pytest.raises(ProviderBusy) as caught:
        ask(WAYS[way](fakes.url))
    assert caught.value.can_pass and caught.value.retry_after == 1.5


def retry_after(**headers: str) -> float | None:
    return faults.retry_after(httpx2.Headers({k.replace("_", "-"): v for k, v in headers.items()}))


def test_the_wait_is_read_in_every_form_and_capped() -> None:
    assert retry_after(retry_after="7") == 7
    assert retry_after(retry_after="3600") == 60
    assert retry_after(retry_after="-5") == 0
    assert retry_after(Retry_After_Ms="250", retry_after="7") == 0.25
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= (retry_after(retry_after=soon) or 0) <= 30
    assert retry_after(retry_after="Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after() is None


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_header_breaks_us(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        found = faults.retry_after({name: value})
        assert found is None or 0 <= found <= 60


@given(st.binary())
def test_no_body_breaks_us(body: bytes) -> None:
    for status in (400, 418, 429, 503):
        error = faults.of_answer("It", httpx2.Response(status, content=body))
        assert isinstance(error, ProviderError)


@pytest.mark.parametrize(
    ("body", "code", "too_large"),
    [
        ('{"error": {"code": "insufficient_quota"}}', "provider_quota_spent", False),
        ('{"error": {"code": "billing_hard_limit_reached"}}', "provider_quota_spent", False),
        ('{"error": {"type": "billing_error"}}', "provider_quota_spent", False),
        ('{"error": {"details": {"error_code": "enforced_spend_limit_reached"}}}',
         "provider_quota_spent", False),
        ('{"error": {"message": "Your credit balance is too low to access the API."}}',
         "provider_quota_spent", False),
        ('{"error": {"code": "context_length_exceeded"}}', "provider_refused", False),
        ('{"error": {"code": 400, "type": "exceed_context_size_error"}}', "provider_refused", False),
        ('{"object": "error", "message": "This model\'s maximum context length is 4096 tokens."}',
         "provider_refused", False),
        ('{"error": "input exceeds the context window"}', "provider_refused", False),
        ('{"error": {"code": "image_too_large"}}', "provider_refused", True),
        ('{"error": {"details": {"error_code": "image_dimensions_too_large"}}}',
         "provider_refused", True),
        ('{"error": {"message": "image exceeds 5 MB maximum"}}', "provider_refused", True),
        ('{"error": {"code": "content_policy_violation"}}', "answer_refused", False),
        ('{"detail": "no"}', "provider_refused", False),
        ("[" * 5000, "provider_refused", False),
    ],
)  # fmt: skip
def test_a_400_is_told_apart_by_its_code_or_words(body: str, code: str, too_large: bool) -> None:
    error = faults.of_answer("It", httpx2.Response(400, content=body.encode()))
    assert (error.code, error.too_large) == (code, too_large)


def test_a_429_that_no_waiting_ends_is_final() -> None:
    spent = httpx2.Response(429, json={"error": {"code": "insufficient_quota"}})
    assert faults.of_answer("It", spent).code == "provider_quota_spent"
    words = "Request too large for a-model on tokens per min: Limit 30000, Requested 50000."
    large = faults.of_answer("It", httpx2.Response(429, json={"error": {"message": words}}))
    assert (large.code, large.too_large, large.can_pass) == ("provider_refused", True, False)
