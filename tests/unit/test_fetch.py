"""The URL guard: what it refuses before a packet is sent, and what it bounds afterwards."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from db.errors import FetchFailed, FetchRefused, ImageTooLarge
from db.images import Limits
from worker.ingest import fetch
from worker.ingest.fetch import Fetcher, is_public

PUBLIC = "93.184.215.14"


class Site(BaseHTTPRequestHandler):
    """Serves what a test needs, and remembers that it was asked."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 2**20)
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b"x")
                time.sleep(0.1)
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half a picture")
        elif self.path == "/host":
            self.answer(self.headers["Host"].encode())
        else:
            self.answer(b"a picture")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    Site.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def guard(port: int, *addresses: str, allowed: str = "") -> Fetcher:
    """A fetcher for which every name has these addresses."""
    return Fetcher(frozenset([port]), frozenset([allowed]), lambda host, port: list(addresses))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
     "100.64.0.1", "168.63.129.16", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::",
     "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:93.184.215.14",
     "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "ff02::1"],
)  # fmt: skip
def test_no_address_that_is_not_public_is_connected_to(address: str, port: int) -> None:
    assert not is_public(address)
    with pytest.raises(FetchRefused):
        guard(port, address).get(f"http://picture.example:{port}/a.jpg")
    with pytest.raises(FetchRefused):
        guard(port, PUBLIC, address).get(f"http://picture.example:{port}/a.jpg")
    assert Site.asked == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]",
     "[::ffff:127.0.0.1]", "0"],
)  # fmt: skip
def test_loopback_is_refused_however_it_is_written(host: str, port: int) -> None:
    with pytest.raises((FetchRefused, FetchFailed)):
        Fetcher(frozenset([port]), frozenset()).get(f"http://{host}:{port}/a.jpg")
    assert Site.asked == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://picture.example/a", "gopher://picture.example", "//a.example/b",
     "http://user@picture.example/", "http://user:word@picture.example/", "http:///a.jpg",
     "http://picture.example:99999/", "http://picture.example:22/", "http://pic\ture.example/",
     "http://picture.example\\@127.0.0.1/", "http://pïcture.example/", "http://[::1/", ""],
)  # fmt: skip
def test_urls_of_other_forms_are_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        Fetcher(frozenset([80, 443]), frozenset(), lambda host, port: [PUBLIC]).get(url)


def test_every_redirect_is_checked_again(port: int) -> None:
    fetcher = guard(port, "127.0.0.1", allowed=f"start.example:{port}")
    begin = f"http://start.example:{port}"
    assert fetcher.get(f"{begin}/to?/a.jpg") == b"a picture"
    Site.asked.clear()
    with pytest.raises(FetchRefused):
        fetcher.get(f"{begin}/to?http://other.example:{port}/secret")
    with pytest.raises(FetchRefused):
        fetcher.get(f"{begin}/to?file:///etc/passwd")
    assert all(path.startswith("/to?") for path in Site.asked)
    with pytest.raises(FetchFailed):
        fetcher.get(f"{begin}/to?" + "/to?" * 5 + "/a.jpg")


def test_the_address_that_was_checked_is_the_one_connected_to(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "is_public", lambda address: address == "127.0.0.1")
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    fetcher = Fetcher(frozenset([port]), frozenset(), lambda host, port: next(answers))
    body = fetcher.get(f"http://rebinding.example:{port}/host")
    assert body == f"rebinding.example:{port}".encode()
    assert next(answers) == ["127.0.0.2"], "the name was resolved a second time"


def test_a_body_is_whole_and_bounded_in_size_and_time(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = f"site.example:{port}"
    fetcher = guard(port, "127.0.0.1", allowed=site)
    monkeypatch.setattr(fetch, "Limits", lambda: Limits(max_bytes=3 * 2**20))
    with pytest.raises(FetchFailed):
        fetcher.get(f"http://{site}/cut")
    with pytest.raises(ImageTooLarge):
        fetcher.get(f"http://{site}/endless")
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(FetchFailed):
        fetcher.get(f"http://{site}/slow")
    assert time.monotonic() - began < 2
