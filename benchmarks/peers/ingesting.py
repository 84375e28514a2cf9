"""An import of pictures beside the usual loop and a CLIP server, both of which fill chromadb."""

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import pictures
from benchmarks.mixed import Bench, Variant, Vectors, cosines
from benchmarks.peers import children
from benchmarks.report import Figure, at_least
from benchmarks.server import archive_of
from worker.encoder.random_folder import write

SERVER = "infinity"
OURS = Variant("int8", "onnx", 5, 0.98)
"""What a worker takes by itself on a CPU where the model passes its gate."""
PRECISIONS = ("float32", "int8")
"""The CLIP server's on a CPU: as it comes, and the fastest."""


@dataclass(frozen=True)
class Filled:
    """How fast a collection was filled, and with what."""

    about: str
    rate: float
    vectors: Vectors


def run(quick: bool) -> Iterator[Figure]:
    """500 JPEGs of 640x480 to 2000x1500 until findable, a model of B/32's shape, random weights."""
    files = pictures.mixed(32 if quick else 500)
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as temporary:
        bench = Bench(Path(temporary), files, archive_of(files))
        write(Path(bench.model), "tiny" if quick else "b32")
        for name, data in files.items():
            (bench.folder / name).write_bytes(data)
        (bench.folder / "pictures.zip").write_bytes(bench.archive)
        bench.alone(OURS)  # exports the model, as a worker does at its first start
        yield from measured(bench, quick)


def measured(bench: Bench, quick: bool) -> Iterator[Figure]:
    """Ours before and after theirs, each of which takes half a minute."""
    ours, theirs = [bench.imported(OURS)], {"loop": filled(bench, "--model", bench.model)}
    for precision in () if quick else PRECISIONS:
        with children.clip_server(Path(bench.model), precision) as port:
            theirs[precision] = filled(bench, "--port", str(port))
    if not quick:
        ours.append(bench.imported(OURS))
    rate = statistics.median(rate for rate, _ in ours)
    right = theirs["loop"].vectors
    lowest = float(cosines(ours[-1][1], right).min())
    yield Figure("pictures: Sightline's import over HTTP, int8", rate, "pictures/s")
    yield at_least("pictures: Sightline, lowest cosine to the loop's, mean removed", lowest,
                   OURS.cosine)  # fmt: skip
    loop = theirs.pop("loop")
    yield Figure(f"pictures: the usual loop ({loop.about})", loop.rate, "pictures/s")
    yield at_least("pictures: Sightline / the usual loop", rate / loop.rate, OURS.times)
    for precision, found in theirs.items():
        what = f"{SERVER} {precision}"
        yield Figure(f"pictures: {what} {found.about}", found.rate, "pictures/s")
        yield Figure(f"pictures: {what}, lowest cosine",
                     float(cosines(found.vectors, right).min()), "")  # fmt: skip
        yield Figure(f"pictures: Sightline / {what}", rate / found.rate, "")


def filled(bench: Bench, *source: str) -> Filled:
    """Embed the folder into a new collection, from the first file read until the last is found."""
    vectors = bench.folder / "theirs.npy"
    with tempfile.TemporaryDirectory(dir=bench.folder) as place:
        told = children.peer("benchmarks.peers.loop", str(bench.folder), place, *source,
                             "--vectors", str(vectors))  # fmt: skip
    return Filled(told["about"], told["rate"], np.load(vectors))
