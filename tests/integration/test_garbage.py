"""Bytes that no row names go, all others stay."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
from sqlalchemy import text

from db import catalogs, entries, jobs, search, spaces
from db.blobs import BlobStore, blob_path, rendition_path, upload_path
from db.entries import Entry
from db.fields import ItemFields
from db.session import Database
from db.vocabulary import JobKind
from worker import garbage

LONG_AGO = time.time() - 10 * 86400


def age(blobs: BlobStore, path: str) -> Path:
    assert blobs.folder is not None
    os.utime(blobs.folder / path, (LONG_AGO, LONG_AGO))
    return blobs.folder / path


def test_old_bytes_that_no_item_names_are_collected(database: Database, blobs: BlobStore) -> None:
    used, unused, young = (blobs.put(1, data) for data in (b"used", b"unused", b"young"))
    with database.begin() as connection:
        catalog, _ = catalogs.put(
            connection, 1, "shop", description=None, image_model="m", text_model="none"
        )
        entries.put(connection, 1, catalog, [Entry(0, ItemFields(id="a"), used, 4, "image/png")])
    blobs.put_stream(rendition_path(1, unused, 256), [b"small"])
    kept = age(blobs, blob_path(1, used))
    gone = age(blobs, blob_path(1, unused))
    assert garbage.collect(database, blobs) == 1
    assert kept.exists() and not gone.exists()
    assert blobs.get(1, young) == b"young"
    assert not (blobs.folder / rendition_path(1, unused, 256)).exists()  # type: ignore[operator]


def test_old_bytes_that_come_again_are_young(database: Database, blobs: BlobStore) -> None:
    sha256 = blobs.put(1, b"again")
    age(blobs, blob_path(1, sha256))
    assert blobs.put(1, b"again") == sha256 == hashlib.sha256(b"again").digest()
    assert garbage.collect(database, blobs) == 0


def test_uploads_stay_while_their_job_may_need_them(database: Database, blobs: BlobStore) -> None:
    with database.begin() as connection:
        running = jobs.create(connection, 1, JobKind.IMPORT, expanded=False).id
    for job_id in (running, "job_cut"):
        blobs.put_stream(upload_path(1, job_id, "body"), [b"zip"])
    kept = age(blobs, upload_path(1, running, "body"))
    gone = age(blobs, upload_path(1, "job_cut", "body"))
    assert garbage.collect(database, blobs) == 1
    assert kept.exists() and not gone.exists()


def test_vectors_of_old_queries_are_forgotten(database: Database) -> None:
    with database.begin() as connection:
        space = spaces.register(connection, "m", "r", 1, 2)
        for words in ("old", "young"):
            vector = np.array([1, 0], dtype=np.float32)
            search.keep_query(connection, 1, space, search.query_sha(words), vector)
        connection.execute(
            text("UPDATE query_embeddings SET used_at = now() - interval '40 days' "
                 "WHERE sha256 = :sha256"),
            {"sha256": search.query_sha("old")},
        )  # fmt: skip
        assert search.forget_queries(connection) == 1
        assert search.known_in(connection, 1, [space], search.query_sha("old")) == {}
        assert space in search.known_in(connection, 1, [space], search.query_sha("young"))
