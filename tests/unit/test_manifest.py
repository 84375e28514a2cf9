"""Manifests and the URL guard: what is read, what is refused, and with which code."""

import io
import json

import pytest

from db.errors import FetchFailed, FetchRefused
from worker.ingest import manifest
from worker.ingest.fetch import Fetcher, is_public
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
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "168.63.129.16", "0.0.0.0", "224.0.0.1", "::1",
     "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fc00::1", "fe80::1",
     "ff02::1", "100.64.0.1", "255.255.255.255", "2001:db8::1"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/a", "file:///etc/passwd", "http://user@example.org/", "http://[::1]/",
     "http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0/",
     "http://localhost/", "http://localhost./", "http://example.org:22/", "http:///x",
     "http://\u2460\u2461\u2466.0.0.1/", "http://exa mple.org/", "http://a\\b/", "gopher://x/",
     "http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/"],
)  # fmt: skip
def test_the_guard_refuses_before_any_packet(url: str) -> None:
    with pytest.raises((FetchRefused, FetchFailed)):
        Fetcher(frozenset({80, 443}), frozenset())._checked(url)


def test_one_private_address_among_public_ones_is_enough() -> None:
    fetcher = Fetcher(frozenset({80}), frozenset(), lambda *_: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(FetchRefused):
        fetcher._checked("http://example.org/")


def test_an_allowed_pair_passes_and_no_other_port() -> None:
    fetcher = Fetcher(frozenset({80}), frozenset({"127.0.0.1:9000"}))
    assert fetcher._checked("http://127.0.0.1:9000/a").address == "127.0.0.1"
    with pytest.raises(FetchRefused):
        fetcher._checked("http://127.0.0.1:9001/a")
