"""The one class that owns the model: pictures and words in, unit vectors of one space out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from worker.encoder import loading
from worker.encoder.batches import Batches, Vectors, normalised
from worker.encoder.preprocess import Pixels, Preprocessing


class ClipEncoder(Batches):
    """Encodes with any `CLIPModel`; vectors are float32 (n, dimensions), of length 1.

    Both calls give as many vectors as they were given inputs, in the same order. They raise
    BadVector or OutOfMemory, and whatever torch raises; `bisect.encode_each` finds the culprit.
    One thread at a time.
    """

    def __init__(
        self,
        name: str,
        revision: str,
        model: Any,
        tokenizer: Any,
        preprocessing: Preprocessing,
        batch_size: int = 32,
    ) -> None:
        super().__init__(model.config.projection_dim, model.device, batch_size)
        self.name = name
        self.revision = revision
        self.preprocessing = preprocessing
        self.precision: torch.dtype = model.dtype
        self._model = model
        self._tokenizer = tokenizer
        self._positions: int = model.config.text_config.max_position_embeddings
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(preprocessing.mean, device=self.device).view(shape) * 255
        self._std = torch.tensor(preprocessing.std, device=self.device).view(shape) * 255

    @classmethod
    def load(
        cls,
        name: str,
        revision: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch_size: int = 32,
    ) -> "ClipEncoder":
        """Load a folder, or a hub name at a commit; raises ModelUnusable.

        Sets the process's torch threads for a tiny model on a CPU (see `loading.set_threads`).
        """
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        parts = loading.load(name, revision, device, precision)
        preprocessing = Preprocessing.of(parts.processor)
        return cls(name, parts.revision, parts.model, parts.tokenizer, preprocessing, batch_size)

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

    @torch.inference_mode()
    def _forward_images(self, arrays: Sequence[Pixels]) -> torch.Tensor:
        pixels = torch.from_numpy(np.stack(arrays))
        if self.device.type == "cuda":
            pixels = pixels.pin_memory()
        on_device = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        values = (on_device.float() - self._mean) / self._std
        output = self._model.get_image_features(pixel_values=values.to(self.precision))
        return normalised(output.pooler_output)

    @torch.inference_mode()
    def _forward_texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._positions,
            padding=True,
            return_tensors="pt",
        ).to(self.device)
        output = self._model.get_text_features(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        )
        return normalised(output.pooler_output)
