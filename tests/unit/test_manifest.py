"""Manifests: what is read, what is refused, and with which code."""

import io
import json
import tracemalloc
from pathlib import Path

import pytest

from db.fields import storable
from worker.ingest import manifest
from worker.ingest.manifest import BadLine, Line, safe_name


def read(body: str | bytes, form: str = "jsonl") -> list[Line | BadLine]:
    data = body.encode() if isinstance(body, str) else body
    return list(manifest.read(io.BytesIO(data), form))


def test_json_lines_become_items() -> None:
    (line,) = read('{"id": "a", "name": "Boot", "price": 12.5, "image": "a.jpg", "tags": ["x"]}\n')
    assert isinstance(line, Line)
    assert (line.fields.id, line.source, line.value) == ("a", "image", "a.jpg")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("nonsense", "invalid_manifest_line"),
        ("[1]", "invalid_manifest_line"),
        ('{"id": "a"}', "invalid_manifest_line"),
        ('{"id": "a", "image": "x", "text": "y"}', "invalid_manifest_line"),
        ('{"id": "a", "image": "x", "colour": "red"}', "invalid_manifest_line"),
        ('{"id": "a/b", "image": "x"}', "invalid_manifest_line"),
        ('{"id": "a", "image": "x", "price": -1}', "invalid_manifest_line"),
        ('{"id": "a", "image": "x", "price": NaN}', "invalid_manifest_line"),
        ('{"id": "a", "image": "x", "name": "\\u0000"}', "invalid_manifest_line"),
        ('{"id": "a", "image": "../x"}', "unsafe_name"),
        ('{"id": "a", "image": "/etc/passwd"}', "unsafe_name"),
        ("[" * 100_000, "invalid_manifest_line"),
        (b"\xff\xfe\x00", "invalid_manifest_line"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_costs_only_itself(body: str | bytes, code: str) -> None:
    raw = body.encode() if isinstance(body, str) else body
    bad, good = read(raw + b'\n{"id": "b", "image": "b.jpg"}\n')
    assert isinstance(bad, BadLine) and bad.error.code == code
    assert "Line 1" in bad.error.detail
    assert isinstance(good, Line) and good.index == 1


def test_an_endless_line_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MAX_LINE_BYTES", 1000)
    bad, good = read(json.dumps({"name": "x" * 5000}) + '\n{"id": "b", "text": "t"}')
    assert isinstance(bad, BadLine) and isinstance(good, Line)


def test_csv_cells_become_fields_and_other_columns_attributes() -> None:
    (line,) = read('id,name,tags,price,image,colour\na,"Boot, red",x|y,9.5,a.jpg,red\n', "csv")
    assert isinstance(line, Line)
    assert line.fields.name == "Boot, red"
    assert line.fields.tags == ["x", "y"]
    assert float(line.fields.price or 0) == 9.5
    assert line.fields.attributes == {"colour": "red"}


def test_csv_rows_fail_alone() -> None:
    bad, good = read("id,image\na,b,c\nb,b.jpg\n", "csv")
    assert isinstance(bad, BadLine) and isinstance(good, Line)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:\\x", "..\\x", "", "a\0b"])
def test_names_that_leave_the_upload_are_unsafe(name: str) -> None:
    assert not safe_name(name)


def test_plain_names_are_safe() -> None:
    assert safe_name("images/a..b.jpg")


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": "a\\u0000b"}',
        b'{"id": "a\\ud800"}',
        b'{"id": "' + b"a" * 5000 + b'"}',
        b'{"id": "../a"}',
        b'{"id": "a", "image": "x", "\\u0000\\ud800": 1}',
        b'{"id": "a", "image": "x", "' + b"k" * 50_000 + b'": 1}',
        b'{"id": "a", "image": "x", "attributes": {"a": 1e999}}',
        b'{"id": "a", "image": "x", "price": 1e999}',
        b'{"id": "a", "image": "x", "price": -1e999}',
        b'{"id": "a", "image": "x", "attributes": {"a": [' + b"{}," * 200_000 + b"{}]}}",
        b'{"id": "a", "text": "' + b"t" * 100_001 + b'"}',
        b'{"id": "a", "image_url": "http://x/' + b"t" * 5000 + b'"}',
        b'{"id": "a", "image": "' + b"t" * 5000 + b'"}',
        b'{"id": "a", "image": "x", "price": 1' + b"0" * 5000 + b"}",
        '{"id": "a", "image": "x"}'.encode("utf-16"),
        b"\x80\x81\x82",
        json.dumps({"id": "a", "text": "t", "category": "\u4e00" * 1000}).encode(),
    ],
)
def test_what_a_bad_line_is_told_by_can_be_stored_and_is_short(line: bytes) -> None:
    bad, good = read(line.replace(b"\n", b"") + b'\n{"id": "b", "image": "b.jpg"}\n')
    assert isinstance(bad, BadLine) and isinstance(good, Line)
    assert storable(bad.error.as_json()) and len(bad.error.detail) < 400
    assert bad.item_id is None or storable(bad.item_id) == "a"


def test_a_csv_cell_with_a_bad_id_is_told_without_it() -> None:
    bad, good = read("id,image\na\0b,b,c\nb,b.jpg\n", "csv")
    assert isinstance(bad, BadLine) and bad.item_id is None and isinstance(good, Line)


@pytest.mark.parametrize(
    "row",
    ["x" * 5000, '"' + "x" * 5000 + '"', '"' + "x\n" * 2500, '"' + 'x","' * 2000 + '"'],
)
def test_an_endless_csv_row_costs_no_more_than_itself(
    row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MAX_LINE_BYTES", 1000)
    lines = read("id,image\n" + row + "\nb,b.jpg\nc,c.jpg\n", "csv")
    assert isinstance(lines[0], BadLine)
    assert [line.fields.id for line in lines if isinstance(line, Line)][-1] == "c"


def test_a_csv_line_of_any_length_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    with path.open("wb") as file:
        file.write(b"id,image\n")
        for _ in range(80):
            file.write(b"x" * 1024**2)
        file.write(b"\nb,b.jpg\n")
    tracemalloc.start()
    with path.open("rb") as stream:
        bad, good = manifest.read(stream, "csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(bad, BadLine) and isinstance(good, Line)
    assert peak < 150 * 1024**2


def test_old_line_ends_are_read() -> None:
    for end in ("\n", "\r\n", "\r"):
        lines = read(end.join(["id,image", "a,a.jpg", "b,b.jpg", ""]), "csv")
        assert [line.fields.id for line in lines if isinstance(line, Line)] == ["a", "b"]
