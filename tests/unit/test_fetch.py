"""The URL guard on real sockets: what is pinned when it was checked, and what is bounded."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from db import addresses
from db.addresses import Doors, is_public, read
from db.errors import FetchFailed, FetchRefused, ImageTooLarge, SightlineError
from db.images import Limits
from worker import fetch, wire
from worker.fetch import Fetcher

PUBLIC = "93.184.215.14"
OK = b"HTTP/1.1 200 OK\r\n"
SITE = "site.example"
Answer = Callable[[socket.socket], None]


class Site:
    """Answers each path with what a test says, byte for byte, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answers: dict[str, bytes | Answer] = {}
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(taken,), daemon=True).start()

    def _answer(self, taken: socket.socket) -> None:
        with taken, suppress(OSError):
            request = taken.recv(64 * 1024)
            if not request.startswith((b"GET ", b"POST ")):
                return
            self.requests.append(request)
            answer = self.answers.get(request.split()[1].decode(), b"HTTP/1.1 404 No\r\n\r\n")
            if callable(answer):
                answer(taken)
            else:
                taken.sendall(answer)

    @property
    def url(self) -> str:
        return f"http://{SITE}:{self.port}"

    def fetcher(self, *found: str, allow: bool = True) -> Fetcher:
        """A guard for which every name has these addresses; `site.example` may be fetched."""
        allowed = frozenset([f"{SITE}:{self.port}"] if allow else [])
        return Fetcher(Doors(frozenset([self.port]), allowed), lambda *_: list(found))


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


def whole(body: bytes, *headers: str) -> bytes:
    """A plain answer."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return OK + f"Content-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def to(location: str) -> bytes:
    """A redirect."""
    return f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n".encode()


def drip(start: bytes, each: bytes, pause: float = 0.05) -> Answer:
    """A start, and then a little for ever."""

    def answer(taken: socket.socket) -> None:
        taken.sendall(start)
        while True:
            taken.sendall(each)
            time.sleep(pause)

    return answer


@pytest.fixture
def half_a_second(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The deadline is short, and is kept."""
    monkeypatch.setattr(wire, "TOTAL_SECONDS", 0.5)
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450:4001::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "168.63.129.16", "::1", "::ffff:93.184.215.14", "64:ff9b::808:808", "::8.8.8.8",
     "2606:4700::1111%eth0", "2130706433", "", "a.example"],
)  # fmt: skip
def test_all_else_is_not(address: str) -> None:
    assert not is_public(address)


def test_a_url_is_read_as_it_will_be_sent() -> None:
    place = read("https://Shop.Example/ä b.jpg".replace(" ", "%20") + "?q=ü&r=[1]#top")
    assert (place.scheme, place.host, place.port) == ("https", "shop.example", 443)
    assert place.path == "/%C3%A4%20b.jpg?q=%C3%BC&r=[1]"
    assert read("http://[2606:4700::1111]:8080").host_header == "[2606:4700::1111]:8080"
    assert read("http://8.8.8.8?x").path == "/?x"


def test_names_and_addresses_are_checked_before_a_connection(site: Site) -> None:
    for found in (["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1"], []):
        with pytest.raises(FetchRefused):
            site.fetcher(*found, allow=False).get(f"{site.url}/")
    with pytest.raises(FetchRefused):
        site.fetcher("127.0.0.1").get(f"http://127.0.0.1:{site.port}/")
    assert site.requests == []


