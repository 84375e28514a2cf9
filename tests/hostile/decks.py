"""Decks that mean harm: bombs, entities, archives inside, names that climb, links, damaged ones."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile import DOCUMENT_CODES, FINE, Hostile, Make, mutants, truncated
from tests.unit import decks
from worker.ingest.deck_archive import CFB, OLD_DECK

ANY = DOCUMENT_CODES | {FINE}
BROKEN = frozenset({"broken_document"})
LARGE = frozenset({"document_too_large"})
SLIDE = "ppt/slides/slide1.xml"
MEGA = 1024**2
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "haha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><a>&j;</a>"
)
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@cache
def plain() -> bytes:
    """A good deck of two slides."""
    with TemporaryDirectory() as folder:
        return decks.plain(Path(folder) / "made.pptx", ("One", "Two")).read_bytes()


def changed(change: Callable[[Path, Path], Path]) -> bytes:
    """The good deck after a change of its file; the second path is free for a copy."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "made.pptx"
        path.write_bytes(plain())
        return change(path, Path(folder) / "copy.pptx").read_bytes()


def with_entry(name: str, data: bytes) -> Make:
    """The good deck with one more entry."""
    return lambda: changed(lambda path, _: decks.added(path, name, data))


def with_slide(data: bytes) -> Make:
    """The good deck whose first slide is this."""
    return lambda: changed(
        lambda path, copy: decks.rewritten(
            path, copy, lambda name, old: data if name == SLIDE else old
        )
    )


def _crowded(path: Path, _: Path) -> Path:
    for number in range(1500):
        decks.added(path, f"ppt/media/{number}.bin", b"x")
    return path


def bad_decks() -> dict[str, tuple[Make, frozenset[str]]]:
    """Each with what may come of it."""
    deep = b"<a>" * 200_000 + b"</a>" * 200_000
    return {
        "no deck": (lambda: b"PK\x03\x04" + bytes(1000), ANY),
        "of the old kind": (lambda: CFB + bytes(900) + OLD_DECK, ANY),
        "a billion laughs": (with_slide(LAUGHS), BROKEN),
        "a file from outside": (with_slide(OUTSIDE), BROKEN),
        "a slide of no XML": (with_slide(b"\xff\xfe\0\0"), ANY),
        "a slide 200,000 deep": (with_slide(deep), ANY),
        "a slide of 13 MB": (with_slide(b"<a>" + b"x" * 13 * MEGA + b"</a>"), LARGE),
        "a bomb": (with_entry("ppt/media/a.bin", bytes(400 * MEGA)), LARGE),
        "an archive inside": (with_entry("ppt/media/a.zip", plain()), BROKEN),
        "a name that climbs": (with_entry("../../a.xml", b"<a/>"), BROKEN),
        "an absolute name": (with_entry("/etc/a.xml", b"<a/>"), BROKEN),
        "1,500 entries": (lambda: changed(_crowded), LARGE),
        "half a deck": (lambda: plain()[: len(plain()) // 2], BROKEN),
    }


def all_decks(quick: bool = False) -> Iterator[Hostile]:
    """Every hostile deck."""
    for name, (make, allowed) in bad_decks().items():
        yield Hostile(name, "deck", make, allowed)
    yield from list(truncated("deck", "deck", plain(), ANY))[:: 4 if quick else 1]
    yield from mutants("deck", "deck", plain(), ANY, 2 if quick else 40)
