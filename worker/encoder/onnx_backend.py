"""Runs an exported model with ONNX Runtime on the CPU: the fastest way there, in int8."""

from pathlib import Path
from typing import Any

import torch

from worker.encoder.backends import CPU, Bytes, Tokens, Way


class OnnxBackend:
    """Two sessions, one a side; see `backends.Backend`."""

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        """`folder` holds `vision.onnx` and `text.onnx`; raises what ONNX Runtime raises."""
        self.way = Way("onnx", precision)
        self.device = CPU
        self._vision = _session(folder / "vision.onnx", threads)
        self._text = _session(folder / "text.onnx", threads)

    def images(self, pixels: Bytes) -> torch.Tensor:
        """See `Backend`."""
        return torch.from_numpy(self._vision.run(None, {"pixels": pixels})[0])

    def texts(self, ids: Tokens) -> torch.Tensor:
        """See `Backend`."""
        return torch.from_numpy(self._text.run(None, {"ids": ids})[0])


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin for the next layer take the cores from those that decode pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
