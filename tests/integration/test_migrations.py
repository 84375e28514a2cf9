"""The schema that the migrations make is the one that the models say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import migrations
from db.models import REFERENCE_TABLES, REVISION, Base
from db.session import Database
from migrations.__main__ import migrate


def test_migrations_and_models_agree(database: Database) -> None:
    with database.begin() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_the_revision_that_readyz_expects_is_the_newest() -> None:
    assert ScriptDirectory(migrations.__path__[0]).get_current_head() == REVISION


def test_migrating_twice_changes_nothing(database: Database, database_url: str) -> None:
    migrate(database_url)


TABLES_WITHOUT_TENANT = text("""
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'sightline'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
""")
KEYS_WITHOUT_TENANT = text("""
    SELECT i.indexrelid::regclass::text FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'sightline'::regnamespace
    WHERE i.indisunique AND c.relname <> ALL(:reference) AND NOT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey) AND a.attname = 'tenant_id')
""")
FOREIGN_KEYS_WITHOUT_TENANT = text("""
    SELECT f.conname FROM pg_constraint f
    JOIN pg_class c ON c.oid = f.conrelid AND c.relnamespace = 'sightline'::regnamespace
    JOIN pg_class r ON r.oid = f.confrelid
    WHERE f.contype = 'f' AND r.relname <> ALL(:reference) AND NOT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = ANY(f.conkey) AND a.attname = 'tenant_id')
""")


def test_every_table_carries_its_tenant_in_every_key(database: Database) -> None:
    """As the live schema has it: what Citus asks of tables that are sharded by tenant."""
    reference = [*REFERENCE_TABLES, "alembic_version"]
    with database.begin() as connection:
        tables = connection.execute(TABLES_WITHOUT_TENANT).scalars().all()
        assert sorted(tables) == sorted(reference)
        for keys in (KEYS_WITHOUT_TENANT, FOREIGN_KEYS_WITHOUT_TENANT):
            assert connection.execute(keys, {"reference": reference}).scalars().all() == []
