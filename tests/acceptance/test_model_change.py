"""A catalog changes its image model while it is searched and filled: nothing is missing meanwhile."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from db.embedded import Stack, free_port
from tests.unit.pictures import photo, saved
from worker.encoder import random_folder

PICTURES = 40
Json = dict[str, Any]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two small models of random weights, so that they agree in nothing."""
    folder = tmp_path_factory.mktemp("models")
    for number, name in enumerate(("old", "new")):
        random_folder.write(folder / name, "tiny", seed=number)
    return str(folder / "old"), str(folder / "new")


@pytest.fixture(scope="module")
def http(
    models: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    environment = {"SIGHTLINE_IMAGE_MODEL": ",".join(models), "SIGHTLINE_ENCODER": "torch"}
    with (
        Stack(tmp_path_factory.mktemp("stack"), free_port(), environment) as stack,
        httpx.Client(base_url=stack.url, timeout=60) as client,
    ):
        yield client


def ended(http: httpx.Client, job: Json) -> Json:
    while job["ended_at"] is None:
        answer = http.get(job["urls"]["self"], headers={"Prefer": "wait=20"})
        job = answer.raise_for_status().json()
    assert job["status"] == "succeeded", job
    return job


def put(http: httpx.Client, name: str, seed: int) -> None:
    answer = http.post(
        "/v1/catalogs/shop/items",
        files={"image": ("a.jpg", saved(photo(64, 64, seed=seed), "JPEG"))},
        data={"id": name},
    )
    ended(http, answer.raise_for_status().json())


def catalog(http: httpx.Client) -> Json:
    return dict(http.get("/v1/catalogs/shop").raise_for_status().json())


def scores(http: httpx.Client, name: str) -> dict[str, float]:
    """How near all others are to an item, by the vectors that search uses now."""
    answer = http.post("/v1/catalogs/shop/searches", json={"item_id": name, "limit": 100})
    hits = ended(http, answer.raise_for_status().json())["result"]["hits"]
    return {hit["item"]["id"]: hit["score"] for hit in hits}


def found_by(http: httpx.Client, words: str) -> int:
    answer = http.post(
        "/v1/catalogs/shop/searches", json={"text": words, "mode": "image"},
        headers={"Prefer": "wait=20"},
    )  # fmt: skip
    return len(ended(http, answer.raise_for_status().json())["result"]["hits"])


def wait_for(http: httpx.Client, model: str) -> Json:
    until = time.monotonic() + 60
    while (found := catalog(http))["image_model"] != model:
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found


def test_a_catalog_changes_its_model_and_back_while_it_is_searched(
    http: httpx.Client, models: tuple[str, str]
) -> None:
    old, new = models
    http.put("/v1/catalogs/shop", json={"image_model": old}).raise_for_status()
    for number in range(PICTURES):
        put(http, f"p{number}", number)
    before = scores(http, "p0")
    assert len(before) == PICTURES - 1 and found_by(http, "red boot") == 10

    second = "/v1/catalogs/shop/second-model"
    answer = http.put(second, json={"image_model": new, "switch": "manual"})
    assert answer.status_code == 202
    put(http, "late", PICTURES)  # comes in while the others are embedded
    job = ended(http, answer.json())
    assert (job["kind"], job["counts"]["failed"]) == ("reembedding", 0)
    assert scores(http, "p0").items() >= before.items(), "the old model serves until the switch"
    assert catalog(http)["second_model"] == {
        "image_model": new, "switch": "manual", "pictures": PICTURES + 1,
        "covered": PICTURES + 1, "complete": True,
    }  # fmt: skip

    switched = http.post(f"{second}/switch").raise_for_status().json()
    assert switched["image_model"] == new
    after = scores(http, "p0")
    assert after.keys() == {*before, "late"} and found_by(http, "red boot") == 10
    assert sum(abs(after[name] - before[name]) > 0.001 for name in before) > PICTURES / 2

    put(http, "later", PICTURES + 1)  # under both, so that the way back is open
    http.post(f"{second}/switch").raise_for_status()
    back = scores(http, "p0")
    assert back.items() >= before.items() and "later" in back

    assert http.delete(second).status_code == 204
    assert catalog(http)["second_model"] is None
    assert http.delete(second).status_code == 404
    assert scores(http, "p0") == back

    again = http.put(second, json={"image_model": new})
    counts = ended(http, again.raise_for_status().json())["counts"]
    assert (counts["total"], counts["unchanged"]) == (PICTURES + 2, 0), "its vectors were dropped"
    assert wait_for(http, new)["second_model"]["image_model"] == old, "it switched by itself"
    assert scores(http, "p0").keys() == back.keys()


def test_what_cannot_be_is_refused(http: httpx.Client, models: tuple[str, str]) -> None:
    old, new = models
    http.put("/v1/catalogs/other", json={"image_model": old}).raise_for_status()
    second = "/v1/catalogs/other/second-model"

    def refused(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["code"]

    assert refused(http.put(second, json={"image_model": old})) == (409, "conflict")
    assert refused(http.put(second, json={"image_model": "x"})) == (422, "model_not_served")
    assert refused(http.post(f"{second}/switch")) == (404, "not_found")
    assert refused(http.put(second, json={})) == (422, "invalid_input")
    nowhere = http.put("/v1/catalogs/none/second-model", json={"image_model": new})
    assert refused(nowhere) == (404, "not_found")
