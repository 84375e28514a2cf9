"""Runs a side of a model on a GPU from recordings: at fixed shapes no Python stands between kernels."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
import torch

from worker.encoder.bisect import is_fatal

log = structlog.get_logger(__name__)

Side = Callable[[torch.Tensor], torch.Tensor]
"""Rows in, as many vectors of length 1 out; no row may depend on another."""
ALIKE = 0.999
"""The least cosine of what a recording gives with what the side gives itself."""
WARM_UP = 3
"""Passes before a recording: libraries choose their kernels and take their memory in them."""


class Recording(Protocol):
    """A side at one shape, recorded."""

    def play(self, rows: torch.Tensor) -> torch.Tensor:
        """The vectors of rows in memory, on the device; up to as many as were recorded."""


class CudaRecording:
    """A CUDA graph with the memory that it reads and writes."""

    def __init__(self, side: Side, shape: Sequence[int], like: torch.Tensor, device: Any) -> None:
        """Record at a shape, for values of the type of `like`; raises what CUDA raises."""
        with torch.cuda.device(device):  # which may not be the first
            self._rows = torch.zeros(tuple(shape), dtype=like.dtype, device=device)
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    side(self._rows)
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            # Only this thread's calls are forbidden meanwhile: others may pin memory.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._vectors = side(self._rows)

    def play(self, rows: torch.Tensor) -> torch.Tensor:
        """See `Recording`; rows behind the last are those of an earlier call, and nobody's."""
        self._rows[: len(rows)].copy_(rows, non_blocking=True)
        self._graph.replay()
        return self._vectors[: len(rows)].clone()  # the next call writes into the same memory


class Plain:
    """A side that is called as it is, on its device."""

    def __init__(self, side: Side, device: torch.device) -> None:
        self._side, self._device = side, device

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Vectors of rows in memory (n, ...), pinned or not; raises what the side raises."""
        return self._side(rows.to(self._device, non_blocking=True))


class Recorded:
    """A side that is played from recordings, made as counts of rows first come: 1, 2, 4, 8 and so on.

    Where recording fails, or gives other vectors, the side is called as it is from then on.
    One thread at a time.
    """

    def __init__(
        self, side: Side, device: torch.device, record: Callable[..., Recording] = CudaRecording
    ) -> None:
        self._side, self._device, self._record = side, device, record
        self._called = Plain(side, device)
        self._recordings: dict[tuple[int, ...], Recording] = {}
        self._plain = False

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """As `Plain` does."""
        if self._plain:
            return self._called(rows)
        shape = (1 << (len(rows) - 1).bit_length(), *rows.shape[1:])
        recording = self._recordings.get(shape)
        if recording is None:
            return self._first(rows, shape)
        return recording.play(rows)

    def _first(self, rows: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Record, and keep the recording if it gives what the side gives."""
        expected = self._called(rows)
        try:
            recording = self._record(self._side, shape, rows, self._device)
            alike = float((recording.play(rows) * expected).sum(dim=1).min())
            if not alike >= ALIKE:
                raise RuntimeError(f"a recording gives other vectors, of cosine {alike:.4f}")
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if is_fatal(error) and "captur" not in str(error):  # what was refused costs no context
                raise
            log.warning("recording_failed", error=repr(error), shape=shape)
            self._recordings.clear()
            self._plain = True
        else:
            self._recordings[shape] = recording
        return expected
