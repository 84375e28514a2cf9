"""What every table has: its schema and metadata, its tenant, and how its constraints are named."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    Numeric,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "sightline"
REVISION = "0009"
"""The newest migration; a test holds it to the migrations' own head."""
REFERENCE_TABLES = ("tenants", "models", "workers")
"""Tables without a tenant column; with Citus they become reference tables."""


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


def one_of(column: str, words: type) -> CheckConstraint:
    """A CHECK that keeps a text column to the words of an enumeration."""
    quoted = ", ".join(f"'{word}'" for word in words)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({quoted})", name=f"{column}_known")


def tenant_key() -> Mapped[int]:
    """The first column of every key."""
    return mapped_column(BigInteger, ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True)


def made_now() -> Mapped[datetime]:
    """A time from the database's clock."""
    return mapped_column(server_default=func.now())


def of_catalog() -> ForeignKeyConstraint:
    """A row that goes with its catalog."""
    return ForeignKeyConstraint(
        ["tenant_id", "catalog_id"], ["catalogs.tenant_id", "catalogs.id"], ondelete="CASCADE"
    )
