"""Life of a delivery: made by the transaction that ends a job, claimed, sent, tried again.

    pending ──claim──> (leased) ──finish──> delivered | failed
       ^                   │ finish, later: it may pass
       └───────────────────┘ or the lease ran out: its sender died

A message is delivered at least once, under one id. Each function runs in the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.errors import Conflict, NotFound, SightlineError
from db.webhooks import TEST

KEPT_DAYS = 7
PURGED = 10_000
"""Deliveries that one look of the housekeeping deletes at most."""


class DeliveryStatus(StrEnum):
    """pending → delivered | failed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Delivery:
    """A delivery's row as clients see it."""

    id: str
    type: str
    job_id: str | None
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: dict[str, Any] | None
    created_at: datetime
    run_after: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Due:
    """A claimed delivery, with where it goes and what signs it."""

    tenant_id: int
    id: str
    webhook_id: str
    type: str
    job_id: str | None
    data: dict[str, Any]
    attempts: int
    """This one counted."""
    created_at: datetime
    url: str = field(repr=False)
    secrets: list[str] = field(repr=False)
    """The secret, and the former one while it holds."""
    token: UUID


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to; one that is pending again is tried after `delay` seconds."""

    status: DeliveryStatus
    response_status: int | None = None
    error: SightlineError | None = None
    delay: float = 0.0


COLUMNS = (
    "id, type, job_id, status, attempts, response_status, error, created_at, run_after, ended_at"
)

TELL = """
    INSERT INTO deliveries (tenant_id, webhook_id, type, job_id, data)
    SELECT j.tenant_id, w.id, 'job.' || j.status, j.id, jsonb_build_object(
        'id', j.id, 'kind', j.kind, 'catalog', c.name, 'status', j.status,
        'created_at', j.created_at, 'started_at', j.started_at, 'ended_at', j.ended_at,
        'counts', jsonb_build_object('total', j.total, 'succeeded', j.succeeded,
            'unchanged', j.unchanged, 'failed', j.failed, 'canceled', j.canceled, 'pending',
            j.total - j.succeeded - j.unchanged - j.failed - j.canceled),
        'error', j.error)
    FROM jobs j
    JOIN webhooks w ON w.tenant_id = j.tenant_id AND w.disabled_at IS NULL
      AND 'job.' || j.status = ANY(w.events) AND (w.kinds = '{}' OR j.kind = ANY(w.kinds))
    LEFT JOIN catalogs c ON c.tenant_id = j.tenant_id AND c.id = j.catalog_id
    WHERE
"""
TELL_ENDED = text(
    TELL
    + """ (j.tenant_id, j.id) IN (SELECT * FROM
    unnest(CAST(:tenants AS bigint[]), CAST(:jobs AS text[])))"""
)
TELL_EXPIRED = text(TELL + " j.status = 'expired' AND j.ended_at = now()")
"""Within a transaction `now()` stands still: these are the jobs that it expired itself."""

CLAIM = text("""
    WITH due AS (
        SELECT d.tenant_id, d.id FROM webhooks w CROSS JOIN LATERAL (
            SELECT tenant_id, id, run_after FROM deliveries
            WHERE tenant_id = w.tenant_id AND webhook_id = w.id AND status = 'pending'
              AND run_after <= now() AND (lease_expires_at IS NULL OR lease_expires_at < now())
            ORDER BY run_after LIMIT :each FOR UPDATE SKIP LOCKED) d
        WHERE w.disabled_at IS NULL AND NOT w.id = ANY(CAST(:busy AS text[]))
        ORDER BY d.run_after LIMIT :limit
    )
    UPDATE deliveries d SET attempts = d.attempts + 1, lease_token = :token,
        lease_expires_at = now() + make_interval(secs => :seconds)
    FROM due, webhooks w
    WHERE d.tenant_id = due.tenant_id AND d.id = due.id
      AND w.tenant_id = d.tenant_id AND w.id = d.webhook_id
    RETURNING d.tenant_id, d.id, d.webhook_id, d.type, d.job_id, d.data, d.attempts,
        d.created_at, w.url,
        CASE WHEN w.former_until > now() THEN ARRAY[w.secret, w.former_secret]
             ELSE ARRAY[w.secret] END AS secrets
""")
"""Lease what is due: a few of each webhook, none of those that are busy."""

FINISH = text("""
    UPDATE deliveries SET status = :status, response_status = :response_status, error = :error,
        run_after = now() + make_interval(secs => :delay), lease_token = NULL,
        lease_expires_at = NULL, ended_at = CASE WHEN :status <> 'pending' THEN now() END
    WHERE tenant_id = :tenant AND id = :id AND lease_token = :token
""").bindparams(bindparam("error", type_=JSONB(none_as_null=True)))

DISABLE = text("""
    WITH disabled AS (
        UPDATE webhooks SET disabled_at = now()
        WHERE tenant_id = :tenant AND id = :webhook AND disabled_at IS NULL
    )
    UPDATE deliveries SET status = 'failed', ended_at = now(), error = :error,
        lease_token = NULL, lease_expires_at = NULL
    WHERE tenant_id = :tenant AND webhook_id = :webhook AND status = 'pending'
