"""Connections: one pooled engine a process, short transactions, and a raw one to listen on."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from db.errors import InvalidInput, Unavailable
from db.models import SCHEMA

API_ROLE = "sightline_api"
"""The role of the API's sessions, and the schema of the views that it sees."""
# Statements are prepared, which saves parsing, but each execution is planned: a generic plan would
# not match the partial vector indexes, nor a queue that filled a moment ago.
CUSTOM_PLANS = "-c plan_cache_mode=force_custom_plan"
OPTIONS = f"-c search_path={SCHEMA},public {CUSTOM_PLANS}"
API_OPTIONS = f"-c role={API_ROLE} -c search_path={API_ROLE},public {CUSTOM_PLANS}"

REST_SECONDS = 0.2
"""A connection that rested so long is tried before it is used: Postgres takes longer to restart."""


class Database:
    """The engine of one process. `begin` is the only way to a transaction."""

    options = OPTIONS
    """What each session is started with."""
    more_arguments: dict[str, Any] = {}
    """What more psycopg is told when it connects."""

    def __init__(self, url: str, pool_size: int = 10, name: str = "sightline") -> None:
        """`url` is a plain `postgresql://` URL; nothing connects until the first transaction.

        `name` is what `pg_stat_activity` shows as `application_name`, where the URL says none.
        """
        self.url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._arguments: dict[str, Any] = {
            "options": self.options,
            "connect_timeout": 5,
            "fallback_application_name": name,
        }
        self.engine = create_engine(
            self.url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            # The last one used has its plans and caches warm: 7 ms instead of 8 to 9.5 for a search.
            pool_use_lifo=True,
            # An error that is logged must not tell the values that the statement held.
            hide_parameters=True,
            connect_args={**self._arguments, **self.more_arguments},
        )
        event.listen(self.engine, "connect", _register_vector_types)
        event.listen(self.engine, "checkin", _note_use)
        event.listen(self.engine, "checkout", _ping_after_rest)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: commits at the end, rolls back on an error.

        Raises Unavailable when Postgres is away.
        """
        with _told_when_away(), self.engine.begin() as connection:
            yield connection

    def listen(self) -> psycopg.Connection[Any]:
        """A connection of its own outside the pool, in autocommit, for LISTEN."""
        return psycopg.connect(self.url, autocommit=True, **self._arguments)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


class TenantDatabase(Database):
    """The API's engine. Its role sees one tenant's rows at most: those of the transaction's tenant.

    The views of migration 0006 hold to `app.tenant`; where it is unset they are empty. The role is
    taken when a session begins, so the URL is the same as everybody's.
    """

    options = API_OPTIONS
    more_arguments = {"autocommit": True}
    """The driver begins no transaction: `_begin` does, and tells the tenant in the same round trip."""

    def __init__(
        self, url: str, tenant: Callable[[], int | None] = lambda: None, pool_size: int = 10
    ) -> None:
        """`tenant` is asked at the start of each transaction; None sees no tenant's rows."""
        super().__init__(url, pool_size, "sightline-api")
        self._tenant = tenant
        event.listen(self.engine, "begin", self._begin)

    def ask(self, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a statement that needs neither transaction nor tenant: one round trip.

        Raises Unavailable when Postgres is away.
        """
        with _told_when_away():
            pooled = self.engine.raw_connection()
            try:
                raw = pooled.driver_connection
                assert isinstance(raw, psycopg.Connection)
                found: tuple[Any, ...] | None = raw.execute(statement, values).fetchone()
                return found
            finally:
                pooled.close()

    def _begin(self, connection: Connection) -> None:
        tenant = self._tenant()
        told = "" if tenant is None else f"; SET LOCAL app.tenant = '{tenant:d}'"
        connection.exec_driver_sql(f"BEGIN{told}")


@contextmanager
def _told_when_away() -> Iterator[None]:
    try:
        yield
    except (OperationalError, psycopg.OperationalError, PoolTimeout) as error:
        if isinstance(getattr(error, "orig", error), psycopg.errors.ProgramLimitExceeded):
            # Of the same class as a lost connection, and yet no waiting ends it.
            raise InvalidInput("A value is too long to be stored.") from error
        raise Unavailable("The database cannot be reached; try again shortly.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("The database broke off; try again shortly.") from error
        raise


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_after_rest(
    connection: psycopg.Connection[Any], record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Replace a connection that broke while it rested; one just used costs no round trip."""
    if time.monotonic() - record.info.get("used_at", time.monotonic()) < REST_SECONDS:
        return
    try:
        connection.execute("")
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


def _register_vector_types(connection: psycopg.Connection[Any], _record: object) -> None:
    try:
        register_vector(connection)
    except psycopg.ProgrammingError:
        # Before the first migration there is no vector type to register.
        connection.rollback()
    else:
        connection.rollback()


@contextmanager
def checked_by_one_plan(connection: Connection) -> Iterator[None]:
    """Statements that write many rows: the checks of foreign keys are planned once, not for each row.

    Planned as everything else is (`CUSTOM_PLANS`) they took 58 of 81 ms for 1,000 vectors, and 11
    of 27 ms for 1,000 tasks. A plan made while a table was empty must not read all of it when it is
    full: it goes by index. The statements themselves must do with such a plan, too.
    """
    connection.exec_driver_sql(
        "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"
    )
    yield
    connection.exec_driver_sql(
        "SET LOCAL plan_cache_mode TO DEFAULT; SET LOCAL enable_seqscan TO DEFAULT"
    )


def driver(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection below a SQLAlchemy one: for COPY."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw
