"""`sightline search`: by words, by a picture, or from an item."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sightline.cli import filters as filter_words
from sightline.cli.pictures import show_pictures
from sightline.cli.shared import (
    Shared,
    catalog_option,
    filter_option,
    json_option,
    limit_option,
    pass_shared,
)
from sightline.cli.show import called, err, money, out, print_json, print_table
from sightline.client import Sightline
from sightline.types import Json
from sightline.words import one_line

EPILOG = """\b
Examples:
  sightline search 'brown leather boot under $100'
  sightline search --image photo.jpg --limit 3
  sightline search --like sku-17 --filter category=shoes --filter 'price<80'
  sightline search "fuse" --catalog manuals --mode text --json"""


@click.command(epilog=EPILOG)
@click.argument("words", required=False)
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="FILE", help="Search by this picture.")  # fmt: skip
@click.option("--like", metavar="ITEM", help="Search for what is like this item.")
@click.option("--mode", type=click.Choice(["auto", "image", "text", "hybrid"]), default="auto",
              show_default=True, help="Which lists to look in.")  # fmt: skip
@click.option("--pictures", is_flag=True, help="Show thumbnails, where the terminal can.")
@filter_option
@limit_option(10)
@catalog_option
@json_option
@pass_shared
def search(
    shared: Shared, words: str | None, image: Path | None, like: str | None, mode: Any,
    pictures: bool, filters: tuple[str, ...], limit: int, catalog: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Find items by WORDS, by a picture, or like another item.

    What the words say of price, category or stars becomes a filter: "under $100".
    """
    if sum(one is not None for one in (words, image, like)) != 1:
        raise click.UsageError("Search by one of WORDS, --image FILE, --like ITEM.")
    name = shared.catalog(catalog)
    result = shared.server.search(
        name, text=words, image=image.read_bytes() if image else None, item_id=like, limit=limit,
        filters=filter_words.parsed(filters), mode=mode,
    )  # fmt: skip
    if as_json:
        print_json(result)
        return
    _show(shared.server, name, result)
    if pictures:
        show_pictures(shared.server, name, [hit["item"] for hit in result["hits"]])


def _show(server: Sightline, catalog: str, result: Json) -> None:
    understood = result["query"]["parsed_filters"]
    if understood:
        searched = one_line(result["query"]["searched_text"])
        out().print(f"Understood: “{searched}” with {one_line(json.dumps(understood))}")
    if not result["hits"]:
        err().print("Nothing was found. Try other words, fewer filters, or sightline items.")
        return
    rows = [
        [n, hit["item"]["id"], called(hit["item"]), money(hit["item"]), hit["score"], _link(server, catalog, hit)]
        for n, hit in enumerate(result["hits"], 1)
    ]  # fmt: skip
    print_table(["#", "id", "name", "price", "score", "picture"], rows)
    if result["incomplete"]:
        err().print("The result is incomplete: not every list could be searched.")


def _link(server: Sightline, catalog: str, hit: Mapping[str, Any]) -> str:
    item_id = hit["item"]["id"]
    return server.picture_url(catalog, item_id) if hit["item"]["sha256"] else ""
