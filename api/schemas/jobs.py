"""Jobs and their tasks: which are listed, and how they are shown."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from api.schemas.common import CatalogName, Page
from db.vocabulary import JobKind, JobStatus, TaskStatus


class JobPage(Page):
    """Where in the list of jobs to read, and which."""

    status: JobStatus | None = None
    kind: JobKind | None = None
    catalog: CatalogName | None = None


class TaskPage(Page):
    """Where in a job's tasks to read, and which."""

    status: TaskStatus | None = None


class JobCounts(BaseModel):
    """A job's tasks by what became of them; they add up to the total."""

    total: int
    succeeded: int
    unchanged: int
    failed: int
    canceled: int
    pending: int


class Progress(BaseModel):
    """How far a document's reading came."""

    pages: int
    read: int


class JobUsage(BaseModel):
    """What providers were paid for a job, as they count it."""

    calls: int
    input_tokens: int
    output_tokens: int


class JobUrls(BaseModel):
    """Where a job is read and steered."""

    self: str
    cancel: str
    retry: str
    tasks: str


class Error(BaseModel):
    """Why a job or a task failed."""

    code: str
    detail: str


class Job(BaseModel):
    """What a client submitted, as it stands."""

    id: str
    kind: JobKind
    catalog: str | None
    status: JobStatus
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime
    cancel_requested_at: datetime | None
    expanded: bool
    counts: JobCounts
    progress: Progress | None
    usage: JobUsage | None
    result: dict[str, Any] | None
    error: Error | None
    urls: JobUrls


class Task(BaseModel):
    """One unit of a job's work."""

    index: int
    item_id: str | None
    status: TaskStatus
    attempts: int
    error: Error | None
    note: str | None


class JobList(BaseModel):
    """Jobs, newest first."""

    data: list[Job]
    next: str | None


class TaskList(BaseModel):
    """A job's tasks by index."""

    data: list[Task]
    next: str | None
