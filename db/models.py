"""The tables. Every one carries its tenant, save the three that hold nothing of a tenant's."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.vocabulary import ItemKind, JobKind, JobStatus, Lane, TaskStatus

SCHEMA = "sightline"
REVISION = "0009"
"""The newest migration; a test holds it to the migrations' own head."""
REFERENCE_TABLES = ("tenants", "models", "workers")
"""Tables without a tenant column; with Citus they become reference tables."""

TSV = (
    "setweight(to_tsvector('english', coalesce(name, '')), 'A') || "
    "setweight(to_tsvector('english', coalesce(caption, '') || ' ' || coalesce(category, '')"
    " || ' ' || words_of(tags)), 'B') || "
    "setweight(to_tsvector('english', coalesce(description, '') || ' ' || coalesce(text, '')), 'C')"
)


def one_of(column: str, words: type) -> CheckConstraint:
    """A CHECK that keeps a text column to the words of an enumeration."""
    quoted = ", ".join(f"'{word}'" for word in words)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({quoted})", name=f"{column}_known")


class Base(DeclarativeBase):
    """The metadata that the migrations are checked against."""

    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        str: Text,
        bytes: LargeBinary,
        Decimal: Numeric,
    }


Base.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


def tenant_key() -> Mapped[int]:
    """The first column of every key."""
    return mapped_column(BigInteger, ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True)


def made_now() -> Mapped[datetime]:
    """A time from the database's clock."""
    return mapped_column(server_default=func.now())


class Tenant(Base):
    """Whoever an API key belongs to."""

    __tablename__ = "tenants"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = made_now()


class Model(Base):
    """A vector space: a model's name, revision and preprocessing, numbered for the indexes."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("name", "revision", "preprocessing"),)
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str]
    revision: Mapped[str]
    preprocessing: Mapped[int] = mapped_column(SmallInteger)
    dimensions: Mapped[int] = mapped_column(SmallInteger)
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


class ApiKey(Base):
    """A key: only an HMAC of its secret is kept. Its row stays when it is revoked."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint(
            "scopes <@ ARRAY['read', 'write', 'answer', 'admin'] AND cardinality(scopes) > 0",
            name="scopes_known",
        ),
        Index(None, "id"),
    )
    tenant_id: Mapped[int] = tenant_key()
    id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str | None]
    salt: Mapped[bytes]
    secret_hmac: Mapped[bytes]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = made_now()
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Catalog(Base):
    """A named set of items searched together, with its image model."""

    __tablename__ = "catalogs"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)
    tenant_id: Mapped[int] = tenant_key()
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    description: Mapped[str | None]
    image_model: Mapped[str]
    text_model: Mapped[str]
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    text_model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    second_model: Mapped[str | None]
    second_model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    switch_when_covered: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = made_now()
    updated_at: Mapped[datetime] = made_now()


def of_catalog() -> ForeignKeyConstraint:
    """A row that goes with its catalog."""
    return ForeignKeyConstraint(
        ["tenant_id", "catalog_id"], ["catalogs.tenant_id", "catalogs.id"], ondelete="CASCADE"
    )


class Document(Base):
    """An uploaded PDF or deck; its items point to it. `id` is the client's own, or made."""

    __tablename__ = "documents"
    __table_args__ = (of_catalog(),)
    tenant_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    catalog_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[bytes]
    media_type: Mapped[str]
    file_name: Mapped[str | None]
    title: Mapped[str | None]
    category: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    pages: Mapped[int | None]
    notes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """What was left out of it, in plain words."""
    created_at: Mapped[datetime] = made_now()
    updated_at: Mapped[datetime] = made_now()


class Item(Base):
    """One findable thing in a catalog; `external_id` is the client's own id."""

    __tablename__ = "items"
    __table_args__ = (
        of_catalog(),
        ForeignKeyConstraint(
            ["tenant_id", "catalog_id", "document_id"],
            ["documents.tenant_id", "documents.catalog_id", "documents.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("tenant_id", "catalog_id", "external_id"),
        one_of("kind", ItemKind),
        Index(None, "tenant_id", "catalog_id", "category"),
        Index(None, "tenant_id", "catalog_id", "price"),
        Index(None, "tenant_id", "catalog_id", "document_id"),
        Index(None, "tenant_id", "sha256"),
        Index("items_tags_idx", "tags", postgresql_using="gin"),
        Index(
            "items_attributes_idx",
            "attributes",
            postgresql_using="gin",
            postgresql_ops={"attributes": "jsonb_path_ops"},
        ),
        Index(
            "items_words_idx",
            text("keys_of(catalog_id, tsv)"),
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 256},
        ),
    )
    tenant_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    catalog_id: Mapped[int] = mapped_column(BigInteger)
    external_id: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default=ItemKind.IMAGE)
    sha256: Mapped[bytes | None]
    words_sha256: Mapped[bytes | None]
    """The hash of its words, where the catalog has a text model; see `entries.words_of`."""
    source_url: Mapped[str | None]
    name: Mapped[str | None]
    caption: Mapped[str | None]
    captioned_by: Mapped[str | None]
    """The model that wrote the caption; None for the client's own."""
    description: Mapped[str | None]
    category: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    price: Mapped[Decimal | None]
    currency: Mapped[str | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    document_id: Mapped[str | None]
    page: Mapped[int | None]
    span: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    box: Mapped[list[float] | None] = mapped_column(ARRAY(Float))
    text: Mapped[str | None]
    tsv: Mapped[Any] = mapped_column(TSVECTOR, Computed(TSV, persisted=True))
    created_at: Mapped[datetime] = made_now()
    updated_at: Mapped[datetime] = made_now()


class Embedding(Base):
    """One item's vector under one model; found again by the hash of what was embedded: the cache."""

    __tablename__ = "embeddings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "item_id"], ["items.tenant_id", "items.id"], ondelete="CASCADE"
        ),
        Index(None, "tenant_id", "catalog_id", "model_id", "seq"),
        Index(None, "tenant_id", "sha256", "model_id"),
    )
    tenant_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    item_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), primary_key=True)
    catalog_id: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    sha256: Mapped[bytes]
    vector: Mapped[Any] = mapped_column(HALFVEC())


