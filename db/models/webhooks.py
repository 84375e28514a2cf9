"""The tables of webhooks: the addresses that are told, and the messages to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, made_now, tenant_key


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
