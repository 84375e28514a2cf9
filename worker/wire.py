"""An HTTP exchange on a socket that is given, every read of it bounded by one deadline."""

import http.client
import io
import socket
import time
from dataclasses import dataclass, field
from typing import Any, cast

from db.addresses import Place
from db.errors import FetchFailed

TOTAL_SECONDS = 10.0
HEADER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Deadline:
    """The moment by which all of a fetch has to be done."""

    at: float = field(default_factory=lambda: time.monotonic() + TOTAL_SECONDS)

    def left(self) -> float:
        """Seconds that are left. Raises FetchFailed when none is."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise FetchFailed(f"The URL took longer than {TOTAL_SECONDS:.0f} s.")
        return left


class Connection(http.client.HTTPConnection):
    """A connection whose socket is given, and whose answer is read by a deadline."""

    auto_open = 0

    def __init__(self, place: Place, deadline: Deadline) -> None:
        super().__init__(place.host, place.port)
        self.response_class = lambda sock, **more: Response(sock, deadline, **more)  # type: ignore[assignment]


class Response(http.client.HTTPResponse):
    """An answer whose every read is bounded by the deadline, and whose header by its size."""

    def __init__(self, sock: socket.socket, deadline: Deadline, **more: Any) -> None:
        super().__init__(sock, **more)
        self.fp.close()
        self._wire = Wire(sock, deadline)
        self.fp = io.BufferedReader(self._wire)

    def begin(self) -> None:
        """Read the header. Raises FetchFailed when it has no end."""
        super().begin()
        self._wire.header_left = None


class Wire(io.RawIOBase):
    """The bytes of a socket; a timeout of its own for each read would let a drip go on for ever."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)
        self.header_left: int | None = HEADER_BYTES

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has come. Raises FetchFailed past the deadline."""
        if self.header_left is not None and self.header_left <= 0:
            raise FetchFailed("The URL's answer has a header without end.")
        self._sock.settimeout(self._deadline.left())
        count = cast("io.RawIOBase", self._raw).readinto(buffer)
        if self.header_left is not None:
            self.header_left -= count or 0
        return count

    def close(self) -> None:
        """Let the socket go."""
        self._raw.close()
        super().close()