class Segment(Base):
    """A range of a catalog's vectors, by `seq`, with an HNSW index of its own; see `db/segments.py`."""

    __tablename__ = "segments"
    __table_args__ = (
        of_catalog(),
        CheckConstraint("state IN ('building', 'ready', 'dropping')", name="state_known"),
        CheckConstraint("from_seq < to_seq", name="range_known"),
        Index(None, "tenant_id", "catalog_id", "model_id"),
    )
    tenant_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    catalog_id: Mapped[int] = mapped_column(BigInteger)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    dimensions: Mapped[int] = mapped_column(SmallInteger)
    from_seq: Mapped[int] = mapped_column(BigInteger)
    to_seq: Mapped[int] = mapped_column(BigInteger)
    """The first `seq` behind it."""
    index_name: Mapped[str] = mapped_column(
        Computed("'embeddings_nearest_' || id::text", persisted=True)
    )
    state: Mapped[str] = mapped_column(server_default="building")
    rows: Mapped[int] = mapped_column(BigInteger)
    """Its vectors: those that it was made for, and when it is ready those that were there."""
    created_at: Mapped[datetime] = made_now()
    built_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]


class QueryEmbedding(Base):
    """A query's vector, kept so that the same words or picture need no model again."""

    __tablename__ = "query_embeddings"
    tenant_id: Mapped[int] = tenant_key()
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    vector: Mapped[Any] = mapped_column(HALFVEC())
    used_at: Mapped[datetime] = made_now()


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


class Blob(Base):
    """Bytes that the blob store keeps under their hash."""

    __tablename__ = "blobs"
    tenant_id: Mapped[int] = tenant_key()
    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    created_at: Mapped[datetime] = made_now()


class IdempotencyKey(Base):
    """Which job a client's idempotency key already made."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)
    tenant_id: Mapped[int] = tenant_key()
    key: Mapped[str] = mapped_column(primary_key=True)
    body_sha256: Mapped[bytes]
    job_id: Mapped[str | None]
    created_at: Mapped[datetime] = made_now()


class Usage(Base):
    """What a tenant used up on one day (UTC), for its daily limits."""

    __tablename__ = "usage"
    tenant_id: Mapped[int] = tenant_key()
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    upload_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Tokens of paid calls: what providers counted, and estimates of the calls that are out."""


class Webhook(Base):
    """An address that is told of ended jobs, with what its messages are signed by."""

    __tablename__ = "webhooks"
    tenant_id: Mapped[int] = tenant_key()
    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]]
    kinds: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """The kinds of jobs that it is told of; none means all."""
    description: Mapped[str | None]
    secret: Mapped[str]
    former_secret: Mapped[str | None]
    former_until: Mapped[datetime | None]
    """Until when messages are signed by the former secret too."""
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = made_now()


class Delivery(Base):
    """One message to one webhook; its id is the `webhook-id` that stays through all attempts."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhooks.tenant_id", "webhooks.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status_known"),
        Index(
            "deliveries_due_idx",
            "tenant_id",
            "webhook_id",
            "run_after",
            postgresql_where=text("status = 'pending'"),
        ),
        Index(None, "tenant_id", "webhook_id", "created_at", "id"),
        Index(None, "created_at"),
    )
    tenant_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[str] = mapped_column(
        primary_key=True,
        server_default=text("'msg_' || replace(gen_random_uuid()::text, '-', '')"),
    )
    webhook_id: Mapped[str]
    type: Mapped[str]
    job_id: Mapped[str | None]
    """No reference: what is told of a job outlives it."""
    data: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    response_status: Mapped[int | None] = mapped_column(Integer)
    """The HTTP status of the last answer; None where none came."""
    error: Mapped[dict[str, Any] | None]
    run_after: Mapped[datetime] = made_now()
    lease_token: Mapped[Any | None] = mapped_column(Uuid)
    lease_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = made_now()
    ended_at: Mapped[datetime | None]
