"""The blob store: bytes under their SHA-256, and uploads under their job, local or S3 by URL."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO
from urllib.parse import urlparse

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from db.errors import BlobMissing, Unavailable

GRACE = timedelta(days=2)
"""Bytes are written before the rows that name them: younger ones are never collected."""
THUMBNAIL = 256


def blob_path(tenant: int, sha256: bytes) -> str:
    """Where a blob lies: apart by tenant, fanned out by the first byte."""
    digest = sha256.hex()
    return f"blobs/{tenant}/{digest[:2]}/{digest}"


def upload_path(tenant: int, upload: str, name: str) -> str:
    """Where a part of an upload lies until its job has ended."""
    return f"uploads/{tenant}/{upload}/{name}"


def rendition_path(tenant: int, sha256: bytes, size: int | None) -> str:
    """Where a picture lies as it is shown: whole, or as a thumbnail of `size` pixels."""
    digest = sha256.hex()
    return f"renditions/{tenant}/{digest[:2]}/{digest}-{size or 'full'}"


@contextmanager
def _told_when_full() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise Unavailable("The blob store does not take data now; try again shortly.") from error


class BlobStore:
    """Content-addressed bytes. Written before the row that names them, checked when read."""

    def __init__(self, url: str) -> None:
        """`url`: `file:///folder`, `s3://bucket/prefix`, `gs://…`, `az://…`."""
        self.folder: Path | None = None
        parsed = urlparse(url)
        if parsed.scheme == "file":
            self.folder = Path(parsed.path)
            self.folder.mkdir(parents=True, exist_ok=True)
        self.store: ObjectStore = LocalStore(self.folder) if self.folder else from_url(url)

    def put(self, tenant: int, data: bytes) -> bytes:
        """Store bytes under their hash, which is returned. The same bytes are stored once.

        Raises Unavailable, as where the disk is full.
        """
        sha256 = hashlib.sha256(data).digest()
        path = blob_path(tenant, sha256)
        with _told_when_full():
            try:
                obstore.put(self.store, path, data, mode="create")
            except AlreadyExistsError:
                self._renew(path, data)
        return sha256

    def put_file(self, tenant: int, file: IO[bytes]) -> bytes:
        """Store a file as `put` does, piece by piece; returns its hash."""
        sha256 = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
        path = blob_path(tenant, sha256)
        file.seek(0)
        with _told_when_full():
            if self._has(path):
                self._renew(path, file)
            else:
                obstore.put(self.store, path, file)
        return sha256

    def get(self, tenant: int, sha256: bytes) -> bytes:
        """The bytes of a blob. Raises BlobMissing when they are gone or are not what was put."""
        try:
            data = bytes(obstore.get(self.store, blob_path(tenant, sha256)).bytes())
        except (BaseError, OSError) as error:
            raise BlobMissing("The stored picture cannot be read.") from error
        if hashlib.sha256(data).digest() != sha256:
            raise BlobMissing("The stored picture is damaged.")
        return data

    def put_stream(self, path: str, chunks: Iterable[bytes]) -> int:
        """Store a stream piece by piece, never whole in memory; returns its bytes."""
        size = 0
        with obstore.open_writer(self.store, path) as writer:
            for chunk in chunks:
                writer.write(chunk)
                size += len(chunk)
        return size

    @contextmanager
    def local_file(self, path: str) -> Iterator[Path]:
        """An upload as a file on this machine: the stored one, or a copy for the while.

        Raises BlobMissing when it is gone.
        """
        if self.folder is not None:
            file = self.folder / path
            if not file.is_file():
                raise BlobMissing("The uploaded file is gone.")
            yield file
            return
        with NamedTemporaryFile(prefix="sightline-upload-") as copy:
            try:
                for chunk in obstore.get(self.store, path).stream():
                    copy.write(chunk)
            except FileNotFoundError as error:
                raise BlobMissing("The uploaded file is gone.") from error
            copy.flush()
            yield Path(copy.name)

    def _renew(self, path: str, data: bytes | IO[bytes]) -> None:
        """Make old bytes young again: rows are about to name what the collector may be after."""
        if self.is_old(path, GRACE / 2):
            obstore.put(self.store, path, data)

    def _has(self, path: str) -> bool:
        try:
            obstore.head(self.store, path)
        except FileNotFoundError:
            return False
        return True

    def is_old(self, path: str, age: timedelta = GRACE) -> bool:
        """Whether something was stored longer ago than `age`; False when it is gone."""
        try:
            written: datetime = obstore.head(self.store, path)["last_modified"]
        except FileNotFoundError:
            return False
        return datetime.now(UTC) - written > age

    def old(self, prefix: str) -> Iterator[list[str]]:
        """The paths below a prefix that are older than the grace time, some at a time."""
        for batch in obstore.list(self.store, prefix=prefix, chunk_size=1000):
            limit = datetime.now(UTC) - GRACE
            yield [entry["path"] for entry in batch if entry["last_modified"] < limit]

    def delete(self, path: str) -> None:
        """Remove one object, if it is there."""
        with suppress(FileNotFoundError):
            obstore.delete(self.store, path)

    def delete_blob(self, tenant: int, sha256: bytes) -> None:
        """Remove a blob with what was made of it."""
        self.delete(blob_path(tenant, sha256))
        for size in (None, THUMBNAIL):
            self.delete(rendition_path(tenant, sha256, size))

    def delete_upload(self, tenant: int, upload: str) -> None:
        """Remove all parts of an upload."""
        for batch in obstore.list(self.store, prefix=f"uploads/{tenant}/{upload}/"):
            for entry in batch:
                self.delete(entry["path"])
