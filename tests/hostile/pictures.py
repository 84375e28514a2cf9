"""Pictures that mean harm: bombs, lies in headers, loops, polyglots, and damaged ones of every kind."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache

from PIL import Image

from db.images import FORMATS
from tests.hostile import FINE, PICTURE_CODES, Hostile, Make, mutants, truncated
from tests.unit.pictures import photo, saved

ANY = PICTURE_CODES | {FINE}
REFUSED = PICTURE_CODES
LARGE = frozenset({"image_too_large"})
UNSUPPORTED = frozenset({"unsupported_image"})
MAGIC = b"\x89PNG\r\n\x1a\n"


@cache
def valid(kind: str) -> bytes:
    """A good picture of a Pillow format."""
    return saved(photo(160, 120, 3), kind)


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int, height: int, colour: int = 2, bits: int = 8, more: bytes = b"",
    body: bytes | None = None, interlaced: int = 0,
) -> bytes:  # fmt: skip
    """A PNG of zeros, `more` chunks before its pixels."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = 1 + (width * samples * bits + 7) // 8
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    packed = zeros(row * height) if body is None else body
    parts = chunk(b"IHDR", header) + more + chunk(b"IDAT", packed)
    return MAGIC + parts + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """So many zero bytes, deflated a thousand to one; each megabyte is the same packed block."""
    mega = 1024**2
    packer, last = zlib.compressobj(9, wbits=-15), zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(mega)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = last.compress(bytes(count % mega)) + last.flush()
    check = struct.pack(">I", count % 65_521 << 16 | 1)  # what Adler's sum of zeros comes to
    return b"\x78\xda" + block * (count // mega) + rest + check


def apng(frames: int) -> bytes:
    """A PNG that claims many frames, each small."""
    control = struct.pack(">IIIIIHHBB", 0, 64, 64, 0, 0, 1, 10, 0, 0)
    body = chunk(b"acTL", struct.pack(">II", frames, 0)) + chunk(b"fcTL", control)
    first = png(64, 64, more=body)[:-12]
    packed, more = zeros(64 * 193), []
    for number in range(1, 2 * frames, 2):
        more.append(chunk(b"fcTL", struct.pack(">I", number) + control[4:]))
        more.append(chunk(b"fdAT", struct.pack(">I", number + 1) + packed))
    return first + b"".join(more) + chunk(b"IEND", b"")


def gif(width: int, height: int, frames: int = 1, tail: bytes = b";") -> bytes:
    """A GIF whose screen is as large as told and whose frames hold one dot."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\0"
    return screen + frame * frames + tail


def tiff(
    *entries: tuple[int, int, int, int], following: int = 0, body: bytes = b"", count: int = -1
) -> bytes:
    """A TIFF with one directory at 8: entries (tag, type, count, value), then the body."""
    listed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    number = struct.pack("<H", len(entries) if count < 0 else count)
    return b"II*\0\x08\0\0\0" + number + listed + struct.pack("<I", following) + body


def grey_tiff(
    width: int, height: int, *more: tuple[int, int, int, int], packing: int = 1, strip: int = 200,
    size: int = 1000, body: bytes = bytes(1000),
) -> bytes:  # fmt: skip
    """A grey TIFF of one strip, with more entries."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, packing),
               (262, 3, 1, 1), (273, 4, 1, strip), (277, 3, 1, 1), (278, 4, 1, height),
               (279, 4, 1, size)]  # fmt: skip
    made = {entry[0]: entry for entry in (*entries, *more)}
    head = tiff(*(made[tag] for tag in sorted(made)))
    return head.ljust(200, b"\0") + body


