"""Pictures for the client's tests, drawn here: what is tested installs without the server."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, form: str = "JPEG", size: tuple[int, int] = (96, 72)) -> bytes:
    """A small picture that no other seed gives."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(out, form)
    return out.getvalue()


def put(folder: Path, **files: bytes | str) -> Path:
    """Files into a folder; in a keyword's name `__` stands for `/` and `_dot_` for a dot."""
    for name, content in files.items():
        write(folder, name.replace("__", "/").replace("_dot_", "."), content)
    return folder


def write(folder: Path, name: str, content: bytes | str) -> Path:
    """One file, with the folders above it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
