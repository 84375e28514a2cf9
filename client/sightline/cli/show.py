"""How commands print: tables and lines for people, JSON for machines; others' text does no harm."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sightline.words import one_line

WIDE = 200
"""Columns where the output is no terminal, so that nothing is folded."""
LONGEST_CELL = 300
LONGEST_NAME = 60


def out() -> Console:
    """Where results go; no text in it is taken as markup."""
    return _console(stderr=False)


def err() -> Console:
    """Where progress and errors go."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=not stream.isatty(),
        width=None if stream.isatty() else WIDE,
    )  # fmt: skip


def print_json(value: Any) -> None:
    """A value as one line of JSON, in ASCII, which no terminal takes for anything else."""
    click.echo(json.dumps(value))


def print_rows(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[tuple[str, str]], as_json: bool,
    nothing: str,
) -> None:  # fmt: skip
    """A list: the columns of each row, named by header and key; else each row as a line of JSON."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    found = list(rows)
    if not found:
        err().print(nothing)
        return
    print_table([name for name, _ in columns], [[row[key] for _, key in columns] for row in found])


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """A table without lines, which can be cut by tools too; numbers stand at the right."""
    made = Table(box=None, pad_edge=False, title=Text(one_line(title)) if title else None,
                 title_justify="left", padding=(0, 2, 0, 0))  # fmt: skip
    lines = [list(row) for row in rows]
    for at, name in enumerate(names):
        numbers = all(isinstance(line[at], int | float | None) for line in lines)
        made.add_column(Text(name), justify="right" if numbers and lines else "left")
    for line in lines:
        made.add_row(*(Text(cell(value)) for value in line))
    out().print(made)


def cell(value: Any) -> str:
    """A value as a cell's words."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:,.2f}"
    if isinstance(value, list):
        return one_line(", ".join(map(str, value)), LONGEST_CELL)
    return one_line(value, LONGEST_CELL)


def money(item: Mapping[str, Any]) -> str:
    """An item's price with its currency; empty without a price."""
    price = item.get("price")
    return "" if price is None else f"{float(price):.2f} {item.get('currency') or ''}".strip()


def called(item: Mapping[str, Any]) -> str:
    """What an item is called: by its name, its caption, else its id."""
    return one_line(item.get("name") or item.get("caption") or item["id"], LONGEST_NAME)


def print_fields(found: Mapping[str, Any]) -> None:
    """One thing, a field a line; what is empty is left out."""
    for name, value in found.items():
        if value not in (None, "", [], {}):
            told = json.dumps(value) if isinstance(value, dict | list) else value
            out().print(f"{one_line(name):<14} {one_line(told, 2_000)}")
