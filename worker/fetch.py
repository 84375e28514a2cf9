"""Opens URLs that strangers name: resolves once, connects to what was checked, bounds what comes.

`http.client` does the protocol: it follows no redirect, keeps no cookie, inflates nothing and reads
no proxy from the environment. Everything here ends by one deadline, also a name server that does
not answer and a header that comes one byte at a time.
"""

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache

from db.addresses import Doors, Place, joined
from db.errors import FetchFailed, FetchRefused, ImageTooLarge
from db.images import Limits
from db.settings import Settings
from worker.wire import Connection, Deadline

CONNECT_SECONDS = 3.0
MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
PIECE = 64 * 1024
RESOLVING = threading.BoundedSemaphore(32)
"""Names looked up at a time in a process: a look-up cannot be stopped, only left behind."""

Resolve = Callable[[str, int], list[str]]
Connect = Callable[[str, int, float], socket.socket]


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises FetchFailed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed("The URL's host cannot be resolved.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """A connection to an address. Raises OSError."""
    return socket.create_connection((address, port), timeout=seconds)


@dataclass(frozen=True)
class Fetcher:
    """The one way to a URL that a stranger named."""

    doors: Doors
    resolve: Resolve = resolve
    connect: Connect = connect

    @classmethod
    def of(cls, settings: Settings) -> "Fetcher":
        """From the settings."""
        return cls(Doors.of(settings))

    def get(self, url: str) -> bytes:
        """The body, at most a picture's size. Raises FetchRefused, FetchFailed, ImageTooLarge."""
        deadline = Deadline()
        for _ in range(MAX_REDIRECTS + 1):
            with self._exchange("GET", url, deadline, {"Accept": "image/*"}) as response:
                if response.status not in REDIRECTS:
                    return _body(response)
                url = _next(url, response)
        raise FetchFailed(f"The URL redirects more than {MAX_REDIRECTS} times.")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a body; the status of the answer, whatever it is: no redirect is followed.

        The answer's body is not read: the receiver has what was sent, whatever it says besides.
        Raises FetchRefused, FetchFailed.
        """
        with self._exchange("POST", url, Deadline(), headers, body) as response:
            return response.status

    @contextmanager
    def _exchange(
        self, method: str, url: str, deadline: Deadline, headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Iterator[http.client.HTTPResponse]:  # fmt: skip
        place = self.doors.place(url)
        connection = Connection(place, deadline)
        try:
            connection.sock = self._open(place, deadline)
            connection.sock.settimeout(deadline.left())
            connection.request(method, place.path, body, _headers(place, headers))
            with closing(connection.getresponse()) as response:
                yield response
        except (http.client.HTTPException, OSError) as error:
            deadline.left()
            raise FetchFailed("The URL cannot be fetched, or broke off.") from error
        finally:
            connection.close()

    def _open(self, place: Place, deadline: Deadline) -> socket.socket:
        """A socket to the first checked address that takes one, with TLS where it is asked for."""
        addresses = [place.address] if place.address else self._resolved(place, deadline)
        self.doors.admit(place, addresses)
        until = time.monotonic() + CONNECT_SECONDS
        for address in addresses:
            left = min(deadline.left(), max(0.1, until - time.monotonic()))
            with suppress(OSError):
                sock = self.connect(address, place.port, left)
                return _secured(_verified(sock, address), place, deadline)
        raise FetchFailed("The URL's host does not take a connection.")

    def _resolved(self, place: Place, deadline: Deadline) -> list[str]:
        """What the name server says, if it says it in time."""
        if not RESOLVING.acquire(timeout=deadline.left()):
            raise FetchFailed("Too many hosts are being resolved; try again later.")
        said: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()
        look_up = threading.Thread(target=self._look_up, args=(place, said), daemon=True)
        look_up.start()
        try:
            found = said.get(timeout=deadline.left())
        except queue.Empty:
            raise FetchFailed("The URL's host cannot be resolved in time.") from None
        if isinstance(found, Exception):
            raise found
        return found

    def _look_up(self, place: Place, said: "queue.SimpleQueue[list[str] | Exception]") -> None:
        try:
            said.put(self.resolve(place.host, place.port))
        except Exception as error:
            said.put(error)
        finally:
            RESOLVING.release()


def _headers(place: Place, more: Mapping[str, str]) -> dict[str, str]:
    return {"Host": place.host_header, "User-Agent": "sightline", "Accept-Encoding": "identity",
            "Connection": "close", **more}  # fmt: skip


def _verified(sock: socket.socket, address: str) -> socket.socket:
    """The socket, if its other end is the address that was checked. Raises FetchRefused."""
    try:
        if ipaddress.ip_address(sock.getpeername()[0]) == ipaddress.ip_address(address):
            return sock
    except OSError:
        pass
    sock.close()
    raise FetchRefused("The URL led to another address than the one that was checked.")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _secured(sock: socket.socket, place: Place, deadline: Deadline) -> socket.socket:
    """The socket under TLS where the URL asks for it; the certificate is for the URL's name."""
    if place.scheme == "http":
        return sock
    sock.settimeout(min(CONNECT_SECONDS, deadline.left()))
    try:
        return _tls().wrap_socket(sock, server_hostname=place.host)
    except Exception:
        sock.close()
        raise


def _next(url: str, response: http.client.HTTPResponse) -> str:
    """Where a redirect leads. Raises FetchFailed when it does not say."""
    location = response.headers.get("Location")
    if not location:
        raise FetchFailed("The URL redirects to nowhere.")
    try:
        # `http.client` reads headers as Latin-1; what is no ASCII in an address is UTF-8.
        reference = location.encode("latin-1").decode()
    except ValueError as error:
        raise FetchRefused("The URL redirects to what cannot be read.") from error
    return joined(url, reference)


def _body(response: http.client.HTTPResponse) -> bytes:
    if response.status != http.client.OK:
        raise FetchFailed(f"The URL answered {response.status}.")
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise FetchFailed("The URL answered compressed, which nobody asked for.")
    limit = Limits().max_bytes
    received = bytearray()
    while piece := response.read1(PIECE):
        received += piece
        if len(received) > limit:
            raise ImageTooLarge(f"The picture is larger than {limit // 1024**2} MB.")
    if response.length:
        raise FetchFailed("The URL broke off while it was fetched.")
    return bytes(received)
