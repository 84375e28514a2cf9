"""The loopback server: checks every request, keeps it, and answers by the plan."""

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.providers.anthropic_wire import Messages
from tests.providers.openai_wire import Chat, Embeddings, Responses
from tests.providers.plan import Planned
from tests.providers.reading import Invalid, Seen, Wire

KEY = "fake-key"
WIRES: dict[str, Wire] = {
    wire.path: wire for wire in (Responses(), Chat(), Embeddings(), Messages())
}
DRIP_SECONDS = 0.05
ABORT = struct.pack("ii", 1, 0)
"""`SO_LINGER` of no seconds: closing the socket resets the connection."""


class FakeProviders:
    """OpenAI and Anthropic on a free port of this machine, for as long as the block lasts.

    `requests` are the valid ones in order, `invalid` the reasons for which others got a 400.
    """

    def __init__(
        self,
        port: int = 0,
        key: str = KEY,
        listen: Callable[[Seen | str], None] = lambda seen: None,
    ) -> None:
        """`listen` is told every valid request, and the reason for which one is invalid."""
        self.key = key
        self.requests: list[Seen] = []
        self.invalid: list[str] = []
        self.ending = threading.Event()
        self.listen = listen
        self._plan: deque[Planned] = deque()
        self._http = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The server itself."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """What `OPENAI_BASE_URL` must be."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """What `ANTHROPIC_BASE_URL` must be."""
        return self.url

    def plan(self, *answers: Planned) -> None:
        """Answer the next valid requests like this, one after another; then sensibly again."""
        self._plan.extend(answers)

    def next(self) -> Planned:
        """What the plan says for the request that has come."""
        try:
            return self._plan.popleft()
        except IndexError:
            return Planned()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], fakes: FakeProviders) -> None:
        self.fakes = fakes
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        wire, fakes = WIRES.get(self.path.partition("?")[0]), self.server.fakes
        if wire is None:
            self._send(404, {"error": {"message": f"There is no {self.path}."}})
            return
        try:
            told = self._key()
            seen = self._checked(wire, body)
        except Invalid as reason:
            fakes.invalid.append(str(reason))
            fakes.listen(str(reason))
            self._send(400, wire.error(400, None, str(reason)))
            return
        if told != fakes.key:
            self._send(401, wire.error(401, "invalid_api_key", f"Incorrect API key: {told}"))
            return
        fakes.requests.append(seen)
        fakes.listen(seen)
        self._answer(seen, fakes.next())

    def _checked(self, wire: Wire, body: bytes) -> Seen:
        """The request, read. Raises Invalid, also for a form that the types allow and nobody sends."""
        try:
            return wire.check(body, {name.lower(): value for name, value in self.headers.items()})
        except (LookupError, TypeError, AttributeError) as error:
            raise Invalid(f"The request has another form than ours: {error!r}") from error

    def _key(self) -> str:
        """The key. Raises Invalid where none is sent."""
        kind, _, key = self.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not key:
            raise Invalid("No key is sent.")
        return key

    def _answer(self, seen: Seen, planned: Planned) -> None:
        self.server.fakes.ending.wait(planned.delay)
        content = planned.content(seen)
        if planned.breaks == "hang":
            self.server.fakes.ending.wait()
        elif planned.breaks == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self.connection.close()
        elif planned.breaks == "creep":
            self._drip(b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 10_000)
        else:
            self._send(planned.status, content, planned.headers, planned.breaks)

    def _send(
        self,
        status: int,
        content: bytes | dict[str, Any],
        headers: Mapping[str, str] | None = None,
        breaks: str | None = None,
    ) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        kept = {"content-type": "application/json", "content-length": str(len(raw))}
        self.send_response(status)
        for name, value in {**kept, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if breaks == "drip":
            self._drip(raw)
        else:
            self.wfile.write(raw[: len(raw) // 2] if breaks == "cut" else raw)

    def _drip(self, raw: bytes) -> None:
        for position in range(len(raw)):
            if self.server.fakes.ending.wait(DRIP_SECONDS):
                return
            self.wfile.write(raw[position : position + 1])
            self.wfile.flush()

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
