"""`python -m benchmarks.standin NAME`: an embed worker whose encoder takes a known time and no core."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL = "stand-in"
DIMENSIONS = 512
BATCH, BATCH_SECONDS, PICTURE_SECONDS = 32, 0.02, 0.005
"""180 ms for a full batch: as long as slow devices take, so that eight of them fit on few cores."""
RATE = BATCH / (BATCH_SECONDS + BATCH * PICTURE_SECONDS)
"""Pictures a second that one such worker can do, with nothing but full batches."""


class StandIn:
    """Speaks as `ClipEncoder` does; its vectors mean nothing."""

    name, revision, dimensions, batch_size = MODEL, "1", DIMENSIONS, BATCH
    about: dict[str, Any] = {"backend": MODEL}

    def __init__(self) -> None:
        from worker.encoder.preprocess import Preprocessing

        self.preprocessing = Preprocessing(32, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        self._random = np.random.default_rng()

    @classmethod
    def load(cls, *_: Any) -> "StandIn":
        """Whatever is asked for."""
        return cls()

    def images(self, arrays: Sequence[Any]) -> NDArray[np.float32]:
        """Unit vectors (n, 512), after the time that a device would take."""
        return self._made(len(arrays))

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As for pictures."""
        return self._made(len(texts))

    def warm_up(self) -> None:
        """Nothing is cold."""

    def _made(self, count: int) -> NDArray[np.float32]:
        time.sleep(BATCH_SECONDS + count * PICTURE_SECONDS)
        vectors = self._random.normal(size=(count, DIMENSIONS)).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def main(name: str) -> None:
    """Run a worker until it is told to stop."""
    from worker import pipeline
    from worker.app import app

    setattr(pipeline, "ClipEncoder", StandIn)  # noqa: B010
    app.worker_main(
        ["worker", "-l", "WARNING", "-Q", "embed", "-n", f"{name}@%h", "-P", "threads", "-c", "1"]
    )


if __name__ == "__main__":
    main(sys.argv[1])
