"""What each worker process is made of: its name, its connections, its heart and its look-out."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import Connection, bindparam, event, text
from sqlalchemy.dialects.postgresql import JSONB

from db import failpoints, queue, tracing
from db.blobs import BlobStore
from db.errors import LeaseLost, SightlineError, Unavailable
from db.nudges import Nudger
from db.session import Database
from db.settings import Settings
from db.vocabulary import Lane
from worker.stats import Stats

log = structlog.get_logger(__name__)

LOOK_SECONDS = 10.0
"""How often a worker looks for work by itself, so that no nudge is needed for correctness."""
SEEN_SECONDS = 5.0
PROGRESS_SECONDS = 300.0
"""Work that makes no progress for so long ends the process: it hangs."""
EXIT_STUCK = 70

SEEN = text("""
    INSERT INTO workers (name, lane, model_ids, stats) VALUES (:name, :lane, :models, :stats)
    ON CONFLICT (name) DO UPDATE SET seen_at = now(), lane = excluded.lane,
        model_ids = excluded.model_ids, stats = excluded.stats
""").bindparams(bindparam("stats", type_=JSONB))


@dataclass
class Lease:
    """A claim that is being renewed. `lost` and `canceled` are set by the heart."""

    token: UUID
    progress_at: float = field(default_factory=time.monotonic)
    lost: bool = False
    canceled: set[int] = field(default_factory=set)

    def progressed(self) -> None:
        """Say that the work goes on, so that it does not count as stuck."""
        self.progress_at = time.monotonic()


class Heart:
    """Renews the claims of one process, every quarter of a lease, in a thread of its own."""

    def __init__(self, database: Database, lease_seconds: float) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._leases: dict[UUID, Lease] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to beat; a daemon thread, it ends with the process."""
        threading.Thread(target=self._beat_for_ever, name="heart", daemon=True).start()

    def hold(self, claim: queue.Claim) -> Lease:
        """Renew a claim until it is let go."""
        lease = Lease(claim.token)
        with self._lock:
            self._leases[claim.token] = lease
        return lease

    def let_go(self, token: UUID) -> None:
        """Renew a claim no more."""
        with self._lock:
            self._leases.pop(token, None)

    def let_go_all(self) -> None:
        """Renew no claim any more."""
        with self._lock:
            self._leases.clear()

    def _beat_for_ever(self) -> None:
        while True:
            time.sleep(self._lease_seconds / 4)
            with self._lock:
                leases = list(self._leases.values())
            for lease in leases:
                if time.monotonic() - lease.progress_at > PROGRESS_SECONDS:
                    log.error("worker_stuck", token=str(lease.token))
                    os._exit(EXIT_STUCK)
                with suppress(SightlineError):
                    self._renew(lease)

    def _renew(self, lease: Lease) -> None:
        with self._database.begin() as connection:
            held = queue.heartbeat(connection, lease.token, self._lease_seconds)
        if held is None:
            lease.lost = lease.token in self._leases
        else:
            lease.canceled = {task for task, canceled in held.items() if canceled}


