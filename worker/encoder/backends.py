"""What runs a model: a library at a precision, behind one shape; PyTorch's is here."""

import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

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

    def texts(self, ids: Tokens, mask: Tokens) -> torch.Tensor:
        """Encode tokens (n, length), padded on the right; `mask` is 0 where padding is."""


class TorchBackend:
    """The reference, and the way of every GPU."""

    def __init__(self, model: Any, preprocessing: Preprocessing) -> None:
        self.model = model
        self.device: torch.device = model.device
        self.way = Way("torch", NAMES[model.dtype])
        self._pictures = PictureSide(model, preprocessing)
        self._words = WordSide(model)

    @torch.inference_mode()
    def images(self, pixels: Bytes) -> torch.Tensor:
        """See `Backend`."""
        made = torch.from_numpy(pixels)
        if self.device.type == "cuda":
            made = made.pin_memory()
        vectors: torch.Tensor = self._pictures(made.to(self.device, non_blocking=True))
        return vectors

    @torch.inference_mode()
    def texts(self, ids: Tokens, mask: Tokens) -> torch.Tensor:
        """See `Backend`."""
        tokens = (torch.from_numpy(each).to(self.device) for each in (ids, mask))
        vectors: torch.Tensor = self._words(*tokens)
        return vectors
