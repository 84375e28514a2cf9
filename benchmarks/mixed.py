"""An import of camera-like JPEGs against the loop that most people write, with the same vectors."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import pictures
from benchmarks.report import Figure, at_least
from benchmarks.server import Server, archive_of, python, server
from worker.encoder.random_folder import write

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Variant:
    """A precision, and what it must reach with random weights."""

    precision: str
    encoder: str
    times: float
    """The usual loop's rate."""
    cosine: float


VARIANTS = (Variant("bf16", "openvino", 3.8, 0.99), Variant("int8", "onnx", 5, 0.98))


@dataclass(frozen=True)
class Bench:
    """Files, their archive and a model, in one folder."""

    folder: Path
    files: Mapping[str, bytes]
    archive: bytes

    @property
    def model(self) -> str:
        """The model's folder."""
        return str(self.folder / "b32")

    def usual(self) -> float:
        """The usual loop's pictures/s; it leaves its vectors in the folder."""
        vectors = str(self.folder / "usual.npy")
        return float(python("benchmarks.usual", str(self.folder), self.model, vectors)["rate"])

    def alone(self, variant: Variant) -> dict[str, Any]:
        """Our encoder's rates without a server; exports the model where that is needed."""
        return python(
            "benchmarks.alone", str(self.folder / "pictures.zip"), self.model, "--cache",
            str(self.folder / "cache"), "--encoder", variant.encoder,
            "--precision", variant.precision,
        )  # fmt: skip

    def imported(self, variant: Variant) -> tuple[float, Vectors]:
        """Pictures/s from upload to searchable, and the vectors that are kept."""
        environment = {
            "SIGHTLINE_IMAGE_MODEL": self.model,
            "SIGHTLINE_CACHE_DIR": str(self.folder / "cache"),
            "SIGHTLINE_ENCODER": variant.encoder,
            "SIGHTLINE_PRECISION": variant.precision,
        }
        with server(environment) as running:
            seconds = running.import_zip("mixed", self.archive)
            return len(self.files) / seconds, stored(running)


def run(quick: bool) -> list[Figure]:
    """500 JPEGs of 640x480 to 2000x1500, a model of B/32's shape with random weights."""
    files = pictures.mixed(64 if quick else 500)
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as temporary:
        bench = Bench(Path(temporary), files, archive_of(files))
        write(Path(bench.model), "b32")
        for name, data in files.items():
            (bench.folder / name).write_bytes(data)
        (bench.folder / "pictures.zip").write_bytes(bench.archive)
        figures = []
        for variant in VARIANTS:
            figures += measured(bench, variant)
        return figures


def measured(bench: Bench, variant: Variant) -> list[Figure]:
    """One precision against the usual loop, and against what decoding and encoding allow."""
    before = bench.usual()
    alone = bench.alone(variant)
    rate, ours = bench.imported(variant)
    usual = (before + bench.usual()) / 2  # the machine may have changed its pace meanwhile
    theirs: Vectors = np.load(bench.folder / "usual.npy")
    bound = 1 / (1 / alone["forward"] + 1 / alone["decode"])
    name, lowest = f"{alone['way']}:", float(cosines(ours, theirs).min())
    return [
        Figure(f"{name} the usual loop, fp32, before and after", usual, "pictures/s"),
        Figure(f"{name} forward pass alone", alone["forward"], "pictures/s"),
        Figure(f"{name} decoding alone, two threads", alone["decode"], "pictures/s"),
        Figure(f"{name} import, upload to searchable", rate, "pictures/s"),
        at_least(f"{name} import / what both allow one after the other", rate / bound, 0.9),
        at_least(f"{name} import / usual loop", rate / usual, variant.times),
        at_least(f"{name} lowest cosine, mean removed", lowest, variant.cosine),
    ]


def stored(running: Server) -> Vectors:
    """What the server keeps, by item id, which is the file's name."""
    rows: list[tuple[Any, ...]] = running.sql(
        """SELECT e.vector::text FROM sightline.embeddings e
           JOIN sightline.items i ON i.tenant_id = e.tenant_id AND i.id = e.item_id
           ORDER BY i.external_id"""
    )
    return np.array([np.fromstring(row[0].strip("[]"), sep=",") for row in rows], np.float32)


def cosines(ours: Vectors, theirs: Vectors) -> Vectors:
    """The cosine of each pair once the mean is gone, in which random weights put all pictures."""
    pairs = [vectors - theirs.mean(axis=0) for vectors in (ours, theirs)]
    a, b = (centred / np.linalg.norm(centred, axis=1, keepdims=True) for centred in pairs)
    return np.asarray((a * b).sum(axis=1), np.float32)
