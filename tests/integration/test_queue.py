"""The life of a task, on a real Postgres."""

import threading
from typing import Any

import pytest
from sqlalchemy import event, text

from db import jobs, queue
from db.errors import (
    BrokenImage,
    FetchFailed,
    JobAlreadyEnded,
    JobNotRetryable,
    LeaseLost,
    NotFound,
)
from db.queue import NewTask
from db.session import Database
from db.vocabulary import JobKind, JobStatus, Lane, TaskStatus
from tests.integration.queue_parts import MODEL, check_invariant, claim, job, submit, succeed


def expire_leases(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(
            text("UPDATE tasks SET lease_expires_at = now() - interval '1 second'"
                 " WHERE status = 'running'")
        )  # fmt: skip


def reap(database: Database, *workers: str) -> dict[Lane, int]:
    with database.begin() as connection:
        return queue.reap(connection, workers)


def test_a_job_runs_from_queued_to_succeeded(database: Database) -> None:
    job_id = submit(database, 3)
    assert job(database, job_id).status == JobStatus.QUEUED
    taken = claim(database)
    assert [task.place for task in taken.tasks] == [0, 1, 2]
    assert job(database, job_id).status == JobStatus.RUNNING
    assert succeed(database, taken, 2) == []
    with database.begin() as connection:
        ended = queue.fail(connection, taken.token, [(taken.tasks[2], BrokenImage("cut off"))])
    assert ended == [job_id]
    after = job(database, job_id)
    assert (after.status, after.succeeded, after.failed) == (JobStatus.SUCCEEDED, 2, 1)
    check_invariant(database)


def test_a_job_of_one_item_takes_its_tasks_status_and_error(database: Database) -> None:
    job_id = submit(database, 1, JobKind.ITEM)
    taken = claim(database)
    with database.begin() as connection:
        queue.fail(connection, taken.token, [(taken.tasks[0], BrokenImage("cut off"))])
    after = job(database, job_id)
    assert after.status == JobStatus.FAILED
    assert after.error == {"code": "broken_image", "detail": "cut off"}


def test_two_workers_never_get_the_same_task(database: Database) -> None:
    submit(database, 400)
    taken: list[int] = []
    lock = threading.Lock()

    def work(name: str) -> None:
        while batch := claim(database, 7, name):
            with lock:
                taken.extend(task.id for task in batch.tasks)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 400


def test_a_search_goes_before_a_bulk_import(database: Database) -> None:
    submit(database, 50)
    submit(database, 1, JobKind.SEARCH)
    assert claim(database, 1).tasks[0].job_kind == JobKind.SEARCH


def test_an_urgent_claim_leaves_bulk_work(database: Database) -> None:
    submit(database, 5)
    assert not claim(database, 8, priority=0)


def test_a_small_job_takes_turns_with_a_large_one(database: Database) -> None:
    submit(database, 500)
    claim(database, 100)
    small = submit(database, 10)
    served = [task.job_id for task in claim(database, 40).tasks]
    assert served.count(small) == 10


def test_tenants_take_turns_at_single_items(database: Database) -> None:
    with database.begin() as connection:
        other = connection.execute(
            text("INSERT INTO tenants (name) VALUES (gen_random_uuid()::text) RETURNING id")
        ).scalar_one()
    for _ in range(50):
        submit(database, 1, JobKind.ITEM)
    submit(database, 1, JobKind.ITEM, tenant=other)
    served = [task.tenant_id for task in claim(database, 5).tasks]
    assert other in served


def test_who_lost_the_lease_writes_nothing(database: Database) -> None:
    job_id = submit(database, 2)
    slow = claim(database, worker="slow")
    expire_leases(database)
    assert reap(database) == {Lane.EMBED: 2}
    with pytest.raises(LeaseLost):
        succeed(database, slow)
    assert job(database, job_id).succeeded == 0
    with database.begin() as connection:
        assert queue.heartbeat(connection, slow.token, 60) is None
        assert queue.held(connection, slow.token) == set()
    check_invariant(database)


def test_a_lost_lease_reruns_alone_and_blames_only_the_culprit(database: Database) -> None:
    job_id = submit(database, 3)
    claim(database, worker="dies")
    reap(database, "dies")
    ran = []
    for _ in range(2):
        alone = claim(database)
        assert len(alone.tasks) == 1
        assert alone.tasks[0].alone and alone.tasks[0].attempts == 1
        succeed(database, alone)
        ran.append(alone.tasks[0].place)
    culprit = claim(database).tasks[0]
    for _ in range(3):
        reap(database, "w1")
        claim(database)
    after = job(database, job_id)
    assert (after.status, after.succeeded, after.failed) == (JobStatus.SUCCEEDED, 2, 1)
    with database.begin() as connection:
        (failed,) = jobs.tasks(connection, 1, job_id, status="failed")
    assert failed.index == culprit.place
    assert failed.error is not None and failed.error["code"] == "worker_lost"
    check_invariant(database)


def test_a_task_that_must_run_alone_is_not_claimed_ahead(database: Database) -> None:
    submit(database, 2)
    claim(database, worker="dies")
    reap(database, "dies")
    assert not claim(database, may_be_alone=False)
    assert len(claim(database).tasks) == 1


def test_an_error_that_can_pass_is_tried_three_times(database: Database) -> None:
    job_id = submit(database, 1)
    for attempt in (1, 2, 3):
        with database.begin() as connection:
            connection.execute(text("UPDATE tasks SET run_after = NULL"))
        taken = claim(database)
        assert taken.tasks[0].attempts == attempt
        with database.begin() as connection:
            queue.fail(connection, taken.token, [(taken.tasks[0], FetchFailed("refused"))])
        assert not claim(database), "backs off"
    assert job(database, job_id).failed == 1


def test_heartbeat_renews_and_tells_of_a_cancel(database: Database) -> None:
    job_id = submit(database, 1)
    taken = claim(database)
    with database.begin() as connection:
        assert queue.heartbeat(connection, taken.token, 60) == {taken.tasks[0].id: False}
        jobs.cancel(connection, 1, job_id)
        assert queue.heartbeat(connection, taken.token, 60) == {taken.tasks[0].id: True}


def test_cancel_ends_what_waits_and_then_refuses(database: Database) -> None:
    job_id = submit(database, 5)
    taken = claim(database, 2)
    with database.begin() as connection:
        assert jobs.cancel(connection, 1, job_id).canceled == 3
    succeed(database, taken)
    after = job(database, job_id)
    assert (after.status, after.succeeded, after.canceled) == (JobStatus.CANCELED, 2, 3)
    with database.begin() as connection, pytest.raises(JobAlreadyEnded):
        jobs.cancel(connection, 1, job_id)
    with database.begin() as connection, pytest.raises(JobNotRetryable):
        jobs.retry(connection, 1, job_id)
    check_invariant(database)


def test_an_untouched_job_is_canceled_at_once(database: Database) -> None:
    job_id = submit(database, 5)
    with database.begin() as connection:
        assert jobs.cancel(connection, 1, job_id).status == JobStatus.CANCELED
    assert not claim(database)


def test_retry_runs_only_what_failed(database: Database) -> None:
    job_id = submit(database, 3)
    taken = claim(database)
    succeed(database, taken, 2)
    with database.begin() as connection:
        queue.fail(connection, taken.token, [(taken.tasks[2], BrokenImage("cut off"))])
    with database.begin() as connection:
        again, lanes = jobs.retry(connection, 1, job_id)
    assert (again.status, again.failed, lanes) == (JobStatus.RUNNING, 0, ["embed"])
    taken = claim(database)
    assert [task.place for task in taken.tasks] == [2]
    succeed(database, taken)
    assert job(database, job_id).succeeded == 3
    check_invariant(database)


def test_a_retry_leaves_lines_that_were_wrong_and_fetches_what_could_not_be(
    database: Database,
) -> None:
    wrong = {"status": TaskStatus.FAILED, "error": BrokenImage("cut off").as_json()}
    with database.begin() as connection:
        job_id = jobs.create(
            connection, 1, JobKind.IMPORT,
            tasks=[NewTask(Lane.INGEST, place=0, **wrong),
                   NewTask(Lane.INGEST, place=1, payload={"image_url": "http://a/b.jpg"}, **wrong)],
        ).id  # fmt: skip
        again, lanes = jobs.retry(connection, 1, job_id)
        assert (again.failed, again.status, lanes) == (1, JobStatus.RUNNING, ["ingest"])
        failed = jobs.tasks(connection, 1, job_id, status="failed")
    assert [(task.index, task.error["code"]) for task in failed if task.error] == [
        (0, "broken_image")
    ]


def test_a_retry_of_nothing_that_can_be_done_changes_nothing(database: Database) -> None:
    error = BrokenImage("cut off").as_json()
    with database.begin() as connection:
        task = NewTask(Lane.INGEST, status=TaskStatus.FAILED, error=error)
        job_id = jobs.create(connection, 1, JobKind.IMPORT, tasks=[task]).id
        again, lanes = jobs.retry(connection, 1, job_id)
    assert (again.failed, again.ended, lanes) == (1, True, [])


def test_a_job_whose_expansion_fails_is_failed_and_can_be_retried(database: Database) -> None:
    with database.begin() as connection:
        job_id = jobs.create(
            connection, 1, JobKind.IMPORT, expanded=False,
            tasks=[NewTask(Lane.EMBED, expands=True, model=MODEL)],
        ).id  # fmt: skip
    taken = claim(database)
    with database.begin() as connection:
        queue.fail(connection, taken.token, [(taken.tasks[0], BrokenImage("no ZIP"))])
    assert job(database, job_id).status == JobStatus.FAILED
    with database.begin() as connection:
        again, _ = jobs.retry(connection, 1, job_id)
    assert not again.expanded and again.status == JobStatus.RUNNING
    assert claim(database).tasks[0].expands


def test_a_job_whose_deadline_passed_expires(database: Database) -> None:
    job_id = submit(database, 2)
    with database.begin() as connection:
        connection.execute(text("UPDATE jobs SET expires_at = now() - interval '1 second'"))
        assert jobs.expire(connection) == 1
    assert job(database, job_id).status == JobStatus.EXPIRED
    assert not claim(database)
    check_invariant(database)


def test_who_claims_while_jobs_expire_gets_nothing_and_waits_for_nobody(
    database: Database,
) -> None:
    job_id = submit(database, 2)
    with database.begin() as connection:
        connection.execute(text("UPDATE jobs SET expires_at = now() - interval '1 second'"))
    claims = []

    def claim_too(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "SET status" in statement:
            claims.append(len(claim(database).tasks))

    with database.begin() as connection:
        event.listen(connection, "before_cursor_execute", claim_too)
        assert jobs.expire(connection) == 1
    assert claims == [0, 0]
    assert job(database, job_id).status == JobStatus.EXPIRED
    check_invariant(database)


def test_a_job_that_is_begun_while_jobs_expire_goes_on(database: Database) -> None:
    job_id = submit(database, 2)
    with database.begin() as connection:
        connection.execute(text("UPDATE jobs SET expires_at = now() - interval '1 second'"))
    expired: list[int] = []

    def expire() -> None:
        with database.begin() as connection:
            expired.append(jobs.expire(connection))

    with database.begin() as connection:
        queue.claim(connection, Lane.EMBED, "w1", 1, 60, [MODEL])
        beside = threading.Thread(target=expire)
        beside.start()
        beside.join(0.3)
        assert beside.is_alive(), "it did not wait for who claims"
    beside.join(10)
    assert expired == [0]
    assert job(database, job_id).status == JobStatus.RUNNING
    check_invariant(database)


def test_a_retry_takes_back_a_cancel_that_came_too_late(database: Database) -> None:
    job_id = submit(database, 1)
    taken = claim(database)
    with database.begin() as connection:
        jobs.cancel(connection, 1, job_id)
        queue.fail(connection, taken.token, [(taken.tasks[0], BrokenImage("cut off"))])
    assert job(database, job_id).failed == 1
    with database.begin() as connection:
        jobs.retry(connection, 1, job_id)
    again = claim(database)
    assert [task.cancel_requested for task in again.tasks] == [False]
    succeed(database, again)
    assert job(database, job_id).succeeded == 1
    check_invariant(database)


def test_another_tenants_job_is_not_found(database: Database) -> None:
    job_id = submit(database)
    with database.begin() as connection, pytest.raises(NotFound):
        jobs.get(connection, 999, job_id)


def test_who_listens_is_told_of_every_ended_job(database: Database) -> None:
    ids = {submit(database, 1, JobKind.ITEM) for _ in range(20)}
    with database.listen() as listener:
        listener.execute(f"LISTEN {queue.JOB_ENDED}")
        succeed(database, claim(database))
        notes = list(listener.notifies(timeout=5, stop_after=20))
    assert {note.payload for note in notes} == ids


def test_ended_tasks_are_counted_when_they_are_enqueued(database: Database) -> None:
    with database.begin() as connection:
        tasks = [NewTask(Lane.EMBED, place=0, status=TaskStatus.UNCHANGED)]
        job_id = jobs.create(connection, 1, JobKind.ITEM, tasks=tasks).id
    after = job(database, job_id)
    assert after.ended and after.unchanged == 1 and after.status == JobStatus.SUCCEEDED
