"""The blob store: bytes under their SHA-256, and uploads under their job, local or S3 by URL."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlparse

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
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
        self.folder: Path | None = None
        parsed = urlparse(url)
        if parsed.scheme == "file":
            self.folder = Path(parsed.path)
            self.folder.mkdir(parents=True, exist_ok=True)
        self.store: ObjectStore = LocalStore(self.folder) if self.folder else from_url(url)

    def put(self, tenant: int, data: bytes) -> bytes:
        """Store bytes under their hash, which is returned. The same bytes are stored once."""
        sha256 = hashlib.sha256(data).digest()
        try:
            obstore.put(self.store, blob_path(tenant, sha256), data, mode="create")
        except AlreadyExistsError:
            return sha256
        except (BaseError, OSError) as error:
            raise Unavailable(
                "The blob store does not take data now; try again shortly."
            ) from error
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
        with suppress(FileNotFoundError):
            obstore.delete(self.store, path)