@dataclass
class Runtime:
    """One worker process of one lane, wired. Its name is unique and stays over restarts."""

    name: str
    lane: Lane
    settings: Settings
    database: Database
    blobs: BlobStore
    nudger: Nudger
    heart: Heart
    stopping: threading.Event = field(default_factory=threading.Event)
    models: dict[str, int] = field(default_factory=dict)
    """The image models served, by name, with their numbers in the database."""
    stats: Stats = field(default_factory=Stats)
    """What this process has done: `be_seen` publishes it for the API's metrics."""
    _draining: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.lane != Lane.UPKEEP:  # its lock rests in a transaction while it does the chores
            event.listen(self.database.engine, "connect", self._let_go_when_frozen)

    def start(self, drain: Callable[[], None]) -> None:
        """Free what this worker's former life held; then be seen, and look for work."""
        self.heart.start()
        self._patiently(self._free_former_life)
        self._patiently(self.be_seen)
        self._thread("seen", SEEN_SECONDS, self.be_seen)
        self._thread("look-out", LOOK_SECONDS, lambda: self.run(drain, wait=False), at_once=True)

    def run(self, drain: Callable[[], None], wait: bool = True) -> None:
        """Do all the work there is, one drain at a time in a process."""
        if not self._draining.acquire(blocking=wait):
            return
        try:
            if not self.stopping.is_set():
                drain()
        finally:
            self._draining.release()

    def claim(self, limit: int, models: Sequence[str] | None = None, **more: Any) -> queue.Claim:
        """Lease due tasks of this lane: those of `models`, by default of all that are served."""
        stage = tracing.Stage()
        with stage.running(), self.stats.timed("claim"), self.database.begin() as connection:
            claim = queue.claim(
                connection, self.lane, self.name, limit, self.settings.lease_seconds,
                models=list(self.models if models is None else models), **more,
            )  # fmt: skip
        self.stats.claimed([task.attempts for task in claim.tasks])
        tracing.record("claim", claim.tasks, stage, {"sightline.batch_size": len(claim.tasks)})
        return claim

    def hand_back_if_stopping(self, token: UUID, lease: "Lease", task: queue.Task) -> None:
        """Between two chunks of an expansion: raise LeaseLost where it ends here, for others to go on."""
        if lease.lost or self.stopping.is_set():
            with self.database.begin() as connection:
                queue.release(connection, token, [task])
            raise LeaseLost("The expansion is handed back: the worker is stopping.")

    def commit(self, act: Callable[[Connection], Iterable[Lane] | None]) -> bool:
        """Write in one transaction, and wake the lanes that `act` says have work now.

        While Postgres is away it is tried again for a lease's time. Who lost the lease writes
        nothing, and gets False: somebody else has the work.
        """
        until = time.monotonic() + self.settings.lease_seconds
        while True:
            try:
                with self.database.begin() as connection:
                    lanes = list(act(connection) or ())
                    failpoints.reach("commit.before", self.name)
                break
            except LeaseLost as error:
                self.stats.add("leases_lost")
                log.warning("lease_lost", detail=error.detail)
                return False
            except Unavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
        for lane in lanes:
            self.nudger.nudge(lane)
        return True

    def be_seen(self) -> None:
        """Tell the database that this worker lives."""
        with self.database.begin() as connection:
            connection.execute(
                SEEN,
                {"name": self.name, "lane": self.lane, "models": list(self.models.values()),
                 "stats": self.stats.as_json()},
            )  # fmt: skip

    def stop(self) -> None:
        """Take no more work, and be forgotten as a living worker."""
        self.stopping.set()
        with suppress(SightlineError), self.database.begin() as connection:
            connection.execute(text("DELETE FROM workers WHERE name = :n"), {"n": self.name})

    def _let_go_when_frozen(self, connection: psycopg.Connection[Any], _record: object) -> None:
        """End a transaction that rests for a lease's time: its locks would hold up who takes over."""
        milliseconds = int(self.settings.lease_seconds * 1000)
        connection.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}")
        connection.commit()

    def _free_former_life(self) -> None:
        with self.database.begin() as connection:
            due = queue.reap(connection, [self.name])
        for lane, count in due.items():
            self.stats.add("leases_reaped", count, lane)

    def _patiently(self, act: Callable[[], None]) -> None:
        while not self.stopping.is_set():
            try:
                act()
                return
            except SightlineError as error:
                log.warning("waiting_for_database", error=error.detail)
                time.sleep(1)

    def _thread(
        self, name: str, seconds: float, act: Callable[[], None], at_once: bool = False
    ) -> None:
        def loop() -> None:
            wait = 0.0 if at_once else seconds
            while not self.stopping.wait(wait):
                wait = seconds
                try:
                    act()
                except Exception as error:
                    log.warning(f"{name}_failed", error=repr(error))

        threading.Thread(target=loop, name=name, daemon=True).start()
