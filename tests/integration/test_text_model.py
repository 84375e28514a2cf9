"""A local text model in the embed lane: words of items and of queries, beside the pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from db.blobs import BlobStore
from db.session import Database
from db.settings import Settings
from db.vocabulary import Lane
from tests.integration.answer_parts import SHOP, Room, room
from tests.integration.worker_parts import FakeEncoder, runtime
from tests.providers.server import FakeProviders
from worker.encoder import TextEncoder
from worker.encoder.random_text_folder import write
from worker.pipeline import EmbedPipeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("text-model")
    write(made, prompts={"query": "query: "})
    return made


@pytest.fixture
def encoder(folder: Path) -> TextEncoder:
    return TextEncoder.load(str(folder), device="cpu", precision="fp32")


@pytest.fixture
def shop(database: Database, settings: Settings, blobs: BlobStore, folder: Path) -> Iterator[Room]:
    with FakeProviders() as providers:
        made = room(database, settings, blobs, providers, keys=False, text_model=str(folder))
        yield made
        made.close()


def work(shop: Room, encoder: TextEncoder) -> list[tuple[str, list[str]]]:
    """Drain the embed lane with both models; what the text model was given, and as what."""
    seen: list[tuple[str, list[str]]] = []

    class Watched(TextEncoder):
        def texts(self, texts: Sequence[str]) -> Any:
            seen.append(("texts", list(texts)))
            return super().texts(texts)

        def queries(self, queries: Sequence[str]) -> Any:
            seen.append(("queries", list(queries)))
            return super().queries(queries)

    encoder.__class__ = Watched
    lane = runtime(shop.database, shop.blobs, shop.settings, Lane.EMBED)
    EmbedPipeline(lane, [FakeEncoder()], [encoder]).drain()  # type: ignore[list-item]
    return seen


def test_items_and_queries_are_embedded_each_in_its_way(shop: Room, encoder: TextEncoder) -> None:
    for item_id, words in [("a", "red leather jacket"), ("b", "blue metal lamp")]:
        made = shop.client.post(f"{SHOP}/items", json={"id": item_id, "text": words})
        assert made.status_code == 202
    assert work(shop, encoder) == [("texts", ["blue metal lamp", "red leather jacket"])]
    counts = shop.client.get(SHOP).json["counts"]
    assert (counts["embedded"], counts["pending"]) == (2, 0)
    made = shop.client.post(f"{SHOP}/searches", json={"text": "leather jacket", "mode": "text"})
    assert made.status_code == 202
    assert work(shop, encoder) == [("queries", ["leather jacket"])]
    hit = shop.job(made.json)["result"]["hits"][0]
    assert hit["item"]["id"] == "a" and hit["ranks"] == {"text": 1, "words": 1}
    again = shop.client.post(f"{SHOP}/searches", json={"text": "leather jacket", "mode": "text"})
    assert again.status_code == 200


def test_a_picture_with_words_gets_both_vectors_one_after_the_other(
    shop: Room, encoder: TextEncoder
) -> None:
    import base64

    from tests.integration.answer_parts import picture

    encoded = base64.b64encode(picture("red")).decode()
    made = shop.client.post(f"{SHOP}/items", json={"image_base64": encoded, "name": "old lamp"})
    work(shop, encoder)
    assert shop.job(made.json)["counts"]["succeeded"] == 1
    with shop.database.begin() as connection:
        rows = connection.execute(
            text("""SELECT m.name, vector_dims(e.vector) AS size, c.model_id, c.text_model_id
                    FROM embeddings e JOIN models m ON m.id = e.model_id
                    JOIN catalogs c ON c.id = e.catalog_id ORDER BY size""")
        ).all()
    assert [row.size for row in rows] == [4, encoder.dimensions]
    assert rows[0].model_id != rows[0].text_model_id


def test_vectors_of_words_can_be_asked_for(shop: Room, encoder: TextEncoder) -> None:
    body = {"input": [{"text": "a lamp"}], "model": encoder.name}
    made = shop.client.post("/v1/embeddings", json=body)
    work(shop, encoder)
    result = shop.job(made.json)["result"]
    assert result["dimensions"] == encoder.dimensions
    vector = np.array(result["data"][0]["embedding"])
    assert abs(float(vector @ encoder.texts(["a lamp"])[0]) - 1) < 1e-3
    refused = shop.client.post("/v1/embeddings", json=body | {"input": [{"image_base64": "aGk="}]})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")


def test_a_text_model_is_chosen_before_the_first_item(shop: Room, encoder: TextEncoder) -> None:
    assert shop.client.put(SHOP, json={"text_model": "none"}).json["text_model"] == "none"
    assert shop.client.put(SHOP, json={"text_model": encoder.name}).status_code == 200
    shop.client.post(f"{SHOP}/items", json={"text": "words"})
    refused = shop.client.put(SHOP, json={"text_model": "none"})
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    unknown = shop.client.put("/v1/catalogs/other", json={"text_model": "somebody/model"})
    assert unknown.json["code"] == "model_not_served"
