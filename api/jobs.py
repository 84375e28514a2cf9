"""Jobs: polled, waited for, listed, canceled, retried, and their tasks read."""

import hashlib
from collections.abc import Iterator

from flask import Response, json, request, stream_with_context
from flask.typing import ResponseReturnValue

from api import cursors, schemas, submits, views
from api.auth import current_tenant
from api.openapi import PREFER, Routes, answer
from api.services import services
from db import jobs
from db.session import Database

routes = Routes("jobs")
NDJSON = "application/x-ndjson"
ROWS = 1000
"""Tasks read in one short transaction while they are streamed."""


@routes.route("GET", "/v1/jobs", query=schemas.JobPage, answers={200: schemas.JobList})
def list_jobs(query: schemas.JobPage) -> ResponseReturnValue:
    """Jobs, newest first."""
    after = cursors.decode(query.after, str)
    with services().database.begin() as connection:
        rows = jobs.listed(
            connection, current_tenant(), status=query.status, kind=query.kind,
            catalog=query.catalog, limit=query.limit + 1, after=after[0] if after else None,
        )  # fmt: skip
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].id) if len(rows) > query.limit else None
    return answer({"data": [views.job(row) for row in shown], "next": more})


@routes.route("GET", "/v1/jobs/<job>", answers={200: schemas.Job, 304: None}, headers=(PREFER,))
def get_job(job: str) -> ResponseReturnValue:
    """A job as it stands, or as it ended within the wait."""
    response = submits.poll(job)
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    return response.make_conditional(request)


@routes.route("POST", "/v1/jobs/<job>/cancel", answers={200: schemas.Job})
def cancel_job(job: str) -> ResponseReturnValue:
    """Ask a job to stop: what is queued is canceled, what runs is told."""
    with services().database.begin() as connection:
        return answer(views.job(jobs.cancel(connection, current_tenant(), job)))


@routes.route("POST", "/v1/jobs/<job>/retry", answers={200: schemas.Job})
def retry_job(job: str) -> ResponseReturnValue:
    """Queue a job's failed tasks again."""
    with services().database.begin() as connection:
        found, lanes = jobs.retry(connection, current_tenant(), job)
    submits.nudge(frozenset(lanes))
    return answer(views.job(found, submits.result_of(found)))


@routes.route("GET", "/v1/jobs/<job>/tasks", query=schemas.TaskPage,
              answers={200: schemas.TaskList})  # fmt: skip
def list_tasks(job: str, query: schemas.TaskPage) -> ResponseReturnValue:
    """A job's tasks by index; with `Accept: application/x-ndjson` all of them, one a line."""
    after = cursors.decode(query.after, int, int) or [-1, 0]
    submits.read(job)
    accepted = request.accept_mimetypes.best_match(["application/json", NDJSON])
    if accepted == NDJSON:
        lines = _lines(services().database, current_tenant(), job, query.status)
        return Response(stream_with_context(lines), content_type=NDJSON)
    with services().database.begin() as connection:
        rows = jobs.tasks(
            connection, current_tenant(), job, status=query.status, limit=query.limit + 1,
            after=(after[0], after[1]),
        )  # fmt: skip
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].index, shown[-1].id) if len(rows) > query.limit else None
    return answer({"data": [views.task(row) for row in shown], "next": more})


def _lines(database: Database, tenant: int, job: str, status: str | None) -> Iterator[bytes]:
    after = (-1, 0)
    while True:
        with database.begin() as connection:
            rows = jobs.tasks(connection, tenant, job, status=status, limit=ROWS, after=after)
        yield "".join(json.dumps(views.task(row)) + "\n" for row in rows).encode()
        if len(rows) < ROWS:
            return
        after = (rows[-1].index, rows[-1].id)
