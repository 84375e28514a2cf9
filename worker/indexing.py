"""Builds the indexes of catalogs' vectors: one at a time in the whole system, beside all other work.

See `db/segments.py` for what a segment is and why searches are right while one is being built, and
`db/sealing.py` for what is built when. Nothing stays behind when the process dies in the middle:
whoever takes the lock next first puts in order what it finds.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import structlog
from psycopg.rows import namedtuple_row
from psycopg.sql import SQL, Identifier

from db import sealing, segments
from db.sealing import Session, Work, one
from db.session import OPTIONS

log = structlog.get_logger(__name__)

LOCK = 0x51687413
"""The advisory lock of building. The session holds it; Postgres lets it go when that ends."""
LOOK_SECONDS = 10.0
MOST_SECONDS = 600.0
"""How long it waits after one failure upon another: a full disk must not be filled every ten seconds."""
GRACE_SECONDS = 60
"""A replaced index stays so long, for the searches that have read its name."""
LEAST_KILOBYTES = 131_072
"""Postgres takes a parallel worker for each 32 MB."""
SESSION = f"{OPTIONS} -c client_connection_check_interval=2s -c application_name=sightline-indexing"
"""Postgres itself sees within two seconds that the process is gone, and gives up its build."""

BEGIN = """
    INSERT INTO segments (tenant_id, catalog_id, model_id, dimensions, from_seq, to_seq, rows)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id, index_name
"""
PUBLISH = """
    WITH made AS (
        UPDATE segments SET state = 'ready', built_at = now(), rows = (
            SELECT count(*) FROM embeddings e WHERE e.tenant_id = segments.tenant_id
                AND e.catalog_id = segments.catalog_id AND e.model_id = segments.model_id
                AND e.seq >= from_seq AND e.seq < to_seq)
        WHERE id = %s RETURNING *
    )
    UPDATE segments s SET state = 'dropping', replaced_at = now() FROM made
    WHERE s.tenant_id = made.tenant_id AND s.catalog_id = made.catalog_id
        AND s.model_id = made.model_id AND s.state = 'ready' AND s.id <> made.id
        AND s.from_seq >= made.from_seq AND s.to_seq <= made.to_seq
"""
"""A segment takes the place of those that lie in its range, in one statement: a search sees either."""
STATES = """
    SELECT s.id, i.relname AS index, s.state, x.indisvalid AS valid,
        s.replaced_at < now() - make_interval(secs => %s) AS old
    FROM segments s FULL JOIN (
        pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            AND x.indrelid = 'embeddings'::regclass AND starts_with(i.relname, %s)
    ) ON CAST(i.relname AS text) = s.index_name
"""
BROKEN = """
    UPDATE segments s SET state = 'dropping', replaced_at = now() FROM segments broken
    WHERE broken.id = %s AND s.state = 'ready' AND s.tenant_id = broken.tenant_id
        AND s.catalog_id = broken.catalog_id AND s.model_id = broken.model_id
        AND s.from_seq >= broken.from_seq
"""
"""What lay behind a lost segment is fresh again with it: segments follow one another from 0."""


class Indexer:
    """Looks for what is due in a thread of its own, and builds on a connection of its own.

    A build takes minutes. It blocks neither reads nor writes; while it goes on, vacuum removes
    nothing that died since its start, which is why no segment is larger than memory allows.
    """

    def __init__(self, url: str, stopping: threading.Event) -> None:
        """`url` is of a user that owns the tables; `stopping` cancels a build."""
        self._url = url
        self._stopping = stopping
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, if it has not begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="indexing", daemon=True)
            self._thread.start()

    def run(self) -> int:
        """Do all that is due; returns how many indexes were built, 0 while another process builds.

        Raises psycopg.Error.
        """
        with psycopg.connect(
            self._url,
            autocommit=True,
            options=SESSION,
            connect_timeout=5,
            row_factory=namedtuple_row,
        ) as session:
            mine: bool = one(session, "SELECT pg_try_advisory_lock(%s) AS mine", LOCK).mine
            if not mine:
                return 0
            with _canceled_by(self._stopping, session):
                return self._all(session)

    def _all(self, session: Session) -> int:
        tidy(session)
        built = 0
        while not self._stopping.is_set() and (work := sealing.due(session)) is not None:
            build(session, work)
            built += 1
        return built

    def _look(self) -> None:
        wait = LOOK_SECONDS
        while not self._stopping.is_set():
            try:
                self.run()
                wait = LOOK_SECONDS
            except psycopg.Error as error:
                wait = min(2 * wait, MOST_SECONDS)
                if not self._stopping.is_set():
                    log.warning("indexing_failed", error=str(error).strip(), again_in=wait)
            self._stopping.wait(wait)


def build(session: Session, work: Work) -> None:
    """Build a segment's index and let searches use it. Raises psycopg.Error; `tidy` clears up."""
    began = time.monotonic()
    try:
        row = one(session, BEGIN, work.tenant, work.catalog, work.model, work.dimensions,
                   work.first, work.bound, work.rows)  # fmt: skip
    except psycopg.errors.ForeignKeyViolation:  # the catalog was deleted
        return
    session.execute(f"SET maintenance_work_mem = {_kilobytes(session, work)}")
    session.execute(
        SQL("CREATE INDEX CONCURRENTLY {} ON embeddings USING hnsw (({}) halfvec_ip_ops)"
            " WITH (m = {}, ef_construction = {}) WHERE {}").format(
            Identifier(row.index_name), SQL(segments.indexed(work.dimensions)),
            sealing.M, sealing.EF_CONSTRUCTION, SQL(segments.predicate(work.tenant, work.catalog, work.model, work.first, work.bound)))
    )  # fmt: skip
    # Nobody asks how vectors are spread, and ANALYZE would sort a sample of each index's.
    session.execute(
        SQL("ALTER INDEX {} ALTER COLUMN 1 SET STATISTICS 0").format(Identifier(row.index_name))
    )
    session.execute(PUBLISH, [row.id])
    log.info("index_built", index=row.index_name, rows=work.rows,
             seconds=round(time.monotonic() - began, 1))  # fmt: skip


def tidy(session: Session) -> None:
    """Put in order what was left: by a build that was cut, a deleted catalog, a replaced index.

    To be called under the lock, so nobody is building.
    """
    for row in session.execute(STATES, [GRACE_SECONDS, segments.PREFIX]).fetchall():
        if row.id is None or row.old or (row.state == "building" and not row.valid):
            _drop(session, row)
        elif row.state == "building":
            session.execute(PUBLISH, [row.id])
        elif row.state == "ready" and not row.valid:
            log.warning("index_lost", segment=row.id)
            session.execute(BROKEN, [row.id])


def _drop(session: Session, row: Any) -> None:
    if row.index is not None:
        session.execute(SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(Identifier(row.index)))
        log.info("index_dropped", index=row.index)
    if row.id is not None:
        session.execute("DELETE FROM segments WHERE id = %s", [row.id])


def _kilobytes(session: Session, work: Work) -> int:
    """The memory for a build: what it needs, for a parallel one takes all of it at once."""
    needed = (sealing.ROW_BYTES + 2 * work.dimensions) * work.rows * 5 // 4 // 1024
    return min(sealing.most_kilobytes(session), max(LEAST_KILOBYTES, needed))


@contextmanager
def _canceled_by(stopping: threading.Event, session: Session) -> Iterator[None]:
    """Cancel what the session is doing when the worker stops."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            if stopping.is_set():
                with suppress(psycopg.Error):
                    session.cancel_safe(timeout=2)

    watcher = threading.Thread(target=watch, name="indexing-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
