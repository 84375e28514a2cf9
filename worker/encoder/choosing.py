"""Chooses what runs a model: PyTorch on a GPU, on a CPU the fastest way that passes the gate."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import torch

from worker.encoder import gate, loading
from worker.encoder.backends import (
    CPU,
    EXPORTED,
    LIBRARIES,
    NAMES,
    Backend,
    TorchBackend,
    Way,
    is_installed,
)
from worker.encoder.errors import ModelUnusable
from worker.encoder.exported import Exports, Key
from worker.encoder.loading import Found

log = structlog.get_logger(__name__)

LARGEST = 300_000_000
"""Parameters up to which `auto` exports a model at a worker's start.

A B/32 has 151 million, and took 110 s on two cores that were busy besides. Larger ones take
longer: `python -m worker.encoder.export MODEL` does it beforehand; `auto` uses what it finds.
"""
PATIENCE = 150
"""Seconds that `auto` waits for an export and its measuring; then it serves with PyTorch."""
CHILD = "worker.encoder.export"


@dataclass(frozen=True)
class Wish:
    """What the settings ask for."""

    backend: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    cache: Path | None = None
    """The folder of exports; without one there are none."""


@dataclass(frozen=True)
class Chosen:
    """A loaded backend, and why it is this one."""

    backend: Backend
    why: str
    record: gate.Record | None = None

    @property
    def about(self) -> dict[str, Any]:
        """What the worker tells in its log and its row."""
        way = self.backend.way
        told: dict[str, Any] = {
            "backend": way.backend, "precision": way.precision, "device": str(self.backend.device),
            "why": self.why,
        }  # fmt: skip
        if isinstance(self.backend, TorchBackend):
            told["recorded"] = self.backend.recorded
        if self.record:
            told["gate"] = [one.model_dump() for one in self.record.measured]
        return told


def choose(found: Found, wish: Wish) -> Chosen:
    """Load a model the way that the settings name, or the best one; raises ModelUnusable."""
    if wish.backend not in ("auto", *LIBRARIES):
        raise ModelUnusable(
            f"Unknown encoder: {wish.backend}; known: auto, {', '.join(LIBRARIES)}."
        )
    if wish.backend == "auto":
        return _best(found, wish)
    if wish.backend == "torch":
        return _with_torch(found, wish, "as set")
    return _as_set(found, wish)


def _best(found: Found, wish: Wish) -> Chosen:
    if loading.pick_device(wish.device).type != "cpu":
        return _with_torch(found, wish, "the device is no CPU")
    if wish.precision == "int8":  # which one backend has
        return _as_set(found, Wish("onnx", "int8", wish.device, wish.cache))
    if found.size < loading.TINY:
        # Of the 5 ms that an import costs for each picture then, int8 would save one.
        return _with_torch(found, wish, "a tiny model waits for decoding, not for the model")
    ways = candidates(found, wish.precision)
    if len(ways) == 1 or wish.cache is None:
        return _with_torch(found, wish, "no other backend is installed, or has this precision")
    record = _record(found, wish.cache, ways, PATIENCE if found.size <= LARGEST else 0)
    if record is None:
        return _with_torch(found, wish, "nothing is exported and measured for it")
    way = Way.read(record.best().way)
    if way.backend == "torch":
        return _with_torch(found, wish, "no other way passed the gate", record)
    try:
        backend = _loaded(found, way, wish.cache, PATIENCE)
        return Chosen(backend, "the fastest that passed the gate", record)
    except ModelUnusable as error:
        log.warning("export_unusable", model=found.name, way=str(way), error=error.detail)
        return _with_torch(found, wish, "the export cannot be used", record)


def _as_set(found: Found, wish: Wish) -> Chosen:
    """ONNX Runtime or OpenVINO, or nothing: in the precision that is set, else the gate's."""
    known = EXPORTED[wish.backend]
    if wish.device not in ("auto", "cpu"):
        raise ModelUnusable(f"The encoder {wish.backend} runs on a CPU, not on {wish.device}.")
    if wish.precision not in ("auto", *known):
        raise ModelUnusable(f"The encoder {wish.backend} has {', '.join(known)}.")
    if not is_installed(wish.backend):
        raise ModelUnusable(f"The encoder {wish.backend} is not installed: the extra `cpu` has it.")
    if wish.cache is None:
        raise ModelUnusable("There is no folder for exported models.")
    if wish.precision != "auto":
        way = Way(wish.backend, wish.precision)
        return Chosen(_loaded(found, way, wish.cache), "as set")
    fitting = [p for p in known if p != "bf16" or loading.cpu_has_bf16()]
    ways = [_torch_way(found, "auto"), *(Way(wish.backend, precision) for precision in fitting)]
    record = _record(found, wish.cache, ways)
    best = Way.read(record.best(beats=0).way) if record else ways[0]
    way = best if best.backend == wish.backend else ways[-1]  # fp32 needs no gate
    return Chosen(_loaded(found, way, wish.cache), "as set; precision by the gate", record)


