"""What can run a model on a CPU, side by side: pictures/s by batch, and how alike the vectors are."""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import Figure
from benchmarks.server import python
from worker.encoder import ClipEncoder, gate, loading, sample
from worker.encoder.backends import EXPORTED, Way
from worker.encoder.random_folder import write

BATCHES = (1, 8, 32)
WAYS = [Way("torch", "fp32"), Way("torch", "bf16"),
        *(Way(name, precision) for name, known in EXPORTED.items() for precision in known)]  # fmt: skip


SQUARE = 2048
"""Rows and columns of the matrices whose product is this machine's best."""


def run(quick: bool) -> list[Figure]:
    """Every backend and precision, a model of B/32's shape with random weights."""
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as temporary:
        folder = Path(temporary)
        write(folder / "model", "tiny" if quick else "b32")
        found = python("benchmarks.backends", str(folder / "model"), str(folder / "cache"))
    figures = [Figure("export in fp32 and int8", found.pop("export"), "s")]
    for way, values in found.items():
        figures += [Figure(f"{way}, {what}", value, unit) for what, (value, unit) in values.items()]
    return figures


def main() -> None:
    """Measure the backends in one process, in turns, so that all have the same machine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backends", description=__doc__)
    parser.add_argument("model", help="folder of a CLIP model")
    parser.add_argument("cache", type=Path, help="folder for its exports")
    options = parser.parse_args()
    ways = WAYS if loading.cpu_has_bf16() else [way for way in WAYS if way.precision != "bf16"]
    began = time.perf_counter()
    encoders = {}
    for way in sorted(ways):  # int8 first: it makes the fp32 of which it is made
        encoders[str(way)] = ClipEncoder.load(
            options.model, device="cpu", precision=way.precision, backend=way.backend,
            cache=options.cache,
        )  # fmt: skip
    made = time.perf_counter() - began
    reference = encoders["torch:fp32"]
    drawn = sample.draw(reference.preprocessing.crop)
    pictures, texts = list(drawn.pictures), drawn.texts
    theirs = reference.images(pictures), reference.texts(texts)
    found: dict[str, dict[str, tuple[float, str]]] = {name: {} for name in encoders}
    for batch in BATCHES:
        for name, rate in gate.rates(encoders, pictures[:batch]).items():
            found[name][f"batches of {batch}"] = rate, "pictures/s"
    work = operations(reference)
    for name, precision in (("torch:fp32", torch.float32), ("torch:bf16", torch.bfloat16)):
        if name in found:
            told = "the machine's own matrix products allow"
            found[name][told] = best_rate(precision) / work, "pictures/s"
    for name, encoder in encoders.items():
        alike = gate.compare(theirs, (encoder.images(pictures), encoder.texts(texts)))
        found[name]["ten best shared with fp32, at least"] = alike.least, ""
    sys.stdout.write(json.dumps({"export": made, **found}))


def operations(reference: ClipEncoder) -> float:
    """Floating-point operations of one picture's forward pass, as PyTorch counts them."""
    crop = reference.preprocessing.crop
    with FlopCounterMode(display=False) as counted:
        reference.backend.images(sample.draw(crop).pictures[:1])
    return float(counted.get_total_flops())


def best_rate(precision: torch.dtype, device: str = "cpu", square: int = SQUARE) -> float:
    """Operations a second of the best of nine large matrix products, the median of three such."""
    one, other = (torch.rand(square, square, device=device).to(precision) for _ in range(2))

    def seconds() -> float:
        began = time.perf_counter()
        torch.mm(one, other)
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    return 2 * square**3 / statistics.median(min(seconds() for _ in range(9)) for _ in range(3))


if __name__ == "__main__":
    main()
