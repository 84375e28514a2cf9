"""The floor: the encoder alone in one process, on pictures in memory. Prints JSON."""

import argparse
import json
import sys
import time
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.report import percentile
from worker.encoder import ClipEncoder

DECODERS = 2
"""Threads, as many as a worker has unless it is told otherwise."""


def main() -> None:
    """Decode and encode every picture of an archive, then words one by one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alone", description=__doc__)
    parser.add_argument("archive", help="ZIP with pictures")
    parser.add_argument("model", help="folder of a CLIP model")
    parser.add_argument("--encoder", default="torch", help="as SIGHTLINE_ENCODER")
    parser.add_argument("--precision", default="auto", help="as SIGHTLINE_PRECISION")
    parser.add_argument("--cache", type=Path, help="folder of exported models")
    options = parser.parse_args()
    with zipfile.ZipFile(options.archive) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        pictures = [archive.read(name) for name in names]
    encoder = ClipEncoder.load(
        options.model, precision=options.precision, backend=options.encoder, cache=options.cache
    )
    encoder.warm_up()
    found = {"way": str(encoder.backend.way), "rate": whole(encoder, pictures)}
    sys.stdout.write(json.dumps(found | apart(encoder, pictures) | words(encoder)))


def whole(encoder: ClipEncoder, pictures: Sequence[bytes]) -> float:
    """Pictures/s when one thread decodes a batch and then encodes it."""
    began = time.perf_counter()
    for start in range(0, len(pictures), encoder.batch_size):
        batch = pictures[start : start + encoder.batch_size]
        encoder.images([encoder.preprocessing.array(data) for data in batch])
    return len(pictures) / (time.perf_counter() - began)


def apart(encoder: ClipEncoder, pictures: Sequence[bytes]) -> dict[str, float]:
    """Pictures/s of decoding in threads and of the forward pass, each with the machine alone."""
    began = time.perf_counter()
    with ThreadPoolExecutor(DECODERS) as threads:
        pixels = list(threads.map(encoder.preprocessing.array, pictures))
    decoded = time.perf_counter()
    encoder.images(pixels)
    done = time.perf_counter()
    count = len(pictures)
    return {"decode": count / (decoded - began), "forward": count / (done - decoded)}


def words(encoder: ClipEncoder) -> dict[str, Any]:
    """The time of one text, in the median of 100."""
    taken = []
    for number in range(100):
        began = time.perf_counter()
        encoder.texts([f"a red thing number {number}"])
        taken.append((time.perf_counter() - began) * 1000)
    return {"text_ms": percentile(taken, 50)}


if __name__ == "__main__":
    main()
