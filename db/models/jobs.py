"""The tables of work: jobs, their tasks, the keys that submit once, and the workers."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, made_now, of_catalog, one_of, tenant_key
from db.vocabulary import JobKind, JobStatus, Lane, TaskStatus


class Job(Base):
    """What a client submitted; the counts are kept by the transactions that finish tasks."""

    __tablename__ = "jobs"
    __table_args__ = (
        of_catalog(),
        one_of("kind", JobKind),
        one_of("status", JobStatus),
        Index(None, "tenant_id", "catalog_id"),
        Index("jobs_unended_idx", "expires_at", postgresql_where=text("ended_at IS NULL")),
        Index("jobs_ended_idx", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )
    tenant_id: Mapped[int] = tenant_key()
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    catalog_id: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(server_default=JobStatus.QUEUED)
    request: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    progress: Mapped[dict[str, Any] | None]
    """How far a document's reading came: `{"pages": 12, "read": 5}`."""
    usage: Mapped[dict[str, Any] | None]
    """What providers were paid for it: `{"calls", "input_tokens", "output_tokens"}`."""
    trace: Mapped[str | None]
    """The traceparent of the request that made it, where that was traced."""
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    total: Mapped[int] = mapped_column(Integer, server_default="0")
    succeeded: Mapped[int] = mapped_column(Integer, server_default="0")
    unchanged: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")
    canceled: Mapped[int] = mapped_column(Integer, server_default="0")
    expanded: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    last_rank: Mapped[int] = mapped_column(BigInteger, server_default="-1")
    created_at: Mapped[datetime] = made_now()
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    cancel_requested_at: Mapped[datetime | None]


class Task(Base):
    """One unit of a job's work: one row that a worker claims."""

    __tablename__ = "tasks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.id"], ondelete="CASCADE"
        ),
        one_of("lane", Lane),
        one_of("status", TaskStatus),
        Index(
            "tasks_due_idx",
            "lane",
            "priority",
            "rank",
            "id",
            postgresql_where=text("status = 'queued'"),
        ),  # fmt: skip
        Index(
            "tasks_first_idx",
            "tenant_id",
            "lane",
            "priority",
            postgresql_where=text("status = 'queued' AND place = 0"),
        ),  # fmt: skip
        Index("tasks_lease_idx", "lease_token", postgresql_where=text("status = 'running'")),
        Index("tasks_expiry_idx", "lease_expires_at", postgresql_where=text("status = 'running'")),
        Index(None, "tenant_id", "job_id", "place"),
    )
    tenant_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    job_id: Mapped[str]
    lane: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=TaskStatus.QUEUED)
    priority: Mapped[int] = mapped_column(SmallInteger)
    rank: Mapped[int] = mapped_column(BigInteger)
    place: Mapped[int] = mapped_column(Integer)
    """The task's place in its job: the `index` that clients see."""
    expands: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Whether it makes its job's tasks; such a row is in no count and no list."""
    model: Mapped[str | None]
    """The name of the model that embeds it; None where none is needed."""
    item_id: Mapped[int | None] = mapped_column(BigInteger)
    external_id: Mapped[str | None]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    alone: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    run_after: Mapped[datetime | None]
    lease_token: Mapped[Any | None] = mapped_column(Uuid)
    lease_expires_at: Mapped[datetime | None]
    leased_by: Mapped[str | None]
    created_at: Mapped[datetime] = made_now()
    ended_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """Which job a client's idempotency key already made."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)
    tenant_id: Mapped[int] = tenant_key()
    key: Mapped[str] = mapped_column(primary_key=True)
    body_sha256: Mapped[bytes]
    job_id: Mapped[str | None]
    created_at: Mapped[datetime] = made_now()


class Worker(Base):
    """A living worker process; `seen_at` is refreshed every few seconds."""

    __tablename__ = "workers"
    __table_args__ = (one_of("lane", Lane),)
    name: Mapped[str] = mapped_column(primary_key=True)
    lane: Mapped[str]
    model_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=text("'{}'"))
    stats: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What it has done since it started: batches, items, seconds."""
    started_at: Mapped[datetime] = made_now()
    seen_at: Mapped[datetime] = made_now()
