"""Idempotency keys: the same key and body make one job, however often they come."""

from sqlalchemy import Connection, text

from db.errors import IdempotencyKeyReused, RequestInProgress

KEEP_HOURS = 24


def begin(connection: Connection, tenant: int, key: str, body_sha256: bytes) -> str | None:
    """Take a key in the transaction that inserts its job; returns the job to replay, if any.

    Raises IdempotencyKeyReused for another body, RequestInProgress while the first runs.
    """
    taken = connection.execute(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, :tenant))"),
        {"key": key, "tenant": tenant},
    ).scalar_one()
    if not taken:
        raise RequestInProgress("The first request with this Idempotency-Key still runs.")
    row = connection.execute(
        text(f"""INSERT INTO idempotency_keys AS k (tenant_id, key, body_sha256)
                 VALUES (:tenant, :key, :body)
                 ON CONFLICT (tenant_id, key) DO UPDATE SET
                    body_sha256 = CASE WHEN k.created_at < now() - interval '{KEEP_HOURS} hours'
                                       THEN excluded.body_sha256 ELSE k.body_sha256 END,
                    job_id = CASE WHEN k.created_at < now() - interval '{KEEP_HOURS} hours'
                                  THEN NULL ELSE k.job_id END,
                    created_at = CASE WHEN k.created_at < now() - interval '{KEEP_HOURS} hours'
                                      THEN now() ELSE k.created_at END
                 RETURNING job_id, body_sha256"""),
        {"tenant": tenant, "key": key, "body": body_sha256},
    ).one()
    if bytes(row.body_sha256) != body_sha256:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body.")
    return str(row.job_id) if row.job_id else None


def done(connection: Connection, tenant: int, key: str, job_id: str) -> None:
    """Remember which job the key made."""
    connection.execute(
        text("UPDATE idempotency_keys SET job_id = :job WHERE tenant_id = :tenant AND key = :key"),
        {"tenant": tenant, "key": key, "job": job_id},
    )


def purge(connection: Connection) -> int:
    """Delete the keys that are no longer kept."""
    return connection.execute(
        text(f"""DELETE FROM idempotency_keys
                 WHERE created_at < now() - interval '{KEEP_HOURS} hours'""")
    ).rowcount
