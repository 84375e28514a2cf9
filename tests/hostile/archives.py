"""ZIP imports that mean harm: bombs, lies, overlaps, links, names that climb, damaged ones."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache

from tests.hostile import FINE, LINE_CODES, PICTURE_CODES, Hostile, Make, mutants, truncated
from tests.hostile.pictures import valid, zeros

ANY = LINE_CODES | PICTURE_CODES | {FINE}
BROKEN = frozenset({"broken_upload"})
MEGA = 1024**2
LOCAL, DIRECTORY, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
LINK = 0o120777 << 16


def archive(
    files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED, manifest: bytes | None = None,
    attributes: int = 0,
) -> bytes:  # fmt: skip
    """A ZIP with a line for each file, unless the manifest is given."""
    lines = [json.dumps({"id": f"i{n}", "image": name}) for n, name in enumerate(files)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as made:
        made.writestr("manifest.jsonl", "\n".join(lines) if manifest is None else manifest)
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = how, attributes
            made.writestr(entry, data)
    return out.getvalue()


@cache
def plain() -> bytes:
    """A good import of three pictures."""
    return archive({f"{n}.jpg": valid("JPEG") for n in range(3)})


def patched(data: bytes, mark: bytes, at: int, new: bytes, last: bool = True) -> bytes:
    """The ZIP with a field of its last (or first) such record replaced."""
    place = (data.rindex(mark) if last else data.index(mark)) + at
    return data[:place] + new + data[place + len(new) :]


def bomb(name: str, size: int, claimed: int | None = None) -> bytes:
    """A ZIP by hand whose entry deflates a thousand to one; its manifest, or the picture `a.jpg`."""
    packed = zeros(size)[2:-4]  # without what zlib puts around a stream
    entries = {name: (packed, 8, size if claimed is None else claimed)}
    if name != "manifest.jsonl":
        line = b'{"id": "a", "image": "%s"}' % name.encode()
        entries["manifest.jsonl"] = (line, 0, len(line))
    return by_hand(entries)


def by_hand(entries: dict[str, tuple[bytes, int, int]], count: int | None = None) -> bytes:
    """A ZIP of entries that claim a size, with checksums of what is stored: (packed bytes, method, claimed)."""
    body, directory = b"", b""
    for name, (packed, method, claimed) in entries.items():
        check = 0 if method else zlib.crc32(packed)
        about = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0, check, len(packed), claimed,
                            len(name), 0)  # fmt: skip
        directory += DIRECTORY + b"\x14\0" + about + bytes(2 + 2 + 2 + 4)
        directory += struct.pack("<I", len(body)) + name.encode()
        body += LOCAL + about + name.encode() + packed
    many = min(len(entries) if count is None else count, 65_535)
    return body + directory + END + struct.pack("<HHHHIIH", 0, 0, many, many, len(directory),
                                                len(body), 0)  # fmt: skip


def crowded(count: int) -> bytes:
    """A directory of so many entries without names, and nothing behind them."""
    entry = DIRECTORY + bytes(42)
    return entry * count + END + struct.pack("<HHHHIIH", 0, 0, 65_535, 65_535, len(entry) * count,
                                             0, 0)  # fmt: skip


def overlapping(count: int) -> bytes:
    """Many entries that all are the same bytes: a small file of gigabytes."""
    packed = zeros(20 * MEGA)[2:-4]
    about = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, 0, len(packed), 20 * MEGA, 8, 0)
    directory = b"".join(
        DIRECTORY + b"\x14\0" + about + bytes(14) + b"%04d.jpg" % n for n in range(count)
    )
    lines = "\n".join(json.dumps({"id": str(n), "image": f"{n:04}.jpg"}) for n in range(count))
    inner = by_hand({"manifest.jsonl": (lines.encode(), 0, len(lines))})
    at = inner.index(DIRECTORY)
    first = LOCAL + about + b"0000.jpg" + packed
    manifest = inner[:at]
    entry = inner[at : inner.rindex(END)]
    place = struct.pack("<I", len(first))
    entry = entry[:42] + place + entry[46:]
    listed = directory + entry
    return first + manifest + listed + END + struct.pack(
        "<HHHHIIH", 0, 0, count + 1, count + 1, len(listed), len(first) + len(manifest), 0
    )  # fmt: skip


def bad_zips() -> dict[str, tuple[Make, frozenset[str]]]:
    """Each with what may come of it."""
    jpeg = {"a.jpg": valid("JPEG")}
    return {
        "no zip": (lambda: b"PK\x03\x04" + bytes(100), BROKEN),
        "an empty zip": (lambda: END + bytes(18), BROKEN),
        "a manifest of 1 GB": (lambda: bomb("manifest.jsonl", 1024 * MEGA), BROKEN),
        "a picture of 1 GB": (lambda: bomb("a.jpg", 1024 * MEGA), ANY - {FINE}),
        "a picture that says it is small": (lambda: bomb("a.jpg", 1024 * MEGA, 99), ANY - {FINE}),
        "a picture that says it is empty": (lambda: bomb("a.jpg", 99, 0), ANY - {FINE}),
        "entries that overlap": (lambda: overlapping(2000), BROKEN),
        "1.2 million entries": (lambda: crowded(1_200_000), BROKEN),
        "100,000 entries of nothing": (lambda: crowded(100_000), BROKEN),
        "a directory that says more": (lambda: patched(plain(), END, 8, b"\xff\xff\xff\xff"), ANY),
        "a directory of 4 GB": (lambda: patched(plain(), END, 12, b"\xff" * 4), BROKEN),
        "a directory that is elsewhere": (lambda: patched(plain(), END, 16, b"\xff" * 4), BROKEN),
        "an entry of 4 GB": (lambda: patched(plain(), DIRECTORY, 20, b"\xff" * 8), ANY),
        "an entry that is elsewhere": (
            lambda: patched(plain(), DIRECTORY, 42, b"\xf0\xff\xff\xff"), ANY),
        "zip64 without any": (lambda: patched(plain(), DIRECTORY, 42, b"\xff" * 4), ANY),
        "names that climb": (
            lambda: archive({"../a.jpg": b"x", "/etc/passwd": b"x", "C:\\a.jpg": b"x"}),
            frozenset({"unsafe_name"})),
        "a name with NUL": (lambda: archive(jpeg, manifest=b'{"image": "a.jpg\\u0000"}'), ANY),
        "a link": (lambda: archive({"a.jpg": b"/etc/passwd"}, attributes=LINK),
                   frozenset({"unsafe_name"})),
        "a name twice": (_twice, ANY),
        "a password": (lambda: patched(plain(), DIRECTORY, 8, b"\x01\0"), ANY),
        "an unknown packing": (lambda: patched(plain(), DIRECTORY, 10, b"\x63\0"), ANY),
        "lzma": (lambda: archive(jpeg, zipfile.ZIP_LZMA), BROKEN),
        "bzip2": (lambda: archive(jpeg, zipfile.ZIP_BZIP2), BROKEN),
        "a zip in the zip": (lambda: archive({"a.jpg": plain()}), frozenset({"unsupported_image"})),
        "no manifest": (lambda: by_hand({"a.jpg": (b"x", 0, 1)}), BROKEN),
        "a manifest in two folders": (
            lambda: by_hand({"a/manifest.jsonl": (b"", 0, 0), "b/manifest.jsonl": (b"", 0, 0)}),
            BROKEN),
        "a manifest of nothing": (lambda: archive({}), frozenset({"empty_upload"})),
        "a manifest of zeros": (lambda: archive({}, manifest=bytes(900_000)), ANY),
        "a page behind it": (lambda: plain() + bytes(70_000), BROKEN),
    }  # fmt: skip


def _twice() -> bytes:
    data = plain()
    return data.replace(b"2.jpg", b"1.jpg")


def all_archives(quick: bool = False) -> Iterator[Hostile]:
    """Every hostile ZIP."""
    for name, (make, allowed) in bad_zips().items():
        yield Hostile(name, "zip", make, allowed)
    yield from list(truncated("zip", "zip", plain(), ANY))[:: 4 if quick else 1]
    yield from mutants("zip", "zip", plain(), ANY, 2 if quick else 40)
    if not quick:
        yield Hostile("a manifest of 10 GB", "zip",
                      lambda: bomb("manifest.jsonl", 10 * 1024 * MEGA, 2**32 - 2), BROKEN)  # fmt: skip
