"""Buckets fill as time goes by, and a connection is waited for only while it makes progress."""

import io
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from api import limits
from api.limits import Buckets
from api.patience import PatientSocket
from worker.answer.calls import estimate
from worker.answer.prompt import caption_prompt
from worker.answer.provider import Part, Picture, Prompt
from worker.ingest import manifest

RATE = 1000
"""Bytes per second that a client must send in these tests."""


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_ten_seconds_worth_may_come_at_once_and_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(rate=5, clock=clock)
    taken = [buckets.take("a") for _ in range(51)]
    assert [one.allowed for one in taken] == [True] * 50 + [False]
    assert (taken[0].remaining, taken[49].remaining) == (49, 0)
    assert taken[50].wait == pytest.approx(0.2)
    assert taken[50].reset == pytest.approx(10)
    clock.now += 0.2
    assert [buckets.take("a").allowed for _ in range(2)] == [True, False]
    clock.now += 3600
    assert buckets.take("a").remaining == 49


def test_one_key_does_not_spend_anothers_requests() -> None:
    buckets = Buckets(rate=0.1, clock=Clock())
    assert [buckets.take(name).allowed for name in "aab"] == [True, False, True]


def test_only_so_many_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 3)
    buckets = Buckets(rate=1, clock=Clock())
    for name in "abcad":
        buckets.take(name)
    assert list(buckets._full_at) == ["c", "a", "d"]


@pytest.fixture
def pair() -> Iterator[tuple[PatientSocket, socket.socket]]:
    """Our end of a connection with 0.3 s of patience, and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    ours = PatientSocket(accepted, 0.3, RATE)
    with ours, client:
        yield ours, client


def test_a_client_that_sends_nothing_is_as_one_that_ended(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, _client = pair
    begun = time.monotonic()
    assert ours.recv(10) == b""
    assert ours.late and 0.3 <= time.monotonic() - begun < 1
    assert ours.recv(10) == b"" and time.monotonic() - begun < 1


def test_dripping_bytes_spends_the_patience_all_the_same(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, client = pair
    drip = threading.Thread(
        target=lambda: [(client.send(b"x"), time.sleep(0.05)) for _ in "." * 20]
    )
    drip.start()
    begun, got = time.monotonic(), 0
    while ours.recv(10):
        got += 1
    assert 3 <= got <= 9 and time.monotonic() - begun < 0.6
    drip.join()


def test_a_fast_start_is_no_credit_for_standing_still(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, client = pair
    client.sendall(b"x" * 100 * RATE)
    got = 0
    while got < 100 * RATE:
        got += len(ours.recv(65536))
    begun = time.monotonic()
    assert ours.recv(10) == b"" and time.monotonic() - begun < 1


def test_the_rate_is_enough_for_ever(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, client = pair
    piece = b"x" * (RATE // 10)
    pour = threading.Thread(
        target=lambda: [(client.sendall(piece), time.sleep(0.08)) for _ in "." * 8]
    )
    pour.start()
    got = 0
    while got < 8 * len(piece):
        got += len(data := ours.recv(65536))
        assert data
    pour.join()


def test_the_next_request_has_the_whole_patience_again(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, client = pair
    for _ in range(3):
        ours.begin()
        sent = threading.Timer(0.2, client.send, [b"x"])
        sent.start()
        assert ours.recv(10) == b"x"
        sent.join()


def test_a_client_that_reads_nothing_is_given_up(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, _client = pair
    begun = time.monotonic()
    with pytest.raises(BrokenPipeError):
        ours.sendall(b"x" * 64 * 1024**2)
    assert ours.late and time.monotonic() - begun < 5


def test_a_refused_client_reads_its_answer_though_it_goes_on_sending(
    pair: tuple[PatientSocket, socket.socket],
) -> None:
    ours, client = pair

    def send_on() -> None:
        try:
            while True:
                client.sendall(b"x" * 65536)
        except OSError:
            pass

    sender = threading.Thread(target=send_on)
    sender.start()
    ours.recv(10)
    ours.sendall(b"no")
    ours.linger()
    assert ours.recv(10) == b""
    ours.close()
    sender.join(5)
    assert not sender.is_alive()
    assert client.recv(10) == b"no"


def test_a_call_is_estimated_by_its_words_pictures_and_longest_answer() -> None:
    picture = Part(picture=Picture(b"", "image/jpeg"))
    prompt = Prompt("i" * 400, (picture, Part(text="t" * 400), picture), {}, "x")
    assert estimate(prompt, max_output_tokens=50, detail="high", model=None) == 200 + 2000 + 50
    assert estimate(prompt, max_output_tokens=50, detail="low", model=None) == 200 + 600 + 50
    caption = caption_prompt(Picture(b"", "image/jpeg"))
    assert estimate(caption, max_output_tokens=0, detail="low") > 300


@pytest.mark.parametrize(
    "value",
    ["[" * 17 + "]" * 17, "[" * 900 + "]" * 900, "[" * 10**6, "1e999", "-1e999", '"\\ud800"'],
    ids=["17 deep", "900 deep", "never closed", "infinite", "minus infinite", "half a character"],
)
def test_a_hostile_line_of_a_manifest_is_a_bad_line_of_its_own(value: str) -> None:
    line = f'{{"id": "bad", "text": "x", "attributes": {{"a": {value}}}}}\n'
    good = '{"id": "good", "text": "x", "attributes": {"a": 1.5}}\n'
    first, second = manifest.read(io.BytesIO((line + good).encode()), "jsonl")
    assert isinstance(first, manifest.BadLine) and first.error.code == "invalid_manifest_line"
    assert isinstance(second, manifest.Line) and second.fields.id == "good"
