"""Runs an exported model with OpenVINO on the CPU: the fastest way there, in bf16."""

from pathlib import Path
from typing import Any

import torch

from worker.encoder.backends import CPU, Bytes, Tokens, Way

HINTS = {"bf16": "bf16", "fp32": "f32"}


class OpenvinoBackend:
    """Two compiled models, one a side; see `backends.Backend`."""

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        """`folder` holds `vision.onnx` and `text.onnx`; raises what OpenVINO raises."""
        self.way = Way("openvino", precision)
        self.device = CPU
        self._vision = _compiled(folder / "vision.onnx", precision, threads)
        self._text = _compiled(folder / "text.onnx", precision, threads)

    def images(self, pixels: Bytes) -> torch.Tensor:
        """See `Backend`."""
        return _vectors(self._vision, pixels)

    def texts(self, ids: Tokens) -> torch.Tensor:
        """See `Backend`."""
        return _vectors(self._text, ids)


def _compiled(path: Path, precision: str, threads: int) -> Any:
    import openvino

    core = openvino.Core()
    options = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        # Pinned threads of several processes would all sit on the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    return core.compile_model(core.read_model(path), "CPU", options).create_infer_request()


def _vectors(request: Any, values: Bytes | Tokens) -> torch.Tensor:
    """The one output, copied: the next inference writes into the same memory."""
    return torch.from_numpy(request.infer([values])[0].copy())
