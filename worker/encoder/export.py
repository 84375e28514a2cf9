"""`python -m worker.encoder.export MODEL`: export a model for CPUs, and measure what that brings."""

import argparse
import ctypes
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from db.settings import Settings
from worker.encoder import choosing, gate, loading, sample
from worker.encoder.backends import CPU, TorchBackend, Way
from worker.encoder.clip import ClipEncoder
from worker.encoder.exported import Exports, Key
from worker.encoder.loading import Found
from worker.encoder.sides import PictureSide, WordSide

OPSET = 20
MOST = 4096
"""Pictures or texts in one call; only a bound that the exporter wants."""
PR_SET_PDEATHSIG = 1


class Exporter:
    """Exports one model into one folder; one at a time of all processes that try."""

    def __init__(self, found: Found, cache: Path) -> None:
        self._found, self._cache = found, cache
        self._exports = Exports(cache)
        self.made: list[str] = []
        """The precisions that were not there and now are."""

    def prepare(self, ways: Sequence[Way], measured: bool) -> gate.Record | None:
        """Export whatever the ways need and lack; measure them, once a machine.

        With `measured` the first way is PyTorch's, which the others must beat.
        """
        loading.set_threads(CPU, self._found.size)
        with self._exports.locked(self._found.revision):
            exported = [way for way in ways if way.backend != "torch"]
            folders = {way: self._export(way.export) for way in exported}
            return self._record(ways, folders) if measured else None

    def _export(self, precision: str) -> Path:
        key = Key(self._found.revision, precision)
        folder = self._exports.find(key)
        if folder is None:
            is_whole = precision == "fp32"
            make = (
                partial(trace, self._found) if is_whole else partial(quantise, self._export("fp32"))
            )
            folder = self._exports.put(key, make)
            self.made.append(precision)
        return folder

    def _record(self, ways: Sequence[Way], folders: dict[Way, Path]) -> gate.Record:
        subject = gate.subject(self._found.revision, ways, torch.get_num_threads())
        record = gate.read(self._cache, subject)
        if record is None:
            record = _measured(self._found, subject, folders)
            gate.keep(self._cache, record)
        return record


def trace(found: Found, folder: Path) -> None:
    """Write both sides in fp32, for any number of pictures, and of texts of any length."""
    model = found.model(CPU, torch.float32)
    crop, end = found.preprocessing.crop, found.tokenizer.eos_token_id
    longest = found.config.text_config.max_position_embeddings
    # Two of each, so that no dimension is taken for the constant 1.
    pixels = torch.zeros((2, crop, crop, 3), dtype=torch.uint8)
    ids = torch.full((2, 9), end, dtype=torch.int64)
    count = torch.export.Dim("count", min=1, max=MOST)
    length = torch.export.Dim("length", min=2, max=longest)
    pictures = PictureSide(model, found.preprocessing)
    _trace(pictures, pixels, folder / "vision.onnx", "pixels", {0: count})
    _trace(WordSide(model), ids, folder / "text.onnx", "ids", {0: count, 1: length})


def _trace(side: torch.nn.Module, example: torch.Tensor, path: Path, name: str, free: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own parts
        torch.onnx.export(
            side.eval(), (example,), path, input_names=[name], output_names=["vectors"],
            dynamic_shapes=(free,), opset_version=OPSET, dynamo=True, external_data=True,
            verbose=False,
        )  # fmt: skip


def quantise(source: Path, folder: Path) -> None:
    """Write both sides with int8 weights, a scale for each channel; activations as they come.

    Only matrix products: the first convolution and the token table are small work, and exact.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for name in ("vision.onnx", "text.onnx"):
        quantize_dynamic(
            source / name, folder / name, op_types_to_quantize=["MatMul"], per_channel=True,
            weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip


def _measured(found: Found, subject: gate.Subject, folders: dict[Way, Path]) -> gate.Record:
    reference = _with_torch(found, "fp32")
    encoders: dict[str, gate.Encoder] = {}
    for written in subject.ways:
        way = Way.read(written)
        if way == Way("torch", "fp32"):
            encoders[written] = reference
        elif way.backend == "torch":
            encoders[written] = _with_torch(found, way.precision)
        else:
            backend = choosing.open_backend(way, folders[way], subject.threads)
            encoders[written] = ClipEncoder(found, backend, gate.BATCH)
    return gate.measure(subject, reference, encoders, sample.draw(found.preprocessing.crop))


def _with_torch(found: Found, precision: str) -> ClipEncoder:
    model = found.model(CPU, loading.PRECISIONS[precision])
    return ClipEncoder(found, TorchBackend(model, found.preprocessing), gate.BATCH)


def main() -> None:
    """Read the command line; print what was made and what was measured, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m worker.encoder.export", description=__doc__)
    parser.add_argument("model", help="hub name or folder")
    parser.add_argument("--revision", help="a commit of the hub")
    parser.add_argument("--cache", type=Path, default=Settings().cache_folder,
                        help="folder of exported models (%(default)s)")  # fmt: skip
    parser.add_argument("--way", action="append", type=Way.read, dest="ways",
                        help="such as onnx:int8; default: all that `auto` looks at")  # fmt: skip
    parser.add_argument("--gate", action="store_true", help="measure these ways, too")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.parent:
        _end_with(options.parent)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    found = loading.find(options.model, options.revision)
    ways = options.ways or choosing.candidates(found, "auto")
    exporter = Exporter(found, options.cache)
    record = exporter.prepare(ways, options.gate or not options.ways)
    measured = [one.model_dump() for one in record.measured] if record else []
    sys.stdout.write(json.dumps({"made": exporter.made, "measured": measured}, indent=2) + "\n")


def _end_with(parent: int) -> None:
    """Let the kernel end this process when the worker that waits for it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("The parent is gone.")


if __name__ == "__main__":
    main()
