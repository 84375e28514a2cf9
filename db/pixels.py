"""Brings opened pictures of every mode to 8 bits, RGB, sRGB and upright; `db/images.py` uses it."""

from collections.abc import Iterator
from io import BytesIO

from PIL import Image, ImageCms

ORIENTATION = 0x0112
BITS_PER_SAMPLE = 258
WHITE = (255, 255, 255, 255)
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation; 1 and unknown ones need nothing."""

SIDEWAYS = (5, 6, 7, 8)
"""The orientations that exchange width and height."""

BAND_PIXELS = 2_000_000
"""What is converted at a time: 50 megapixels at once would need their memory four times over."""


def turn_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none; a broken EXIF spoils no picture."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # the EXIF block has its own parser, with as many kinds of failures
        return 1


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Undo the turn that `turn_of` told."""
    return image.transpose(TURNS[turn]) if turn in TURNS else image


def eight_bit(image: Image.Image) -> Image.Image:
    """Scale the modes of more than 8 bits a sample to L; Pillow's own conversion may clip them."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    low, high = _range(image)
    factor = 255 / ((high - low) or 1)
    made = Image.new("L", image.size)
    for box in _bands(image):
        wide = image.crop(box).convert("F")
        wide.info.pop("transparency", None)  # a level of the wide scale, meaningless in L
        made.paste(
            wide.point(lambda value: value * factor + (0.5 - low * factor)).convert("L"), box
        )
    return made


def _bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """The picture as boxes of whole rows, `BAND_PIXELS` or one row each."""
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the values that mean black and white: by the samples' width, else by what occurs."""
    if image.mode.startswith("I;16"):
        bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (16,))[0]
        return 0, 2**bits - 1
    low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
    for white in (1 if image.mode == "F" else 255, 255, 65_535):
        if low >= 0 and high <= white:
            return 0, white
    return low, high


def without_palette(image: Image.Image) -> Image.Image:
    """Return RGBA where something may show through; else L, RGB or CMYK, the profile's spaces."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def on_white(image: Image.Image) -> Image.Image:
    """Return RGB with transparency laid on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    made = Image.new("RGB", image.size)
    for box in _bands(image):
        seen = image.crop(box).convert("RGBA")
        made.paste(
            Image.alpha_composite(Image.new("RGBA", seen.size, WHITE), seen).convert("RGB"), box
        )
    return made


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return RGB or RGBA in sRGB; a profile that cannot be read or used is left out."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha else image
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
            colours = converted or colours
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    colours = colours.convert("RGB")
    if alpha and alpha.getextrema()[0] != 255:
        colours.putalpha(alpha)
    return colours
