"""Pictures as bytes: what is taken, how it is decoded safely, and what is shown of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from db import pixels
from db.errors import BrokenImage, ImageTooLarge, SightlineError, UnsupportedImage

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/avif": "AVIF",
}
"""The media types that are taken, each with the one Pillow format that may open it."""

DIB_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


@dataclass(frozen=True)
class Limits:
    """How large a picture may be."""

    max_bytes: int = 20 * 1024**2
    max_pixels: int = 50_000_000
    max_side: int = 16_384


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Decoded:
    """A picture in RGB and upright, decoded at full size divided by `scale`."""

    image: Image.Image
    width: int
    height: int
    """The full size in pixels, upright; the image may be smaller (see `scale`)."""
    scale: int
    """1, or 2, 4, 8 where a JPEG was drafted; pixel x of the image is pixel x * scale in full."""


def sniff(head: bytes) -> str | None:
    """Return the media type that the first 32 bytes tell, or None for anything not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "image/tiff"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in DIB_HEADERS:
        return "image/bmp"
    # The brand is the major one, or one of the compatible ones that follow it.
    if head[4:8] == b"ftyp" and {b"avif", b"avis"} & {head[i : i + 4] for i in range(8, 32, 4)}:
        return "image/avif"
    return None


def check(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """Return the media type, by size in bytes and magic bytes alone: nothing is decoded.

    Raises ImageTooLarge or UnsupportedImage.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"The picture has {len(data)} bytes; the limit is {limits.max_bytes}.")
    media_type = sniff(data[:32])
    if media_type is None:
        taken = ", ".join(name.removeprefix("image/").upper() for name in FORMATS)
        raise UnsupportedImage(f"The bytes are no picture of a kind that is taken ({taken}).")
    return media_type


def decode(
    data: bytes, limits: Limits = DEFAULT_LIMITS, at_least: int | None = None
) -> Image.Image:
    """Return the first frame in RGB, upright, transparency laid on white.

    With `at_least` a JPEG may come smaller, its short side still twice `at_least` or more.
    Raises ImageTooLarge, UnsupportedImage or BrokenImage, and nothing else.
    """
    return decode_scaled(data, limits, at_least).image


def decode_scaled(
    data: bytes, limits: Limits = DEFAULT_LIMITS, at_least: int | None = None
) -> Decoded:
    """Decode as `decode` does, and say at which scale, for those who need exact positions."""
    with _opened(data, limits) as image:
        width, height = image.size
        scale = _draft(image, 2 * at_least) if at_least else 1
        image.load()
        turn = pixels.turn_of(image)
        flat = pixels.on_white(pixels.eight_bit(image))
        image.close()  # its pixels go before there is a third copy: 200 MB of 50 megapixels
        upright = pixels.upright(flat, turn)
    if scale == 1:
        width, height = upright.size
    elif turn in pixels.SIDEWAYS:
        width, height = height, width
    return Decoded(upright, width, height, scale)


def rendition(
    data: bytes, size: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> tuple[bytes, str]:
    """Return the picture as it may be shown, with its media type: upright, sRGB, no metadata.

    With `size` it fits into a square of that side; it is never enlarged. JPEG, or PNG where
    something shows through. Raises as `decode` does.
    """
    with _opened(data, limits) as image:
        if size:
            # Twice the short side that the thumbnail will have, so that its long side fits.
            _draft(image, max(1, 2 * size * min(image.size) // max(image.size)))
        image.load()
        turn, profile = pixels.turn_of(image), image.info.get("icc_profile")
        shown = pixels.without_palette(pixels.eight_bit(image))
        if size:
            shown.thumbnail((size, size), Image.Resampling.BICUBIC, reducing_gap=None)
        return _encoded(pixels.upright(pixels.in_srgb(shown, profile), turn))


@contextmanager
def _opened(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    """Open by the header alone, check its size, and give every failure of the block a code."""
    media_type = check(data, limits)
    try:
        with Image.open(BytesIO(data), formats=[FORMATS[media_type]]) as image:
            _check_size(image, limits)
            yield image
    except SightlineError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge("The picture has too many pixels.") from error
    except MemoryError as error:
        raise ImageTooLarge("Decoding the picture takes too much memory.") from error
    except Exception as error:  # Pillow raises nearly everything: SyntaxError, struct.error, ...
        name = FORMATS[media_type]
        raise BrokenImage(f"The {name} picture cannot be decoded; it may be cut off.") from error


def _check_size(image: Image.Image, limits: Limits) -> None:
    """Refuse by the header, before any pixel is decoded."""
    width, height = image.size
    if max(width, height) > limits.max_side:
        raise ImageTooLarge(f"The picture is {width} x {height}; a side may be {limits.max_side}.")
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"The picture has {width * height} pixels; the limit is {limits.max_pixels}."
        )


def _draft(image: Image.Image, short_side: int) -> int:
    """Let libjpeg decode at 1/2, 1/4 or 1/8 with the short side >= `short_side`; return 1, 2, 4, 8.

    A picture that will be turned is drafted only where its sides divide, because the part of a
    pixel that rounding adds at the right and the bottom would move to the other side.
    """
    if image.format not in ("JPEG", "MPO"):
        return 1
    width, height = image.size
    turned = pixels.turn_of(image) in pixels.TURNS
    for scale in (8, 4, 2):
        divides = width % scale == height % scale == 0
        if min(width, height) // scale >= short_side and (divides or not turned):
            drafted = image.draft(None, (width // scale, height // scale))
            return scale if drafted else 1
    return 1


def _encoded(image: Image.Image) -> tuple[bytes, str]:
    """Write a fresh file: nothing of the old one's metadata goes along."""
    kind = "PNG" if image.mode == "RGBA" else "JPEG"
    image.info.clear()
    out = BytesIO()
    image.save(out, kind, quality=85, optimize=True, icc_profile=None, exif=b"")
    return out.getvalue(), f"image/{kind.lower()}"