def test_every_redirect_is_checked_again(site: Site) -> None:
    site.answers = {
        "/a": to("/b?c"), "/b?c": to(f"//{SITE}:{site.port}/d"), "/d": whole(b"a picture"),
        "/out": to(f"http://other.example:{site.port}/secret"), "/file": to("file:///etc/passwd"),
        "/port": to(f"http://{SITE}:22/"), "/loop": to("/loop"), "/split": to("http://[::1/"),
        "/nowhere": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        "/bytes": b"HTTP/1.1 302 Found\r\nLocation: /\xff\r\n\r\n",
    }  # fmt: skip
    fetcher = site.fetcher("127.0.0.1")
    assert fetcher.get(f"{site.url}/a") == b"a picture"
    for path in ("/out", "/file", "/port", "/split", "/bytes"):
        with pytest.raises(FetchRefused):
            fetcher.get(site.url + path)
    asked = len(site.requests)
    with pytest.raises(FetchFailed):
        fetcher.get(f"{site.url}/loop")
    assert len(site.requests) == asked + 1 + fetch.MAX_REDIRECTS
    with pytest.raises(FetchFailed):
        fetcher.get(f"{site.url}/nowhere")


def test_the_address_that_was_checked_is_the_one_connected_to(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    site.answers["/"] = whole(b"a picture")
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    fetcher = Fetcher(Doors(frozenset([site.port])), lambda host, port: next(answers))
    assert fetcher.get(f"http://rebinding.example:{site.port}/") == b"a picture"
    assert next(answers) == ["127.0.0.2"], "the name was resolved a second time"
    assert f"Host: rebinding.example:{site.port}".encode() in site.requests[0]


def test_a_peer_at_another_address_is_refused_before_anything_is_sent(site: Site) -> None:
    def elsewhere(address: str, port: int, seconds: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", site.port), timeout=seconds)

    fetcher = Fetcher(Doors(frozenset([site.port])), lambda *_: [PUBLIC], elsewhere)
    with pytest.raises(FetchRefused):
        fetcher.get(f"http://a.example:{site.port}/")
    assert site.requests == []


def test_the_next_checked_address_is_tried_when_one_takes_no_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: True)
    site.answers["/"] = whole(b"a picture")
    assert site.fetcher("127.0.0.9", "127.0.0.1").get(f"{site.url}/") == b"a picture"


def test_requests_carry_no_cookie_and_go_through_no_proxy(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.answers = {
        "/": b"HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: /x\r\n\r\n", "/x": whole(b"x")
    }  # fmt: skip
    assert site.fetcher("127.0.0.1").get(f"{site.url}/") == b"x"
    for request in site.requests:
        lowered = request.lower()
        assert b"cookie" not in lowered and b"authorization" not in lowered
        assert b"accept-encoding: identity" in lowered


def test_a_body_is_whole_or_fails(site: Site) -> None:
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    site.answers = {
        "/chunked": chunked + b"5\r\nhello\r\n4\r\n you\r\n0\r\n\r\n",
        "/cut": OK + b"Content-Length: 100\r\n\r\nhalf", "/short": chunked + b"5\r\nhel",
        "/bad": chunked + b"zz\r\n", "/until": OK + b"\r\nto the end", "/none": b"", "/no": b"no\r\n",
        "/500": b"HTTP/1.1 500 No\r\n\r\n", "/early": b"HTTP/1.1 103 Hints\r\n\r\n",
    }  # fmt: skip
    fetcher = site.fetcher("127.0.0.1")
    assert fetcher.get(f"{site.url}/chunked") == b"hello you"
    assert fetcher.get(f"{site.url}/until") == b"to the end"
    for path in ("/cut", "/short", "/bad", "/none", "/no", "/500", "/early", "/missing"):
        with pytest.raises(FetchFailed):
            fetcher.get(site.url + path)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
def test_what_comes_compressed_is_never_inflated(site: Site, encoding: str) -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    site.answers["/"] = whole(bomb, f"Content-Encoding: {encoding}")
    with pytest.raises(FetchFailed):
        site.fetcher("127.0.0.1").get(f"{site.url}/")


@pytest.mark.parametrize("start", [OK + b"\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n"])
def test_an_endless_body_is_too_large(
    site: Site, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "Limits", lambda: Limits(max_bytes=2**20))
    piece = b"x" * 2**16 if b"chunked" not in start else b"10000\r\n" + b"x" * 2**16 + b"\r\n"
    site.answers["/"] = drip(start, piece, 0)
    with pytest.raises(ImageTooLarge):
        site.fetcher("127.0.0.1").get(f"{site.url}/")


@pytest.mark.parametrize(
    ("start", "each"),
    [(OK, b"A: b\r\n"), (OK, b"x" * 1000), (OK + b"A: ", b"y" * 30_000), (b"", b"z" * 1000),
     (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)],
    ids=["many lines", "one name", "one value", "no status", "100 for ever"],
)  # fmt: skip
def test_a_header_without_end_fails(site: Site, start: bytes, each: bytes) -> None:
    site.answers["/"] = drip(start, each, 0)
    began = time.monotonic()
    with pytest.raises(FetchFailed):
        site.fetcher("127.0.0.1").get(f"{site.url}/")
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("half_a_second")
@pytest.mark.parametrize(
    ("start", "each"),
    [(b"", b"H"), (OK, b"A"), (OK + b"A: b", b"c"), (OK + b"\r\n", b"x"),
     (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), (b"", b"")],
    ids=["status", "name", "value", "body", "chunks", "silence"],
)  # fmt: skip
def test_a_drip_ends_with_the_deadline(site: Site, start: bytes, each: bytes) -> None:
    site.answers["/"] = drip(start, each)
    with pytest.raises(FetchFailed, match="longer than"):
        site.fetcher("127.0.0.1").get(f"{site.url}/")


@pytest.mark.usefixtures("half_a_second")
def test_redirects_share_one_deadline(site: Site) -> None:
    def slowly(taken: socket.socket) -> None:
        time.sleep(0.3)
        taken.sendall(to("/"))

    site.answers["/"] = slowly
    with pytest.raises(FetchFailed, match="longer than"):
        site.fetcher("127.0.0.1").get(f"{site.url}/")


@pytest.mark.usefixtures("half_a_second")
def test_a_name_server_that_does_not_answer_is_left_behind() -> None:
    waiting = threading.Event()

    def never(host: str, port: int) -> list[str]:
        waiting.wait(5)
        return [PUBLIC]

    with pytest.raises(FetchFailed, match="in time"):
        Fetcher(Doors(frozenset([80])), never).get("http://slow.example/")
    waiting.set()


def test_what_a_name_server_says_is_told() -> None:
    with pytest.raises(FetchFailed, match="cannot be resolved"):
        Fetcher(Doors(frozenset([80]))).get("http://no-such-name.invalid/")


def test_a_port_that_nobody_listens_at_and_a_certificate_that_is_none_fail(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    fetcher = Fetcher(Doors(frozenset(), frozenset([f"127.0.0.1:{port}"])))
    with pytest.raises(FetchFailed):
        fetcher.get(f"http://127.0.0.1:{port}/")
    with pytest.raises(FetchFailed):
        site.fetcher("127.0.0.1").get(f"https://{SITE}:{site.port}/")


def test_a_post_is_sent_once_and_tells_the_status_alone(site: Site) -> None:
    site.answers = {"/ok": whole(b"x" * 2**20), "/to": to("/ok"), "/drip": drip(OK + b"\r\n", b"x")}
    fetcher = site.fetcher("127.0.0.1")
    assert fetcher.post(f"{site.url}/ok", b"{}", {"webhook-id": "1"}) == 200
    assert fetcher.post(f"{site.url}/to", b"{}", {}) == 302
    assert fetcher.post(f"{site.url}/drip", b"{}", {}) == 200
    assert len(site.requests) == 3
    assert site.requests[0].startswith(b"POST /ok HTTP/1.1\r\n")
    assert b"webhook-id: 1\r\n" in site.requests[0]
    with pytest.raises(SightlineError):
        site.fetcher("10.0.0.1", allow=False).post(f"{site.url}/ok", b"{}", {})
