"""Decks as archives: what is refused before any parser sees it, and what is not."""

import random
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from db.errors import (
    BrokenDocument,
    DocumentEncrypted,
    DocumentTooLarge,
    SightlineError,
    UnsupportedDocument,
)
from tests.unit import decks
from worker.ingest import deck_archive
from worker.ingest.deck_archive import check

MB = 1024**2
DOCTYPE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    return decks.plain(tmp_path / "deck.pptx")


def refused(path: Path, error: type[SightlineError], *words: str) -> None:
    with pytest.raises(error) as caught:
        check(path)
    assert type(caught.value) is error
    for word in words:
        assert word in caught.value.detail
    assert str(path.parent) not in caught.value.detail


def test_a_plain_deck_passes(deck: Path) -> None:
    check(deck)


def test_embedded_workbooks_and_packed_pictures_pass(tmp_path: Path) -> None:
    builder = decks.Builder()
    decks.put(builder.slide().shapes, decks.picture(), 0, 0, 100, 100)
    deck = builder.save(tmp_path / "deck.pptx")
    book = tmp_path / "book.zip"
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("xl/workbook.xml", "<a/>")
    decks.added(deck, "ppt/embeddings/Microsoft_Excel_Sheet1.xlsx", book.read_bytes())
    check(deck)


@pytest.mark.parametrize("name", ["ppt/media/a.zip", "ppt/media/image1.png", "ppt/embeddings/a.zip",
                                  "ppt/embeddings/deep/a.xlsx", "a.xlsx"])  # fmt: skip
def test_an_archive_inside_is_refused(deck: Path, name: str) -> None:
    decks.added(deck, name, b"PK\x03\x04" + bytes(100))
    refused(deck, BrokenDocument, "archive")


@pytest.mark.parametrize("data", [b"", b"x", b"%PDF-1.7\n", b"PK\x03\x04" + bytes(50)])
def test_what_is_no_zip_is_broken(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "deck.pptx"
    path.write_bytes(data)
    refused(path, BrokenDocument)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_deck_is_broken(deck: Path, part: float) -> None:
    data = deck.read_bytes()
    deck.write_bytes(data[: int(len(data) * part)])
    refused(deck, BrokenDocument)


def test_every_flipped_byte_is_refused_or_harmless(deck: Path) -> None:
    """Nothing but this project's errors comes out, whichever byte is wrong."""
    data = deck.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 150)):
        deck.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            check(deck)
        except SightlineError as error:
            assert error.detail


def test_a_zip_without_a_presentation_is_broken(deck: Path, tmp_path: Path) -> None:
    other = decks.rewritten(
        deck,
        tmp_path / "other.pptx",
        lambda name, data: None if name == "ppt/presentation.xml" else data,
    )
    refused(other, BrokenDocument, "ppt/presentation.xml")


def test_a_deck_behind_a_password_is_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "deck.pptx"
    stream = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(deck_archive.CFB + bytes(1000) + stream + bytes(1000))
    refused(path, DocumentEncrypted, "password")


def test_a_deck_of_the_old_kind_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "deck.pptx"
    path.write_bytes(deck_archive.CFB + bytes(1000) + deck_archive.OLD_DECK + bytes(1000))
    refused(path, UnsupportedDocument, ".pptx")


