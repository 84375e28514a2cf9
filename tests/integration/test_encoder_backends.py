"""A real embed worker that runs an exported model: what it embeds is found, and it says what it is."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from db.embedded import Stack, free_port
from tests.unit.pictures import jpeg
from worker.encoder import ClipEncoder
from worker.encoder.random_folder import write

SHOP = "/v1/catalogs/shop"
ENCODER = {"SIGHTLINE_ENCODER": "onnx", "SIGHTLINE_PRECISION": "int8"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model")
    write(made, "tiny")
    return made


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Stack]:
    cache = tmp_path_factory.mktemp("cache")
    environment = {"SIGHTLINE_IMAGE_MODEL": str(folder), "SIGHTLINE_CACHE_DIR": str(cache)}
    with Stack(tmp_path_factory.mktemp("stack"), free_port(), environment | ENCODER) as running:
        yield running


def test_pictures_are_found_with_the_vectors_of_an_exported_model(
    stack: Stack, folder: Path
) -> None:
    files = {f"photo-{seed}": jpeg(400, 300, seed) for seed in range(12)}
    with httpx.Client(base_url=stack.url, timeout=60) as http:
        http.put(SHOP, json={}).raise_for_status()
        for name, data in files.items():
            made = http.post(f"{SHOP}/items", data={"id": name}, files={"image": io.BytesIO(data)},
                             headers={"Prefer": "wait=30"})  # fmt: skip
            assert made.raise_for_status().json()["status"] == "succeeded"
        found = http.post(f"{SHOP}/searches", files={"image": io.BytesIO(files["photo-3"])},
                          headers={"Prefer": "wait=30"}).raise_for_status().json()  # fmt: skip
    best = found["result"]["hits"][0]
    assert best["item"]["id"] == "photo-3" and best["score"] > 0.999
    with psycopg.connect(stack.database_url) as connection:
        rows = connection.execute(
            """SELECT i.external_id, e.vector::text FROM sightline.embeddings e
               JOIN sightline.items i ON i.tenant_id = e.tenant_id AND i.id = e.item_id"""
        ).fetchall()
    reference = ClipEncoder.load(str(folder), device="cpu", precision="fp32")
    for name, vector in rows:
        theirs = reference.images([reference.preprocessing.array(files[name])])[0]
        assert json.loads(vector) @ theirs > 0.999
    assert len(rows) == len(files)


def test_the_worker_says_what_runs_its_model(stack: Stack, folder: Path) -> None:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(
            "SELECT stats -> 'encoders' FROM sightline.workers WHERE lane = 'embed'"
        ).fetchone()
    told = {"backend": "onnx", "precision": "int8", "device": "cpu", "why": "as set"}
    assert row == ({str(folder): told},)
    lines = (stack.logs / "embed.log").read_text().splitlines()
    chosen = [json.loads(line) for line in lines if '"encoder_chosen"' in line]
    assert [told.items() <= line.items() for line in chosen] == [True]
