"""Real parts for the tests: one Postgres and one Redis a run, a clean database for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from db.blobs import BlobStore
from db.embedded import Postgres, Redis
from db.models import REFERENCE_TABLES, Base
from db.session import Database
from db.settings import Settings
from migrations.__main__ import migrate

for _name in [
    name for name in os.environ if name.startswith(("SIGHTLINE_", "OPENAI_", "ANTHROPIC_", "OTEL_"))
]:
    del os.environ[_name]
"""The tests do not depend on the caller's settings, and spend nobody's money by chance.

Two tests ask the real providers, where `REAL_OPENAI_API_KEY` or `REAL_ANTHROPIC_API_KEY` is set.
"""


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database on a real Postgres with pgvector."""
    with Postgres(tmp_path_factory.mktemp("postgres")) as postgres:
        migrate(postgres.url)
        yield postgres.url


@pytest.fixture(scope="session")
def _shared_database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, pool_size=5)
    yield database
    database.close()


@pytest.fixture
def database(_shared_database: Database) -> Database:
    """The database without any tenant's rows."""
    tables = ", ".join(
        table.name
        for table in Base.metadata.sorted_tables
        if table.name not in REFERENCE_TABLES or table.name in ("workers", "models")
    )
    with _shared_database.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    return _shared_database


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis."""
    with Redis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis.url


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    """An empty local blob store."""
    return BlobStore(f"file://{tmp_path}/blobs")


@pytest.fixture
def settings(database_url: str, redis_url: str, blobs: BlobStore) -> Settings:
    """Settings that point at the test's parts."""
    return Settings(
        database_url=database_url, redis_url=redis_url, blob_url=f"file://{blobs.folder}"
    )
