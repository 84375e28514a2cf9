"""What a GPU gives of what it could: recorded and plain passes, JPEGs to vectors, time that it is busy."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import pictures
from benchmarks.alone import words
from benchmarks.backends import best_rate, operations
from benchmarks.report import Figure
from benchmarks.server import archive_of, python, server
from worker.encoder import ClipEncoder, loading
from worker.encoder.random_folder import write

SHAPES = ("b32", "l14")
BATCHES = (1, 32, 128, 256)
SECONDS = 2.0
"""How long one rate is measured."""
SQUARE = 8192
BUSY = """SELECT sum((stats #>> '{seconds,encode}')::float) FROM sightline.workers
          WHERE lane = 'embed'"""


def run(quick: bool) -> list[Figure]:
    """Models of B/32's and L/14's shape with random weights, on a GPU if there is one."""
    figures = []
    files = pictures.mixed(32 if quick else 4_000)
    for shape in ("tiny",) if quick else SHAPES:
        with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
            write(Path(folder), shape)
            alone = python("benchmarks.gpu", folder, *(["--quick"] if quick else []))
            device = alone.pop("device")
            figures += [Figure(f"{shape} on {device}, {what}", value, unit)
                        for what, (value, unit) in alone.items()]  # fmt: skip
            for workers in (1, 2):
                figures += imported(f"{shape}, {workers} embed workers", folder, files, workers)
    return figures


def imported(name: str, model: str, files: dict[str, bytes], workers: int) -> list[Figure]:
    """JPEGs from upload to searchable, and the part of the time in which a model ran."""
    settings = {"SIGHTLINE_IMAGE_MODEL": model, "SIGHTLINE_BATCH_SIZE": "128"}
    if workers == 1:
        settings["SIGHTLINE_DECODE_THREADS"] = str(os.cpu_count())
    with server(settings, workers) as running:
        before = float(running.sql(BUSY)[0][0] or 0)
        seconds = running.import_zip("shop", archive_of(files))
        time.sleep(6)  # workers tell their counts every five seconds
        busy = float(running.sql(BUSY)[0][0] or 0) - before
    return [
        Figure(f"{name}: upload to searchable", len(files) / seconds, "pictures/s"),
        Figure(f"{name}: a model runs", 100 * busy / seconds, "% of the time"),
    ]


def main() -> None:
    """Measure one model in this process; prints JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("model", help="folder of a CLIP model")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    options = parser.parse_args()
    seconds = SECONDS / 10 if options.quick else SECONDS
    plain = ClipEncoder.load(options.model, backend="torch", batch_size=max(BATCHES))
    recorded = ClipEncoder.load(options.model, backend="auto", batch_size=max(BATCHES))
    device = plain.device.type
    name = torch.cuda.get_device_name() if device == "cuda" else device
    square = SQUARE if device == "cuda" else SQUARE // 8
    precision = loading.PRECISIONS[plain.precision]
    allowed = best_rate(precision, device, square) / operations(plain)
    found: dict[str, Any] = {
        "matrix products allow": (allowed, "pictures/s"),
        f"{os.cpu_count()} cores decode": (decoded(plain, seconds), "pictures/s"),
    }
    ways = {"plain": plain} | ({"recorded": recorded} if recorded.about.get("recorded") else {})
    for way, encoder in ways.items():
        for batch in BATCHES[:2] if options.quick else BATCHES:
            rate = batch * calls(partial(encoder.images, grey(encoder, batch)), seconds)
            found[f"{way}, batches of {batch}"] = rate, "pictures/s"
            found[f"{way}, batches of {batch}, of what is allowed"] = 100 * rate / allowed, "%"
        found[f"{way}, one text"] = words(encoder)["text_ms"], "ms"
    sys.stdout.write(json.dumps({"device": name, **found}))


def grey(encoder: ClipEncoder, count: int) -> list[Any]:
    """So many pictures in the model's size."""
    crop = encoder.preprocessing.crop
    return [np.full((crop, crop, 3), 127, dtype=np.uint8)] * count


def calls(act: Callable[[], object], seconds: float) -> float:
    """Calls a second, after three that are not counted."""
    for _ in range(3):
        act()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        act()
        count += 1
    return count / (time.perf_counter() - began)


def decoded(encoder: ClipEncoder, seconds: float) -> float:
    """Pictures/s from JPEG bytes to the model's pixels, on all cores."""
    files: Sequence[bytes] = list(pictures.mixed(64).values())
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return len(files) * calls(
            lambda: list(threads.map(encoder.preprocessing.array, files)), seconds
        )


if __name__ == "__main__":
    main()
