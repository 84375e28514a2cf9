"""A proxy that forwards connections, and cuts, stalls, slows or refuses them on request."""

import random
import select
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

Address = Path | tuple[str, int]
"""A Unix socket, or a host and a port."""
PIECE = 64 * 1024
COMMIT = b"COMMIT\x00"
"""How the driver ends a transaction: a simple query of this one word."""
TICK = 0.5


class Proxy:
    """Listens at one address for as long as the block lasts, and forwards to another.

    Each harm is an attribute that may change at any time; `cut` ends all connections there are.
    """

    def __init__(self, listen: Address, target: Address) -> None:
        self.refusing = False
        """Whether new connections are closed at once."""
        self.bytes_per_second: float | None = None
        self.commits: Literal["before", "after"] | None = None
        """Cut a connection that commits: before Postgres sees it, or after it was done."""
        self.share = 1.0
        """The share of commits that are cut."""
        self.cuts = 0
        self.listen, self.target = listen, target
        self._flowing = threading.Event()
        self._flowing.set()
        self._ending = threading.Event()
        self._open: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = _bound(listen)
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._flowing.set()
        self._thread.join()
        self._listener.close()
        self.cut()

    def stall(self) -> None:
        """Carry nothing until `flow`; connections stay."""
        self._flowing.clear()

    def flow(self) -> None:
        """Carry everything again, and harm nothing."""
        self.refusing, self.commits, self.bytes_per_second = False, None, None
        self._flowing.set()

    def cut(self) -> int:
        """End every connection; returns how many there were."""
        ended = list(self._open)
        for pair in ended:
            for one in pair:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        self.cuts += len(ended)
        return len(ended)

    def _accept(self) -> None:
        self._listener.settimeout(TICK)
        while not self._ending.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.refusing:
                return
            with _connected(self.target) as server:
                pair = (client, server)
                self._open.add(pair)
                try:
                    self._pump(client, server)
                finally:
                    self._open.discard(pair)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        while not self._ending.is_set():
            for source in select.select([client, server], [], [], TICK)[0]:
                self._flowing.wait()
                data = source.recv(PIECE)
                if not data or (source is client and self._cuts_commit(data, server)):
                    return
                if self.bytes_per_second:
                    time.sleep(len(data) / self.bytes_per_second)
                (server if source is client else client).sendall(data)

    def _cuts_commit(self, data: bytes, server: socket.socket) -> bool:
        """Whether this is a commit to be cut; if so, and it is to be done, it was done."""
        way = self.commits
        if way is None or not data.endswith(COMMIT) or random.random() > self.share:
            return False
        if way == "after":
            server.sendall(data)
            server.recv(PIECE)
        self.cuts += 1
        return True


def _bound(address: Address) -> socket.socket:
    if isinstance(address, Path):
        address.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(address))
    else:
        listener = socket.socket()
        listener.bind(address)
    listener.listen(64)
    return listener


def _connected(address: Address) -> socket.socket:
    made = socket.socket(socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET)
    try:
        made.connect(str(address) if isinstance(address, Path) else address)
    except OSError:
        made.close()
        raise
    return made
