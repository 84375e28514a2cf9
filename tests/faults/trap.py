"""A trap: where every forbidden URL would lead if the guard let it pass, and it counts what comes."""

import contextlib
import socket
import threading
from types import TracebackType

START = "start.example"
"""The one host that is allowed, for the first hop of a redirect."""

MARK = b"!"
"""What the trap's own connections say, which are not counted."""


class Trap:
    """Listens on 127.0.0.1 and ::1 on one port; an allowed door beside it redirects into it."""

    def __init__(self) -> None:
        self.connections = 0
        self.attempts: list[str] = []
        """The addresses to which a connection was tried, wherever they are; the door's left out."""
        self.location = b""
        self._lock = threading.Lock()
        self._marks = threading.Semaphore(0)
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        with contextlib.suppress(OSError):
            six = socket.create_server(("::1", self.port), family=socket.AF_INET6)
            self._sockets.append(six)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.door_port = self._door.getsockname()[1]
        self._threads = [threading.Thread(target=self._count, args=(s,)) for s in self._sockets]
        self._threads.append(threading.Thread(target=self._redirect))

    def __enter__(self) -> "Trap":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        for listening in [*self._sockets, self._door]:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        for thread in self._threads:
            thread.join()

    @property
    def door(self) -> str:
        """The allowed `host:port` that redirects to `location`."""
        return f"{START}:{self.door_port}"

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        """As the guard connects; what is not on this machine is led into the trap."""
        if port == self.door_port:
            return socket.create_connection((address, port), timeout=seconds)
        self.attempts.append(address)
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def settle(self) -> None:
        """Wait until everything is counted that came before."""
        for listening in self._sockets:
            with socket.create_connection(listening.getsockname()[:2], timeout=5) as own:
                own.sendall(MARK)
                assert self._marks.acquire(timeout=5)

    def _count(self, listening: socket.socket) -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            with taken, contextlib.suppress(OSError):
                taken.settimeout(5)
                if taken.recv(1) == MARK:
                    self._marks.release()
                    continue
            with self._lock:
                self.connections += 1

    def _redirect(self) -> None:
        while True:
            try:
                taken, _ = self._door.accept()
            except OSError:
                return
            with taken, contextlib.suppress(OSError):
                taken.settimeout(5)
                taken.recv(64 * 1024)
                taken.sendall(
                    b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
                    + self.location + b"\r\n\r\n"
                )  # fmt: skip
