"""Submitting: commit the job once per idempotency key, nudge its lanes, answer with the job."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request
from sqlalchemy import Connection

from api import limits, reading, views
from api.auth import current_tenant
from api.openapi import answer
from api.services import services
from db import evaluation, failpoints, idempotency, jobs
from db.queue import NewTask
from db.vocabulary import JobKind, TaskStatus

LONGEST_WAIT = 60
WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,6})\"?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Submitted:
    """A job as it was made, and the lanes that have work with it."""

    job: jobs.Job
    lanes: frozenset[str] = frozenset()


def lanes_of(tasks: list[NewTask]) -> frozenset[str]:
    """The lanes to wake for these tasks."""
    return frozenset(task.lane for task in tasks if task.status == TaskStatus.QUEUED)


def submit(make: Callable[[Connection], Submitted], sent: bytes | None = None) -> Response:
    """Answer with the job that `make` inserts, or with the one that its key made before.

    `sent` is the hash of what was sent; else it is the hash of the body that was read.
    Raises TooManyTasks where too many wait already.
    """
    tenant, key = current_tenant(), reading.idempotency_key()
    with services().database.begin() as connection:
        replayed = None
        if key is not None:
            sent = sent or reading.body_sha256()
            replayed = idempotency.begin(connection, tenant, key, sent)
        if replayed:
            made = Submitted(jobs.get(connection, tenant, replayed))
        else:
            limits.check_tasks(connection, tenant)
            made = make(connection)
        if key is not None and not replayed:
            idempotency.done(connection, tenant, key, made.job.id)
    failpoints.reach("submit.after_commit")
    nudge(made.lanes)
    # Who does not wait is told what the submit itself did, before a worker could touch it.
    seconds = preferred_wait() or 0
    waits = seconds and not made.job.ended
    response = poll(made.job.id, 202) if waits else shown(made.job, 202, seconds)
    response.headers["Location"] = views.job_path(made.job.id)
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def submit_unkeyed(make: Callable[[Connection], Submitted]) -> str:
    """Commit a job that needs no idempotency key, and wake its lanes; returns its id.

    Raises TooManyTasks where too many wait already.
    """
    with services().database.begin() as connection:
        limits.check_tasks(connection, current_tenant())
        made = make(connection)
    nudge(made.lanes)
    return made.job.id


def nudge(lanes: frozenset[str]) -> None:
    """Wake lanes, after the commit."""
    for lane in sorted(lanes):
        services().nudger.nudge(lane)


def poll(job_id: str, unended_status: int = 200) -> Response:
    """The job, waited for as the client prefers."""
    seconds = preferred_wait() or 0
    job, waited = services().waiters.wait(job_id, lambda: read(job_id), seconds)
    return shown(job, unended_status, seconds if waited else 0)


def shown(job: jobs.Job, unended_status: int = 200, waited: int = 0) -> Response:
    """A job as the answer, saying how long it would have been waited for."""
    response = answer(views.job(job, result_of(job)), 200 if job.ended else unended_status)
    if not job.ended:
        response.headers["Retry-After"] = "1"
    if preferred_wait() is not None:
        response.headers["Preference-Applied"] = f"wait={waited}"
    return response


def read(job_id: str) -> jobs.Job:
    """The job's row as it is now."""
    with services().database.begin() as connection:
        return jobs.get(connection, current_tenant(), job_id)


def result_of(job: jobs.Job) -> views.Json | None:
    """The result of an ended job whose tasks hold it; else None."""
    if not views.has_results_in_tasks(job):
        return None
    with services().database.begin() as connection:
        results = list(jobs.results(connection, current_tenant(), job.id))
    if job.kind == JobKind.EVALUATION:
        # Its last query failed, and nobody summed up the others.
        return evaluation.summary(job.request, dict(results))
    return views.embeddings(job, results)


def preferred_wait() -> int | None:
    """The seconds of `Prefer: wait=N`, at most 60; a preference that is unclear is ignored."""
    for preference in request.headers.get("Prefer", "").split(","):
        if found := WAIT.fullmatch(preference.split(";")[0]):
            return min(int(found[1]), LONGEST_WAIT)
    return None
