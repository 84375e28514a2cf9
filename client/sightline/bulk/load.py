"""One load: reads a source once more, decides record by record, sends in batches, follows the jobs."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sightline.bulk.batches import Batch
from sightline.bulk.decide import Verdict, change_of, decide
from sightline.bulk.follow import Follower, done
from sightline.bulk.known import Known, Stored
from sightline.bulk.learn import Lookup, learn, take_up
from sightline.bulk.report import Failure, Options, Report, Tally, Tell
from sightline.bulk.summing import sum_up, sum_up_former
from sightline.client import Sightline
from sightline.errors import Conflict, InvalidRequest, NotFound, SightlineError
from sightline.importers.record import Bad, Importer, Record, Unusable

LOOK = 0.2
"""Seconds after which a wait for a free upload looks whether one broke."""


def _silent(_: Tally) -> None:
    """Tell nobody."""


class Load:
    """Brings a source's records into a catalog, which must exist. `run` may be called once.

    It can be cut off at any moment, also by a kill: a batch is an import that the server has whole
    or not at all, and the next load asks the server what it has. At most `uploads + 2` batches of
    4 MB, and one picture more each, are in memory.
    """

    def __init__(
        self, server: Sightline, catalog: str, source: Importer, options: Options | None = None,
        tell: Tell = _silent,
    ) -> None:  # fmt: skip
        """`tell` is called by several threads whenever the tally changed."""
        self._server, self._catalog, self._source = server, catalog, source
        self._options = options or Options()
        self.report, self.tally, self._tell = Report(), Tally(), tell
        self._lock = threading.Lock()
        self._broken: BaseException | None = None
        self._free = threading.BoundedSemaphore(self._options.uploads + 1)
        self._pool = ThreadPoolExecutor(self._options.uploads, "upload")
        self._follower = Follower(server, self._count_processed)
        self._own: dict[str, int] = {}
        """The jobs of this load, each with its items."""

    def run(self) -> Report:
        """Load everything. Raises SightlineError when the server refuses or stays away.

        What was sent until then stays sent; the same load again goes on there.
        """
        begun = time.monotonic()
        known = Known()
        try:
            lookup = self._prepare(known)
            self._follower.start()
            self._send_all(known, lookup)
            self._follow(known)
        except sqlite3.Error as error:
            raise SightlineError(f"No room for the list of what is there: {error}.") from error
        finally:
            self._follower.stop()
            self._pool.shutdown(wait=False, cancel_futures=True)
            known.close()
            self.report.seconds = round(time.monotonic() - begun, 3)
        return self.report

    def _prepare(self, known: Known) -> Lookup:
        """Count the source, and ask the server what it has."""
        has_addresses = False
        for record in self._source.records():
            self.tally.total += 1
            has_addresses |= isinstance(record, Record) and record.image_url is not None
        self._stage("asking")
        for job in take_up(
            self._server, self._catalog, known, has_addresses, lambda: self._stage("waiting")
        ):
            self._follower.add(job)
        self._stage("asking")
        return learn(self._server, self._catalog, known, self.tally.total)

    def _stage(self, name: str) -> None:
        self.tally.stage = name
        self._tell(self.tally)

    def _send_all(self, known: Known, lookup: Lookup) -> None:
        self._stage("sending")
        batch = Batch()
        for record in self._source.records():
            self.report.items += 1
            self._take(record, batch, known, lookup)
            self.tally.looked_at += 1
            self._tell(self.tally)
            if batch.is_full:
                self._send(batch)
                batch = Batch()
        if len(batch):
            self._send(batch)
        for _ in range(self._options.uploads + 1):  # all are free again: nothing is under way
            self._wait_for_a_free_one()

    def _take(self, record: Record | Bad, batch: Batch, known: Known, lookup: Lookup) -> None:
        """Put a record into the batch, or do with it what else is to be done."""
        if isinstance(record, Bad):
            self._fail(Failure(record.item_id, record.where, record.code, record.detail))
            return
        if not known.is_new(record.id):
            words = f"The id {record.id!r} came before in this source."
            self._fail(Failure(record.id, record.where, "duplicate_id", words))
            return
        lookup(record.id)
        stored = known.get(record.id)
        try:
            decision = decide(record, stored, self._options.refetch)
        except Unusable as error:
            self._fail(Failure(record.id, record.where, error.code, error.detail))
            return
        if decision.verdict is Verdict.SEND:
            batch.add(record, decision.data)
        elif decision.verdict is Verdict.CHANGE and stored is not None:
            self._change(record, stored)
        else:
            with self._lock:
                self.report.unchanged += 1

    def _send(self, batch: Batch) -> None:
        """Upload a batch in a thread, once one is free."""
        archive, count = batch.archive(), len(batch)
        pictures, weight = batch.pictures, batch.picture_bytes

        def upload() -> None:
            job = self._server.import_bytes(self._catalog, archive)
            with self._lock:
                self._own[job["id"]] = count
                self.report.jobs.append(job["id"])
                self.report.pictures_sent += pictures
                self.report.bytes_sent += weight
                self.tally.sent += count
                self.tally.bytes_sent += weight
            self._follower.add(job)
            self._tell(self.tally)

        self._begin(upload)

    def _change(self, record: Record, stored: Stored) -> None:
        """Send an item's words alone, in a thread."""

        def change() -> None:
            try:
                self._server.change_item(self._catalog, record.id, **change_of(record, stored))
            except (InvalidRequest, NotFound, Conflict) as problem:
                self._fail(Failure(record.id, record.where, problem.code, problem.detail))
                return
            with self._lock:
                self.report.updated += 1

        self._begin(change)

    def _begin(self, work: Callable[[], None]) -> None:
        self._wait_for_a_free_one()
        self._pool.submit(self._do, work)

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._broken = self._broken or error
        finally:
            self._free.release()

    def _wait_for_a_free_one(self) -> None:
        """Raises what broke an upload or the follower."""
        while not self._free.acquire(timeout=LOOK):
            self._check()
        self._check()

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken
        self._follower.check()

    def _fail(self, failure: Failure) -> None:
        with self._lock:
            self.report.fail(failure)

    def _count_processed(self) -> None:
        with self._lock:
            own = [job for job in self._follower.seen() if job["id"] in self._own]
            self.tally.processed = sum(done(job["counts"]) for job in own)
        self._tell(self.tally)

    def _follow(self, known: Known) -> None:
        """Wait for the jobs, try what failed once more if so told, and sum up."""
        if self._options.wait:
            self._stage("processing")
            self._follower.finish()
            if self._options.retry:
                self._retry()
        for job in self._follower.seen():
            if job["id"] in self._own:
                sum_up(self._server, self.report, job, self._own[job["id"]])
            else:
                sum_up_former(self._server, self.report, job, known.was_met)

    def _retry(self) -> None:
        again = Follower(self._server, self._count_processed)
        for job in self._follower.seen():
            can = job["status"] == "succeeded" and job["counts"]["failed"]
            again.add(self._server.retry(job) if can else job)
        self._follower = again
        again.start()
        again.finish()
