"""A job as it is shown: its row with its catalog's name, one by its id or many in a list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from db.errors import NotFound
from db.vocabulary import JobKind, JobStatus


@dataclass(frozen=True)
class Job:
    """A job's row, with its catalog's name."""

    id: str
    kind: JobKind
    catalog: str | None
    status: JobStatus
    total: int
    succeeded: int
    unchanged: int
    failed: int
    canceled: int
    expanded: bool
    request: dict[str, Any]
    progress: dict[str, Any] | None
    usage: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime
    cancel_requested_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.ended_at is not None

    @property
    def pending(self) -> int:
        """Tasks that have not ended."""
        return self.total - self.succeeded - self.unchanged - self.failed - self.canceled


def shown(jobs: str, request: str = "j.request", result: str = "j.result") -> str:
    """The columns of a `Job`, from a table or a CTE of jobs."""
    return f"""
    SELECT j.id, j.kind, c.name AS catalog, j.status, j.total, j.succeeded, j.unchanged, j.failed,
        j.canceled, j.expanded, {request} AS request, j.progress, j.usage, {result} AS result,
        j.error, j.created_at, j.started_at, j.ended_at, j.expires_at, j.cancel_requested_at
    FROM {jobs} j LEFT JOIN catalogs c ON c.tenant_id = j.tenant_id AND c.id = j.catalog_id
"""


SELECT_JOBS = shown("jobs") + " WHERE j.tenant_id = :tenant"


def get(connection: Connection, tenant: int, job_id: str) -> Job:
    """One job. Raises NotFound, also for another tenant's."""
    row = connection.execute(
        text(SELECT_JOBS + " AND j.id = :job"), {"tenant": tenant, "job": job_id}
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return Job(**found)


def listed(
    connection: Connection,
    tenant: int,
    *,
    status: str | None = None,
    kind: str | None = None,
    catalog: str | None = None,
    limit: int = 20,
    after: str | None = None,
) -> list[Job]:
    """Jobs, newest first, behind the job `after`."""
    wanted = {"j.status": status, "j.kind": kind, "c.name": catalog}
    conditions = [f"{column} = :{column[2:]}" for column, value in wanted.items() if value]
    if after:
        conditions.append("j.id < :after")
    sql = (
        SELECT_JOBS + "".join(f" AND {c}" for c in conditions) + " ORDER BY j.id DESC LIMIT :limit"
    )
    rows = connection.execute(
        text(sql),
        {"tenant": tenant, "status": status, "kind": kind, "name": catalog, "after": after,
         "limit": limit},
    ).mappings()  # fmt: skip
    return [Job(**row) for row in rows]
