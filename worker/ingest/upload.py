"""Opens a stored upload: its manifest as a stream, and the files that the manifest names."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from db.blobs import BlobStore, upload_path
from db.errors import BrokenUpload, FileMissing, ImageTooLarge, SightlineError
from db.images import Limits

MAX_ENTRIES = 2_000_000
MANIFESTS = ("manifest.jsonl", "manifest.csv")


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
        raise FileMissing(f"{name!r} was not uploaded: a bare manifest has no files.")


class PartFiles:
    """The parts of a multipart upload, each a blob already."""

    def __init__(self, blobs: BlobStore, tenant: int, names: dict[str, bytes]) -> None:
        self._blobs, self._tenant, self._names = blobs, tenant, names

    def stored(self, name: str) -> tuple[bytes, bytes | None]:
        """A part by its file name."""
        sha256 = self._names.get(name)
        if sha256 is None:
            raise FileMissing(f"{name!r} is not among the uploaded files.")
        return self._blobs.get(self._tenant, sha256), sha256


class ZipFiles:
    """The entries of a ZIP, below the folder that holds its manifest."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive, self._folder = archive, folder

    def stored(self, name: str) -> tuple[bytes, bytes | None]:
        """An entry's bytes, read up to the limit of a picture."""
        limit = Limits().max_bytes
        try:
            with self._archive.open(self._folder + name.replace("\\", "/")) as entry:
                data = entry.read(limit + 1)
        except KeyError:
            raise FileMissing(f"{name!r} is not in the ZIP.") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError,
                NotImplementedError) as error:  # fmt: skip
            raise BrokenUpload(f"{name!r} cannot be read from the ZIP.") from error
        if len(data) > limit:
            raise ImageTooLarge(f"{name!r} is larger than {limit // 1024**2} MB.")
        return data, None


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
    try:
        archive = zipfile.ZipFile(body)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BrokenUpload("The upload is no ZIP that can be read.") from error
    with archive:
        entries = archive.namelist()
        if len(entries) > MAX_ENTRIES:
            raise BrokenUpload(f"The ZIP has more than {MAX_ENTRIES} entries.")
        name = _manifest_of(entries)
        try:
            with archive.open(name) as stream:
                yield (
                    stream,
                    name.rpartition(".")[2],
                    ZipFiles(archive, name.rpartition("manifest")[0]),
                )
        except SightlineError:
            raise
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise BrokenUpload("The manifest in the ZIP cannot be read.") from error


def _manifest_of(entries: list[str]) -> str:
    """The manifest at the top, or in the one folder that holds everything."""
    for entry in entries:
        if entry in MANIFESTS:
            return entry
    found = [e for e in entries if e.count("/") == 1 and e.rpartition("/")[2] in MANIFESTS]
    if len(found) != 1:
        raise BrokenUpload("The ZIP needs a manifest.jsonl or manifest.csv at its top.")
    return found[0]
