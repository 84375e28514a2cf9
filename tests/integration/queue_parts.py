"""Short ways to a job with tasks, and to what a test must always find true."""

from sqlalchemy import text

from db import catalogs, jobs, queue
from db.queue import Claim, NewTask, Outcome
from db.session import Database
from db.vocabulary import DEFAULT_TENANT, JobKind, Lane, TaskStatus

MODEL = "test-model"


def submit(
    database: Database,
    count: int = 3,
    kind: JobKind = JobKind.IMPORT,
    *,
    tenant: int = DEFAULT_TENANT,
    lane: Lane = Lane.EMBED,
    payload: dict[str, str] | None = None,
) -> str:
    """A job of `count` queued tasks in a catalog of its tenant."""
    with database.begin() as connection:
        catalog, _ = catalogs.put(
            connection, tenant, "shop", description=None, image_model=MODEL, text_model="none"
        )
        tasks = [
            NewTask(lane, place=n, model=MODEL, external_id=f"i{n}", payload=payload or {})
            for n in range(count)
        ]
        return jobs.create(connection, tenant, kind, catalog_id=catalog.id, tasks=tasks).id


def claim(database: Database, limit: int = 100, worker: str = "w1", **more: bool | int) -> Claim:
    """What a worker of the embed lane gets."""
    with database.begin() as connection:
        return queue.claim(connection, Lane.EMBED, worker, limit, 60, [MODEL], **more)  # type: ignore[arg-type]


def succeed(database: Database, taken: Claim, count: int | None = None) -> list[str]:
    """End the first `count` tasks of a claim well; returns the jobs that ended."""
    with database.begin() as connection:
        return queue.finish(
            connection, taken.token,
            [Outcome(task, TaskStatus.SUCCEEDED) for task in taken.tasks[:count]],
        )  # fmt: skip


def job(database: Database, job_id: str, tenant: int = DEFAULT_TENANT) -> jobs.Job:
    """The job as it stands."""
    with database.begin() as connection:
        return jobs.get(connection, tenant, job_id)


def check_invariant(database: Database) -> None:
    """Accepted = succeeded + unchanged + failed + canceled + still due, in every job."""
    with database.begin() as connection:
        rows = connection.execute(
            text("""SELECT j.id, j.total, j.succeeded, j.unchanged, j.failed, j.canceled,
                    count(t.id) AS tasks,
                    count(*) FILTER (WHERE t.status = 'succeeded') AS s,
                    count(*) FILTER (WHERE t.status = 'unchanged') AS u,
                    count(*) FILTER (WHERE t.status = 'failed') AS f,
                    count(*) FILTER (WHERE t.status = 'canceled') AS c
                    FROM jobs j LEFT JOIN tasks t ON t.tenant_id = j.tenant_id
                        AND t.job_id = j.id AND NOT t.expands
                    GROUP BY j.tenant_id, j.id""")
        ).all()
        stale = connection.execute(
            text("""SELECT count(*) FROM tasks WHERE status = 'running'
                    AND lease_expires_at < now() - interval '15 seconds'""")
        ).scalar_one()
    for row in rows:
        counted = (row.total, row.succeeded, row.unchanged, row.failed, row.canceled)
        assert counted == (row.tasks, row.s, row.u, row.f, row.c), row
    assert stale == 0
