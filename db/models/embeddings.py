"""The tables of vectors: their spaces, those of items and queries, and the segments under indexes."""

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, made_now, of_catalog, tenant_key


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
