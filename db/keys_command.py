"""`python -m db.keys_command`: make, list and revoke API keys, straight in the database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from db import keys
from db.errors import SightlineError
from db.keys import Key, Scope
from db.session import Database
from db.settings import Settings

DURATION = re.compile(r"(\d{1,5})([hd])")
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
WARNING = """This is the only time that the key is shown; nothing can bring it back.
Whoever has it can do what its scopes say: keep it out of chats, tickets and repositories."""


class Duration(click.ParamType[timedelta]):
    """A time such as `90d` or `12h`."""

    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Parse it; says how one looks when it is none."""
        if isinstance(value, timedelta):
            return value
        found = DURATION.fullmatch(value)
        if found is None or int(found[1]) == 0:
            self.fail("write it as 90d (days) or 12h (hours)", param, ctx)
        return int(found[1]) * UNITS[found[2]]


@click.group(context_settings={"max_content_width": 100})
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False),
              help="Data folder of a running `make serve`; else SIGHTLINE_DATABASE_URL is used.")  # fmt: skip
@click.pass_context
def main(context: click.Context, data_dir: Path | None) -> None:
    """API keys: who may use this Sightline, and for what.

    While there is no key, only this machine is served and needs none. From the first key on, every
    request sends one:

    \b
      curl -H "Authorization: Bearer sl_…" http://127.0.0.1:8000/v1/catalogs

    \b
    Scopes  read    read everything, search, make embeddings
            write   put, change and delete items, documents and catalogs
            answer  ask questions, caption, evaluate: what may cost money
            admin   all of that, and make keys and webhooks

    A key belongs to a tenant and sees that tenant's catalogs alone. A server that stands alone needs
    just the one that is there: `default`.
    """
    context.obj = data_dir


@contextmanager
def _transaction(context: click.Context) -> Iterator[Connection]:
    """A transaction as the tables' owner; what can go wrong is told in a sentence."""
    try:
        database = Database(_url(context.obj), pool_size=1)
        with database.begin() as connection:
            yield connection
        database.close()
    except SightlineError as error:
        raise click.ClickException(error.detail) from None
    except ProgrammingError:
        raise click.ClickException(
            "The database has no schema yet, or an old one: run `python -m migrations` first."
        ) from None


def _url(data_dir: Path | None) -> str:
    if data_dir is None:
        return Settings().database_url
    from db.embedded.stack import running_database

    url = running_database(data_dir)
    if url is None:
        raise click.ClickException(f"Nothing runs in {data_dir}: start it with `make serve`.")
    return url


@main.command()
@click.option("--label", help="What the key is for: it helps to know which one to revoke.")
@click.option("--scope", "scopes", type=click.Choice([str(scope) for scope in Scope]),
              multiple=True, default=("admin",), show_default=True,
              help="What it may do; several times for several.")  # fmt: skip
@click.option(
    "--expires", type=Duration(), help="Ends after so long: 90d, 12h. Else: when revoked."
)
@click.option("--tenant", default="default", show_default=True,
              help="Whose catalogs it sees; a new name makes a new tenant.")  # fmt: skip
@click.pass_context
def make(
    context: click.Context,
    label: str | None,
    scopes: tuple[str, ...],
    expires: timedelta | None,
    tenant: str,
) -> None:
    """Make a key and print it once.

    Only the key goes to standard output, so this works: KEY=$(… make --label ci --scope read)
    """
    secret = Settings().key_secret.get_secret_value()
    wanted = [Scope(scope) for scope in dict.fromkeys(scopes)]
    with _transaction(context) as connection:
        number = _tenant(connection, tenant)
        row, key = keys.make(connection, number, wanted, secret, label=label, lasts=expires)
    until = f"until {row.expires_at:%Y-%m-%d %H:%M %Z}" if row.expires_at else "until it is revoked"
    click.echo(f"Key {row.id} of tenant {tenant}: {', '.join(row.scopes)}, {until}.", err=True)
    click.echo(WARNING, err=True)
    click.echo(key)


def _tenant(connection: Connection, name: str) -> int:
    """A tenant's number; a new name is a new tenant."""
    values = {"name": name}
    found = connection.execute(text("SELECT id FROM tenants WHERE name = :name"), values).scalar()
    if found is not None:
        return int(found)
    made = text("INSERT INTO tenants (name) VALUES (:name) RETURNING id")
    click.echo(f"The tenant {name} is new.", err=True)
    return int(connection.execute(made, values).scalar_one())


@main.command("list")
@click.pass_context
def list_keys(context: click.Context) -> None:
    """Show all tenants' keys: never their secrets, which are not kept."""
    table = Table("id", "tenant", "label", "scopes", "made", "state")
    with _transaction(context) as connection:
        tenants = connection.execute(text("SELECT id, name FROM tenants ORDER BY name")).all()
        for tenant in tenants:
            for row in keys.listed(connection, tenant.id, limit=1_000_000):
                scopes, made = " ".join(row.scopes), f"{row.created_at:%Y-%m-%d}"
                table.add_row(row.id, tenant.name, row.label, scopes, made, _state(row))
    if not table.rows:
        click.echo("There are no keys: only this machine is served. Make one with `make`.")
        return
    Console().print(table)


def _state(row: Key) -> str:
    if row.revoked_at:
        return f"revoked {row.revoked_at:%Y-%m-%d}"
    if row.expires_at is None:
        return "in force"
    over = row.expires_at <= datetime.now(UTC)
    return f"{'expired' if over else 'until'} {row.expires_at:%Y-%m-%d}"


@main.command()
@click.argument("key_id", metavar="ID")
@click.pass_context
def revoke(context: click.Context, key_id: str) -> None:
    """Revoke the key with this ID: the next request with it is refused.

    The ID is what `list` shows, the part behind `sl_`. A server that once had a key stays closed to
    requests without one, also when all are revoked.
    """
    with _transaction(context) as connection:
        owner = text("SELECT tenant_id FROM api_keys WHERE id = :id")
        tenant = connection.execute(owner, {"id": key_id}).scalar()
        keys.revoke(connection, tenant or 0, key_id)
    click.echo(f"Key {key_id} is revoked.")


if __name__ == "__main__":
    main(prog_name="python -m db.keys_command")
