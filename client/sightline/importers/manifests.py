"""Sightline's own manifests, JSON lines or CSV, with the pictures that they name beside them."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from sightline.importers import prices
from sightline.importers.files import Files
from sightline.importers.record import Bad, Record, Unusable, id_of
from sightline.importers.tables import csv_rows, header_of, json_rows

NAMES = ("manifest.jsonl", "manifest.csv")
SOURCES = ("image", "image_url", "image_base64", "text")
FIELDS = ("id", "name", "caption", "description", "category", "tags", "price", "currency")


class ManifestImporter:
    """Every line of a manifest; it is the server that judges its fields."""

    name = "sightline"
    about = "a Sightline manifest"

    def __init__(self, files: Files, manifest: str) -> None:
        self._files, self._manifest = files, manifest
        self._is_csv = manifest.lower().endswith((".csv", ".tsv"))

    def mapping(self) -> Sequence[tuple[str, str]]:
        """Which column becomes which field."""
        if not self._is_csv:
            return [("each line", "an item, as it is written")]
        with self._files.open(self._manifest) as stream:
            names = header_of(stream)
        return [(name, _meaning(name)) for name in names]

    def records(self) -> Iterator[Record | Bad]:
        """An item for each line. Without an `id` it gets one of its picture's name or its words."""
        with self._files.open(self._manifest) as stream:
            rows = csv_rows(stream) if self._is_csv else json_rows(stream)
            for where, row in rows:
                if isinstance(row, Bad):
                    yield row
                    continue
                try:
                    yield self._record(where, from_cells(row) if self._is_csv else row)
                except Unusable as error:
                    known = row.get("id")
                    item_id = known if isinstance(known, str) else None
                    yield Bad(where, item_id, error.code, error.detail)

    def _record(self, where: str, row: dict[str, Any]) -> Record:
        given = [name for name in SOURCES if row.get(name) is not None]
        if len(given) != 1 or not isinstance(row[given[0]], str):
            raise Unusable(
                "invalid_manifest_line", f"It needs exactly one of {', '.join(SOURCES)}."
            )
        value: str = row[given[0]]
        if given[0] == "image":
            value = value.replace("\\", "/")  # written on another system
        fields = {name: one for name, one in row.items() if name not in SOURCES}
        fields["id"] = str(fields.get("id") or _id_for(given[0], value))
        picture = self._files.picture(value) if given[0] == "image" else None
        return Record(
            where, with_price(fields), picture,
            *(value if given[0] == name else None for name in SOURCES[1:]),
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()


def _id_for(source: str, value: str) -> str:
    if source == "image":
        return id_of(value)
    return f"{source}-{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:20]}"


def _meaning(name: str) -> str:
    if name in SOURCES:
        return {"image": "the picture's file"}.get(name, name)
    return name if name in FIELDS else f"attributes: {name}"


def from_cells(row: dict[str, Any]) -> dict[str, Any]:
    """A CSV row as the JSON line that it stands for: unknown columns are attributes."""
    values = {name: cell for name, cell in row.items() if name in (*FIELDS, *SOURCES)}
    if "tags" in values:
        values["tags"] = [tag.strip() for tag in values["tags"].split("|") if tag.strip()]
    attributes = {name: cell for name, cell in row.items() if name not in values}
    return values | ({"attributes": attributes} if attributes else {})


def with_price(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, with a price of words such as "19.99 USD" as a number and a currency."""
    price = fields.get("price")
    found = prices.parsed(price) if isinstance(price, str) else None
    if found is None:
        return fields
    known = fields.get("currency") or found.currency
    made = fields | {"price": float(found.amount)}
    return made | {"currency": known} if known else made


def manifest_of(files: Files) -> str | None:
    """The manifest's name, where there is one."""
    return next((name for name in NAMES if files.has(name)), None)
