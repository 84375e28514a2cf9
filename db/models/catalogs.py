"""The tables of catalogs and what they hold: documents, items, and the bytes of both."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Computed,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, made_now, of_catalog, one_of, tenant_key
from db.vocabulary import ItemKind

TSV = (
    "setweight(to_tsvector('english', coalesce(name, '')), 'A') || "
    "setweight(to_tsvector('english', coalesce(caption, '') || ' ' || coalesce(category, '')"
    " || ' ' || words_of(tags)), 'B') || "
    "setweight(to_tsvector('english', coalesce(description, '') || ' ' || coalesce(text, '')), 'C')"
)


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


class Blob(Base):
    """Bytes that the blob store keeps under their hash."""

    __tablename__ = "blobs"
    tenant_id: Mapped[int] = tenant_key()
    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    created_at: Mapped[datetime] = made_now()
