"""The tables of tenants: their keys, and what they used up of a day."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, made_now, tenant_key


class Tenant(Base):
    """Whoever an API key belongs to."""

    __tablename__ = "tenants"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = made_now()


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


class Usage(Base):
    """What a tenant used up on one day (UTC), for its daily limits."""

    __tablename__ = "usage"
    tenant_id: Mapped[int] = tenant_key()
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    upload_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Tokens of paid calls: what providers counted, and estimates of the calls that are out."""
