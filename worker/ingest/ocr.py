"""Reads the text of a page's picture with tesseract, where that program is installed."""

import os
import shutil
import subprocess

SECONDS = 20.0
"""A page takes about 3; one that takes longer is left without text."""
PROGRAM = "tesseract"


def installed() -> str | None:
    """Return where the program is, None where it is not installed."""
    return shutil.which(PROGRAM)


def text_of(image: bytes, seconds: float = SECONDS) -> str | None:
    """Return a JPEG's or PNG's text as tesseract reads it; None where it cannot, or is too slow."""
    program = installed()
    if program is None:
        return None
    try:
        run = subprocess.run(
            [program, "stdin", "stdout"], input=image, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=seconds, check=True,
            # One thread: the pages of other documents want the other cores.
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError):
        return None
    return run.stdout.decode("utf-8", "replace")
