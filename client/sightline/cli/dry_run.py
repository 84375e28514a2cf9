"""`sightline import --dry-run`: what a source is, what becomes of its parts, and some of its items."""

from itertools import islice
from pathlib import Path
from typing import Any

from sightline.cli.show import called, money, out, print_json, print_table
from sightline.importers import Bad, Importer, Record
from sightline.words import one_line

EXAMPLES = 3
SHOWN = 20
"""Broken parts of the source that are named."""


def dry_run(path: Path, source: Importer, as_json: bool) -> int:
    """Read a source without a server; returns how many of its parts are no items."""
    try:
        first = [one for one in islice(source.records(), 1_000) if isinstance(one, Record)]
        bad, items = _counted(source)
        if as_json:
            _print_json(path, source, first[:EXAMPLES], bad, items)
        else:
            _print(path, source, first[:EXAMPLES], bad, items)
    finally:
        source.close()
    return len(bad)


def _counted(source: Importer) -> tuple[list[Bad], int]:
    bad: list[Bad] = []
    items = 0
    for one in source.records():
        if isinstance(one, Bad):
            bad.append(one)
        else:
            items += 1
    return bad, items


def _print(path: Path, source: Importer, first: list[Record], bad: list[Bad], items: int) -> None:
    out().print(f"{one_line(path)}: {source.about}, {items:,} items, {len(bad):,} broken")
    print_table(["there", "here"], source.mapping())
    out().print()
    rows = [
        [one.id, called(one.fields), money(one.fields), one.fields.get("category"), _source(one)]
        for one in first
    ]
    print_table(["id", "name", "price", "category", "content"], rows)
    if bad:
        print_table(["where", "code", "why"], [[b.where, b.code, b.detail] for b in bad[:SHOWN]])


def _print_json(
    path: Path, source: Importer, first: list[Record], bad: list[Bad], items: int
) -> None:
    examples: list[dict[str, Any]] = [one.fields | {"content": _source(one)} for one in first]
    print_json({
        "source": str(path), "format": source.name, "items": items, "bad": len(bad),
        "mapping": [list(pair) for pair in source.mapping()], "examples": examples,
        "problems": [vars(one) for one in bad[:SHOWN]],
    })  # fmt: skip


def _source(record: Record) -> str:
    """Where an item's content comes from."""
    if record.picture:
        return record.picture.name
    if record.image_url:
        return record.image_url
    return "its text" if record.text else "a picture in the line"
