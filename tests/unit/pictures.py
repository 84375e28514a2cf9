"""Draws pictures that behave like photographs, and writes them as real files of every kind."""

import struct
import zlib
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

ORIENTATION = 0x0112


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return smooth noise of several scales over a gradient, with a few hard edges on it."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((2, 90.0), (5, 50.0), (17, 30.0), (61, 14.0)):
        noise = random.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        for channel in range(3):
            plane = Image.fromarray(noise[:, :, channel]).resize((width, height), 3)
            total[:, :, channel] += weight * np.asarray(plane)
    total += np.linspace(-40, 40, width, dtype=np.float32)[None, :, None]
    total += random.uniform(70, 180, 3).astype(np.float32)
    image = Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        reach = int(random.integers(1, max(2, min(width, height) // 3)))
        colour = tuple(int(v) for v in random.integers(0, 256, 3))
        draw.ellipse((x, y, x + reach, y + reach // 2 + 1), fill=colour)
        draw.line((y, x, x + reach, y), fill=colour, width=2)
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the file's bytes."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int, height: int, seed: int = 0, turn: int = 1, **options: Any) -> bytes:
    """Return a JPEG photo; `turn` is its EXIF orientation."""
    exif = Image.Exif()
    if turn != 1:
        exif[ORIENTATION] = turn
    return saved(photo(width, height, seed), "JPEG", **{"quality": 90, "exif": exif, **options})


def deep(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return a grey photo of 16 bits a sample."""
    grey = np.asarray(photo(width, height, seed).convert("L"), dtype=np.uint16)
    return Image.fromarray(grey * np.uint16(257))


def see_through(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return an RGBA photo that fades out to the right, with black under what is not seen."""
    pixels: NDArray[np.uint8] = np.array(photo(width, height, seed).convert("RGBA"))
    pixels[:, :, 3] = np.linspace(255, 0, width).astype(np.uint8)[None, :]
    pixels[:, :, :3][pixels[:, :, 3] < 40] = 0
    return Image.fromarray(pixels)


def animated(width: int, height: int, seed: int = 0) -> bytes:
    """Return a GIF of three frames, each another photo."""
    frames = [photo(width, height, seed + i).quantize(64) for i in range(3)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG of few bytes whose header claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def linear_grey_profile() -> bytes:
    """Return the smallest ICC profile of a grey scale with gamma 1: middle grey is stored dark."""
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    tags = {b"wtpt": white, b"kTRC": curve}
    start, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body


@cache
def every_kind() -> dict[str, bytes]:
    """Return files of every shape and kind that must come out as the reference has them."""
    base = photo(320, 260, 7)
    files = {
        f"jpeg {w}x{h}": jpeg(w, h, seed=i)
        for i, (w, h) in enumerate(
            [(640, 480), (480, 641), (2000, 1500), (1333, 2001), (230, 225), (100, 75), (3000, 20)]
        )
    }
    files |= {f"jpeg turned {t}": jpeg(1201, 903, seed=20 + t, turn=t) for t in range(2, 9)}
    files |= {f"jpeg halves, turned {t}": jpeg(1600, 1200, 30 + t, turn=t) for t in (3, 6, 8)}
    files |= {
        "jpeg progressive": jpeg(1500, 1000, 40, progressive=True),
        "jpeg grey": saved(photo(900, 700, 41).convert("L"), "JPEG"),
        "jpeg cmyk": saved(photo(1000, 800, 42).convert("CMYK"), "JPEG", quality=90),
        "png 1x1": saved(photo(1, 1, 50), "PNG"),
        "png 1x500": saved(photo(1, 500, 51), "PNG"),
        "png 3000x20": saved(photo(3000, 20, 52), "PNG"),
        "png palette": saved(base.quantize(128), "PNG"),
        "png palette, one see-through": saved(base.quantize(16), "PNG", transparency=3),
        "png bilevel": saved(base.convert("1"), "PNG"),
        "png grey and alpha": saved(see_through(300, 200, 53).convert("LA"), "PNG"),
        "png rgba": saved(see_through(500, 400, 54), "PNG"),
        "png 16 bit": saved(deep(400, 300, 55), "PNG"),
        "tiff": saved(photo(500, 300, 56), "TIFF", compression="tiff_lzw"),
        "tiff cmyk": saved(photo(300, 300, 57).convert("CMYK"), "TIFF"),
        "tiff 16 bit": saved(deep(300, 400, 58), "TIFF"),
        "webp": saved(photo(700, 500, 59), "WEBP"),
        "webp rgba": saved(see_through(400, 500, 60), "WEBP", lossless=True, exact=True),
        "gif": saved(base.quantize(64), "GIF"),
        "gif animated": animated(300, 240, 61),
        "bmp": saved(photo(301, 233, 62), "BMP"),
        "avif": saved(photo(400, 333, 63), "AVIF"),
    }
    return files