def patched_jpeg(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims a size."""
    data = bytearray(valid("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def scans(side: int, count: int) -> bytes:
    """A progressive JPEG of one colour whose last scan comes again and again."""
    data = saved(Image.new("L", (side, side), 90), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    again = data[last:-2]
    return data[:-2] + again * min(count, (19 * 1024**2 - len(data)) // len(again)) + b"\xff\xd9"


def with_exif(block: bytes) -> bytes:
    """A JPEG with a block of EXIF as it stands."""
    body = b"Exif\0\0" + block
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + valid("JPEG")[2:]


def bmp(
    width: int, height: int, bits: int = 24, packing: int = 0, body: bytes = bytes(1000),
    colours: int = 0, offset: int = 54,
) -> bytes:  # fmt: skip
    """A BMP whose header says what is told."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, 0, 0, 0, colours, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, offset) + info + body


def webp_canvas(width: int, height: int, flags: int = 2, frames: int = 0) -> bytes:
    """A WebP that claims a canvas; `frames` repeats one tiny frame."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + size
    inner = saved(Image.new("RGB", (2, 2)), "WEBP")[12:]
    frame = bytes(6) + b"\1\0\0\1\0\0" + b"\x0a\0\0\0" + inner
    packed = b"ANMF" + struct.pack("<I", len(frame)) + frame
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6) + packed * frames
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def patched(data: bytes, mark: bytes, at: int, new: bytes) -> bytes:
    """The bytes with some of them replaced, counted from a mark."""
    place = data.index(mark) + at
    return data[:place] + new + data[place + len(new) :]


def zipped() -> bytes:
    """A small archive, to hang behind a picture."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.js", "alert(1)")
    return out.getvalue()


def bombs() -> dict[str, tuple[Make, frozenset[str]]]:
    """What unpacks to far more than it is, or takes far longer than it should."""
    profile, mega = b"icc\0\0", 1024**2
    text = chunk(b"zTXt", b"a\0\0" + zeros(200 * mega))
    international = chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(200 * mega))
    several = chunk(b"zTXt", b"a\0\0" + zeros(mega - 1)) * 100
    return {
        "png of 268 megapixels": (lambda: png(16_384, 16_384, 0, 1), LARGE),
        "png of 834 MB in 8 bits": (lambda: png(16_000, 17_400, 2), LARGE),
        "png of 50 megapixels, RGBA": (lambda: png(7070, 7070, 6), ANY),
        "png of 50 megapixels, RGBA of 16 bits": (lambda: png(7070, 7070, 6, 16), ANY),
        "png of 50 megapixels, grey of 16 bits": (lambda: png(7070, 7070, 0, 16), ANY),
        "png of 50 megapixels, grey and alpha": (lambda: png(7070, 7070, 4), ANY),
        "png of 48 megapixels, one long row": (lambda: png(16_384, 3000, 6), ANY),
        "png with a profile of 200 MB": (
            lambda: png(9, 9, more=chunk(b"iCCP", profile + zeros(200 * mega))), ANY),
        "png with a text of 200 MB": (lambda: png(9, 9, more=text), ANY),
        "png with an international text of 200 MB": (lambda: png(9, 9, more=international), ANY),
        "png with a hundred texts of 1 MB": (lambda: png(9, 9, more=several), ANY),
        "png of 9 pixels with 1 GB": (lambda: png(3, 3, body=zeros(1024 * mega)), ANY),
        "apng of 10,000 frames": (lambda: apng(10_000), ANY),
        "gif of 10,000 frames": (lambda: gif(64, 64, 10_000), ANY),
        "gif of a giant screen": (lambda: gif(65_535, 65_535), LARGE),
        "gif of 48 megapixels": (lambda: gif(16_000, 3000), ANY),
        "gif of 20 MB of comments": (
            lambda: gif(9, 9, tail=b"!\xfe" + (b"\xff" + bytes(255)) * 75_000 + b"\0;"), ANY),
        "jpeg of 100,000 scans": (lambda: scans(4000, 100_000), ANY),
        "jpeg of 48 megapixels and 2,000 scans": (lambda: scans(6900, 2000), ANY),
        "jpeg of 20 scans": (lambda: scans(4400, 10), ANY),
        "tiff bomb": (_tiff_bomb, ANY),
        "webp of 50 megapixels": (lambda: saved(Image.new("RGBA", (7070, 7070)), "WEBP"), ANY),
        "webp of 10,000 frames": (lambda: webp_canvas(4000, 4000, frames=10_000), ANY),
        "avif of 49 megapixels": (
            lambda: saved(Image.new("RGB", (7000, 7000)), "AVIF", speed=10), ANY),
        "bmp of 48 megapixels by RLE": (
            lambda: bmp(16_000, 3000, 8, 1, b"\xff\0" * 200_000 + b"\0\1", offset=1078), ANY),
    }  # fmt: skip


