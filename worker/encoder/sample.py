"""The sample on which a precision is judged: drawn things as a model sees them, and their names."""

import random
from dataclasses import dataclass

import numpy as np

from worker.encoder.backends import Bytes

SEED, PICTURES, TEXTS = 7, 96, 48


@dataclass(frozen=True)
class Sample:
    """uint8 pictures (96, crop, crop, 3), and 48 queries of which each names what one shows."""

    pictures: Bytes
    texts: list[str]


def draw(crop: int) -> Sample:
    """Draw the same sample every time; it takes 0.2 s."""
    from worker.demo_model import drawing, words

    things = drawing.all_things()
    random.Random(SEED).shuffle(things)
    things = things[:PICTURES]
    drawn = [drawing.draw(thing, random.Random(SEED + n), crop) for n, thing in enumerate(things)]
    pictures = np.stack([np.asarray(picture.convert("RGB")) for picture in drawn])
    return Sample(pictures, [words.query(thing) for thing in things[:TEXTS]])
