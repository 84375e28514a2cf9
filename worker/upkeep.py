"""The upkeep lane: gives lost leases back, expires and forgets jobs, collects blobs, builds indexes."""

import time

import structlog
from sqlalchemy import text

from db import deliveries, idempotency, jobs, queue, search, second_model
from db.session import Database
from worker import garbage
from worker.indexing import Indexer
from worker.runtime import Runtime
from worker.webhooks import Sender

log = structlog.get_logger(__name__)

LOCK = 0x51687412
"""The advisory lock that keeps upkeep to one process at a time."""
HOUSEKEEPING_SECONDS = 300.0
COLLECT_SECONDS = 6 * 3600.0


class Upkeep:
    """Chores that are safe to do at any time, and again."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sender = Sender(runtime)
        self._indexer = Indexer(runtime.database.url, runtime.stopping)
        self._housekeeping_at = 0.0
        self._collect_at = 0.0

    def drain(self) -> None:
        """Do what is due, unless another process is at it.

        Webhooks are told and indexes built all the time, in threads of their own.
        """
        self._sender.start()
        self._indexer.start()
        with self._runtime.database.begin() as lock:
            mine = lock.execute(
                text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": LOCK}
            ).scalar_one()
            if mine:
                self._chores(self._runtime.database)

    def _chores(self, database: Database) -> None:
        with database.begin() as connection:
            due = queue.reap(connection)
            expired = jobs.expire(connection)
            deliveries.tell_expired(connection)
        for lane, count in due.items():
            self._runtime.stats.add("leases_reaped", count, lane)
            self._runtime.nudger.nudge(lane)
        if due or expired:
            log.info("reaped", due={str(lane): n for lane, n in due.items()}, expired=expired)
        self._cancel_rest(database)
        with database.begin() as connection:
            if switched := second_model.switch_covered(connection):
                log.info("models_switched", catalogs=switched)
        if time.monotonic() >= self._housekeeping_at:
            self._housekeeping_at = time.monotonic() + HOUSEKEEPING_SECONDS
            self._housekeeping(database)
        if time.monotonic() >= self._collect_at:
            self._collect_at = time.monotonic() + COLLECT_SECONDS
            with database.begin() as connection:
                search.forget_queries(connection)
            garbage.collect(database, self._runtime.blobs)

    def _cancel_rest(self, database: Database) -> None:
        """End the queued tasks of canceled jobs that were too many for the request."""
        with database.begin() as connection:
            canceled = connection.execute(
                text("""SELECT tenant_id, id FROM jobs
                        WHERE ended_at IS NULL AND cancel_requested_at IS NOT NULL""")
            ).all()
        for job in canceled:
            with database.begin() as connection:
                jobs.sweep_canceled(connection, job.tenant_id, job.id)

    def _housekeeping(self, database: Database) -> None:
        with database.begin() as connection:
            forgotten = jobs.purge(connection, self._runtime.settings.job_retention_days)
            keys = idempotency.purge(connection)
            deliveries.purge(connection)
            connection.execute(text("DELETE FROM workers WHERE seen_at < now() - interval '1 day'"))
        log.info("housekeeping", jobs=forgotten, keys=keys)
