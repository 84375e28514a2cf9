"""What tenants use up in a day: taken before it is spent, and set right when it is known."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, text

from db.errors import DailyUploadReached, TokenCapReached

Column = Literal["upload_bytes", "tokens"]

TAKE = """
    INSERT INTO usage AS u (tenant_id, day, {column})
    SELECT CAST(:tenant AS bigint), (now() AT TIME ZONE 'UTC')::date, CAST(:amount AS bigint)
    WHERE CAST(:amount AS bigint) <= CAST(:cap AS bigint)
    ON CONFLICT (tenant_id, day) DO UPDATE SET {column} = u.{column} + excluded.{column}
    WHERE u.{column} + excluded.{column} <= CAST(:cap AS bigint)
    RETURNING day
"""
"""One statement looks and takes, and holds the day's row until its commit: of any number of callers
at once only as many pass as there is room for."""

CORRECT = """
    UPDATE usage SET {column} = greatest({column} + :difference, 0)
    WHERE tenant_id = :tenant AND day = :day
"""


def reserve_tokens(connection: Connection, tenant: int, tokens: int, cap: int) -> date:
    """Take tokens of today for a call about to be made; returns the day that they are taken from.

    Raises TokenCapReached when more than `cap` would be taken then; nothing is taken.
    """
    day = _take(connection, "tokens", tenant, tokens, cap)
    if day is None:
        raise TokenCapReached(
            f"The call may need {tokens} tokens, more than are left of the day's {cap}; "
            f"the day ends at {day_end():%Y-%m-%dT%H:%M:%SZ}.",
            seconds_left(),
        )
    return day


def settle_tokens(connection: Connection, tenant: int, day: date, difference: int) -> None:
    """Add what a call used beyond its reservation (below 0: less than that)."""
    _correct(connection, "tokens", tenant, day, difference)


def reserve_upload(connection: Connection, tenant: int, size: int, cap: int) -> date:
    """Take bytes of today for a body; returns the day. Raises DailyUploadReached."""
    day = _take(connection, "upload_bytes", tenant, size, cap)
    if day is None:
        raise DailyUploadReached(
            f"The body is larger than what is left of the day's {cap} bytes; "
            f"the day ends at {day_end():%Y-%m-%dT%H:%M:%SZ}.",
            seconds_left(),
        )
    return day


def give_back_upload(connection: Connection, tenant: int, day: date, size: int) -> None:
    """Give back bytes that were reserved and never read."""
    _correct(connection, "upload_bytes", tenant, day, -size)


def day_end() -> datetime:
    """When the day ends, in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def seconds_left() -> float:
    """Seconds until the day ends."""
    return (day_end() - datetime.now(UTC)).total_seconds()


def _take(
    connection: Connection, column: Column, tenant: int, amount: int, cap: int
) -> date | None:  # fmt: skip
    day: date | None = connection.execute(
        text(TAKE.format(column=column)), {"tenant": tenant, "amount": amount, "cap": cap}
    ).scalar_one_or_none()
    return day


def _correct(
    connection: Connection, column: Column, tenant: int, day: date, difference: int
) -> None:
    connection.execute(
        text(CORRECT.format(column=column)),
        {"tenant": tenant, "day": day, "difference": difference},
    )
