"""Rows of CSV, TSV and JSON lines, one at a time and bounded; a row that is broken is told alone."""

import csv
import io
import json
from collections.abc import Iterator
from typing import IO, Any

from sightline.importers.record import Bad

LONGEST_ROW = 32 * 1024**2
"""Bytes of a line, or characters of a cell: a picture may stand inside as base64."""
HEAD = 64 * 1024

csv.field_size_limit(LONGEST_ROW)


def header_of(stream: IO[bytes]) -> list[str]:
    """The names in the first row of a CSV or TSV; empty where there is none."""
    head = io.StringIO(stream.read(HEAD).decode("utf-8-sig", "replace"), newline="")
    try:
        first = next(csv.reader(head, delimiter=_delimiter(head)), [])
    except csv.Error:
        return []
    return [name.strip() for name in first]


def csv_rows(stream: IO[bytes]) -> Iterator[tuple[str, dict[str, str] | Bad]]:
    """The rows below the header by its names, with where each stands; empty cells are left out."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    try:
        yield from _rows(text)
    finally:
        text.detach()  # the stream is closed by whoever opened it


def _rows(text: io.TextIOWrapper) -> Iterator[tuple[str, dict[str, str] | Bad]]:
    head = text.readline(HEAD)
    reader = csv.reader(_again(head, text), delimiter=_delimiter(io.StringIO(head)))
    names: list[str] | None = None
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            where = f"line {reader.line_num}"
            yield where, Bad(where, None, "invalid_manifest_line", f"It is no CSV row: {error}.")
            continue
        if cells is None:
            return
        if names is None:
            names = [name.strip() for name in cells]
        elif cells:
            where = f"line {reader.line_num}"
            yield where, _row(where, names, cells)


def _row(where: str, names: list[str], cells: list[str]) -> dict[str, str] | Bad:
    if len(cells) > len(names) and any(cells[len(names) :]):
        return Bad(where, None, "invalid_manifest_line", "The row has more cells than the header.")
    return {name: cell for name, cell in zip(names, cells, strict=False) if name and cell.strip()}


def _again(head: str, text: io.TextIOWrapper) -> Iterator[str]:
    """The lines from the first on; one that never ends comes in pieces."""
    yield head
    yield from iter(lambda: text.readline(LONGEST_ROW), "")


def _delimiter(head: io.StringIO) -> str:
    """What stands between the names of the header: tab, semicolon or comma."""
    first = head.readline()
    head.seek(0)
    return max(",;\t", key=first.count)


def json_rows(stream: IO[bytes]) -> Iterator[tuple[str, dict[str, Any] | Bad]]:
    """The objects of JSON lines, with where each stands; blank lines are skipped."""
    number = 0
    while raw := stream.readline(LONGEST_ROW + 1):
        number += 1
        where = f"line {number}"
        if len(raw) > LONGEST_ROW:
            _to_the_end_of_the_line(stream)
            yield where, Bad(where, None, "invalid_manifest_line", "The line is too long.")
        elif raw.removeprefix(b"\xef\xbb\xbf").strip():
            yield where, _object(where, raw)


def _object(where: str, raw: bytes) -> dict[str, Any] | Bad:
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Bad(where, None, "invalid_manifest_line", "The line is no JSON object.")
    return value


def _to_the_end_of_the_line(stream: IO[bytes]) -> None:
    while (rest := stream.readline(1 << 20)) and not rest.endswith(b"\n"):
        pass
