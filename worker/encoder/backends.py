"""What runs a model: a library at a precision, behind one shape; PyTorch's is here."""

import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from worker.encoder.graphs import Plain, Recorded
from worker.encoder.preprocess import Preprocessing
from worker.encoder.sides import PictureSide, WordSide

Bytes = NDArray[np.uint8]
Tokens = NDArray[np.int64]
CPU = torch.device("cpu")
NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
LIBRARIES = {"torch": "torch", "onnx": "onnxruntime", "openvino": "openvino"}
"""The backends by the names that the setting knows, each with the module that it needs."""
EXPORTED = {"onnx": ("int8", "fp32"), "openvino": ("bf16", "fp32")}
"""What the backends that run an export can do; `auto` tries from the left."""


LENGTHS = 16
"""Recordings are made for texts of so many tokens, twice as many and so on."""


@dataclass(frozen=True, order=True)
class Way:
    """A backend at a precision; it prints as `onnx:int8`."""

    backend: str
    precision: str

    def __str__(self) -> str:
        return f"{self.backend}:{self.precision}"

    @classmethod
    def read(cls, written: str) -> "Way":
        """The way that prints so."""
        backend, _, precision = written.partition(":")
        return cls(backend, precision)

    @property
    def export(self) -> str:
        """The precision of the file that it runs: OpenVINO makes bf16 of fp32 as it loads."""
        return "int8" if self.precision == "int8" else "fp32"


def is_installed(backend: str) -> bool:
    """Whether the library of a backend can be imported; it is not imported for that."""
    return importlib.util.find_spec(LIBRARIES[backend]) is not None


class Backend(Protocol):
    """One loaded model. Both calls give float32 (n, dimensions) of length 1, row for row."""

    way: Way
    device: torch.device

    def images(self, pixels: Bytes) -> torch.Tensor:
        """Encode uint8 (n, crop, crop, 3)."""

    def texts(self, ids: Tokens) -> torch.Tensor:
        """Encode tokens (n, length), padded on the right, which changes nothing."""


class TorchBackend:
    """The reference, and the way of every GPU: there it is recorded, unless that is not wished."""

    def __init__(self, model: Any, preprocessing: Preprocessing, recorded: bool = True) -> None:
        self.model = model
        self.device: torch.device = model.device
        self.way = Way("torch", NAMES[model.dtype])
        self.recorded = recorded and self.device.type == "cuda"
        sides = PictureSide(model, preprocessing), WordSide(model)
        form = Recorded if self.recorded else Plain
        self._pictures, self._words = (form(side, self.device) for side in sides)
        self._longest: int = model.config.text_config.max_position_embeddings

    @torch.inference_mode()
    def images(self, pixels: Bytes) -> torch.Tensor:
        """See `Backend`."""
        return self._pictures(self._pinned(pixels))

    @torch.inference_mode()
    def texts(self, ids: Tokens) -> torch.Tensor:
        """See `Backend`."""
        return self._words(self._pinned(self._evened(ids) if self.recorded else ids))

    def _evened(self, ids: Tokens) -> Tokens:
        """Tokens padded to one of few lengths, by the last, which ends a text or pads it."""
        length = ids.shape[1]
        more = min(-(-length // LENGTHS) * LENGTHS, self._longest) - length
        return np.pad(ids, ((0, 0), (0, more)), mode="edge")

    def _pinned(self, values: Bytes | Tokens) -> torch.Tensor:
        """Memory that a GPU reads by itself, while this thread goes on."""
        made = torch.from_numpy(values)
        return made.pin_memory() if self.device.type == "cuda" else made
