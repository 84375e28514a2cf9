"""What a load decides by itself: what the server has is compared field by field and byte by byte."""

import base64
import hashlib
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sightline.bulk.batches import FULL_BYTES, MOST_ITEMS, Batch
from sightline.bulk.decide import Verdict, change_of, decide
from sightline.bulk.known import Known, Stored, fingerprint
from sightline.importers import Picture, Record
from sightline.importers.record import Unusable

from tests.client.drawn import picture

JPEG = picture(5)
SHA256 = hashlib.sha256(JPEG).hexdigest()


@pytest.fixture
def known() -> Iterator[Known]:
    made = Known()
    yield made
    made.close()


def item(**more: Any) -> dict[str, Any]:
    """An item as the server shows it."""
    return {"id": "a", "sha256": SHA256, "source_url": None, "text": None, "name": "Boot",
            "caption": None, "captioned_by": None, "description": None, "category": None,
            "tags": [], "price": None, "currency": None, "attributes": {},
            "updated_at": "2026-11-24T10:00:00.5Z"} | more  # fmt: skip


def record(data: bytes = JPEG, **fields: Any) -> Record:
    shown = Picture("a.jpg", lambda: io.BytesIO(data))
    return Record("line 1", {"id": "a", "name": "Boot"} | fields, picture=shown)


def verdict(
    known: Known, stored: dict[str, Any] | None, wanted: Record, again: bool = False
) -> Any:
    if stored:
        known.add(stored)
    return decide(wanted, known.get("a"), again).verdict


def test_what_is_missing_is_sent_and_what_is_there_is_left(known: Known) -> None:
    assert verdict(known, None, record()) is Verdict.SEND
    assert verdict(known, item(), record()) is Verdict.LEAVE
    assert verdict(known, None, record(picture(6))) is Verdict.SEND


