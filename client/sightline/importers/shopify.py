"""Shopify's product export: rows of one handle are one product, with its variants and pictures."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from sightline.importers import prices
from sightline.importers.plain_text import plain_text
from sightline.importers.record import Bad, Importer, Product, Record
from sightline.importers.tables import csv_rows, header_of

Row = dict[str, str]
COLUMNS = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "body": ("body (html)", "description"),
    "vendor": ("vendor",),
    "type": ("type",),
    "category": ("product category",),
    "tags": ("tags",),
    "status": ("status",),
    "image": ("image src", "product image url"),
    "position": ("image position",),
    "alt": ("image alt text",),
    "price": ("variant price", "price"),
    "sku": ("variant sku", "sku"),
}
"""Our words, each with the names that the old and the new export have for it."""
OPTIONS = tuple((f"option{n} name", f"option{n} value") for n in (1, 2, 3))
MOST_VARIANTS = 100


class ShopifyImporter:
    """An item for each picture of each product."""

    name = "shopify"
    about = "a Shopify product export"

    def __init__(self, path: Path, currency: str | None = None) -> None:
        """`currency` is that of the prices: the export does not tell."""
        self._path, self._currency = path, currency

    def mapping(self) -> Sequence[tuple[str, str]]:
        """Which column becomes which field."""
        return [
            ("Handle", "id (further pictures add .2, .3), attributes: product"),
            ("Title", "name"),
            ("Body (HTML)", "description, as plain text"),
            ("Type, else Product Category", "category"),
            ("Tags", "tags"),
            ("Variant Price", f"price, the lowest ({self._currency or 'see --currency'})"),
            ("Image Src", "image_url, fetched by the server"),
            ("Image Alt Text", "caption"),
            ("Vendor, Status, options, SKUs", "attributes"),
        ]

    def records(self) -> Iterator[Record | Bad]:
        """An item for each picture; a product without any becomes a text."""
        with self._path.open("rb") as stream:
            rows = (
                (where, row if isinstance(row, Bad) else _named(row))
                for where, row in csv_rows(stream)
            )
            for handle, group in groupby(rows, key=lambda pair: _handle(pair[1])):
                found = list(group)
                good = [row for _, row in found if not isinstance(row, Bad)]
                yield from (row for _, row in found if isinstance(row, Bad))
                if handle and good:
                    yield from _product(found[0][0], handle, good, self._currency).records()
                elif good:
                    yield Bad(found[0][0], None, "invalid_manifest_line", "The row has no Handle.")

    def close(self) -> None:
        """Nothing is open."""


def _named(row: dict[str, str]) -> Row:
    """A row by our words, and its options by their own."""
    lower = {name.lower(): cell.strip() for name, cell in row.items()}
    made = {
        word: next((lower[name] for name in names if name in lower), "")
        for word, names in COLUMNS.items()
    }
    return made | {
        name: lower[name] for pair in OPTIONS for name in pair if name in lower
    }  # fmt: skip


def _handle(row: Row | Bad) -> str | None:
    return None if isinstance(row, Bad) else row["handle"]


def _product(where: str, handle: str, rows: Sequence[Row], currency: str | None) -> Product:
    first = next((row for row in rows if row["title"]), rows[0])
    variants = _variants(rows)
    known = [variant["price"] for variant in variants if "price" in variant]
    attributes: dict[str, Any] = {
        "vendor": first["vendor"], "status": first["status"], "variants": variants,
        "price_max": max(known) if known and max(known) > min(known) else None,
    }  # fmt: skip
    fields: dict[str, Any] = {
        "id": handle,
        "name": first["title"],
        "description": plain_text(first["body"]),
        "category": first["type"] or first["category"].rpartition(">")[2].strip(),
        "tags": first["tags"].split(",") if first["tags"] else [],
        "caption": next((row["alt"] for row in rows if row["alt"]), None),
        "price": min(known) if known else None,
        "currency": currency if known else None,
        "attributes": {name: value for name, value in attributes.items() if value},
    }
    return Product(where, fields, _images(rows))


def _images(rows: Sequence[Row]) -> list[str]:
    """The addresses, by their position."""
    named = [row for row in rows if row["image"]]
    return [row["image"] for row in sorted(named, key=_position)]


def _position(row: Row) -> int:
    return int(row["position"]) if row["position"].isdecimal() else 10_000


def _variants(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What can be bought: the price, the SKU and the options of each row that has any."""
    names = [next((row[name] for row in rows if row.get(name)), "") for name, _ in OPTIONS]
    found = (_variant(row, names) for row in rows)
    return [variant for variant in found if variant][:MOST_VARIANTS]


def _variant(row: Row, names: Sequence[str]) -> dict[str, Any]:
    price = prices.parsed(row["price"])
    made: dict[str, Any] = {"price": float(price.amount)} if price else {}
    if row["sku"]:
        made["sku"] = row["sku"]
    for name, (_, value) in zip(names, OPTIONS, strict=True):
        if name and name != "Title" and row.get(value):  # "Title: Default Title" says nothing
            made[name.lower()] = row[value]
    return made


def is_shopify(names: Sequence[str]) -> bool:
    """Whether a header is that of Shopify's export."""
    lower = {name.lower() for name in names}
    return bool({"handle", "url handle"} & lower) and "title" in lower \
        and bool({"image src", "product image url", "body (html)", "variant price"} & lower)  # fmt: skip


def opened(path: Path, currency: str | None) -> Importer:
    """The importer of a file. Raises nothing: its rows tell what is wrong with them."""
    return ShopifyImporter(path, currency)


def recognised(path: Path) -> bool:
    """Whether a file is such an export, by its header."""
    with path.open("rb") as stream:
        return is_shopify(header_of(stream))
