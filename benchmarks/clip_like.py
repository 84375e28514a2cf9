"""Made-up vectors that are spread as CLIP spreads pictures and words."""

import numpy as np
from numpy.typing import NDArray

DIMENSIONS, CLUSTERS = 512, 1_000
Array = NDArray[np.float32]
"""float32 (n, 512), each row of length 1"""


class Made:
    """Vectors as CLIP makes them, from one seed.

    Pictures share a direction, stand in clusters, and vary along few directions more than along
    others (variances fall as 1, 1/2, 1/3 ... 1/512). Words mean the same things off to another side.
    """

    def __init__(self) -> None:
        self.random = np.random.default_rng(1)
        variances = 1 / np.arange(1, DIMENSIONS + 1)
        self.deviations = np.sqrt(variances / variances.sum()).astype(np.float32)
        axes, _ = np.linalg.qr(self.random.normal(size=(DIMENSIONS, DIMENSIONS)))
        self.axes = axes.astype(np.float32)
        self.centers = self._spread(CLUSTERS)
        sides, _ = np.linalg.qr(self.random.normal(size=(DIMENSIONS, 2)))
        self.pictured, self.said = (side.astype(np.float32) for side in sides.T)

    def pictures(self, count: int) -> Array:
        """Two unrelated ones have a cosine of about 0.5."""
        return _unit(self._meant(count) + self.pictured)

    def words(self, count: int) -> Array:
        """Of a cosine with fitting pictures of about 0.3."""
        return _unit(self._meant(count) + self.said)

    def _meant(self, count: int) -> Array:
        near = self.centers[self.random.integers(CLUSTERS, size=count)]
        return np.asarray(0.8 * near + 0.6 * self._spread(count), dtype=np.float32)

    def _spread(self, count: int) -> Array:
        drawn = self.random.standard_normal((count, DIMENSIONS), dtype=np.float32)
        return np.asarray((drawn * self.deviations) @ self.axes, dtype=np.float32)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
