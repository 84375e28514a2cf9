"""Slow, greedy and vanishing clients against gunicorn as the stack starts it: the others see nothing."""

import json
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from db.embedded import Process, free_port
from db.embedded.stack import API_FLAGS, ROOT

PATIENCE = 3
MB = 1024**2
HEAD = b"POST /v1/catalogs/shop/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
FORM = b"multipart/form-data; boundary=b"
PART = b"--b\r\nContent-Disposition: form-data; name=%s\r\n\r\n"


class Api:
    """A gunicorn of its own, without workers behind it."""

    def __init__(self, process: Process, port: int, blobs: Path) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.process, self.blobs = process, blobs

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def memory(self) -> int:
        """Bytes that its processes hold."""
        main = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in (main, *main.children()))


@pytest.fixture(scope="module")
def api(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    folder, port = tmp_path_factory.mktemp("api"), free_port()
    environment = os.environ | {
        "SIGHTLINE_DATABASE_URL": database_url,
        "SIGHTLINE_REDIS_URL": redis_url,
        "SIGHTLINE_BLOB_URL": (folder / "blobs").as_uri(),
        "SIGHTLINE_CLIENT_PATIENCE_SECONDS": str(PATIENCE),
        "SIGHTLINE_MAX_UPLOAD_BYTES": str(MB),
        "SIGHTLINE_MAX_DOCUMENT_BYTES": str(MB),
    }
    command = [
        str(Path(sys.executable).with_name("gunicorn")),
        "api:create_app()",
        "-b",
        f"127.0.0.1:{port}",
    ]
    process = Process("api", [*command, *API_FLAGS.split()], folder, environment, cwd=ROOT)
    process.start()
    made = Api(process, port, folder / "blobs")
    try:
        until = time.monotonic() + 30
        while not _lives(made.url):
            assert process.exit_code is None and time.monotonic() < until, process.failure()
            time.sleep(0.1)
        assert httpx.put(f"{made.url}/v1/catalogs/shop", json={}).status_code in (200, 201)
        yield made
    finally:
        process.stop()
    assert "Traceback" not in process.log.read_text()


def _lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez").status_code == 200
    except httpx.TransportError:
        return False


def heads(kind: str) -> bytes:
    """The beginning of a request that is then dripped."""
    json_type, lines = b"application/json", b"application/x-ndjson"
    return {
        "headers": HEAD % (b"searches", json_type) + b"X-Long: ",
        "json": HEAD % (b"searches", json_type) + b"Content-Length: 5000\r\n\r\n{",
        "import": HEAD % (b"imports", lines) + b"Content-Length: 5000\r\n\r\n{",
        "chunked": HEAD % (b"imports", lines) + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n{",
        "form": HEAD % (b"items", b"multipart/form-data; boundary=b")
        + b'Content-Length: 5000\r\n\r\n--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n',
    }[kind]


KINDS = ("headers", "json", "import", "chunked", "form")


class Drip(threading.Thread):
    """Many connections that each send a byte a second, until they are closed."""

    def __init__(self, api: Api, count: int) -> None:
        super().__init__()
        self.begun = time.monotonic()
        self.open = {api.connect(): KINDS[n % len(KINDS)] for n in range(count)}
        self.closed: list[tuple[str, float, bytes]] = []
        """The kind of each that was closed, after how many seconds, and what it was told."""
        self.told: dict[socket.socket, bytes] = {}
        self.stop = threading.Event()
        for one, kind in self.open.items():
            one.sendall(heads(kind))
            one.setblocking(False)

    def run(self) -> None:
        while self.open and not self.stop.is_set():
            for one in list(self.open):
                self._look(one)
            time.sleep(1)
        for one in self.open:
            one.close()

    def _look(self, one: socket.socket) -> None:
        told = self.told.get(one, b"")
        try:
            while more := one.recv(65536):
                told = self.told[one] = told + more
        except BlockingIOError:
            if not told:
                one.send(b"x")
            return
        except ConnectionError:
            pass
        self.closed.append((self.open.pop(one), time.monotonic() - self.begun, told))
        one.close()


def test_two_hundred_slow_connections_slow_nobody_and_are_closed(api: Api) -> None:
    drip = Drip(api, 200)
    drip.start()
    took: list[float] = []
    try:
        with httpx.Client(base_url=api.url) as client:
            while drip.is_alive() and time.monotonic() - drip.begun < PATIENCE + 15:
                begun = time.monotonic()
                assert client.get("/v1/catalogs").status_code == 200
                took.append(time.monotonic() - begun)
                time.sleep(0.02)
    finally:
        drip.stop.set()
        drip.join()
    p95 = statistics.quantiles(took, n=20)[-1]
    last = max((after for _, after, _ in drip.closed), default=0.0)
    print(f"{len(took)} requests, p95 {p95 * 1000:.0f} ms, last closed after {last:.1f} s")
    assert len(drip.closed) == 200
    assert p95 < 0.5
    assert last < PATIENCE + 6
    for kind, _, answer in drip.closed:
        told = b"408" in answer and b"request_timeout" in answer
        assert answer == b"" if kind == "headers" else told, (kind, answer)


def test_a_client_that_sends_far_too_much_reads_why_and_costs_no_memory(api: Api) -> None:
    before = api.memory()
    for route in (b"searches", b"documents", b"imports", b"items"):
        kind = b"application/x-ndjson" if route == b"imports" else b"application/json"
        assert _sent_too_much(
            api, HEAD % (route, kind) + b"Content-Length: %d\r\n\r\n" % (200 * MB)
        )
    assert api.memory() - before < 20 * MB


@pytest.mark.parametrize(
    ("route", "kind", "begin"),
    [
        (b"imports", b"application/x-ndjson", b""),
        (b"imports", FORM, PART % b'"manifest"; filename="m.csv"'),
        (b"documents", FORM, PART % b'"file"; filename="a.pdf"'),
    ],
)
def test_a_body_of_unknown_length_is_stopped_at_the_limit_and_leaves_nothing(
    api: Api, route: bytes, kind: bytes, begin: bytes
) -> None:
    def framed(piece: bytes) -> bytes:
        return b"%x\r\n%s\r\n" % (len(piece), piece)

    head = HEAD % (route, kind) + b"Transfer-Encoding: chunked\r\n\r\n"
    before = api.memory()
    assert _sent_too_much(api, head + (framed(begin) if begin else b""), framed)
    assert api.memory() - before < 20 * MB
    assert [path for path in (api.blobs / "uploads").rglob("*") if path.is_file()] == []


def _sent_too_much(
    api: Api, head: bytes, framed: Callable[[bytes], bytes] = lambda piece: piece
) -> bool:
    """Send 200 MB as a plain client does, and read only then; True when the answer was a 413."""
    piece = framed(b"x" * MB)
    with api.connect() as connection:
        connection.sendall(head)
        try:
            for _ in range(200):
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was closed while we sent, and yet there is an answer
        else:
            return False
        told = connection.recv(65536)
    return b" 413 " in told.split(b"\r\n")[0] and b"body_too_large" in told


def test_a_connection_is_of_use_again_after_a_refusal_that_read_all(api: Api) -> None:
    with httpx.Client(base_url=api.url) as client:
        for _ in range(3):
            refused = client.post("/v1/catalogs/shop/searches", content=b"{", headers={
                "Content-Type": "application/json"})  # fmt: skip
            assert refused.status_code == 400
            assert client.get("/livez").status_code == 200


def test_the_rest_of_a_late_body_is_never_read_as_a_request(api: Api) -> None:
    smuggled = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with api.connect() as connection:
        head = HEAD % (b"searches", b"application/json")
        connection.sendall(head + b"Content-Length: %d\r\n\r\n{" % (len(smuggled) + 1))
        told = b""
        while b"\r\n\r\n" not in told:
            told += connection.recv(65536)
        try:
            connection.sendall(smuggled)
            while more := connection.recv(65536):
                told += more
        except ConnectionError:
            pass
    assert b" 408 " in told.split(b"\r\n")[0] and b"200 OK" not in told
    assert json.loads(told[told.index(b"{") :])["code"] == "request_timeout"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo\r\n\r\n", 501, "not_implemented"),
    ],
)
def test_what_is_no_request_gets_a_problem(api: Api, sent: bytes, status: int, code: str) -> None:
    with api.connect() as connection:
        connection.sendall(sent)
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert b"Content-Type: application/problem+json" in head
    told = json.loads(body)
    assert (told["status"], told["code"]) == (status, code)
