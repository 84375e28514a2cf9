"""The one class that owns the model: pictures and words in, unit vectors of one space out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from worker.encoder import choosing, loading
from worker.encoder.backends import Backend
from worker.encoder.batches import Batches, Vectors
from worker.encoder.preprocess import Pixels


class ClipEncoder(Batches):
    """Encodes with any `CLIPModel`; vectors are float32 (n, dimensions), of length 1.

    Both calls give as many vectors as they were given inputs, in the same order. They raise
    BadVector or OutOfMemory, and whatever the backend raises; `bisect.encode_each` finds the
    culprit. One thread at a time.
    """

    def __init__(
        self,
        found: loading.Found,
        backend: Backend,
        batch_size: int = 32,
        about: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(found.config.projection_dim, backend.device, batch_size)
        self.name = found.name
        self.revision = found.revision
        self.preprocessing = found.preprocessing
        self.backend = backend
        self.precision = backend.way.precision
        self.about = about or {}
        """What an operator may want to know: backend, precision, why, and the gate's figures."""
        self._tokenizer = found.tokenizer
        self._positions: int = found.config.text_config.max_position_embeddings

    @classmethod
    def load(
        cls,
        name: str,
        revision: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch_size: int = 32,
        backend: str = "torch",
        cache: Path | None = None,
    ) -> "ClipEncoder":
        """Load a folder, or a hub name at a commit; raises ModelUnusable.

        A `backend` other than `torch` may export the model first, into the folder `cache`, in a
        process of its own. Sets torch's threads for a tiny model on a CPU (`loading.set_threads`).
        """
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        found = loading.find(name, revision)
        chosen = choosing.choose(found, choosing.Wish(backend, precision, device, cache))
        return cls(found, chosen.backend, batch_size, chosen.about)

    def images(self, arrays: Sequence[Pixels]) -> Vectors:
        """Encode uint8 arrays (crop, crop, 3), as `preprocessing.array` gives them."""
        crop = self.preprocessing.crop
        for array in arrays:
            if array.shape != (crop, crop, 3) or array.dtype != np.uint8:
                raise ValueError(f"expected uint8 ({crop}, {crop}, 3), got {array.shape}")
        return self._in_batches(self._forward_images, arrays)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts; each is cut at the model's length (77 tokens for CLIP)."""
        return self._in_batches(self._forward_texts, texts)

    def warm_up(self) -> None:
        """Run one full batch of each side, so that the first real one is neither slow nor fatal."""
        crop = self.preprocessing.crop
        grey = np.full((crop, crop, 3), 127, dtype=np.uint8)
        self.images([grey] * self.batch_size)
        self.texts(["a photo"] * self.batch_size)

    def _forward_images(self, arrays: Sequence[Pixels]) -> torch.Tensor:
        return self.backend.images(np.stack(arrays))

    def _forward_texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._positions,
            padding=True,
            padding_side="right",
            return_tensors="np",
        )
        return self.backend.texts(np.asarray(tokens["input_ids"], np.int64))
