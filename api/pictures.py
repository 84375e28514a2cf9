"""Pictures as they are shown: made in a process of their own, kept in the blob store."""

import resource
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import suppress
from multiprocessing import get_context
from typing import NoReturn

import obstore
from obstore.exceptions import BaseError as StoreError

from db import images
from db.blobs import BlobStore, rendition_path
from db.errors import BlobMissing, BrokenImage, ImageTooLarge, Unavailable

SECONDS = 10.0
MEMORY = 2 * 1024**3


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Renditions:
    """Makes what is shown of a stored picture; a picture that kills costs its one request."""

    def __init__(self, blobs: BlobStore) -> None:
        """No process is started yet."""
        self._blobs = blobs
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def get(self, tenant: int, sha256: bytes, size: int | None) -> tuple[bytes, str]:
        """The rendition's bytes and media type.

        Raises BrokenImage when the picture cannot be shown, Unavailable when it is out of reach.
        """
        path = rendition_path(tenant, sha256, size)
        try:
            kept = bytes(obstore.get(self._blobs.store, path).bytes())
            return kept, images.check(kept)
        except (OSError, StoreError):
            pass
        try:
            data = self._blobs.get(tenant, sha256)
        except BlobMissing as error:
            raise Unavailable("The stored picture cannot be read now.") from error
        made, media_type = self._make(data, size)
        with suppress(OSError, StoreError):  # shown all the same; the next request makes it again
            obstore.put(self._blobs.store, path, made)
        return made, media_type

    def close(self) -> None:
        """End the process."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool:
            _kill(pool)

    def _make(self, data: bytes, size: int | None) -> tuple[bytes, str]:
        try:
            # Twice, since the process may have died of somebody else's picture.
            return self._try(data, size) or self._try(data, size) or _refuse()
        except ImageTooLarge as error:
            raise BrokenImage(error.detail) from error

    def _try(self, data: bytes, size: int | None) -> tuple[bytes, str] | None:
        pool = self._running()
        try:
            return pool.submit(images.rendition, data, size).result(SECONDS)
        except (TookTooLong, MemoryError):
            self._drop(pool)
            return _refuse()
        except RuntimeError:  # a broken pool, or one that was just closed
            self._drop(pool)
            return None

    def _running(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, get_context("spawn"), _limit_memory)
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        _kill(pool)


def _refuse() -> NoReturn:
    raise BrokenImage("The picture cannot be shown: decoding it failed.")


def _kill(pool: ProcessPoolExecutor) -> None:
    """End the pool's process also when it does not listen any more."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