def test_an_entry_behind_a_password_is_encrypted(deck: Path) -> None:
    data = bytearray(deck.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    deck.write_bytes(data)
    refused(deck, DocumentEncrypted)


def test_an_entry_packed_by_another_method_is_broken(deck: Path) -> None:
    decks.added(deck, "ppt/media/a.bin", b"x" * 100, zipfile.ZIP_LZMA)
    refused(deck, BrokenDocument, "packed")


def test_too_many_entries_are_refused(deck: Path) -> None:
    with zipfile.ZipFile(deck, "a") as archive:
        for n in range(2000):
            archive.writestr(f"ppt/media/{n}.bin", b"")
    refused(deck, DocumentTooLarge, "1000 entries")


def test_a_huge_directory_is_refused_before_it_is_read(deck: Path) -> None:
    """A directory entry takes 46 bytes in the file and many times that in memory."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 0) + bytes(16)
    deck.write_bytes(deck.read_bytes() + entry * 500_000)
    refused(deck, DocumentTooLarge, "1000 entries")


def test_a_bomb_is_refused_by_its_ratio(deck: Path) -> None:
    decks.added(deck, "ppt/media/a.bin", bytes(20 * MB))
    refused(deck, DocumentTooLarge, "100:1")


def test_a_small_entry_may_be_packed_tightly(deck: Path) -> None:
    decks.added(deck, "ppt/media/a.bin", bytes(MB))
    check(deck)


def test_the_sum_of_all_entries_is_limited(deck: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deck_archive, "MAX_INFLATED", 3 * MB)
    for n in range(4):
        decks.added(deck, f"ppt/media/{n}.bin", bytes(MB))
    refused(deck, DocumentTooLarge, "3 MB")


@pytest.mark.parametrize("limit", ["MAX_XML", "MAX_XML_PART"])
def test_xml_is_limited_more_tightly(
    deck: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(deck_archive, limit, MB)
    decks.added(deck, "ppt/media/a.bin", bytes(MB))
    check(deck)
    decks.added(deck, "customXml/a.bin", b"<a>" + b" " * MB + b"</a>", zipfile.ZIP_STORED)
    refused(deck, DocumentTooLarge, "XML")


@pytest.mark.parametrize("claim", [10, 2**31])
def test_a_lie_about_a_size_is_refused(deck: Path, claim: int) -> None:
    """Also with a checksum that fits the part that the claim lets through."""
    real = b"y" * 5000
    decks.added(deck, "ppt/media/a.bin", real)
    data = bytearray(deck.read_bytes())
    fields = struct.pack("<LL", zlib.crc32(real), 0)[:4]
    for start in (data.rindex(b"PK\x03\x04"), data.rindex(b"PK\x01\x02")):
        shift = 0 if data[start + 2 : start + 4] == b"\x01\x02" else -2
        at = start + 16 + shift if data[start + 2] == 1 else start + 14
        assert data[at : at + 4] == fields
        data[at + 8 : at + 12] = struct.pack("<L", claim)
        if claim < len(real):
            data[at : at + 4] = struct.pack("<L", zlib.crc32(real[:claim]))
    deck.write_bytes(data)
    refused(deck, BrokenDocument)


def test_entries_that_share_bytes_are_refused(deck: Path) -> None:
    decks.added(deck, "ppt/media/a.bin", b"z" * 5000, zipfile.ZIP_STORED)
    data = bytearray(deck.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 20 : entry + 24] = struct.pack("<L", len(data))
    deck.write_bytes(data)
    refused(deck, BrokenDocument)


@pytest.mark.parametrize(
    "data",
    [
        DOCTYPE.encode(),
        b"\xef\xbb\xbf" + DOCTYPE.encode(),
        DOCTYPE.encode("utf-16"),
        b"<!-- " + b"x" * MB + b" --><!DOCTYPE a><a/>",
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
        b'<?xml version="1.0" encoding="cp037"?><a/>',
        b"  <!DOCTYPE a><a/>",
        "<!DOCTYPE a><a/>".encode("utf-32-be"),
        "<!DOCTYPE a><a/>".encode("cp037"),
        b"no xml at all",
        b"<!-- and then nothing",
    ],
)
@pytest.mark.parametrize("name", ["ppt/slides/slide9.xml", "customXml/_rels/a.xml.rels"])
def test_a_doctype_or_an_unreadable_start_is_refused(deck: Path, name: str, data: bytes) -> None:
    decks.added(deck, name, data, zipfile.ZIP_STORED)
    refused(deck, BrokenDocument, name)


def test_a_doctype_is_found_under_any_name(deck: Path) -> None:
    """Which parts are parsed is up to their content type, not to their names."""
    decks.added(deck, "ppt/media/image1.png", DOCTYPE.encode())
    refused(deck, BrokenDocument, "DOCTYPE")


def test_what_only_looks_like_a_doctype_passes(deck: Path) -> None:
    decks.added(deck, "customXml/a.xml", b"<a><![CDATA[<!DOCTYPE b>]]>&lt;!ENTITY</a>")
    check(deck)


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "ppt/../../a", "C:\\a", "..\\a",
                                  "ppt\\..\\a"])  # fmt: skip
def test_names_that_leave_the_deck_are_refused(deck: Path, name: str) -> None:
    decks.added(deck, name, b"x")
    refused(deck, BrokenDocument, "outside")


def test_a_name_that_comes_twice_is_refused(deck: Path) -> None:
    decks.added(deck, "ppt/PRESENTATION.xml", b"<a/>")
    refused(deck, BrokenDocument, "twice")


def test_memory_stays_flat_whatever_comes_out(deck: Path) -> None:
    with zipfile.ZipFile(deck, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ppt/media/a.bin", random.Random(1).randbytes(MB) + bytes(90 * MB))
    tracemalloc.start()
    try:
        check(deck)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * MB
