"""PDFs that mean harm: loops, endless and giant pages, bombs, actions, damaged ones."""

import io
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile import DOCUMENT_CODES, FINE, Hostile, Make, mutants, truncated
from tests.hostile.pictures import zeros
from tests.unit import documents

ANY = DOCUMENT_CODES | {FINE}
BROKEN = frozenset({"broken_document"})


@cache
def written(name: str) -> bytes:
    """A file that is made on disk: `plain` of two pages, or `locked`."""
    makers: dict[str, Callable[[Path], Path]] = {
        "plain": lambda path: documents.pdf(path, documents.words, documents.words),
        "locked": documents.locked,
    }
    with TemporaryDirectory() as folder:
        return makers[name](Path(folder) / "made.pdf").read_bytes()


def tree(kids: bytes, count: int = 1, more: bytes = b"") -> bytes:
    """A PDF whose page tree's root has these kids."""
    out = io.BytesIO(b"%PDF-1.7\n")
    out.seek(0, 2)
    parts = [b"<</Type/Catalog/Pages 2 0 R>>",
             b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count), more or b"<<>>"]  # fmt: skip
    places = []
    for number, part in enumerate(parts, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, part))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(parts) + 1, start))
    return out.getvalue()


def xref_loop() -> bytes:
    """A PDF whose table of objects says that it goes on in itself."""
    data = documents.by_hand(b"")
    start = data.rindex(b"startxref\n")
    at = int(data[start + 10 :].split()[0])
    return data.replace(b"trailer<<", b"trailer<</Prev %d" % at)


def nested_forms(depth: int) -> bytes:
    """A page that draws a form in a form, so deep."""
    forms = []
    for level in range(depth):
        inner = b"/Resources<</XObject<</X %d 0 R>>>>" % (8 + level if level < depth - 1 else 7)
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 600 600]" + inner
        forms.append(documents.stream(b"/X Do ", entries))
    return documents.by_hand(b"/X Do", extra=tuple(forms))


def picture(width: int, height: int, packed: bytes, how: bytes = b"/FlateDecode") -> bytes:
    """A page with one picture of a claimed size."""
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8" % (width, height)
    entries += b"/ColorSpace/DeviceRGB/Filter" + how
    return documents.by_hand(
        b"600 0 0 600 0 0 cm /X Do", extra=(documents.stream(packed, entries),)
    )


def bad_pdfs() -> dict[str, tuple[Make, frozenset[str]]]:
    """Each with what may come of it."""
    twice = b"[/FlateDecode/FlateDecode]"
    action = "/AA<</O<</S/JavaScript/JS(app.alert\\(1\\))>>>>"
    launch = "/AA<</O<</S/Launch/F(/bin/sh)/Win<</F(cmd)>>>>>>"
    kid = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    return {
        "a page of 10^12 circles": (documents.endless, frozenset({"broken_page"})),
        "a page of lines without end": (documents.flood, ANY),
        "behind a password": (lambda: written("locked"), frozenset({"document_encrypted"})),
        "only its mark": (lambda: b"%PDF-1.7\n", BROKEN),
        "its mark and zeros": (lambda: b"%PDF-1.7\n" + bytes(100_000), BROKEN),
        "a table that follows itself": (xref_loop, ANY),
        "pages that are their own kids": (lambda: tree(b"2 0 R"), ANY),
        "2^31 pages": (lambda: tree(b"3 0 R", 2**31 - 1, kid), ANY),
        "minus one page": (lambda: tree(b"3 0 R", -1, kid), ANY),
        "the same page 10,000 times": (lambda: tree(b"3 0 R " * 10_000, 10_000, kid), ANY),
        "kids that are missing": (lambda: tree(b"9 0 R"), ANY),
        "a page of 2^31 points": (lambda: documents.by_hand(b"", "0 0 2147483647 2147483647"), ANY),
        "a page of no size": (lambda: documents.by_hand(b"", "0 0 0 0"), ANY),
        "a page of no numbers": (lambda: documents.by_hand(b"", "a b c d"), ANY),
        "a page in units of 10^9": (lambda: documents.by_hand(b"", more="/UserUnit 1000000000"), ANY),
        "forms 5,000 deep": (lambda: nested_forms(5000), ANY),
        "arrays 100,000 deep": (lambda: documents.by_hand(b"[" * 100_000), ANY),
        "states 1,000,000 deep": (lambda: documents.by_hand(b"q " * 1_000_000), ANY),
        "content of 600 MB": (lambda: _packed_content(600 * 1024**2), ANY),
        "a picture of 10^9 pixels": (lambda: picture(32_000, 32_000, zeros(10**6)), ANY),
        "a picture of 10^12 pixels": (lambda: picture(10**6, 10**6, b"", how=twice), ANY),
        "a picture deflated twice": (
            lambda: picture(9000, 9000, zlib.compress(zeros(243_000_000)), how=twice), ANY),
        "a script": (lambda: documents.by_hand(b"", more=action), frozenset({FINE})),
        "a program to start": (lambda: documents.by_hand(b"", more=launch), frozenset({FINE})),
        "a font of garbage": (
            lambda: documents.by_hand(
                b"BT /F 9 Tf (a) Tj ET",
                font=b"<</Type/Font/Subtype/TrueType/FontDescriptor<</FontFile2 7 0 R>>>>",
                extra=(documents.stream(b"\0\1\0\0" + b"\xff" * 5000),)), ANY),
        "a title that cannot be stored": (
            lambda: documents.by_hand(b"", title=b"\xfe\xff\xd8\x00\0\0"), ANY),
    }  # fmt: skip


def _packed_content(size: int) -> bytes:
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 600 600]/Filter/FlateDecode"
    return documents.by_hand(b"/X Do", extra=(documents.stream(zeros(size), entries),))


def all_pdfs(quick: bool = False) -> Iterator[Hostile]:
    """Every hostile PDF."""
    slow = ("a page of lines without end", "content of 600 MB", "a page of 10^12 circles")
    for name, (make, allowed) in bad_pdfs().items():
        if not (quick and name in slow[:2]):
            yield Hostile(name, "pdf", make, allowed)
    plain = written("plain")
    yield from list(truncated("pdf", "pdf", plain, ANY))[:: 4 if quick else 1]
    yield from mutants("pdf", "pdf", plain, ANY, 2 if quick else 40)
