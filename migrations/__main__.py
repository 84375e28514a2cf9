"""`python -m migrations`: bring the database to the newest schema, one process at a time."""

from pathlib import Path

import click
import psycopg
from alembic import command
from alembic.config import Config

from db.settings import Settings

LOCK = 0x51687411
"""The advisory lock that keeps two migrating processes apart."""


def config(url: str) -> Config:
    """Alembic's configuration, made here so that no ini file can go astray."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["url"] = url
    return made


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database at a `postgresql://` URL under an advisory lock."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        command.upgrade(config(url), revision)


@click.command()
@click.option("--url", help="Database URL; else SIGHTLINE_DATABASE_URL.")
def main(url: str | None) -> None:
    """Bring the database to the newest schema. Safe to run at any time, also twice."""
    migrate(url or Settings().database_url)
    click.echo("The schema is up to date.")


if __name__ == "__main__":
    main()
