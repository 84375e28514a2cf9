"""The schema that the migrations make is the one that the models say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

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


def test_every_table_carries_its_tenant_in_every_unique_key() -> None:
    for table in Base.metadata.sorted_tables:
        if table.name in REFERENCE_TABLES:
            continue
        assert "tenant_id" in table.c
        keys = [set(table.primary_key.columns.keys())]
        keys += [
            set(c.columns.keys())
            for c in table.constraints
            if type(c).__name__ == "UniqueConstraint"
        ]
        assert all("tenant_id" in key for key in keys), table.name
