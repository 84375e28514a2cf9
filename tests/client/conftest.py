"""The whole stack with the demo model, a site with pictures, and the command as a process."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from db.embedded import Stack, free_port
from tests.client.counting import CountingProxy
from tests.client.drawn import picture

Command = Callable[..., subprocess.CompletedProcess[str]]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server on this machine with pictures /0.jpg to /4.jpg, which the URL guard lets through."""
    folder = tmp_path_factory.mktemp("site")
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(picture(900 + number))
    handler = partial(QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, site: str) -> Iterator[Stack]:
    """Everything, started once for all tests of the client."""
    environment = {"SIGHTLINE_LEASE_SECONDS": "6", "SIGHTLINE_FETCH_ALLOW": site}
    with Stack(tmp_path_factory.mktemp("client-stack"), free_port(), environment) as running:
        yield running


@pytest.fixture
def proxy(stack: Stack) -> Iterator[CountingProxy]:
    """What stands between the client and the server, and counts."""
    port = int(stack.url.rpartition(":")[2])
    with CountingProxy(("127.0.0.1", free_port()), ("127.0.0.1", port)) as between:
        yield between


def environment_for(url: str) -> dict[str, str]:
    """What the command is started with."""
    return os.environ | {"SIGHTLINE_URL": url, "COLUMNS": "160"}


@pytest.fixture
def command(proxy: CountingProxy) -> Command:
    """Run the command to its end, through the proxy."""

    def run(*words: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sightline", *map(str, words)],
            env=environment_for(proxy.url), capture_output=True, text=True, timeout=120,
            check=False, **more,
        )  # fmt: skip

    return run
