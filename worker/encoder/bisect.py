"""Finds the inputs that make a batch fail, so that one bad input never fails its neighbours."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from db import failpoints

T = TypeVar("T")
Vector = NDArray[np.float32]
STICKY = ("CUDA error", "cuDNN error", "CUBLAS_STATUS", "device-side assert")


def encode_each(
    encode: Callable[[Sequence[T]], NDArray[np.float32]], inputs: Sequence[T]
) -> list[Vector | Exception]:
    """Return for each input its vector, or the exception that it raises when encoded alone.

    A batch that works costs one call; one culprit among n costs about 2 log2(n) more. Errors
    after which the device answers no more (see `is_fatal`) are raised: the process must exit.
    """
    if not inputs:
        return []
    try:
        failpoints.reach("encode.before", f"{len(inputs)} inputs")
        return list(encode(inputs))
    except Exception as error:
        if is_fatal(error):
            raise
        failure: Exception = error.with_traceback(None)  # its frames hold tensors on the device
    if len(inputs) == 1:
        return [failure]
    middle = len(inputs) // 2
    return encode_each(encode, inputs[:middle]) + encode_each(encode, inputs[middle:])


def is_fatal(error: BaseException) -> bool:
    """Tell whether the CUDA context is lost: every CUDA error but a lack of memory is sticky."""
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError) or "out of memory" in text:
        return False
    if isinstance(error, torch.AcceleratorError):
        return True
    return isinstance(error, RuntimeError) and any(words in text for words in STICKY)