@pytest.mark.parametrize(
    ("stored", "fields"),
    [
        ({"price": 19.9}, {"price": "19.90"}),
        ({"price": 0.0}, {"price": 0}),
        ({"attributes": {"a": {"b": [1, 2.5]}}}, {"attributes": {"a": {"b": [1.0, 2.5]}}}),
        ({"description": None}, {"description": ""}),
        ({"tags": ["x", "y"]}, {"tags": ["x", "y"]}),
        ({"caption": "Seen by a model", "captioned_by": "gpt"}, {}),
    ],
    ids=["a price", "no cost", "numbers", "nothing", "tags", "a model's caption"],
)
def test_the_same_words_written_otherwise_are_the_same(
    known: Known, stored: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert verdict(known, item(**stored), record(**fields)) is Verdict.LEAVE


@pytest.mark.parametrize(
    "fields",
    [{"name": "Shoe"}, {"price": 3}, {"tags": ["new"]}, {"attributes": {"a": 1}}, {"caption": "C"}],
)
def test_other_words_are_sent_without_the_picture(known: Known, fields: dict[str, Any]) -> None:
    known.add(item())
    decision = decide(record(**fields), known.get("a"), False)
    assert (decision.verdict, decision.data) == (Verdict.CHANGE, None)


def test_a_change_takes_away_what_the_source_no_longer_says(known: Known) -> None:
    known.add(item(description="old", tags=["old"], price=3.0))
    stored = known.get("a")
    assert stored is not None
    change = change_of(record(name="New"), stored)
    assert change["description"] is None and change["tags"] == [] and change["price"] is None
    assert change["name"] == "New" and "id" not in change and change["caption"] is None


def test_a_change_leaves_a_models_caption_alone(known: Known) -> None:
    known.add(item(caption="Seen", captioned_by="gpt", name="Old"))
    stored = known.get("a")
    assert stored is not None
    assert "caption" not in change_of(record(), stored)
    assert change_of(record(caption="Mine"), stored)["caption"] == "Mine"


def test_a_picture_by_its_address_is_the_same_while_the_address_is(known: Known) -> None:
    address = "https://cdn.example/a.jpg"
    wanted = Record("line 1", {"id": "a", "name": "Boot"}, image_url=address)
    assert verdict(known, item(source_url=address), wanted) is Verdict.LEAVE
    assert verdict(known, None, wanted, again=True) is Verdict.SEND
    assert verdict(known, item(source_url=address + "?v=2"), wanted) is Verdict.SEND


def test_texts_and_pictures_inside_a_line_are_compared_too(known: Known) -> None:
    words = Record("line 1", {"id": "a", "name": "Boot"}, text="Words")
    assert verdict(known, item(sha256=None, text="Words"), words) is Verdict.LEAVE
    assert verdict(known, item(sha256=None, text="Others"), words) is Verdict.SEND
    encoded = base64.b64encode(JPEG).decode()
    for inside in (encoded, f"data:image/jpeg;base64,{encoded}"):
        line = Record("line 1", {"id": "a", "name": "Boot"}, image_base64=inside)
        assert verdict(known, item(), line) is Verdict.LEAVE
    broken = Record("line 1", {"id": "a", "name": "Boot"}, image_base64="?")
    assert verdict(known, item(), broken) is Verdict.SEND


@pytest.mark.parametrize(
    ("failed_at", "again"),
    [("2026-11-24T10:00:01Z", True), ("2026-11-24T10:00:00Z", False)],
    ids=["it failed since", "it was put again since"],
)
def test_what_failed_and_was_not_put_again_is_as_good_as_missing(
    known: Known, failed_at: str, again: bool
) -> None:
    known.failed("a", failed_at)
    known.failed("a", "2020-01-01T00:00:00Z")  # an older import
    assert (verdict(known, item(), record()) is Verdict.SEND) is again


def test_ids_are_met_once(known: Known) -> None:
    assert known.is_new("a") and not known.is_new("a") and known.is_new("b")
    assert known.was_met("a") and not known.was_met("c")


def test_a_hundred_thousand_items_stay_out_of_memory(known: Known) -> None:
    tracemalloc.start()
    try:
        for number in range(20_000):
            known.add(item(id=f"item-{number}"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * 1024**2
    assert isinstance(known.get("item-19999"), Stored)


def test_fields_have_one_fingerprint_in_any_order() -> None:
    assert fingerprint({"name": "a", "tags": []}) == fingerprint({"tags": None, "name": "a"})


def test_a_batch_is_an_import_that_names_its_pictures_by_number(tmp_path: Path) -> None:
    batch = Batch()
    batch.add(record(), JPEG)
    batch.add(Record("x", {"id": "../evil/name"}, image_url="https://a.example/b.jpg"), None)
    with zipfile.ZipFile(io.BytesIO(batch.archive())) as archive:
        lines = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
        assert archive.read(lines[0]["image"]) == JPEG
        assert set(archive.namelist()) == {"0", "manifest.jsonl"}
    assert lines[1] == {"id": "../evil/name", "image_url": "https://a.example/b.jpg"}
    assert (batch.pictures, batch.picture_bytes) == (1, len(JPEG))


def test_a_batch_is_full_by_its_items_or_by_its_weight() -> None:
    many, heavy = Batch(), Batch()
    for number in range(MOST_ITEMS):
        assert not many.is_full
        many.add(Record("x", {"id": str(number)}, text="words"), None)
    heavy.add(record(), b"x" * FULL_BYTES)
    assert many.is_full and heavy.is_full


def test_a_picture_that_cannot_be_read_is_told_of_its_own_record(known: Known) -> None:
    def broken() -> Any:
        raise OSError("the disk is gone")

    with pytest.raises(Unusable) as raised:
        decide(Record("x", {"id": "a"}, picture=Picture("a.jpg", broken)), None, False)
    assert raised.value.code == "unreadable" and "disk is gone" in raised.value.detail
