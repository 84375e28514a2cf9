"""A recorded side gives what the side gives, at any count, and is called itself where it cannot be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from worker.encoder import ClipEncoder
from worker.encoder.graphs import Recorded
from worker.encoder.random_folder import write

CPU = torch.device("cpu")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def side(rows: torch.Tensor) -> torch.Tensor:
    """Unit vectors in which each row can be told."""
    return torch.nn.functional.normalize(rows.float() + 1, dim=-1)


class Tape:
    """What CUDA does, in memory: fixed rows in, the same memory out at each play."""

    made: list[tuple[int, ...]]
    sign = 1.0

    def __init__(self, side: Any, shape: Sequence[int], like: torch.Tensor, device: Any) -> None:
        self.made.append(tuple(shape))
        self._side = side
        self._rows = torch.zeros(tuple(shape), dtype=like.dtype)

    def play(self, rows: torch.Tensor) -> torch.Tensor:
        self._rows[: len(rows)].copy_(rows)
        vectors: torch.Tensor = self._side(self._rows)[: len(rows)] * self.sign
        return vectors


@pytest.fixture
def tape() -> type[Tape]:
    return type("Tape", (Tape,), {"made": []})


def rows(count: int, length: int = 3) -> torch.Tensor:
    return torch.arange(count * length, dtype=torch.uint8).view(count, length)


def test_few_recordings_serve_every_count(tape: type[Tape]) -> None:
    recorded = Recorded(side, CPU, tape)
    for _ in range(2):
        for count in (1, 2, 3, 5, 8, 7, 4):
            assert torch.equal(recorded(rows(count)), side(rows(count))), count
    assert tape.made == [(1, 3), (2, 3), (4, 3), (8, 3)]


def test_each_length_has_recordings_of_its_own(tape: type[Tape]) -> None:
    recorded = Recorded(side, CPU, tape)
    assert recorded(rows(4, 16)).shape == (4, 16)
    assert recorded(rows(4, 32)).shape == (4, 32)
    assert tape.made == [(4, 16), (4, 32)]


@pytest.mark.parametrize(
    "message", ["no graph", "CUDA error: operation not permitted when stream is capturing"]
)
def test_what_cannot_be_recorded_is_called(message: str) -> None:
    tried = []

    def refuse(*_: Any) -> Any:
        tried.append(1)
        raise RuntimeError(message)

    recorded = Recorded(side, CPU, refuse)
    for count in (4, 4, 2):
        assert torch.equal(recorded(rows(count)), side(rows(count)))
    assert len(tried) == 1


def test_a_recording_that_gives_other_vectors_is_not_used(tape: type[Tape]) -> None:
    tape.sign = -1.0
    recorded = Recorded(side, CPU, tape)
    for _ in range(2):
        assert torch.equal(recorded(rows(4)), side(rows(4)))
    assert len(tape.made) == 1


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("out of memory"), RuntimeError("CUDA error: launch failure")]
)
def test_a_lack_of_memory_and_a_lost_device_are_raised(error: Exception) -> None:
    def refuse(*_: Any) -> Any:
        raise error

    with pytest.raises(type(error)):
        Recorded(side, CPU, refuse)(rows(4))


@needs_gpu
def test_a_gpu_gives_the_same_vectors_recorded_and_called(tmp_path: Path) -> None:
    write(tmp_path, "tiny")
    recorded = ClipEncoder.load(str(tmp_path), precision="fp32", backend="auto")
    called = ClipEncoder.load(str(tmp_path), precision="fp32", backend="torch")
    assert recorded.about["recorded"]
    crop = recorded.preprocessing.crop
    chance = np.random.default_rng(1)
    pictures = list(chance.integers(0, 255, (11, crop, crop, 3), dtype=np.uint8))
    texts = ["", "a red mug", "word " * 60, "a " * 300]
    for _ in range(2):
        for count in (11, 1, 3):
            ours, theirs = recorded.images(pictures[:count]), called.images(pictures[:count])
            assert np.abs(ours - theirs).max() < 1e-3
            ours, theirs = recorded.texts(texts[:count]), called.texts(texts[:count])
            assert np.abs(ours - theirs).max() < 1e-3
