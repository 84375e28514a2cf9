"""Webhooks: the addresses that are told of ended jobs, and the secrets that sign what they get.

A secret is kept as it is, not hashed, because it must sign each message anew. It is shown once,
when it is made; nothing shows or logs it again.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, text
from ulid import ULID

from db.errors import Conflict, NotFound

Event = Literal["job.succeeded", "job.failed", "job.canceled", "job.expired"]
EVENTS: tuple[Event, ...] = get_args(Event)
TEST = "webhook.test"
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
BOTH_HOURS = 24
"""How long a rotated secret signs beside the new one."""
MOST = 10
"""Webhooks of a tenant; with the threads that each may hold, one tenant never holds all of them."""

COLUMNS = """id, url, events, kinds, description, created_at, disabled_at,
    CASE WHEN former_until > now() THEN former_until END AS former_until"""

INSERT = text(f"""
    INSERT INTO webhooks (tenant_id, id, url, events, kinds, description, secret)
    SELECT :tenant, :id, :url, CAST(:events AS text[]), CAST(:kinds AS text[]), :description, :secret
    WHERE (SELECT count(*) FROM webhooks WHERE tenant_id = :tenant) < :most
    RETURNING {COLUMNS}
""")

ROTATE = text(f"""
    UPDATE webhooks SET former_secret = secret, secret = :secret,
        former_until = now() + make_interval(hours => :hours)
    WHERE tenant_id = :tenant AND id = :id
    RETURNING {COLUMNS}
""")


@dataclass(frozen=True)
class Webhook:
    """A webhook's row, without anything secret."""

    id: str
    url: str
    events: list[str]
    kinds: list[str]
    description: str | None
    created_at: datetime
    disabled_at: datetime | None
    """When its receiver answered 410 Gone."""
    former_until: datetime | None
    """Until when the former secret signs too; None where there is none."""


def new_secret() -> str:
    """A secret as the Standard Webhooks convention writes it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def create(
    connection: Connection,
    tenant: int,
    url: str,
    events: Sequence[str] = EVENTS,
    kinds: Sequence[str] = (),
    description: str | None = None,
) -> tuple[Webhook, str]:
    """Register an address; returns its row, and the secret for the only time. Raises Conflict."""
    secret = new_secret()
    values: dict[str, Any] = {
        "tenant": tenant, "id": f"whk_{str(ULID()).lower()}", "url": url, "events": list(events),
        "kinds": list(kinds), "description": description, "secret": secret, "most": MOST,
    }  # fmt: skip
    row = connection.execute(INSERT, values).mappings().first()
    if row is None:
        raise Conflict(f"There are {MOST} webhooks already; delete one first.")
    return Webhook(**row), secret


def get(connection: Connection, tenant: int, webhook: str) -> Webhook:
    """One webhook. Raises NotFound, also for another tenant's."""
    row = connection.execute(
        text(f"SELECT {COLUMNS} FROM webhooks WHERE tenant_id = :tenant AND id = :id"),
        {"tenant": tenant, "id": webhook},
    ).mappings()
    return _found(row.first(), webhook)


def listed(connection: Connection, tenant: int, limit: int, after: str | None) -> list[Webhook]:
    """Webhooks in the order in which they came, behind the id `after`."""
    rows = connection.execute(
        text(f"""SELECT {COLUMNS} FROM webhooks WHERE tenant_id = :tenant AND id > :after
                 ORDER BY id LIMIT :limit"""),
        {"tenant": tenant, "after": after or "", "limit": limit},
    ).mappings()
    return [Webhook(**row) for row in rows]


def delete(connection: Connection, tenant: int, webhook: str) -> None:
    """Forget a webhook with its deliveries. Raises NotFound."""
    gone = connection.execute(
        text("DELETE FROM webhooks WHERE tenant_id = :tenant AND id = :id"),
        {"tenant": tenant, "id": webhook},
    ).rowcount
    if not gone:
        raise NotFound(f"There is no webhook {webhook!r}.")


def rotate(connection: Connection, tenant: int, webhook: str) -> tuple[Webhook, str]:
    """Give a webhook a new secret; the former one signs too, for a day. Raises NotFound.

    One that was rotated out before is void at once.
    """
    secret = new_secret()
    row = connection.execute(
        ROTATE, {"tenant": tenant, "id": webhook, "secret": secret, "hours": BOTH_HOURS}
    ).mappings()
    return _found(row.first(), webhook), secret


def _found(row: Any, webhook: str) -> Webhook:
    if row is None:
        raise NotFound(f"There is no webhook {webhook!r}.")
    return Webhook(**row)