def _tiff_bomb() -> bytes:
    packed = zeros(16_000 * 3000)
    return grey_tiff(16_000, 3000, packing=8, size=len(packed), body=packed)


def lies() -> dict[str, tuple[Make, frozenset[str]]]:
    """Headers that do not say what there is."""
    loop = b"MM\0*\0\0\0\x08\0\x02" + struct.pack(">HHII", 0x8769, 4, 1, 8)
    loop += struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack(">I", 8)
    wide = b"MM\0*\0\0\0\x08\xff\xff" + struct.pack(">HHII", 0x0112, 3, 0xFFFFFFFF, 8)
    avif = valid("AVIF")
    return {
        "png of 65,000": (lambda: png(65_000, 65_000, body=zeros(1000)), LARGE),
        "png of no pixels": (lambda: png(0, 0), REFUSED),
        "png of 2^31": (lambda: png(2**31, 5, body=b""), REFUSED),
        "png without pixels": (lambda: png(90, 90, body=b""), REFUSED),
        "png of 3 bits": (lambda: png(90, 90, 0, 3), REFUSED),
        "png without its palette": (lambda: png(90, 90, 3), ANY),
        "png with a chunk of 2 GB": (lambda: MAGIC + b"\x7f\xff\xff\xffIDAT" + bytes(90), REFUSED),
        "png interlaced": (lambda: png(90, 90, interlaced=1), ANY),
        "gif whose frame is outside": (
            lambda: patched(gif(64, 64), b",", 1, struct.pack("<HHHH", 9999, 9999, 9999, 9999)),
            ANY),
        "tiff whose strip is elsewhere": (lambda: grey_tiff(90, 90, strip=2**31), REFUSED),
        "tiff whose strip lies": (lambda: grey_tiff(900, 900, size=2**31 - 1), REFUSED),
        "tiff of no strip": (lambda: tiff((256, 4, 1, 90), (257, 4, 1, 90)), REFUSED),
        "tiff that follows itself": (
            lambda: tiff((256, 4, 1, 90), (257, 4, 1, 90), following=8), REFUSED),
        "tiff whose EXIF is itself": (lambda: grey_tiff(30, 30, (0x8769, 4, 1, 8)), ANY),
        "tiff of giant tiles": (
            lambda: grey_tiff(9000, 5000, (322, 4, 1, 2**31 - 16), (323, 4, 1, 2**31 - 16),
                              (324, 4, 2**28, 8), (325, 4, 2**28, 8)), REFUSED),
        "tiff of tiny tiles": (
            lambda: grey_tiff(9000, 5000, (322, 4, 1, 16), (323, 4, 1, 16), (324, 4, 1, 8)), ANY),
        "tiff of 65,535 tags": (lambda: tiff((256, 4, 1, 90), count=65_535), REFUSED),
        "tiff of 65,535 samples": (lambda: grey_tiff(90, 90, (277, 3, 1, 65_535)), REFUSED),
        "tiff of 65,535 bits": (lambda: grey_tiff(90, 90, (258, 3, 1, 65_535)), REFUSED),
        "tiff with a tag of 4 GB": (lambda: grey_tiff(90, 90, (270, 2, 2**32 - 1, 8)), ANY),
        "tiff of JPEG without any": (lambda: grey_tiff(90, 90, packing=7), REFUSED),
        "tiff by fax": (lambda: grey_tiff(9000, 5000, (258, 3, 1, 1), packing=4), ANY),
        "jpeg of 65,535": (lambda: patched_jpeg(65_535, 65_535), LARGE),
        "jpeg of 16,000 x 3,000": (lambda: patched_jpeg(16_000, 3000), ANY),
        "jpeg of no pixels": (lambda: patched_jpeg(0, 0), REFUSED),
        "jpeg whose EXIF is a loop": (lambda: with_exif(loop), ANY),
        "jpeg whose EXIF is endless": (lambda: with_exif(wide), ANY),
        "jpeg of 300 segments": (
            lambda: valid("JPEG")[:2] + (b"\xff\xed\xff\xff" + bytes(65_533)) * 300
            + valid("JPEG")[2:], ANY),
        "webp of a giant canvas": (lambda: webp_canvas(2**24, 2**24), REFUSED),
        "webp of 16,383": (lambda: webp_canvas(16_383, 16_383, frames=2), REFUSED),
        "webp whose frames are missing": (lambda: webp_canvas(90, 90), REFUSED),
        "webp of a wrong length": (lambda: patched(valid("WEBP"), b"RIFF", 4, b"\xff" * 4), ANY),
        "avif of 2^31": (
            lambda: patched(avif, b"ispe", 8, struct.pack(">II", 2**31 - 1, 2**31 - 1)), REFUSED),
        "avif of 16,000": (
            lambda: patched(avif, b"ispe", 8, struct.pack(">II", 16_000, 3000)), ANY),
        "avif of a wrong place": (lambda: patched(avif, b"iloc", 12, b"\xff" * 8), ANY),
        "avif whose boxes are endless": (lambda: patched(avif, b"meta", -4, b"\xff" * 4), REFUSED),
        "bmp upside down": (lambda: bmp(30, -10), ANY),
        "bmp of a negative width": (lambda: bmp(-30, 10), REFUSED),
        "bmp of 2^31": (lambda: bmp(2**31 - 1, 2**31 - 1), LARGE),
        "bmp of -2^31": (lambda: bmp(30, -(2**31)), REFUSED),
        "bmp of 64 bits": (lambda: bmp(30, 10, 64), REFUSED),
        "bmp of 2^31 colours": (lambda: bmp(30, 10, 8, colours=2**31), REFUSED),
        "bmp whose pixels are elsewhere": (lambda: bmp(30, 10, offset=2**31), REFUSED),
        "a profile of garbage, JPEG": (lambda: _with_profile("JPEG"), ANY),
        "a profile of garbage, PNG": (lambda: _with_profile("PNG"), ANY),
        "a profile of garbage, TIFF": (lambda: _with_profile("TIFF"), ANY),
        "a profile of garbage, WebP": (lambda: _with_profile("WEBP"), ANY),
    }  # fmt: skip


