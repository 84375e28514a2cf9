"""`python -m migrations`: bring the database to the newest schema, one process at a time."""

from pathlib import Path

import click
import psycopg
from alembic import command
from alembic.config import Config

from db import keys
from db.session import Database
from db.settings import Settings
from db.vocabulary import DEFAULT_TENANT

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
@click.option(
    "--first-key", is_flag=True, help="Make an admin's API key if there is no key at all."
)
def main(url: str | None, first_key: bool) -> None:
    """Bring the database to the newest schema. Safe to run at any time, also twice."""
    settings = Settings()
    migrate(url or settings.database_url)
    click.echo("The schema is up to date.")
    if first_key and (key := make_first_key(url or settings.database_url, settings)):
        click.echo(f"The first API key, with the scope admin. It is shown this once:\n\n  {key}\n")


def make_first_key(url: str, settings: Settings) -> str | None:
    """An admin's key of the default tenant where there is no key at all; else None."""
    database = Database(url, pool_size=1)
    try:
        with database.begin() as connection:
            secret = settings.key_secret.get_secret_value()
            return keys.make_first(connection, DEFAULT_TENANT, secret)
    finally:
        database.close()


if __name__ == "__main__":
    main()
