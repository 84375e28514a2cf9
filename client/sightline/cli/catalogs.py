"""`sightline catalogs`: listed, made, shown and deleted."""

import click

from sightline.cli.shared import ListByDefault, Shared, json_option, pass_shared
from sightline.cli.show import err, print_fields, print_json, print_rows
from sightline.words import safe

EPILOG = """\b
Examples:
  sightline catalogs
  sightline catalogs make shop --description "What we sell"
  sightline catalogs show shop"""


@click.group(cls=ListByDefault, epilog=EPILOG)
def catalogs() -> None:
    """List catalogs, or make, show or delete one. Alone it lists."""


@catalogs.command("list")
@json_option
@pass_shared
def list_(shared: Shared, as_json: bool) -> None:
    """List all catalogs."""
    columns = [(name, name) for name in ("name", "description", "image_model", "text_model")]
    nothing = "There are no catalogs. Make one: sightline import FOLDER --catalog NAME."
    print_rows(shared.server.catalogs(), columns, as_json, nothing)


@catalogs.command()
@click.argument("name")
@click.option("--description", metavar="WORDS", help="What it holds.")
@click.option("--image-model", metavar="MODEL", help="One that the server has; else its first.")
@click.option("--text-model", metavar="MODEL", help="One that the server has; else its own.")
@json_option
@pass_shared
def make(
    shared: Shared, name: str, description: str | None, image_model: str | None,
    text_model: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make the catalog NAME, or change it."""
    settings = {"description": description, "image_model": image_model, "text_model": text_model}
    given = {key: value for key, value in settings.items() if value is not None}
    made = shared.server.put_catalog(name, **given)
    print_json(made) if as_json else print_fields(made)


@catalogs.command()
@click.argument("name")
@json_option
@pass_shared
def show(shared: Shared, name: str, as_json: bool) -> None:
    """Show a catalog with what it holds."""
    found = shared.server.catalog(name)
    print_json(found) if as_json else print_fields(found)


@catalogs.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_shared
def delete(shared: Shared, name: str, yes: bool) -> None:
    """Delete a catalog with all that it holds."""
    count = shared.server.catalog(name).get("counts", {}).get("items", 0)
    if not yes:
        click.confirm(f"Delete {safe(name)} with {count} items?", abort=True, err=True)
    shared.server.delete_catalog(name)
    err().print(f"{safe(name)} is deleted.")
