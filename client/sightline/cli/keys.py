"""`sightline keys`: made, listed and revoked; it takes a key with the scope `admin`."""

import click

from sightline.cli.shared import ListByDefault, Shared, json_option, pass_shared
from sightline.cli.show import err, out, print_json, print_rows
from sightline.words import safe

SCOPES = ("read", "write", "answer", "admin")
EPILOG = """\b
Examples:
  sightline keys make --label shop-site --scope read
  export SIGHTLINE_KEY=$(sightline keys make --label admin --scope admin)
  sightline keys revoke 0123456789abcdef

From the first key on, every request needs one: make one with the scope admin first."""


@click.group(cls=ListByDefault, epilog=EPILOG)
def keys() -> None:
    """List API keys, or make or revoke one. Alone it lists."""


@keys.command("list")
@json_option
@pass_shared
def list_(shared: Shared, as_json: bool) -> None:
    """List all keys, without their secrets."""
    columns = [(name, name) for name in
               ("id", "label", "scopes", "created_at", "expires_at", "revoked_at")]  # fmt: skip
    nothing = "There are no keys: this server serves its own machine alone."
    print_rows(shared.server.keys(), columns, as_json, nothing)


@keys.command()
@click.option("--label", metavar="WORDS", help="What it is for.")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True,
              help="What it may do; as often as wanted. `admin` is for all.")  # fmt: skip
@click.option("--expires-in-days", type=click.IntRange(1, 3650), metavar="DAYS",
              help="For how long; else until it is revoked.")  # fmt: skip
@json_option
@pass_shared
def make(
    shared: Shared, label: str | None, scopes: tuple[str, ...], expires_in_days: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a key. It is printed this once, alone on stdout; keep it."""
    made = shared.server.make_key(scopes, label, expires_in_days)
    if as_json:
        print_json(made)
        return
    out().print(safe(made["key"]))
    err().print(
        f"Its id is {safe(made['id'])}. It is shown this once; hand it on as SIGHTLINE_KEY."
    )


@keys.command()
@click.argument("key_id", metavar="ID")
@pass_shared
def revoke(shared: Shared, key_id: str) -> None:
    """Revoke a key by its ID: the next request with it is refused."""
    shared.server.revoke_key(key_id)
    err().print(f"{safe(key_id)} is revoked.")
