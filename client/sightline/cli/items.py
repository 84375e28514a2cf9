"""`sightline items`: listed, shown, changed, deleted, and their pictures saved."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sightline.cli import filters as filter_words
from sightline.cli.shared import (
    ListByDefault,
    Shared,
    catalog_option,
    filter_option,
    json_option,
    limit_option,
    pass_shared,
)
from sightline.cli.show import called, err, money, print_fields, print_json, print_rows
from sightline.words import safe

FIELDS = ("name", "caption", "description", "category", "tags", "price", "currency", "attributes")
EPILOG = """\b
Examples:
  sightline items --catalog shop --filter category=shoes --limit 5
  sightline items show sku-17
  sightline items set sku-17 price=79.90 'tags=new|leather'
  sightline items picture sku-17 boot.jpg"""


@click.group(cls=ListByDefault, epilog=EPILOG)
def items() -> None:
    """List items, or show, change, delete one or save its picture. Alone it lists."""


@items.command("list")
@filter_option
@limit_option(20)
@catalog_option
@json_option
@pass_shared
def list_(
    shared: Shared, filters: tuple[str, ...], limit: int, catalog: str | None, as_json: bool
) -> None:
    """List items that match, in the order in which they came."""
    found = shared.server.items(
        shared.catalog(catalog), limit, filters=filter_words.parsed(filters)
    )
    rows = (
        dict(item) if as_json else {**item, "called": called(item), "cost": money(item)}
        for item in found
    )
    columns = [("id", "id"), ("kind", "kind"), ("name", "called"), ("category", "category"),
               ("price", "cost")]  # fmt: skip
    print_rows(rows, columns, as_json, "There are no such items.")


@items.command()
@click.argument("item_id", metavar="ITEM")
@catalog_option
@json_option
@pass_shared
def show(shared: Shared, item_id: str, catalog: str | None, as_json: bool) -> None:
    """Show an item with its metadata."""
    found = shared.server.item(shared.catalog(catalog), item_id)
    print_json(found) if as_json else print_fields(found)


@items.command("set")
@click.argument("item_id", metavar="ITEM")
@click.argument("changes", nargs=-1, required=True, metavar="FIELD=VALUE...")
@catalog_option
@json_option
@pass_shared
def set_(
    shared: Shared, item_id: str, changes: tuple[str, ...], catalog: str | None, as_json: bool
) -> None:
    """Change metadata: an empty value removes it, tags are parted by |, attributes are JSON."""
    name = shared.catalog(catalog)
    found = shared.server.change_item(name, item_id, **_changes(changes))
    print_json(found) if as_json else print_fields(found)


def _changes(words: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for one in words:
        name, sign, value = one.partition("=")
        if not sign or name not in FIELDS:
            raise click.UsageError(f"{one!r} is no change: write one of {', '.join(FIELDS)}=VALUE.")
        made[name] = _value(name, value)
    return made


def _value(name: str, value: str) -> Any:
    if name == "tags":
        return [tag for tag in value.split("|") if tag]
    if name == "attributes":
        try:
            return json.loads(value or "{}")
        except ValueError as error:
            raise click.UsageError(f"The attributes are no JSON object: {value!r}.") from error
    return value or None


@items.command()
@click.argument("item_id", metavar="ITEM")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--thumbnail", is_flag=True, help="Fitted into 256 pixels.")
@catalog_option
@pass_shared
def picture(shared: Shared, item_id: str, path: Path, thumbnail: bool, catalog: str | None) -> None:
    """Save an item's picture into FILE, as JPEG or PNG."""
    size = "thumbnail" if thumbnail else "full"
    path.write_bytes(shared.server.picture(shared.catalog(catalog), item_id, size))
    err().print(f"Saved {safe(path)}.")


@items.command()
@click.argument("item_id", metavar="ITEM")
@catalog_option
@pass_shared
def delete(shared: Shared, item_id: str, catalog: str | None) -> None:
    """Delete an item."""
    shared.server.delete_item(shared.catalog(catalog), item_id)
    err().print(f"{safe(item_id)} is deleted.")
