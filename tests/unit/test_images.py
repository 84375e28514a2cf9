"""Pictures are refused with the right code, decoded upright in RGB, and shown without metadata."""

import warnings
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from db.errors import BrokenImage, ImageTooLarge, SightlineError, UnsupportedImage
from db.images import FORMATS, Limits, check, decode, decode_scaled, rendition, sniff
from tests.unit import pictures


@pytest.mark.parametrize("media_type", FORMATS)
def test_every_kind_is_known_by_its_first_bytes(media_type: str) -> None:
    data = pictures.saved(pictures.photo(40, 30), FORMATS[media_type])
    assert sniff(data[:32]) == media_type
    assert check(data) == media_type
    assert decode(data).size == (40, 30)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"<!doctype html>",
        b"BM is how this text begins, and no bitmap",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x20ftypisom\0\0\0\0isommp42",
        b"\0\0\x01\0\x01\0",
    ],
)
def test_anything_else_is_unsupported(data: bytes) -> None:
    for refuse in (check, decode, rendition):
        with pytest.raises(UnsupportedImage):
            refuse(data)


def test_a_png_that_says_jpeg_is_broken_and_never_opened_as_another_kind() -> None:
    data = b"\xff\xd8\xff" + pictures.saved(pictures.photo(30, 30), "PNG")[3:]
    with pytest.raises(BrokenImage):
        decode(data)


@pytest.mark.parametrize("kind", FORMATS.values())
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_file_cut_off_is_broken(kind: str, kept: float) -> None:
    data = pictures.saved(pictures.photo(300, 200), kind)
    with pytest.raises(BrokenImage):
        decode(data[: max(32, int(len(data) * kept))])


@given(st.sampled_from(list(FORMATS.values())), st.data())
def test_damaged_bytes_raise_our_errors_and_no_others(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(pictures.saved(pictures.photo(24, 18), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(8, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for read in (decode, rendition):
            try:
                read(bytes(damaged))
            except SightlineError as error:
                assert error.code in ("broken_image", "image_too_large", "unsupported_image")


@pytest.mark.parametrize(
    ("width", "height"),
    [(10_000, 6_000), (16_385, 10), (10, 16_385), (10_000, 10_000), (65_000, 65_000)],
)
def test_a_bomb_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(ImageTooLarge):
        decode(pictures.png_that_claims(width, height))


def test_limits_are_settings_and_hold_to_the_pixel() -> None:
    data = pictures.saved(pictures.photo(40, 30), "PNG")
    decode(data, Limits(max_bytes=len(data), max_pixels=1200, max_side=40))
    for tight in (
        Limits(max_bytes=len(data) - 1),
        Limits(max_pixels=1199),
        Limits(max_side=39),
    ):
        with pytest.raises(ImageTooLarge):
            decode(data, tight)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(name: str) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 256).astype(np.uint16), (4, 1))
    seen = np.asarray(decode(pictures.saved(Image.fromarray(ramp), name)))
    assert np.abs(seen[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-3.0, 9.0)])
def test_floating_point_pictures_keep_their_range(low: float, high: float) -> None:
    ramp = np.tile(np.linspace(low, high, 256).astype(np.float32), (4, 1))
    seen = np.asarray(decode(pictures.saved(Image.fromarray(ramp), "TIFF")))
    assert np.abs(seen[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_what_is_not_seen_is_white() -> None:
    data = pictures.saved(Image.new("RGBA", (8, 8), (200, 0, 0, 0)), "PNG")
    assert decode(data).getpixel((3, 3)) == (255, 255, 255)


@pytest.mark.parametrize("turn", range(1, 9))
def test_pictures_stand_upright(turn: int) -> None:
    # Stored so that the upright picture has its red half on the left.
    upright = Image.new("RGB", (64, 32), "blue")
    upright.paste("red", (0, 0, 32, 32))
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[turn]
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = turn
    stored = upright.transpose(back) if back is not None else upright
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = pictures.saved(stored, kind, exif=exif)
        seen = decode_scaled(data)
        assert (seen.width, seen.height) == seen.image.size == (64, 32), kind
        left, right = seen.image.getpixel((8, 16)), seen.image.getpixel((56, 16))
        assert left[0] > 200 > right[0] and right[2] > 200 > left[2], kind  # type: ignore[index]
        shown = Image.open(BytesIO(rendition(data, 32)[0]))
        assert shown.size == (32, 16) and not shown.getexif(), kind


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_exif_block_spoils_no_picture() -> None:
    data = pictures.saved(pictures.photo(40, 30), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert decode(data).size == (40, 30)


@pytest.mark.parametrize(("at_least", "size"), [(None, 2000), (224, 1000), (100, 500), (60, 250)])
def test_a_jpeg_is_drafted_to_twice_what_is_needed(at_least: int | None, size: int) -> None:
    seen = decode_scaled(pictures.jpeg(2000, 1500), at_least=at_least)
    assert seen.image.width == size
    assert (seen.width, seen.height, seen.scale) == (2000, 1500, 2000 // size)


@pytest.mark.parametrize("name", pictures.every_kind())
def test_renditions_carry_no_metadata_and_fit(name: str) -> None:
    data = pictures.every_kind()[name]
    for size in (None, 64):
        body, media_type = rendition(data, size)
        shown = Image.open(BytesIO(body))
        shown.load()
        assert sniff(body) == media_type
        assert media_type in ("image/jpeg", "image/png")
        assert not shown.getexif() and "icc_profile" not in shown.info
        assert size is None or max(shown.size) <= size
        assert size is not None or shown.size == decode(data).size


def test_places_comments_and_texts_do_not_go_along() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x8825] = "SECRET", {1: "N", 2: (48.0, 51.0, 0.0)}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = pictures.saved(
        pictures.photo(90, 60), "JPEG", exif=exif, comment=b"SECRET", icc_profile=profile
    )
    assert b"SECRET" in data
    for size in (None, 32):
        shown = rendition(data, size)[0]
        assert b"SECRET" not in shown and b"Exif" not in shown and b"ICC_PROFILE" not in shown


def test_transparency_is_kept_where_there_is_some() -> None:
    half = pictures.saved(pictures.see_through(90, 60), "PNG")
    whole = pictures.saved(pictures.photo(90, 60).convert("RGBA"), "PNG")
    assert rendition(half, 32)[1] == "image/png"
    assert rendition(whole, 32)[1] == "image/jpeg"


def test_a_profile_is_converted_to_srgb() -> None:
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    data = pictures.saved(
        Image.new("L", (16, 16), 60), "PNG", icc_profile=pictures.linear_grey_profile()
    )
    shown = Image.open(BytesIO(rendition(data, None)[0])).convert("L")
    assert abs(shown.getpixel((8, 8)) - 132) < 8  # type: ignore[operator]
    useless = pictures.saved(Image.new("L", (16, 16), 60), "PNG", icc_profile=linear.tobytes())
    shown = Image.open(BytesIO(rendition(useless, None)[0])).convert("L")
    assert abs(shown.getpixel((8, 8)) - 60) < 3  # type: ignore[operator]


def test_a_picture_is_never_enlarged() -> None:
    body, _ = rendition(pictures.saved(pictures.photo(40, 30), "PNG"), 256)
    assert Image.open(BytesIO(body)).size == (40, 30)
