"""Documents: uploaded over the API, read page by page in a real child process, found again."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from db import queue
from db.blobs import BlobStore
from db.session import Database
from db.settings import Settings
from db.vocabulary import Lane
from tests.integration.answer_parts import SHOP, Room, room
from tests.integration.worker_parts import runtime
from tests.providers.server import FakeProviders
from tests.unit import decks, documents
from worker.ingest.documents import DocumentExpansion
from worker.ingest.lane import IngestLane


@pytest.fixture
def shop(database: Database, settings: Settings, blobs: BlobStore) -> Iterator[Room]:
    with FakeProviders() as providers:
        made = room(database, settings, blobs, providers, keys=False)
        yield made
        made.close()


def send(client: FlaskClient, path: Path, **fields: str) -> Any:
    file = FileStorage(io.BytesIO(path.read_bytes()), path.name)
    boundary, body = encode_multipart({"file": file, **fields})
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(f"{SHOP}/documents", data=body, content_type=kind)


def read(shop: Room, path: Path, **fields: str) -> dict[str, Any]:
    """Upload and work; the job as it ended."""
    made = send(shop.client, path, **fields)
    assert made.status_code == 202, made.text
    shop.work()
    return shop.job(made.json)


def items(shop: Room, **filters: Any) -> list[dict[str, Any]]:
    """Items of the catalog that match."""
    import json

    query = {"limit": 100, "filters": json.dumps(filters)}
    return list(shop.client.get(f"{SHOP}/items", query_string=query).json["data"])


def says(*lines: str) -> documents.Draw:
    """A page of these lines."""

    def draw(canvas: Any) -> None:
        for number, line in enumerate(lines):
            canvas.drawString(60, 700 - 20 * number, line)

    return draw


def test_a_pdf_becomes_pages_figures_and_chunks(shop: Room, tmp_path: Path) -> None:
    def second(canvas: Any) -> None:
        documents.words(canvas, lines=4)
        documents.diagram(canvas, 100, 300, 300, 200)
        documents.caption(canvas, "Figure 1: The pump.", 100, 280)

    path = documents.pdf(tmp_path / "guide.pdf", says("The fuse is rated five ampere."), second)
    job = read(shop, path, id="guide", title="Pump guide", category="manuals", tags="a|b")
    assert (job["status"], job["progress"]) == ("succeeded", {"pages": 2, "read": 2})
    assert job["result"]["title"] == "Pump guide" and job["counts"]["failed"] == 0
    by_id = {item["id"]: item for item in items(shop, document_id="guide")}
    assert set(by_id) == {"guide.p1", "guide.p1.t1", "guide.p2", "guide.p2.f1", "guide.p2.t1"}
    chunk, figure = by_id["guide.p1.t1"], by_id["guide.p2.f1"]
    assert chunk["text"] == "The fuse is rated five ampere." and chunk["span"] == [0, 30]
    assert (figure["kind"], figure["page"], figure["caption"]) == (
        "figure",
        2,
        "Figure 1: The pump.",
    )
    left, top, right, bottom = figure["box"]
    assert left < 120 and right > 380 and 300 < top < bottom < 560
    assert {item["category"] for item in by_id.values()} == {"manuals"}
    assert by_id["guide.p1"]["tags"] == ["a", "b"]
    shown = shop.client.get(f"{SHOP}/items/guide.p2/image")
    assert (shown.status_code, shown.content_type) == (200, "image/jpeg")


def test_text_and_figures_are_found_together(shop: Room, tmp_path: Path) -> None:
    def page(canvas: Any) -> None:
        documents.diagram(canvas, 100, 300, 300, 200)
        documents.caption(canvas, "Figure 1: The impeller.", 100, 280)

    read(shop, documents.pdf(tmp_path / "a.pdf", says("Replace the impeller."), page), id="a")
    hits = shop.post("searches", text="impeller")["result"]["hits"]
    assert {"a.p1.t1", "a.p2.f1"} <= {hit["item"]["id"] for hit in hits[:3]}
    chunk = next(hit for hit in hits if hit["item"]["id"] == "a.p1.t1")
    assert chunk["ranks"].keys() == {"words"} and "impeller" in chunk["snippet"]


def test_sending_a_document_again_embeds_nothing(shop: Room, tmp_path: Path) -> None:
    path = documents.manual(tmp_path / "m.pdf", pages=3)
    first = read(shop, path, id="m")
    again = read(shop, path, id="m")
    assert again["counts"]["unchanged"] == again["counts"]["total"] == first["counts"]["total"]


def test_a_shorter_document_leaves_nothing_of_the_longer(shop: Room, tmp_path: Path) -> None:
    long = documents.pdf(tmp_path / "long.pdf", says("One."), says("Two."), says("Three."))
    short = documents.pdf(tmp_path / "short.pdf", says("Only."))
    read(shop, long, id="d")
    read(shop, short, id="d")
    assert {item["id"] for item in items(shop, document_id="d")} == {"d.p1", "d.p1.t1"}
    assert items(shop, document_id="d", kind=["text"])[0]["text"] == "Only."
    assert shop.client.get(f"{SHOP}/documents/d").json["pages"] == 1


def test_a_page_that_breaks_fails_alone(shop: Room, tmp_path: Path) -> None:
    good = documents.pdf(tmp_path / "good.pdf", says("Good."))
    path = documents.bound(
        tmp_path / "bound.pdf", good.read_bytes(), documents.endless(), good.read_bytes()
    )
    job = read(shop, path, id="d")
    assert job["status"] == "succeeded" and job["counts"]["failed"] == 1
    assert job["progress"] == {"pages": 3, "read": 3}
    (failed,) = shop.client.get(f"{job['urls']['tasks']}?status=failed").json["data"]
    assert (failed["item_id"], failed["error"]["code"]) == ("d.p2", "broken_page")
    assert {"d.p1", "d.p3"} <= {item["id"] for item in items(shop)}


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (documents.locked, "document_encrypted"),
        (lambda path: _written(path, b"%PDF-1.7\nnothing else"), "broken_document"),
        (lambda path: _written(path, b"PK\x03\x04 no zip"), "broken_document"),
    ],
    ids=["locked", "broken PDF", "broken ZIP"],
)
def test_a_document_that_cannot_be_opened_fails_with_its_reason(
    shop: Room, tmp_path: Path, make: Any, code: str
) -> None:
    job = read(shop, make(tmp_path / "x.pdf"), id="x")
    assert (job["status"], job["error"]["code"]) == ("failed", code)
    assert items(shop) == []


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_too_many_pages_are_refused(
    database: Database, settings: Settings, blobs: BlobStore, tmp_path: Path
) -> None:
    with FakeProviders() as providers:
        shop = room(database, settings, blobs, providers, max_document_pages=2)
        job = read(shop, documents.pdf(tmp_path / "x.pdf", *[says("x")] * 3))
        assert job["error"]["code"] == "document_too_large"
        shop.close()


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [(b"hello", 422, "unsupported_document"), (b"%PDF-" + b"x" * 2_000, 413, "document_too_large")],
)
def test_the_door_refuses_what_is_no_document(
    database: Database, settings: Settings, blobs: BlobStore, tmp_path: Path,
    data: bytes, status: int, code: str,
) -> None:  # fmt: skip
    with FakeProviders() as providers:
        shop = room(database, settings, blobs, providers, max_document_bytes=1_000)
        refused = send(shop.client, _written(tmp_path / "x", data))
        assert (refused.status_code, refused.json["code"]) == (status, code)
        assert shop.client.get(f"{SHOP}/documents").json["data"] == []
        shop.close()


def test_documents_are_listed_read_and_deleted_with_their_items(shop: Room, tmp_path: Path) -> None:
    path = documents.pdf(tmp_path / "Some guide.pdf", says("One."))
    read(shop, path, id="b")
    read(shop, path, id="a", attributes='{"year": 2026}')
    first = shop.client.get(f"{SHOP}/documents?limit=1").json
    rest = shop.client.get(f"{SHOP}/documents?after={first['next']}").json
    assert [one["id"] for one in first["data"] + rest["data"]] == ["a", "b"]
    shown = shop.client.get(f"{SHOP}/documents/a").json
    assert (shown["file_name"], shown["attributes"]) == ("Some guide.pdf", {"year": 2026})
    assert len(shop.client.get(shown["urls"]["items"]).json["data"]) == 2
    assert shop.client.delete(f"{SHOP}/documents/a").status_code == 204
    assert shop.client.get(f"{SHOP}/documents/a").status_code == 404
    assert {item["document_id"] for item in items(shop)} == {"b"}


def test_a_worker_that_dies_in_the_middle_is_followed_by_one_that_goes_on(
    shop: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = documents.manual(tmp_path / "m.pdf", pages=12)
    made = send(shop.client, path, id="m").json
    ingest = runtime(shop.database, shop.blobs, shop.settings, Lane.INGEST)
    monkeypatch.setattr("worker.ingest.documents.PAGES_A_COMMIT", 4)
    commits = []
    commit = DocumentExpansion._commit

    def dying(self: DocumentExpansion, *arguments: Any) -> Any:
        if len(commits) == 2:
            raise SystemExit
        commits.append(arguments)
        return commit(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(DocumentExpansion, "_commit", dying)
        with pytest.raises(SystemExit):
            IngestLane(ingest).drain()
    with shop.database.begin() as connection:
        before = connection.execute(text("SELECT id, page FROM items ORDER BY id")).all()
        queue.reap(connection, [ingest.name])
    assert {row.page for row in before} == {1, 2, 3, 4, 5}
    shop.work()
    job = shop.job(made)
    assert (job["status"], job["progress"]) == ("succeeded", {"pages": 12, "read": 12})
    assert {item["page"] for item in items(shop)} == set(range(1, 13))
    with shop.database.begin() as connection:
        ids = set(connection.execute(text("SELECT id FROM items")).scalars())
        places = connection.execute(
            text(
                "SELECT place, count(*) FROM tasks WHERE NOT expands GROUP BY 1 HAVING count(*) > 1"
            )
        ).all()
    assert {row.id for row in before} <= ids and places == []


def test_a_document_that_is_replaced_while_it_is_read_ends_its_first_job(
    shop: Room, tmp_path: Path
) -> None:
    first = send(shop.client, documents.pdf(tmp_path / "a.pdf", says("Old.")), id="d").json
    second = send(shop.client, documents.pdf(tmp_path / "b.pdf", says("New.")), id="d").json
    shop.work()
    assert shop.job(second)["status"] == "succeeded"
    assert shop.job(first)["status"] in ("succeeded", "failed")
    assert [item["text"] for item in items(shop, kind=["text"])] == ["New."]


def test_a_deck_becomes_slides_with_text_and_pictures(
    shop: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no LibreOffice there
    job = read(shop, decks.plain(tmp_path / "deck.pptx"), id="deck")
    assert job["status"] == "succeeded"
    assert any("LibreOffice" in note for note in job["result"]["notes"])
    assert any(
        "LibreOffice" in note for note in shop.client.get(f"{SHOP}/documents/deck").json["notes"]
    )
    slides = items(shop, kind=["slide"])
    assert [slide["caption"] for slide in slides] == ["First", "Second", "Third"]
    hits = shop.post("searches", text="second", mode="text")["result"]["hits"]
    assert hits[0]["item"]["id"] == "deck.p2"
