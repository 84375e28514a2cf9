"""What every encoder does with its inputs: batches that shrink to fit, and vectors that are checked."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from worker.encoder.errors import BadVector, EncoderError, OutOfMemory

T = TypeVar("T")
Vectors = NDArray[np.float32]


class Batches:
    """The base of the encoders: as many vectors as inputs, in their order, of length 1."""

    def __init__(self, dimensions: int, device: torch.device, batch_size: int) -> None:
        self.dimensions = dimensions
        self.device = device
        self.batch_size = batch_size
        """The most inputs in one forward pass; it shrinks when the device runs out of memory."""

    def _in_batches(
        self, forward: Callable[[Sequence[T]], torch.Tensor], inputs: Sequence[T]
    ) -> Vectors:
        """Run batch by batch; a batch that does not fit into memory is tried again at half."""
        parts: list[Vectors] = []
        done = 0
        while done < len(inputs):
            batch = inputs[done : done + self.batch_size]
            vectors = _unless_out_of_memory(forward, batch)
            if vectors is None:
                self._shrink_below(len(batch))
                continue
            parts.append(self._checked(vectors, len(batch)))
            done += len(batch)
        return np.concatenate(parts) if parts else np.empty((0, self.dimensions), np.float32)

    def _shrink_below(self, size: int) -> None:
        if size == 1:
            raise OutOfMemory("One input alone does not fit into the device's memory.")
        self.batch_size = size // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _checked(self, vectors: Vectors, count: int) -> Vectors:
        if vectors.shape != (count, self.dimensions):
            expected = (count, self.dimensions)
            raise EncoderError(f"The model gave {vectors.shape}; expected {expected}.")
        lengths = np.linalg.norm(vectors, axis=1)
        if not np.all(np.abs(lengths - 1) < 1e-3):  # also false for NaN
            raise BadVector("The model gave a vector that is not finite, or has no length.")
        return vectors


def normalised(vectors: torch.Tensor) -> torch.Tensor:
    """Return float32 of length 1; zeros stay zeros, for the check to find."""
    return torch.nn.functional.normalize(vectors.float(), dim=-1)


def _unless_out_of_memory(
    forward: Callable[[Sequence[T]], torch.Tensor], batch: Sequence[T]
) -> Vectors | None:
    """Return the vectors, or None; the caller tries again once the failed try is freed."""
    try:
        vectors: Vectors = forward(batch).cpu().numpy()
        return vectors
    except torch.OutOfMemoryError:
        return None
