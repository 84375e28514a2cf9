"""Collects bytes that no row names: of deleted items, of cut uploads, of pictures only searched by."""

import structlog
from sqlalchemy import text

from db.blobs import BlobStore
from db.session import Database

log = structlog.get_logger(__name__)

NAMED = text("""
    SELECT w.tenant, w.sha256 FROM unnest(CAST(:tenants AS bigint[]), CAST(:hashes AS bytea[]))
        AS w(tenant, sha256)
    WHERE EXISTS (SELECT 1 FROM items i WHERE i.tenant_id = w.tenant AND i.sha256 = w.sha256)
       OR EXISTS (SELECT 1 FROM documents d WHERE d.tenant_id = w.tenant AND d.sha256 = w.sha256)
""")
FORGET = text("DELETE FROM blobs WHERE tenant_id = :tenant AND sha256 = :sha256")
UNENDED = text(
    "SELECT id FROM jobs WHERE id = ANY(:jobs) AND (ended_at IS NULL OR status = 'failed')"
)


def collect(database: Database, blobs: BlobStore) -> int:
    """Remove what is old and unnamed; returns how many blobs and parts of uploads went.

    A client that sends old bytes again makes them young first (`BlobStore.put`), and each is
    looked at once more right before it goes.
    """
    gone = sum(_collect_blobs(database, blobs, paths) for paths in blobs.old("blobs/"))
    gone += sum(_collect_uploads(database, blobs, paths) for paths in blobs.old("uploads/"))
    if gone:
        log.info("collected", objects=gone)
    return gone


def _collect_blobs(database: Database, blobs: BlobStore, paths: list[str]) -> int:
    """`blobs/{tenant}/{first byte}/{sha256}`"""
    keys = {(int(p.split("/")[1]), bytes.fromhex(p.split("/")[-1])): p for p in paths}
    if not keys:
        return 0
    with database.begin() as connection:
        rows = connection.execute(
            NAMED, {"tenants": [t for t, _ in keys], "hashes": [h for _, h in keys]}
        )
        unnamed = set(keys) - {(row.tenant, bytes(row.sha256)) for row in rows}
        for tenant, sha256 in unnamed:
            connection.execute(FORGET, {"tenant": tenant, "sha256": sha256})
    for tenant, sha256 in unnamed:
        if blobs.is_old(keys[tenant, sha256]):
            blobs.delete_blob(tenant, sha256)
    return len(unnamed)


def _collect_uploads(database: Database, blobs: BlobStore, paths: list[str]) -> int:
    """`uploads/{tenant}/{job}/{part}`: kept while the job can still be expanded or retried."""
    jobs = {path.split("/")[2] for path in paths}
    if not jobs:
        return 0
    with database.begin() as connection:
        needed = set(connection.execute(UNENDED, {"jobs": sorted(jobs)}).scalars())
    unneeded = [path for path in paths if path.split("/")[2] not in needed]
    for path in unneeded:
        blobs.delete(path)
    return len(unneeded)