""").bindparams(bindparam("error", type_=JSONB))

REPLAY = text(f"""
    UPDATE deliveries SET status = 'pending', attempts = 0, run_after = now(), ended_at = NULL,
        error = NULL, response_status = NULL, lease_token = NULL, lease_expires_at = NULL
    WHERE tenant_id = :tenant AND webhook_id = :webhook AND id = :id
    RETURNING {COLUMNS}
""")


def tell(connection: Connection, jobs: Sequence[tuple[int, str]]) -> None:
    """Make the deliveries that say that jobs (tenant, id) ended, as they stand now."""
    connection.execute(
        TELL_ENDED, {"tenants": [tenant for tenant, _ in jobs], "jobs": [job for _, job in jobs]}
    )


def tell_expired(connection: Connection) -> None:
    """Make the deliveries for the jobs that this very transaction expired."""
    connection.execute(TELL_EXPIRED)


def make_test(connection: Connection, tenant: int, webhook: str) -> Delivery:
    """Make a delivery that says only that a message arrives. Raises NotFound, Conflict."""
    _check_enabled(connection, tenant, webhook)
    row = connection.execute(
        text(f"""INSERT INTO deliveries (tenant_id, webhook_id, type, data)
                 VALUES (:tenant, :webhook, :type, jsonb_build_object('webhook', CAST(:webhook AS text)))
                 RETURNING {COLUMNS}"""),
        {"tenant": tenant, "webhook": webhook, "type": TEST},
    ).mappings()
    return Delivery(**row.one())


def listed(
    connection: Connection,
    tenant: int,
    webhook: str,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[Delivery]:
    """A webhook's deliveries, newest first, behind the (time, id) `after`."""
    behind = "AND (created_at, id) < (:time, :id)" if after else ""
    time, delivery = after or (None, None)
    rows = connection.execute(
        text(f"""SELECT {COLUMNS} FROM deliveries
                 WHERE tenant_id = :tenant AND webhook_id = :webhook {behind}
                 ORDER BY created_at DESC, id DESC LIMIT :limit"""),
        {"tenant": tenant, "webhook": webhook, "limit": limit, "time": time, "id": delivery},
    ).mappings()
    return [Delivery(**row) for row in rows]


def replay(connection: Connection, tenant: int, webhook: str, delivery: str) -> Delivery:
    """Send a message again, under its id, with fresh attempts. Raises NotFound, Conflict."""
    _check_enabled(connection, tenant, webhook)
    row = connection.execute(
        REPLAY, {"tenant": tenant, "webhook": webhook, "id": delivery}
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound(f"There is no delivery {delivery!r}.")
    return Delivery(**found)


def _check_enabled(connection: Connection, tenant: int, webhook: str) -> None:
    row = connection.execute(
        text("SELECT disabled_at FROM webhooks WHERE tenant_id = :tenant AND id = :id"),
        {"tenant": tenant, "id": webhook},
    ).first()
    if row is None:
        raise NotFound(f"There is no webhook {webhook!r}.")
    if row.disabled_at is not None:
        raise Conflict("The webhook is disabled: its receiver answered 410. Register it anew.")


def claim(
    connection: Connection, limit: int, each: int, seconds: float, busy: Sequence[str] = ()
) -> list[Due]:
    """Lease up to `limit` due deliveries for so many seconds, at most `each` of a webhook."""
    token = uuid4()
    rows = connection.execute(
        CLAIM,
        {"limit": limit, "each": each, "seconds": seconds, "busy": list(busy), "token": token},
    ).mappings()
    return [Due(**row, token=token) for row in rows]


def finish(connection: Connection, due: Due, outcome: Outcome) -> None:
    """Write what an attempt came to; nothing if its lease was lost meanwhile."""
    connection.execute(
        FINISH,
        {"tenant": due.tenant_id, "id": due.id, "token": due.token, "status": outcome.status,
         "response_status": outcome.response_status, "delay": outcome.delay,
         "error": outcome.error and outcome.error.as_json()},
    )  # fmt: skip


def disable(connection: Connection, due: Due, error: SightlineError) -> None:
    """Send nothing more to a webhook, also not what was waiting."""
    connection.execute(
        DISABLE, {"tenant": due.tenant_id, "webhook": due.webhook_id, "error": error.as_json()}
    )


def purge(connection: Connection) -> int:
    """Delete deliveries of long ago, and secrets that were rotated out; returns how many went."""
    connection.execute(
        text("""UPDATE webhooks SET former_secret = NULL, former_until = NULL
                WHERE former_until <= now()""")
    )
    return connection.execute(
        text("""DELETE FROM deliveries WHERE (tenant_id, id) IN (SELECT tenant_id, id
                FROM deliveries WHERE created_at < now() - make_interval(days => :days)
                LIMIT :most)"""),
        {"days": KEPT_DAYS, "most": PURGED},
    ).rowcount