def candidates(found: Found, precision: str) -> list[Way]:
    """PyTorch's way, then those that may be better."""
    mine = _torch_way(found, precision)
    wanted = {
        "auto": [Way("onnx", "int8"), Way("openvino", mine.precision)],
        "bf16": [Way("openvino", "bf16")] if loading.cpu_has_bf16() else [],
        "fp32": [Way("onnx", "fp32"), Way("openvino", "fp32")],
    }
    return [mine, *(way for way in wanted.get(precision, []) if is_installed(way.backend))]


def _torch_way(found: Found, precision: str) -> Way:
    return Way("torch", NAMES[loading.pick_precision(precision, CPU, found.size)])


def _with_torch(
    found: Found, wish: Wish, why: str, record: gate.Record | None = None
) -> Chosen:  # fmt: skip
    device = loading.pick_device(wish.device)
    precision = loading.pick_precision(wish.precision, device, found.size)
    model = found.model(device, precision)
    loading.set_threads(device, found.size)
    backend = TorchBackend(model, found.preprocessing, recorded=wish.backend != "torch")
    return Chosen(backend, why, record)


def _record(
    found: Found, cache: Path, ways: list[Way], patience: float | None = None
) -> gate.Record | None:
    """What the gate measured on this machine, now if it never did; None where that failed."""
    loading.set_threads(CPU, found.size)
    subject = gate.subject(found.revision, ways, torch.get_num_threads())
    record = gate.read(cache, subject)
    if record is None and patience != 0:
        _in_a_child(found, cache, ways, ["--gate"], patience)
        record = gate.read(cache, subject)
    return record


def _loaded(found: Found, way: Way, cache: Path, patience: float | None = None) -> Backend:
    """Load an export, which is made first where there is none; raises ModelUnusable."""
    loading.set_threads(CPU, found.size)
    exports, key = Exports(cache), Key(found.revision, way.export)
    folder = exports.find(key)
    if folder is None:
        _in_a_child(found, cache, [way], [], patience)
        folder = exports.find(key)
    if folder is None:
        raise ModelUnusable(f"The image model {found.name!r} cannot be exported; see the log.")
    try:
        return open_backend(way, folder, torch.get_num_threads())
    except Exception as error:  # the libraries have trees of their own
        raise ModelUnusable(f"{way.backend} cannot run the image model {found.name!r}.") from error


def open_backend(way: Way, folder: Path, threads: int) -> Backend:
    """Open an export; raises what the library raises."""
    if way.backend == "onnx":
        from worker.encoder.onnx_backend import OnnxBackend

        return OnnxBackend(folder, way.precision, threads)
    from worker.encoder.openvino_backend import OpenvinoBackend

    return OpenvinoBackend(folder, way.precision, threads)


def _in_a_child(
    found: Found, cache: Path, ways: list[Way], options: list[str], patience: float | None
) -> None:
    """Export in another process: what the exporter takes, 2.7 GB for a B/32, goes with it."""
    command = [sys.executable, "-m", CHILD, found.source, "--revision", found.revision,
               "--cache", str(cache.absolute()), "--parent", str(os.getpid()), *options]  # fmt: skip
    for way in ways:
        command += ["--way", str(way)]
    log.info("exporting", model=found.name, ways=[str(way) for way in ways])
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parents[2], timeout=patience, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("export_failed", model=found.name, error=repr(error))
        return
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        log.warning("export_failed", model=found.name, code=done.returncode, error=said)
