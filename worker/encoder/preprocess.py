"""From the bytes of a picture to the square of pixels that the model sees."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.images import DEFAULT_LIMITS, Decoded, Limits, decode_scaled
from worker.encoder.errors import ModelUnusable

PREPROCESSING_VERSION = 1
"""Part of the cache key: raise it with every change that moves a pixel."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its pictures: short side to `size`, middle `crop` x `crop`, normalised.

    The normalisation (`mean`, `std`, of values 0 to 1) is done on the device, by the encoder.
    """

    size: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: int = Image.Resampling.BICUBIC

    @classmethod
    def of(cls, processor: Any) -> "Preprocessing":
        """Read the values from a transformers image processor; refuse what we would do wrong."""
        steps = ("do_resize", "do_center_crop", "do_rescale", "do_normalize")
        size, crop = processor.size.get("shortest_edge"), processor.crop_size
        same = all(getattr(processor, step) for step in steps)
        same = same and abs(processor.rescale_factor * 255 - 1) < 1e-6
        if not (same and size and crop["height"] == crop["width"] <= size):
            raise ModelUnusable("The model's preprocessing is not resize, centre crop, normalise.")
        mean, std = (tuple(map(float, v)) for v in (processor.image_mean, processor.image_std))
        return cls(size, crop["height"], mean, std, int(processor.resample))  # type: ignore[arg-type]

    def array(self, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Pixels:
        """Return uint8 (crop, crop, 3); raises as `db.images.decode` does. Safe in threads."""
        return self.crop_of(decode_scaled(data, limits, at_least=self.size))

    def crop_of(self, picture: Decoded) -> Pixels:
        """Resize and crop at once: the box is what the crop keeps, in pixels of the image."""
        short = min(picture.width, picture.height)
        left, right = self._kept(picture.width, short)
        top, bottom = self._kept(picture.height, short)
        scale = picture.scale
        box = (left / scale, top / scale, right / scale, bottom / scale)
        resample = Image.Resampling(self.resample)
        return np.asarray(picture.image.resize((self.crop, self.crop), resample, box=box))

    def _kept(self, side: int, short: int) -> tuple[float, float]:
        """Return where the crop starts and ends on one side, in pixels of the full picture.

        Rounded as transformers does: the resized side down to an integer, the start as well.
        """
        resized = self.size * side // short
        start = (resized - self.crop) // 2
        return start * side / resized, (start + self.crop) * side / resized
