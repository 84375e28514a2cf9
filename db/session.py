"""Connections: one pooled engine a process, short transactions, and a raw one to listen on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from db.errors import Unavailable
from db.models import SCHEMA

# Statements are prepared, which saves parsing, but each execution is planned: a generic plan would
# not match the partial vector indexes, nor a queue that filled a moment ago.
OPTIONS = f"-c search_path={SCHEMA},public -c plan_cache_mode=force_custom_plan"

REST_SECONDS = 1.0
"""A connection that rested so long is tried before it is used."""


class Database:
    """The engine of one process. `begin` is the only way to a transaction."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        """`url` is a plain `postgresql://` URL; nothing connects until the first transaction."""
        self.url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self.engine = create_engine(
            self.url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            connect_args={"options": OPTIONS, "connect_timeout": 5},
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
        return psycopg.connect(self.url, autocommit=True, options=OPTIONS, connect_timeout=5)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def _told_when_away() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
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


def driver(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection below a SQLAlchemy one: for COPY."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw
