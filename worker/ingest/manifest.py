"""Reads manifests line by line: JSON lines or CSV become items, or errors of their own line."""

import base64
import binascii
import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

from db.errors import InvalidManifestLine, SightlineError, UnsafeName
from db.fields import ItemFields, ItemId, is_bad_text

MAX_LINE_BYTES = 30 * 1024 * 1024
MAX_VALUES = 100_000
"""Values in a line: 30 MB of empty objects would take 640 MB of memory."""
MAX_PROBLEM = 300
"""Characters of what is said to be wrong, which quotes the line."""
LONGEST = {"image": 1_000, "image_url": 2_048, "text": 100_000, "image_base64": MAX_LINE_BYTES}
"""Characters of each source; those of addresses and texts are the API's."""
SOURCES = ("image", "image_url", "image_base64", "text")
CSV_FIELDS = ("id", "name", "caption", "description", "category", "tags", "price", "currency",
              *SOURCES)  # fmt: skip

ITEM_ID: TypeAdapter[str] = TypeAdapter(ItemId)

csv.field_size_limit(MAX_LINE_BYTES)


@dataclass(frozen=True)
class Line:
    """One item as a manifest names it: its fields, and where its picture or text is.

    `source` is one of `image` (a file's name), `image_url`, `image_base64`, `text`.
    """

    index: int
    fields: ItemFields
    source: str
    value: str

    def inline_bytes(self) -> bytes:
        """The picture that stands in the line itself. Raises InvalidManifestLine."""
        try:
            return base64.b64decode(self.value.partition("base64,")[2] or self.value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidManifestLine(
                f"Line {self.index + 1}: `image_base64` is not base64."
            ) from error


@dataclass(frozen=True)
class BadLine:
    """A line that is no item: it fails its own task."""

    index: int
    item_id: str | None
    error: SightlineError


def read(stream: IO[bytes], form: str) -> Iterator[Line | BadLine]:
    """The items of a manifest (`jsonl` or `csv`), in order; blank lines are skipped."""
    return _read_csv(stream) if form == "csv" else _read_jsonl(stream)


def _read_jsonl(stream: IO[bytes]) -> Iterator[Line | BadLine]:
    for index, raw in enumerate(_lines(stream)):
        if raw is None:
            yield _bad(index, None, f"is longer than {MAX_LINE_BYTES // 1024**2} MB")
            continue
        try:
            values = _parsed(raw)
        except (ValueError, RecursionError):
            yield _bad(index, None, "is no JSON")
            continue
        if not isinstance(values, dict):
            yield _bad(index, None, "is no JSON object")
            continue
        yield _line(index, values)


def _parsed(raw: bytes) -> Any:
    """Raises ValueError or RecursionError."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MAX_VALUES:
        raise ValueError("too many values")
    return json.loads(raw, parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    """A number that JSON can hold: Postgres takes no infinity into it."""
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The lines that are not blank; None for one that is too long."""
    buffered = io.BufferedReader(stream, 1 << 20) if isinstance(stream, io.RawIOBase) else stream
    first = True
    while raw := buffered.readline(MAX_LINE_BYTES + 1):
        if first:
            raw, first = raw.removeprefix(b"\xef\xbb\xbf"), False
        if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            while (rest := buffered.readline(1 << 20)) and not rest.endswith(b"\n"):
                pass
            yield None
        elif raw.strip():
            yield raw


def _read_csv(stream: IO[bytes]) -> Iterator[Line | BadLine]:
    lines = _CsvLines(stream)
    rows = csv.DictReader(lines)
    index = -1
    while True:
        index += 1
        lines.row_begins()
        try:
            row = next(rows)
        except StopIteration:
            lines.release()
            return
        except csv.Error as error:
            yield _bad(index, None, f"is no CSV row ({error})")
            continue
        if None in row:
            yield _bad(index, row.get("id"), "has more cells than the header")
            continue
        yield _line(index, _from_cells(row))


class _CsvLines:
    """The lines of a CSV for its parser, which joins those of a quoted cell however many there are.

    Iterating raises csv.Error once a row is too long; the next line begins another row.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        buffered = (
            io.BufferedReader(stream, 1 << 20) if isinstance(stream, io.RawIOBase) else stream
        )
        self._text = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="replace", newline="")
        self._left = MAX_LINE_BYTES

    def row_begins(self) -> None:
        """What comes now counts anew."""
        self._left = MAX_LINE_BYTES

    def release(self) -> None:
        """Leave the stream open, for whoever opened it to close."""
        self._text.detach()

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if not line:
            raise StopIteration
        if len(line) > self._left:
            while line and not line.endswith(("\n", "\r")):
                line = self._text.readline(1 << 20)
            raise csv.Error(f"longer than {MAX_LINE_BYTES // 1024**2} MB")
        self._left -= len(line)
        return line


def _from_cells(row: dict[str, str | None]) -> dict[str, Any]:
    """A CSV row as the JSON object it stands for: unknown columns are attributes."""
    cells = {name.strip(): cell for name, cell in row.items() if cell}
    values: dict[str, Any] = {name: cells[name] for name in CSV_FIELDS if name in cells}
    if "tags" in values:
        values["tags"] = [tag.strip() for tag in values["tags"].split("|") if tag.strip()]
    attributes = {name: cell for name, cell in cells.items() if name not in CSV_FIELDS}
    return values | ({"attributes": attributes} if attributes else {})


def _line(index: int, values: dict[str, Any]) -> Line | BadLine:
    item_id = values.get("id") if isinstance(values.get("id"), str) else None
    given = [name for name in SOURCES if values.get(name) is not None]
    if len(given) != 1 or not isinstance(values[given[0]], str):
        return _bad(index, item_id, f"needs exactly one of {', '.join(SOURCES)}, as a string")
    source = values.pop(given[0])
    if len(source) > LONGEST[given[0]]:
        return _bad(
            index, item_id, f"has a longer `{given[0]}` than {LONGEST[given[0]]} characters"
        )
    rest = {name: value for name, value in values.items() if name not in SOURCES}
    try:
        fields = ItemFields.model_validate(rest)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        return _bad(index, None, f"`{where}`: {first['msg']}")
    if given[0] == "image" and not safe_name(source):
        return BadLine(index, fields.id, UnsafeName(
            f"Line {index + 1}: `image` must name a file of the upload, without `..` or a leading /."
        ))  # fmt: skip
    return Line(index, fields, given[0], source)


def safe_name(name: str) -> bool:
    """Whether a file's name stays inside the upload."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and "\0" not in name and parts[0] != "" and ".." not in parts \
        and ":" not in parts[0]  # fmt: skip


def _bad(index: int, item_id: str | None, problem: str) -> BadLine:
    """An error that can be stored, whatever the line holds."""
    detail = f"Line {index + 1} {_storable(problem[:MAX_PROBLEM])}."
    return BadLine(index, _usable(item_id), InvalidManifestLine(detail))


def _storable(words: str) -> str:
    return "".join("\N{REPLACEMENT CHARACTER}" if is_bad_text(one) else one for one in words)


def _usable(item_id: str | None) -> str | None:
    """The id, where an item can have it."""
    try:
        return None if item_id is None else ITEM_ID.validate_python(item_id)
    except ValidationError:
        return None


def skip(lines: Iterable[Line | BadLine], count: int) -> Iterator[Line | BadLine]:
    """The lines behind the first `count`: where an expansion goes on after a restart."""
    return (line for line in lines if line.index >= count)
