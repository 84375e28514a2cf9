"""A Sightline of its own for a benchmark, and the few requests that all of them make."""

import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from db.embedded import Stack, free_port

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Server:
    """A running stack, a connection to its API, and a folder to work in."""

    stack: Stack
    http: httpx.Client
    folder: Path

    def import_zip(self, catalog: str, archive: bytes) -> float:
        """Upload and wait until all is searchable; returns the seconds that took."""
        began = time.perf_counter()
        self.wait(self.submit_zip(catalog, archive))
        return time.perf_counter() - began

    def submit_zip(self, catalog: str, archive: bytes) -> dict[str, Any]:
        """Upload an import; returns its job."""
        self.http.put(f"/v1/catalogs/{catalog}", json={}).raise_for_status()
        answer = self.http.post(
            f"/v1/catalogs/{catalog}/imports",
            content=archive,
            headers={"Content-Type": "application/zip"},
        )
        return dict(answer.raise_for_status().json())

    def wait(self, job: dict[str, Any]) -> dict[str, Any]:
        """A job when it has ended; raises when anything in it failed."""
        while job["ended_at"] is None:
            answer = self.http.get(job["urls"]["self"], headers={"Prefer": "wait=20"})
            job = answer.raise_for_status().json()
        if job["status"] != "succeeded" or job["counts"]["failed"]:
            raise RuntimeError(f"{job['id']} {job['status']}: {job['error']} {job['counts']}")
        return job

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows straight from the database."""
        with psycopg.connect(self.stack.database_url) as connection:
            return connection.execute(statement, values).fetchall()


@contextmanager
def server(
    environment: Mapping[str, str] | None = None, embed_workers: int = 1
) -> Iterator[Server]:
    """Start a stack in a folder that is removed afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder,
        Stack(
            Path(folder) / "data", free_port(), environment, embed_workers=embed_workers
        ) as stack,
        httpx.Client(base_url=stack.url, timeout=120) as http,
    ):
        yield Server(stack, http, Path(folder))


def python(*arguments: str) -> dict[str, Any]:
    """Run `python -m …` in a process of its own; returns the JSON that it prints last."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    last = done.stdout.strip().splitlines()[-1]
    return dict(json.loads(last))


def archive_of(pictures: Mapping[str, bytes]) -> bytes:
    """An import's ZIP, with a manifest."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        lines = [json.dumps({"id": Path(name).stem, "image": name}) for name in pictures]
        archive.writestr("manifest.jsonl", "\n".join(lines))
        for name, data in pictures.items():
            archive.writestr(name, data)
    return out.getvalue()
