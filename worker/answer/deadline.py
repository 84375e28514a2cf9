"""An HTTP client with one deadline for a whole call: timeouts per read end no slow drip."""

import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

MAX_BODY_BYTES = 8 * 1024**2
PIECE_BYTES = 16 * 1024
OUR_HEADERS = frozenset(
    ["host", "accept", "accept-encoding", "content-type", "content-length", "connection",
     "user-agent", "anthropic-version"]
)  # fmt: skip
"""What leaves beside the headers we are told to send.

The SDKs add others from the environment (custom headers, organisation, project) and from the
machine (system, interpreter); none of them is ours to send.
"""


class BodyTooLarge(httpx2.TransportError):
    """Raised when an answer is over the limit, counted after decompression."""


@contextmanager
def client(seconds: float, headers: Mapping[str, str]) -> Iterator[httpx2.Client]:
    """Yield a client that lives `seconds`, takes nothing from the environment, and sends `headers`.

    Past the deadline every step raises httpx2.TimeoutException: connecting, TLS, sending, each
    read. Only looking up a name has the resolver's own limits. Redirects are not followed, since
    they would carry the key to another host.
    """
    transport = _Transport(_Deadline(time.monotonic() + seconds), headers)
    with httpx2.Client(transport=transport, trust_env=False, timeout=seconds) as made:
        yield made


@cache
def _trusted() -> SSLContext:
    """The certificates, read once: reading them takes 40 ms."""
    return httpx2.create_ssl_context(trust_env=False)


@dataclass(frozen=True)
class _Deadline:
    at: float

    def left(self) -> float:
        """Seconds that are left. Raises httpcore2.ReadTimeout when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("The deadline has passed.")
        return left


class _Stream(httpcore2.NetworkStream):
    """A connection whose every step ends at the deadline, whatever timeout it is given."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE_BYTES):
            self._inner.write(buffer[start : start + PIECE_BYTES], self._deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    """Connects to one address after another, all before the same deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._inner = httpcore2.SyncBackend()
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectError("The host has no address.")
        for address in _addresses(host, port):
            try:
                made = self._inner.connect_tcp(
                    address, port, self._deadline.left(), local_address, socket_options
                )
                return _Stream(made, self._deadline)
            except httpcore2.ConnectError as error:
                failure = error
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError("The host cannot be resolved.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Transport(httpx2.BaseTransport):
    """Sends one request at a time and reads its answer whole, within the limits."""

    def __init__(self, deadline: _Deadline, headers: Mapping[str, str]) -> None:
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_trusted(), network_backend=_Backend(deadline)
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        target = httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        kept = {name: value for name, value in request.headers.items() if name in OUR_HEADERS}
        headers = httpx2.Headers({**kept, **self._headers}).raw
        with (
            _named_as_httpx(),
            self._pool.stream(
                request.method, target, headers=headers, content=request.read()
            ) as answer,
        ):
            return _whole(answer)

    def close(self) -> None:
        self._pool.close()


def _whole(answer: httpcore2.Response) -> httpx2.Response:
    """The answer with its body read, decompressed piece by piece, and counted. Raises BodyTooLarge."""
    stream = _Raw(answer.iter_stream())
    arriving = httpx2.Response(answer.status, headers=answer.headers, stream=stream)
    body = bytearray()
    for piece in arriving.iter_bytes():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The answer is larger than {MAX_BODY_BYTES // 1024**2} MB.")
    told = (b"content-encoding", b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in answer.headers if name.lower() not in told]
    return httpx2.Response(answer.status, headers=headers, content=bytes(body))


class _Raw(httpx2.SyncByteStream):
    """The pieces of a body as they arrive."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


@contextmanager
def _named_as_httpx() -> Iterator[None]:
    """Rename what the lower library raises, so that the SDKs know it."""
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise httpx2.NetworkError(str(error)) from error
