"""A proxy that counts what the client sends: bytes, and requests by their first lines."""

import re
import select
import socket
import time

from tests.faults.proxy import PIECE, TICK, Address, Proxy

REQUEST = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/\S*) HTTP/1\.1\r\n")


class CountingProxy(Proxy):
    """Counts on the way to the server; `forget` begins anew."""

    def __init__(self, listen: Address, target: Address) -> None:
        super().__init__(listen, target)
        self.sent = 0
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.listen  # type: ignore[misc]
        return f"http://{host}:{port}"

    def forget(self) -> None:
        """Count from here."""
        self.sent, self.requests = 0, []

    def asked(self, method: str, part: str = "") -> int:
        """Requests by a method whose address holds a part."""
        return sum(one.startswith(f"{method} ") and part in one for one in self.requests)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        while not self._ending.is_set():
            for source in select.select([client, server], [], [], TICK)[0]:
                self._flowing.wait()
                data = source.recv(PIECE)
                if not data:
                    return
                if source is client:
                    self._count(data)
                if self.bytes_per_second and source is client:
                    time.sleep(len(data) / self.bytes_per_second)
                (server if source is client else client).sendall(data)

    def _count(self, data: bytes) -> None:
        self.sent += len(data)
        self.requests += [b" ".join(found).decode() for found in REQUEST.findall(data)]
