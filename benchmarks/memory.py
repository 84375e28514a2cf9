"""Resident memory of every process over an import of 100,000 tiny pictures: it must not grow."""

import json
import statistics
import threading
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks import plot
from benchmarks.report import Figure, at_most
from benchmarks.server import Server, server
from benchmarks.workers import picture
from worker.encoder import random_folder

EVERY_SECONDS = 0.25
PARTS = ("api", "ingest", "embed", "upkeep")
CHART = Path(__file__).parent / "results" / "memory.svg"
MIB = 1024**2
Samples = dict[str, list[tuple[float, float]]]


def run(quick: bool) -> list[Figure]:
    """With a tiny model of random weights. Growth is the last tenth against the time from 20 to 30 %."""
    count = 3_000 if quick else 100_000
    with TemporaryDirectory() as folder:
        random_folder.write(Path(folder) / "model", "tiny")
        with server({"SIGHTLINE_IMAGE_MODEL": f"{folder}/model"}) as running:
            archive = _archive(running.folder / "tiny.zip", count)
            began = time.perf_counter()
            samples = _watched(running, archive)
            seconds = time.perf_counter() - began
    plot.lines(CHART, f"Resident memory over an import of {count:,}", "seconds", "MiB", samples)
    figures = [Figure("pictures imported", count / seconds, "pictures/s")]
    for part, points in samples.items():
        early, late = _middle(points, 0.2, 0.3), _middle(points, 0.9, 1.0)
        figures.append(Figure(f"{part}: at the end", late, "MiB"))
        figures.append(at_most(f"{part}: at the end / at a quarter", late / early, 1.1))
    return figures


def _archive(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        lines = [json.dumps({"id": f"i{n}", "image": f"{n}.png"}) for n in range(count)]
        made.writestr("manifest.jsonl", "\n".join(lines))
        for n in range(count):
            made.writestr(f"{n}.png", picture(n))
    return path


def _watched(running: Server, archive: Path) -> Samples:
    """Import it; meanwhile look at every part four times a second."""
    samples: Samples = {part: [] for part in PARTS}
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(running, samples, done))
    watcher.start()
    try:
        running.http.put("/v1/catalogs/many", json={}).raise_for_status()
        with archive.open("rb") as stream:
            answer = running.http.post("/v1/catalogs/many/imports", content=stream,
                                       headers={"Content-Type": "application/zip"})  # fmt: skip
        running.wait(answer.raise_for_status().json())
    finally:
        done.set()
        watcher.join()
    return samples


def _watch(running: Server, samples: Samples, done: threading.Event) -> None:
    began = time.monotonic()
    while not done.wait(EVERY_SECONDS):
        for part in PARTS:
            if pid := running.stack.processes[part]:
                samples[part].append((time.monotonic() - began, _resident(pid) / MIB))


def _resident(pid: int) -> int:
    """Bytes of a process and all below it."""
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))


def _middle(points: list[tuple[float, float]], begin: float, end: float) -> float:
    """The median over a part of the time."""
    longest = points[-1][0]
    within = [size for at, size in points if begin * longest <= at <= end * longest]
    return statistics.median(within)
