"""A worker of any lane inside the test's process, with an encoder that needs no model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from db.blobs import BlobStore
from db.nudges import Nudger
from db.session import Database
from db.settings import Settings
from db.vocabulary import Lane
from worker.encoder import BadVector
from worker.pipeline import EmbedPipeline
from worker.runtime import Heart, Runtime

CROP = 8
POISON = 13


class FakePreprocessing:
    """The first bytes of a blob become an 8 x 8 picture; broken ones raise, as real ones do."""

    crop = CROP
    size = CROP

    def array(self, data: bytes, limits: object = None) -> np.ndarray[Any, np.dtype[np.uint8]]:
        if data.startswith(b"broken"):
            from db.errors import BrokenImage

            raise BrokenImage("The picture is cut off.")
        return np.full((CROP, CROP, 3), data[0], dtype=np.uint8)


class FakeEncoder:
    """Encodes by a table of angles, and shows every batch that it was given."""

    name = "test-model"
    revision = "r1"
    dimensions = 4
    batch_size = 8
    preprocessing = FakePreprocessing()

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.text_batches: list[list[str]] = []

    def images(self, arrays: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        """A batch with the poisoned picture fails whole, as a real one may."""
        self.batches.append(len(arrays))
        if any(array[0, 0, 0] == POISON for array in arrays):
            raise BadVector("The model gave a vector that is not finite.")
        return np.stack([direction(int(array[0, 0, 0])) for array in arrays])

    def texts(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        self.text_batches.append(list(texts))
        return np.stack([direction(len(text)) for text in texts])


def direction(value: int) -> np.ndarray[Any, Any]:
    """A unit vector that a byte decides."""
    angle = value / 256 * np.pi / 2
    return np.array([np.cos(angle), np.sin(angle), 0, 0], dtype=np.float32)


class SilentRedis:
    """Redis that is away: no nudge is needed for correctness."""

    def set(self, *_: object, **__: object) -> bool:
        return False

    def delete(self, *_: object) -> int:
        return 0


def runtime(database: Database, blobs: BlobStore, settings: Settings, lane: Lane) -> Runtime:
    """One worker's parts; its heart does not beat."""
    return Runtime(
        name=f"{lane}@test", lane=lane, settings=settings, database=database, blobs=blobs,
        nudger=Nudger(SilentRedis(), lambda _: None),  # type: ignore[arg-type]
        heart=Heart(database, settings.lease_seconds),
    )  # fmt: skip


def pipeline(
    database: Database, blobs: BlobStore, settings: Settings
) -> tuple[EmbedPipeline, FakeEncoder]:
    """The embed lane over the fake encoder."""
    encoder = FakeEncoder()
    lane = EmbedPipeline(runtime(database, blobs, settings, Lane.EMBED), [encoder])  # type: ignore[list-item]
    encoder.batches.clear()
    return lane, encoder
