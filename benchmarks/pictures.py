"""The pictures that are measured with: drawn products, and JPEGs like those of a camera."""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from tests.unit.pictures import jpeg
from worker.demo_model import sample_catalog

SMALL, LARGE = (640, 480), (2000, 1500)


def drawn(count: int, seed: int = 11) -> dict[str, bytes]:
    """Drawn products of 320 x 320 pixels, by file name."""
    with tempfile.TemporaryDirectory() as folder:
        made = sample_catalog.make_catalog(Path(folder), count, 320, seed).parent
        return {path.name: path.read_bytes() for path in sorted(made.rglob("*.jpg"))}


def mixed(count: int) -> dict[str, bytes]:
    """JPEGs of sizes spread evenly from 640 x 480 to 2000 x 1500, by file name."""
    with ProcessPoolExecutor() as pool:
        made = pool.map(_mixed, range(count), chunksize=8)
        return {f"{n:05}.jpg": data for n, data in enumerate(made)}


def _mixed(seed: int) -> bytes:
    share = np.random.default_rng(seed).uniform()
    width, height = (round(a + share * (b - a)) for a, b in zip(SMALL, LARGE, strict=True))
    return jpeg(width, height, seed, quality=85)
