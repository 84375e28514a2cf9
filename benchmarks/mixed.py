"""An import of camera-like JPEGs against the loop that most people write, with the same vectors."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import pictures
from benchmarks.report import Figure, at_least
from benchmarks.server import Server, archive_of, python, server
from worker.encoder.random_folder import write

Vectors = NDArray[np.float32]


def run(quick: bool) -> list[Figure]:
    """500 JPEGs of 640x480 to 2000x1500, a model of B/32's shape with random weights."""
    count = 64 if quick else 500
    files = pictures.mixed(count)
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as temporary:
        folder, model = Path(temporary), Path(temporary) / "b32"
        write(model, "b32")
        for name, data in files.items():
            (folder / name).write_bytes(data)
        loop = ("benchmarks.usual", str(folder), str(model), str(folder / "usual.npy"))
        before = python(*loop)["rate"]
        archive = archive_of(files)
        (folder / "pictures.zip").write_bytes(archive)
        alone = python("benchmarks.alone", str(folder / "pictures.zip"), str(model))["rate"]
        with server({"SIGHTLINE_IMAGE_MODEL": str(model)}) as running:
            rate = count / running.import_zip("mixed", archive)
            ours = stored(running)
        # The machine may have changed its pace meanwhile.
        usual = (before + python(*loop)["rate"]) / 2
        theirs: Vectors = np.load(folder / "usual.npy")
    return [
        Figure("the usual loop, fp32, before and after", usual, "pictures/s"),
        Figure("our encoder alone, one process", alone, "pictures/s"),
        Figure("import, upload to searchable", rate, "pictures/s"),
        Figure("import / encoder alone", rate / alone, ""),
        at_least("import / usual loop", rate / usual, 3),
        at_least("lowest cosine, mean removed", float(cosines(ours, theirs).min()), 0.99),
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
