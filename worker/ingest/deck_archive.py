"""Checks a deck as a ZIP of XML before anything parses it: sizes, names, nesting, DOCTYPEs."""

import copy
import mmap
import re
import zipfile
import zlib
from itertools import islice
from pathlib import Path
from xml.parsers import expat

from db.errors import BrokenDocument, DocumentEncrypted, DocumentTooLarge, UnsupportedDocument

MAX_ENTRIES = 1_000
MAX_INFLATED = 300 * 1024**2
MAX_XML = 48 * 1024**2
"""Of XML in all: as trees in memory it takes up to 20 times its size."""
MAX_XML_PART = 12 * 1024**2
"""Of one part: a slide of this size took 4 seconds to read."""
MAX_RATIO = 100
FREE_OF_RATIO = 1024**2
"""An entry up to this size may be packed as tightly as it likes."""
DIRECTORY_MARKS = 20_000
"""Directory entries in the file's bytes, those of embedded workbooks among them."""

CFB = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLD_DECK = "PowerPoint Document".encode("utf-16-le")
REQUIRED = ("[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml")
XML_NAMES = (".xml", ".rels", ".vml")
XML_STARTS = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0<", b"\0\0\0<", b"Lo\xa7\x94")
"""In one byte, UTF-8 with a mark, UTF-16, UTF-32 and EBCDIC."""
MAY_BE_ZIP = re.compile(r"ppt/embeddings/[^/]+\.(xls|doc|ppt|sld)[xmb]", re.IGNORECASE)
"""Embedded Office files: they count by their packed size and are never opened."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
PIECE = 256 * 1024
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError,
              NotImplementedError)  # fmt: skip


def check(path: Path) -> None:
    """Read the whole deck once, in pieces, and return when it is safe to parse.

    Raises BrokenDocument, DocumentEncrypted, DocumentTooLarge or UnsupportedDocument.
    """
    _check_container(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_directory(archive, path.stat().st_size)
            _Contents(archive).check()
    except UNREADABLE as error:
        raise BrokenDocument("The deck is no ZIP that can be read.") from error


def _check_container(path: Path) -> None:
    """Look at the file's own bytes: an OLE container is no ZIP, and a huge directory no deck."""
    with path.open("rb") as file:
        if not file.read(1):
            raise BrokenDocument("The deck is empty.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:8] == CFB:
                _refuse_ole(data)
            # zipfile builds an object for each directory entry before it can be asked how many.
            if _has_marks(data, DIRECTORY_MARKS):
                raise DocumentTooLarge(f"The deck has more than {MAX_ENTRIES} entries.")


def _has_marks(data: mmap.mmap, many: int) -> bool:
    marks = re.finditer(rb"PK\x01\x02", data)
    return next(islice(marks, many, None), None) is not None


def _refuse_ole(data: mmap.mmap) -> None:
    if data.find(OLD_DECK) >= 0:
        raise UnsupportedDocument("This is a deck of the old binary kind; save it as .pptx.")
    raise DocumentEncrypted("The deck opens with a password only.")


def _check_directory(archive: zipfile.ZipFile, size: int) -> None:
    """What the directory alone tells."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise DocumentTooLarge(f"The deck has more than {MAX_ENTRIES} entries.")
    names = {entry.filename for entry in entries}
    if len({name.lower() for name in names}) < len(entries):
        raise BrokenDocument("The deck names an entry twice.")
    for name in REQUIRED:
        if name not in names:
            raise BrokenDocument(f"The file is no deck: it has no {name!r}.")
    for entry in entries:
        _check_entry(entry)
    if sum(entry.compress_size for entry in entries) > size:
        raise BrokenDocument("The deck's entries overlap.")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    parts = entry.orig_filename.replace("\\", "/").split("/")
    if parts[0] == "" or ":" in parts[0] or ".." in parts or "\0" in entry.orig_filename:
        raise BrokenDocument("The deck names an entry outside of itself.")
    if entry.flag_bits & 0x1:
        raise DocumentEncrypted("The deck opens with a password only.")
    if entry.compress_type not in PACKED:
        raise BrokenDocument("An entry of the deck is packed in a way that decks do not use.")


class _Contents:
    """Inflates every entry once, counting; nothing but the piece in hand is kept."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._inflated = 0
        self._xml = 0

    def check(self) -> None:
        for entry in self._archive.infolist():
            self._check(entry)

    def _check(self, entry: zipfile.ZipInfo) -> None:
        # zipfile stops at the size that the header claims; a larger claim shows what is there.
        claimed = copy.copy(entry)
        claimed.file_size = MAX_INFLATED + PIECE
        size, prolog = 0, None
        with self._archive.open(claimed) as stream:
            while piece := stream.read(PIECE):
                if size == 0:
                    prolog = _prolog_of(entry.filename, piece)
                size += len(piece)
                self._count(entry, len(piece), size, is_xml=prolog is not None)
                if prolog is not None:
                    prolog.feed(piece)
        if prolog is not None:
            prolog.close()
        if size != entry.file_size:
            raise BrokenDocument(f"{_shown(entry.filename)} in the deck lies about its size.")

    def _count(self, entry: zipfile.ZipInfo, more: int, size: int, is_xml: bool) -> None:
        self._inflated += more
        self._xml += more if is_xml else 0
        if self._inflated > MAX_INFLATED:
            raise DocumentTooLarge(f"The deck unpacks to more than {MAX_INFLATED // 1024**2} MB.")
        if is_xml and (self._xml > MAX_XML or size > MAX_XML_PART):
            raise DocumentTooLarge(
                f"The deck has more than {MAX_XML // 1024**2} MB of XML, "
                f"or more than {MAX_XML_PART // 1024**2} MB in one part."
            )
        if size > FREE_OF_RATIO and size > MAX_RATIO * entry.compress_size:
            raise DocumentTooLarge(
                f"{_shown(entry.filename)} in the deck is packed more than {MAX_RATIO}:1."
            )


def _shown(name: str) -> str:
    return repr(name[:100])


def _prolog_of(name: str, start: bytes) -> "_Prolog | None":
    """A watcher for an entry that is XML by its name or its first bytes. Raises BrokenDocument."""
    if start.startswith(ZIP) and not MAY_BE_ZIP.fullmatch(name):
        raise BrokenDocument(f"{_shown(name)} in the deck is an archive itself.")
    if name.lower().endswith(XML_NAMES) or start[:64].lstrip()[:4].startswith(XML_STARTS):
        return _Prolog(name)
    return None


class _Prolog:
    """Reads what stands before an XML part's root element: the one place for a DOCTYPE."""

    def __init__(self, name: str) -> None:
        self._name = _shown(name)
        self._has_root = False
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartElementHandler = self._found_root

    def _refuse(self, *_: object) -> None:
        raise BrokenDocument(f"{self._name} in the deck has a DOCTYPE.")

    def _found_root(self, *_: object) -> None:
        self._has_root = True
        self._parser.StartElementHandler = None

    def feed(self, piece: bytes) -> None:
        """Read on, until the root is found; what is wrong behind it costs its slide alone."""
        if self._has_root:
            return
        try:
            self._parser.Parse(piece, False)
        except (expat.ExpatError, LookupError, ValueError) as error:
            # The last two are for encodings that expat does not read, though others might.
            if not self._has_root:
                raise BrokenDocument(f"{self._name} in the deck cannot be read.") from error

    def close(self) -> None:
        """Raises BrokenDocument when no root came."""
        if not self._has_root:
            raise BrokenDocument(f"{self._name} in the deck cannot be read.")
