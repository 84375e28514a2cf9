"""gunicorn's threads for clients that make progress: who does not is closed, and nobody else waits."""

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, TypeVar

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from api import malformed
from api.services import NAME

T = TypeVar("T")
PIECE = 64 * 1024
LINGER_SECONDS = 1.0
LINGER_BYTES = 1024**2
"""How long, and for how much, a refused client may go on sending before its connection is closed."""


class PatientSocket(socket.socket):
    """A client's connection, waited for only while it makes progress.

    A request begins with some seconds of patience. Waiting spends them, and every `rate` bytes
    earn one back, never above what it began with: a fast start is no credit for standing still.
    """

    def __init__(self, accepted: socket.socket, seconds: float, rate: float) -> None:
        """Takes `accepted` over; `rate` is in bytes per second."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._seconds, self._rate = seconds, rate
        self._left, self._lingered = seconds, False
        self.late = False
        """Whether the client was too slow; nothing more is read from it."""

    def begin(self) -> None:
        """A new request: the patience is whole again."""
        self._left = self._seconds

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Up to `size` bytes; none, as at the end, from a client that is too slow or is closed."""
        if self.late or self._lingered:
            return b""
        given = self.gettimeout()
        try:
            return self._patiently(given, lambda: super(PatientSocket, self).recv(size, flags), len)
        except TimeoutError:
            if given is not None and self._left > 0:
                raise  # the caller's own time is over
            self.late = True
            return b""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all. Raises BrokenPipeError when the client takes it too slowly."""
        rest = memoryview(data)
        self._left = self._seconds
        try:
            while rest:
                piece = rest[:PIECE]
                rest = rest[self._patiently(None, lambda: self.send(piece, flags), int) :]  # noqa: B023
        except TimeoutError:
            self.late = True
            raise BrokenPipeError(errno.EPIPE, "The client takes its answer too slowly.") from None

    def linger(self) -> None:
        """Let the client read its answer: a close over unread bytes would reset the connection."""
        until, drained = time.monotonic() + LINGER_SECONDS, 0
        try:
            self.shutdown(socket.SHUT_WR)
            while drained < LINGER_BYTES and (left := until - time.monotonic()) > 0:
                self.settimeout(left)
                got = len(super().recv(PIECE))
                if not got:
                    break
                drained += got
        except OSError:  # it closed first, or its time is over
            pass
        finally:
            self._lingered = True

    def _patiently(
        self, given: float | None, act: Callable[[], T], size_of: Callable[[T], int]
    ) -> T:
        """Do one thing within the patience, and within `given` seconds. Raises TimeoutError."""
        begun, size = time.monotonic(), 0
        self.settimeout(max(self._left if given is None else min(given, self._left), 0.001))
        try:
            done = act()
            size = size_of(done)
            return done
        finally:
            left = self._left - (time.monotonic() - begun) + size / self._rate
            self._left = min(self._seconds, left)
            self.settimeout(given)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker over patient sockets; the settings are the app's own."""

    def handle(self, conn: TConn) -> Any:
        """One request. What is to be closed has lingered then, in its own thread.

        gunicorn lingers in the thread that accepts: slow clients one after the other, 2 s each.
        """
        if self.cfg.is_ssl:  # wrapped in a socket of its own
            return super().handle(conn)
        if not isinstance(conn.sock, PatientSocket):
            settings = self.wsgi.extensions[NAME].settings
            conn.sock = PatientSocket(
                conn.sock, settings.client_patience_seconds, settings.client_bytes_per_second
            )
        conn.sock.begin()
        kept = super().handle(conn)
        # The rest of a body that came too late must not be read as a request.
        if not kept or conn.sock.late:
            conn.sock.linger()
            return False
        return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what cannot be read, or what broke outside the application."""
        status = malformed.status_of(exc)
        ours = status == HTTPStatus.INTERNAL_SERVER_ERROR
        tell = self.log.exception if ours else self.log.warning
        tell("request not handled: %s", type(exc).__name__)
        with suppress(OSError):
            if client.gettimeout() == 0:
                client.setblocking(True)
            client.sendall(malformed.answer(status))
