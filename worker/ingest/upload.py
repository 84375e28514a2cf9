"""Opens a stored upload: its manifest as a stream, and the files that the manifest names."""

import io
import json
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

from db.blobs import BlobStore, upload_path
from db.errors import BrokenUpload, FileMissing, ImageTooLarge, UnsafeName
from db.images import Limits

MAX_ENTRIES = 1_000_000
"""Each takes 0.6 kB of memory once the directory is read."""
MAX_DIRECTORY = 256 * 1024**2
"""Bytes of a ZIP's directory, which is read whole; an entry takes 46 and its name."""
MARK = b"PK\x01\x02"
"""Begins each entry of the directory."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MAX_RATIO = 100
FREE_OF_RATIO = 1024**2
"""An entry up to this size may be packed as tightly as it likes."""
MANIFESTS = ("manifest.jsonl", "manifest.csv")
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError,
              NotImplementedError, OverflowError)  # fmt: skip


class Files(Protocol):
    """The pictures of an upload by the names that its manifest uses."""

    def stored(self, name: str) -> tuple[bytes, bytes | None]:
        """A picture's bytes and, if it lies in the blob store already, its hash.

        Raises FileMissing, ImageTooLarge, BrokenUpload.
        """


class NoFiles:
    """A bare manifest: it can only name URLs, inline pictures and texts."""

    def stored(self, name: str) -> tuple[bytes, bytes | None]:
        """No file was uploaded."""
        raise FileMissing(f"{_shown(name)} was not uploaded: a bare manifest has no files.")


class PartFiles:
    """The parts of a multipart upload, each a blob already."""

    def __init__(self, blobs: BlobStore, tenant: int, names: dict[str, bytes]) -> None:
        self._blobs, self._tenant, self._names = blobs, tenant, names

    def stored(self, name: str) -> tuple[bytes, bytes | None]:
        """A part by its file name."""
        sha256 = self._names.get(name)
        if sha256 is None:
            raise FileMissing(f"{_shown(name)} is not among the uploaded files.")
        return self._blobs.get(self._tenant, sha256), sha256


class ZipFiles:
    """The entries of a ZIP, below the folder that holds its manifest."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive, self._folder = archive, folder

    def stored(self, name: str) -> tuple[bytes, bytes | None]:
        """An entry's bytes, read up to the limit of a picture. Raises UnsafeName for a link."""
        limit = Limits().max_bytes
        try:
            entry = self._archive.getinfo(self._folder + name.replace("\\", "/"))
        except KeyError:
            raise FileMissing(f"{_shown(name)} is not in the ZIP.") from None
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UnsafeName(f"{_shown(name)} is a link in the ZIP.")
        with io.BufferedReader(Entry(self._archive, entry)) as stream:
            data = stream.read(min(entry.file_size, limit) + 1)
        if len(data) > limit:
            raise ImageTooLarge(f"{_shown(name)} is larger than {limit // 1024**2} MB.")
        return data, None


class Entry(io.RawIOBase):
    """An entry of a ZIP as a stream. Whatever is wrong with it, reading raises BrokenUpload."""

    def __init__(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        super().__init__()
        self._name, self._packed, self._size = _shown(entry.filename), entry.compress_size, 0
        if entry.compress_type not in PACKED:
            raise BrokenUpload(f"{self._name} is packed in a way that is not taken: use deflate.")
        if entry.flag_bits & 0x1:
            raise BrokenUpload(f"{self._name} opens with a password only.")
        try:
            self._stream = archive.open(entry)
        except UNREADABLE as error:
            raise BrokenUpload(f"{self._name} cannot be read from the ZIP.") from error

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, and count what was inflated."""
        try:
            piece = self._stream.read(len(buffer))
        except UNREADABLE as error:
            raise BrokenUpload(f"{self._name} cannot be read from the ZIP.") from error
        self._size += len(piece)
        if self._size > FREE_OF_RATIO and self._size > MAX_RATIO * self._packed:
            raise BrokenUpload(f"{self._name} is packed more than {MAX_RATIO}:1 in the ZIP.")
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Let go of the archive's entry."""
        if not self.closed and hasattr(self, "_stream"):
            self._stream.close()
        super().close()


class Directory(io.FileIO):
    """A ZIP's file that hands out no directory which would take too much memory."""

    def read(self, size: int | None = -1) -> bytes:
        """As a file does. Raises BrokenUpload."""
        if size is not None and size > MAX_DIRECTORY:
            raise BrokenUpload(f"The ZIP's directory has over {MAX_DIRECTORY // 1024**2} MB.")
        data = super().read(size)
        # zipfile builds an object for each entry before it can be asked how many there are.
        if len(data) > MAX_ENTRIES and data.count(MARK) > MAX_ENTRIES:
            raise BrokenUpload(f"The ZIP has more than {MAX_ENTRIES:,} entries.")
        return data


@contextmanager
def opened(
    blobs: BlobStore, tenant: int, upload: str, form: str, has_files: bool
) -> Iterator[tuple[IO[bytes], str, Files]]:
    """The manifest's stream, its form (`jsonl` or `csv`), and the files. Raises BrokenUpload."""
    with blobs.local_file(upload_path(tenant, upload, "body")) as body:
        if form == "zip":
            with _opened_zip(body) as parts:
                yield parts
        else:
            files: Files = NoFiles()
            if has_files:
                files = PartFiles(blobs, tenant, _part_names(blobs, tenant, upload))
            with body.open("rb") as stream:
                yield stream, form, files


def _part_names(blobs: BlobStore, tenant: int, upload: str) -> dict[str, bytes]:
    with blobs.local_file(upload_path(tenant, upload, "files.jsonl")) as listing:
        lines = [json.loads(line) for line in listing.open(encoding="utf-8")]
    return {line["name"]: bytes.fromhex(line["sha256"]) for line in lines}


@contextmanager
def _opened_zip(body: Path) -> Iterator[tuple[IO[bytes], str, Files]]:
    with Directory(body) as file:
        try:
            archive = zipfile.ZipFile(cast(IO[bytes], file))
        except UNREADABLE as error:
            raise BrokenUpload("The upload is no ZIP that can be read.") from error
        with archive:
            _check_directory(archive, body.stat().st_size)
            name = _manifest_of(archive.namelist())
            files = ZipFiles(archive, name.rpartition("manifest")[0])
            with Entry(archive, archive.getinfo(name)) as stream:
                yield cast(IO[bytes], stream), name.rpartition(".")[2], files


def _check_directory(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse entries that share their bytes: a small file would unpack without end."""
    if sum(entry.compress_size for entry in archive.infolist()) > size:
        raise BrokenUpload("The ZIP's entries overlap.")


def _shown(name: str) -> str:
    return repr(name[:200])


def _manifest_of(entries: list[str]) -> str:
    """The manifest at the top, or in the one folder that holds everything."""
    for entry in entries:
        if entry in MANIFESTS:
            return entry
    found = [e for e in entries if e.count("/") == 1 and e.rpartition("/")[2] in MANIFESTS]
    if len(found) != 1:
        raise BrokenUpload("The ZIP needs a manifest.jsonl or manifest.csv at its top.")
    return found[0]
