"""The two sides of a CLIP model as they are served and exported: bytes or tokens in, vectors out."""

from typing import Any

import torch

from worker.encoder.batches import normalised
from worker.encoder.preprocess import Preprocessing


class PictureSide(torch.nn.Module):
    """uint8 (n, crop, crop, 3) to float32 (n, dimensions) of length 1; normalises the pixels."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: Any, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.model = model
        for name in ("mean", "std"):
            values = torch.tensor(getattr(preprocessing, name), device=model.device)
            self.register_buffer(name, values.view(1, 3, 1, 1) * 255)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encode pictures that lie on the model's device."""
        values = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.std
        output = self.model.get_image_features(pixel_values=values.to(self.model.dtype))
        return normalised(output.pooler_output)


class WordSide(torch.nn.Module):
    """Tokens (n, length), padded on the right, to float32 (n, dimensions) of length 1.

    CLIP's text side looks back only and reads the vector at the end token, which no padding
    precedes: so it needs no mask.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Encode tokens that lie on the model's device."""
        output = self.model.get_text_features(input_ids=ids)
        return normalised(output.pooler_output)
