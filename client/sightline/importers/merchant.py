"""Google Merchant feeds, RSS, Atom or tab-separated: products by their `g:` names."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sightline.importers import prices
from sightline.importers.plain_text import plain_text
from sightline.importers.record import Bad, Product, Record, Unrecognised
from sightline.importers.tables import csv_rows, header_of
from sightline.importers.xml import Element, RefusedXml, elements

ITEMS = frozenset({"item", "entry"})
DONE = frozenset({"id", "title", "description", "image_link", "additional_image_link", "price",
                  "product_type", "google_product_category"})  # fmt: skip
"""What becomes a field of its own; all else becomes an attribute."""


class MerchantImporter:
    """An item for each picture of each product."""

    name = "merchant"
    about = "a Google Merchant feed"

    def __init__(self, path: Path, currency: str | None = None) -> None:
        """`currency` is that of prices which tell none."""
        self._path, self._currency = path, currency

    def mapping(self) -> Sequence[tuple[str, str]]:
        """Which element or column becomes which field."""
        return [
            ("id", "id (further pictures add .2, .3), attributes: product"),
            ("title", "name"),
            ("description", "description, as plain text"),
            ("product_type, else google_product_category", "category"),
            ("price", "price and currency"),
            ("image_link, additional_image_link", "image_url, fetched by the server"),
            ("sale_price", "attributes: sale_price, as a number"),
            ("brand, availability, color, link, …", "attributes"),
        ]

    def records(self) -> Iterator[Record | Bad]:
        """An item for each picture; a product without any becomes a text."""
        for where, found in self._products():
            if isinstance(found, Bad):
                yield found
            elif not found.get("id"):
                yield Bad(where, None, "invalid_manifest_line", "The product has no id.")
            else:
                yield from product(where, found, self._currency).records()

    def _products(self) -> Iterator[tuple[str, dict[str, list[str]] | Bad]]:
        with self._path.open("rb") as stream:
            if not _is_xml(self._path):
                for where, row in csv_rows(stream):
                    yield where, row if isinstance(row, Bad) else _from_row(row)
                return
            try:
                for number, element in enumerate(elements(stream, ITEMS), 1):
                    yield f"product {number}", _from_element(element)
            except RefusedXml as error:
                yield "the feed", Bad("the feed", None, "broken_feed", str(error))

    def close(self) -> None:
        """Nothing is open."""


def product(where: str, found: Mapping[str, list[str]], currency: str | None) -> Product:
    """A product of its values by Google's names."""
    first = {name: values[0] for name, values in found.items() if values and values[0]}
    attributes: dict[str, Any] = {
        name: value for name, value in first.items() if name not in DONE and len(value) < 1_000
    }
    sale = prices.parsed(attributes.get("sale_price"))
    if sale is not None:
        attributes["sale_price"] = float(sale.amount)
    price = prices.fields_of(first.get("price"), currency)
    attributes |= price.pop("attributes", {})  # type: ignore[call-overload]
    fields = {
        "id": first["id"],
        "name": first.get("title"),
        "description": plain_text(first.get("description")),
        "category": first.get("product_type") or first.get("google_product_category"),
        "attributes": attributes,
        **price,
    }
    further = found.get("additional_image_link", [])
    images = [*found.get("image_link", [])[:1], *further]
    return Product(where, fields, [address for address in images if address])


def _from_element(element: Element) -> dict[str, list[str]]:
    return {name: values for name, values in element.items() if values}


def _from_row(row: Mapping[str, str]) -> dict[str, list[str]]:
    """A row of a tab-separated feed; several pictures stand in one cell, with commas between."""
    made = {_name(name): [cell.strip()] for name, cell in row.items()}
    further = made.get("additional_image_link")
    if further:
        made["additional_image_link"] = [one.strip() for one in further[0].split(",")]
    return made


def _name(column: str) -> str:
    return column.strip().lower().removeprefix("g:").replace(" ", "_")


def _is_xml(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(256).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def recognised(path: Path) -> bool:
    """Whether a file is such a feed. Raises Unrecognised for XML that is no feed."""
    if not _is_xml(path):
        with path.open("rb") as stream:
            names = {_name(name) for name in header_of(stream)}
        return {"id", "title", "image_link"} <= names
    with path.open("rb") as stream:
        try:
            return next(elements(stream, ITEMS), None) is not None
        except RefusedXml as error:
            raise Unrecognised(f"{path}: {error}") from error
