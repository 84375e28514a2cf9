"""The command line's import against one raw upload of the same bytes, and an import that is resumed."""

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import pictures
from benchmarks.report import Figure, at_least, at_most
from benchmarks.server import Server, server

PIECE = 256 * 1024


def run(quick: bool) -> list[Figure]:
    """2,000 drawn pictures: sent by `sightline import` and by one POST of a ZIP; then once more."""
    count = 200 if quick else 2000
    with server() as running:
        zipped, _ = _made(running.folder / "zipped", count, seed=11)
        archive, folder = _made(running.folder / "loaded", count, seed=12)
        raw_first = count / _posted(running, "zipped", zipped, is_waited=True)
        first = count / _imported(running, "loaded", folder)["took"]
        # Now all is in the cache: what is left is to bring the bytes there.
        raw = count / _posted(running, "raw", archive)
        sent = _imported(running, "sent", folder, "--no-wait")
        _idle(running)
        again = _imported(running, "sent", folder)
    rate = count / sent["took"]
    return [
        Figure("one POST of a ZIP, sent", raw, "pictures/s"),
        Figure("sightline import, sent", rate, "pictures/s"),
        Figure("sent: import / one POST", rate / raw, ""),
        Figure("one POST of a ZIP, to searchable", raw_first, "pictures/s"),
        Figure("sightline import, to searchable", first, "pictures/s"),
        at_least("searchable: import / one POST", first / raw_first, 0.8),
        at_most("resumed: unchanged pictures sent again", again["pictures_sent"], 0),
        Figure("resumed: looked at", count / again["took"], "pictures/s"),
    ]


def _made(folder: Path, count: int, seed: int) -> tuple[Path, Path]:
    """A ZIP with a manifest, and a folder with the same pictures."""
    folder.mkdir()
    found = pictures.drawn(count, seed)
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as out:
        lines = [json.dumps({"id": Path(name).stem, "image": name}) for name in found]
        out.writestr("manifest.jsonl", "\n".join(lines))
        for name, data in found.items():
            out.writestr(name, data)
            (folder / name).write_bytes(data)
    return archive, folder


def _posted(running: Server, catalog: str, archive: Path, is_waited: bool = False) -> float:
    """Stream a ZIP in one request; the seconds until it was taken, or until it was searchable."""
    running.http.put(f"/v1/catalogs/{catalog}", json={}).raise_for_status()
    began = time.perf_counter()
    answer = running.http.post(
        f"/v1/catalogs/{catalog}/imports",
        content=_pieces(archive),
        headers={"Content-Type": "application/zip", "Content-Length": str(archive.stat().st_size)},
    )
    sent = time.perf_counter() - began
    running.wait(answer.raise_for_status().json())
    return time.perf_counter() - began if is_waited else sent


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _imported(running: Server, catalog: str, folder: Path, *more: str) -> dict[str, Any]:
    """Run the command; its report, and the seconds that its process took."""
    words = ["--url", running.stack.url, "import", str(folder), "-c", catalog, "--json", *more]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "sightline", *words], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout)) | {"took": time.perf_counter() - began}


def _idle(running: Server) -> None:
    """Wait until no job is left."""
    jobs = running.http.get("/v1/jobs", params={"limit": 100}).raise_for_status().json()["data"]
    for job in jobs:
        running.wait(job)
