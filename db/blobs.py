"""The blob store: bytes under their SHA-256, and uploads under their job, local or S3 by URL."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlparse

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from db.errors import BlobMissing, Unavailable


def blob_path(tenant: int, sha256: bytes) -> str:
    """Where a blob lies: apart by tenant, fanned out by the first byte."""
    digest = sha256.hex()
    return f"blobs/{tenant}/{digest[:2]}/{digest}"


def upload_path(tenant: int, upload: str, name: str) -> str:
    """Where a part of an upload lies until its job has ended."""
    return f"uploads/{tenant}/{upload}/{name}"


class BlobStore:
    """Content-addressed bytes. Written before the row that names them, checked when read."""

    def __init__(self, url: str) -> None:
        """`url`: `file:///folder`, `s3://bucket/prefix`, `gs://…`, `az://…`."""
        self.store: ObjectStore = _open(url)

    def put(self, tenant: int, data: bytes) -> bytes:
        """Store bytes under their hash, which is returned. The same bytes are stored once."""
        sha256 = hashlib.sha256(data).digest()
        try:
            obstore.put(self.store, blob_path(tenant, sha256), data, mode="create")
        except FileExistsError:
            pass
        except OSError as error:
            raise Unavailable(
                "The blob store does not take data now; try again shortly."
            ) from error
        return sha256

    def get(self, tenant: int, sha256: bytes) -> bytes:
        """The bytes of a blob. Raises BlobMissing when they are gone or are not what was put."""
        try:
            data = bytes(obstore.get(self.store, blob_path(tenant, sha256)).bytes())
        except (FileNotFoundError, OSError) as error:
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

    def open(self, path: str) -> obstore.ReadableFile:
        """A seekable reader of a stored upload. Raises BlobMissing when it is gone."""
        try:
            return obstore.open_reader(self.store, path)
        except FileNotFoundError as error:
            raise BlobMissing("The uploaded file is gone.") from error

    def delete_blobs(self, tenant: int, hashes: Iterable[bytes]) -> None:
        """Remove blobs that no row names any more."""
        for sha256 in hashes:
            self._delete(blob_path(tenant, sha256))

    def delete_upload(self, tenant: int, upload: str) -> None:
        """Remove all parts of an upload."""
        for batch in obstore.list(self.store, prefix=f"uploads/{tenant}/{upload}/"):
            for entry in batch:
                self._delete(entry["path"])

    def _delete(self, path: str) -> None:
        try:
            obstore.delete(self.store, path)
        except FileNotFoundError:
            pass


def _open(url: str) -> ObjectStore:
    parsed = urlparse(url)
    if parsed.scheme == "file":
        folder = Path(parsed.path)
        folder.mkdir(parents=True, exist_ok=True)
        return LocalStore(folder)
    return from_url(url)
