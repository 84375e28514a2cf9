"""Manifests that mean harm: endless lines, deep and wide JSON, text that cannot be stored, wrong CSV."""

import base64
import json
from collections.abc import Iterator

from tests.hostile import FINE, LINE_CODES, PICTURE_CODES, Hostile, Make, mutants, truncated
from tests.hostile.pictures import png, zeros

BAD = frozenset({"invalid_manifest_line"})
ANY = LINE_CODES | PICTURE_CODES | {FINE}
MEGA = 1024**2
GOOD = b'{"id": "good", "text": "a good line"}\n'


def line(**fields: object) -> bytes:
    """A line of a manifest, with an id."""
    return json.dumps({"id": "a", **fields}).encode() + b"\n"


def raw(inner: bytes) -> bytes:
    """A line with an id and what is given."""
    return b'{"id": "a", ' + inner + b"}\n"


def inline(data: bytes) -> bytes:
    """A line whose picture stands in it."""
    return line(image_base64=base64.b64encode(data).decode())


def jsonl() -> dict[str, tuple[Make, frozenset[str]]]:
    """JSON lines; each has good neighbours, unless its bytes swallow them."""
    text = b'"text": "t"'
    return {
        "a line of 40 MB": (lambda: line(text="x" * 40 * MEGA), BAD),
        "a text of 25 MB": (lambda: line(text="x" * 25 * MEGA), BAD),
        "an attribute of 3 MB": (lambda: line(text="t", attributes={"a": "x " * MEGA}), ANY),
        "a name of 25 MB": (lambda: line(text="t", name="x" * 25 * MEGA), BAD),
        "an unknown field of 1 MB": (lambda: raw(text + b', "' + b"k" * MEGA + b'": 1'), BAD),
        "an unknown field that cannot be stored": (
            lambda: raw(text + rb', "\u0000\ud800": 1'), BAD),
        "100,000 deep": (lambda: raw(b'"attributes": ' + b'{"a":' * 100_000), BAD),
        "40 deep": (
            lambda: raw(text + b', "attributes": ' + b'{"a":' * 40 + b"1" + b"}" * 40), BAD),
        "8 million objects": (
            lambda: raw(text + b', "attributes": {"a": [' + b"{}," * 8_000_000 + b"{}]}"), BAD),
        "NaN and Infinity": (
            lambda: raw(text + b', "price": NaN') + raw(text + b', "price": -Infinity'), BAD),
        "a price of 1e999": (lambda: raw(text + b', "price": 1e999'), BAD),
        "an attribute of 1e999": (lambda: raw(text + b', "attributes": {"a": 1e999}'), BAD),
        "a price of 10,000 digits": (lambda: raw(text + b', "price": ' + b"9" * 10_000), BAD),
        "an attribute of 4,000 digits": (
            lambda: raw(text + b', "attributes": {"a": ' + b"9" * 4000 + b"}"), ANY),
        "a price below nothing": (lambda: line(text="t", price=-1), BAD),
        "a price of many places": (lambda: raw(text + b', "price": 1e-300'), ANY),
        "half a character": (lambda: raw(rb'"text": "\ud800"'), BAD),
        "half a character in an id": (lambda: b'{"id": "a\\udfff", "text": "t"}\n', BAD),
        "NUL": (lambda: raw(rb'"text": "\u0000"'), BAD),
        "NUL in an id, and no source": (lambda: b'{"id": "a\\u0000"}\n', BAD),
        "an id of 1 MB, and no source": (lambda: b'{"id": "' + b"a" * MEGA + b'"}\n', BAD),
        "an id that climbs": (lambda: b'{"id": "../../etc", "text": "t"}\n', BAD),
        "an id of dots": (lambda: b'{"id": "..", "text": "t"}\n', BAD),
        "a category of 1,000 wide characters": (
            lambda: line(text="t", category="".join(map(chr, range(0x4E00, 0x51E8)))), ANY),
        "UTF-16": (lambda: '{"id": "a", "text": "t"}\n'.encode("utf-16"), BAD),
        "UTF-32": (lambda: '{"id": "a", "text": "t"}\n'.encode("utf-32"), BAD),
        "bytes of no encoding": (lambda: bytes(range(128, 256)) * 100 + b"\n", BAD),
        "zeros": (lambda: bytes(3 * MEGA) + b"\n", BAD),
        "base64 of 22 MB": (
            lambda: inline(b"\x89PNG\r\n\x1a\n" + bytes(22 * MEGA - 99)),
            frozenset({"image_too_large"})),
        "base64 of a bomb": (lambda: inline(png(16_384, 16_384, 0, 1)), PICTURE_CODES),
        "base64 of zlib": (lambda: inline(zeros(100 * MEGA)), frozenset({"unsupported_image"})),
        "base64 of nothing like it": (lambda: line(image_base64="\u20ac" * 900), ANY),
        "a file that climbs": (
            lambda: line(image="../../etc/passwd"), frozenset({"unsafe_name"})),
        "a file of nobody": (lambda: line(image="x.jpg"), frozenset({"file_missing"})),
        "a name of a file of 1 MB": (lambda: line(image="x" * MEGA), ANY),
        "an address inside": (
            lambda: line(image_url="http://127.0.0.1:6379/"), frozenset({"url_refused"})),
        "an address of 1 MB": (lambda: line(image_url="http://a/" + "x" * MEGA), ANY),
        "the same id 300 times": (lambda: line(text="t") * 300, ANY),
    }  # fmt: skip


