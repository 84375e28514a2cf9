"""Alembic's environment: one connection, short lock waits, the tables' own schema."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from db.models import SCHEMA, Base
from db.session import OPTIONS

url: str = context.config.attributes["url"]
engine = create_engine(
    url.replace("postgresql://", "postgresql+psycopg://", 1),
    poolclass=NullPool,
    connect_args={"options": f"{OPTIONS} -c lock_timeout=2s"},
)
with engine.connect() as connection:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
