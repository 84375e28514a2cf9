"""The whole stack as processes, over HTTP, with a small model of random weights."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from db.embedded import Stack, free_port


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP model that is quick to load; what it finds means nothing."""
    from worker.encoder.random_folder import write

    folder = tmp_path_factory.mktemp("model")
    write(folder, "tiny")
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server on this machine with one picture, /a.jpg, which the URL guard lets through."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "a.jpg").write_bytes(picture(77))
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Path, site: str
) -> Iterator[Stack]:
    """Everything, started once for all acceptance tests; short leases make recovery quick."""
    environment = {
        "SIGHTLINE_IMAGE_MODEL": str(model_folder),
        "SIGHTLINE_LEASE_SECONDS": "6",
        "SIGHTLINE_FETCH_ALLOW": site,
    }
    with Stack(tmp_path_factory.mktemp("stack"), free_port(), environment) as running:
        yield running


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    """A client of the running stack."""
    with httpx.Client(base_url=stack.url, timeout=90) as client:
        yield client


def picture(seed: int, form: str = "JPEG", size: tuple[int, int] = (160, 120)) -> bytes:
    """A small picture that no other seed gives."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(out, form)
    return out.getvalue()


def zipped(lines: list[Any], files: dict[str, bytes]) -> bytes:
    """An import's ZIP; a line that is a string stands in the manifest as it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        archive.writestr("manifest.jsonl", "\n".join(written))
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def ended(http: httpx.Client, job: dict[str, Any], seconds: float = 90) -> dict[str, Any]:
    """The job when it has ended; fails the test when that takes too long."""
    import time

    until = time.monotonic() + seconds
    while job["ended_at"] is None:
        assert time.monotonic() < until, f"still {job['status']} with {job['counts']}"
        answer = http.get(job["urls"]["self"], headers={"Prefer": "wait=10"})
        assert answer.status_code == 200, answer.text
        job = answer.json()
    return job