def csv() -> dict[str, tuple[Make, frozenset[str]]]:
    """CSV files; a header comes first."""
    head = b"id,text\n"
    return {
        "100,000 columns": (
            lambda: b"id,text," + b",".join(b"c%d" % n for n in range(100_000)) + b"\na,t\n", ANY),
        "a row of 100,000 cells": (lambda: head + b"a," * 100_000 + b"\n", BAD),
        "a quote of 100 MB": (lambda: head + b'a,"' + b"x" * 100 * MEGA, BAD),
        "a line of 100 MB": (lambda: head + b"x" * 100 * MEGA + b"\nb,t\n", BAD | {FINE}),
        "a quote of many lines": (
            lambda: head + b'a,"' + (b"x" * 999_999 + b"\n") * 100, ANY),
        "a header of 40 MB": (lambda: b"x" * 40 * MEGA + b"\nb,t\n", ANY),
        "NUL": (lambda: head + b"a\0b,t\n", BAD),
        "UTF-16": (lambda: "id,text\na,t\n".encode("utf-16"), ANY),
        "prices": (
            lambda: b"id,text,price\na,t,1e999\nb,t,-5\nc,t,NaN\nd,t,Infinity\ne,t,1_0\n", BAD | {FINE}),
        "empty names": (lambda: b",,,\n,,,\n", ANY),
        "quotes": (lambda: head + b'"""""",""""\n"' * 500, ANY),
    }  # fmt: skip


def all_manifests(quick: bool = False) -> Iterator[Hostile]:
    """Every hostile manifest that comes as it is."""
    for name, (make, allowed) in jsonl().items():
        yield Hostile(name, "jsonl", lambda m=make: GOOD + m(), allowed | {FINE})  # type: ignore[misc]
    for name, (make, allowed) in csv().items():
        yield Hostile(name, "csv", make, allowed)
    several = GOOD + b"".join(line(text=f"t{n}") for n in range(20))
    yield from list(truncated("lines", "jsonl", several, ANY))[:: 4 if quick else 1]
    yield from mutants("lines", "jsonl", several, ANY, 2 if quick else 30)
    cells = b"id,text,price\n" + b"".join(b'i%d,"t, %d",%d\n' % (n, n, n) for n in range(20))
    yield from mutants("cells", "csv", cells, ANY, 2 if quick else 30)