def _with_profile(kind: str) -> bytes:
    garbage = b"\0\0\xff\xfflcms" + b"acsp" * 9000
    return saved(photo(40, 30), kind, icc_profile=garbage)


def strangers() -> dict[str, tuple[Make, frozenset[str]]]:
    """Other things by the name of a picture, and two things in one."""
    script = b"GIF89a/*\x01\x01*/=1;alert(1)//" + bytes(400)
    swapped = {
        f"{kind} under the mark of {other}": (
            lambda kind=kind, other=other: valid(other)[:12] + valid(kind)[12:], REFUSED)
        for kind, other in zip(FORMATS.values(), [*list(FORMATS.values())[1:], "JPEG"], strict=True)
    }  # fmt: skip
    return {
        "nothing but zeros": (lambda: bytes(10_000), UNSUPPORTED),
        "html": (lambda: b"<!doctype html><script>alert(1)</script>", UNSUPPORTED),
        "svg": (
            lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            UNSUPPORTED,
        ),
        "svg of entities": (
            lambda: b"<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
            UNSUPPORTED,
        ),
        "eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", UNSUPPORTED),
        "postscript": (lambda: b"%!PS\n(/etc/passwd)(r)file", UNSUPPORTED),
        "pdf": (lambda: b"%PDF-1.4\n", UNSUPPORTED),
        "zip": (zipped, UNSUPPORTED),
        "gif and script": (lambda: script, ANY),
        "jpeg and zip": (lambda: valid("JPEG") + zipped(), frozenset({FINE})),
        "png and html": (lambda: valid("PNG") + b"<script>alert(1)</script>", frozenset({FINE})),
        **swapped,
    }  # type: ignore[dict-item]


def all_pictures(quick: bool = False) -> Iterator[Hostile]:
    """Every hostile picture; the quick form has fewer cuts and mutants."""
    for group in (bombs(), lies(), strangers()):
        for name, (make, allowed) in group.items():
            yield Hostile(name, "picture", make, allowed)
    for kind in FORMATS.values():
        cuts = list(truncated(kind, "picture", valid(kind), ANY))
        yield from cuts[::4] if quick else cuts
        yield from mutants(kind, "picture", valid(kind), ANY, 2 if quick else 40)
