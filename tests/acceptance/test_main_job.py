"""The main job as a user does it: upload, poll, search; with bad input, and with a kill in between."""

import json
import os
import signal
import time
import zlib
from typing import Any

import httpx
import psycopg

from db.embedded import Stack
from tests.acceptance.conftest import ended, picture, zipped


def make_catalog(http: httpx.Client, name: str) -> None:
    assert http.put(f"/v1/catalogs/{name}", json={}).status_code in (200, 201)


def upload_zip(http: httpx.Client, catalog: str, body: bytes) -> dict[str, Any]:
    answer = http.post(
        f"/v1/catalogs/{catalog}/imports", content=body, headers={"Content-Type": "application/zip"}
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == answer.json()["urls"]["self"]
    return dict(answer.json())


def search(http: httpx.Client, catalog: str, **body: Any) -> dict[str, Any]:
    answer = http.post(f"/v1/catalogs/{catalog}/searches", json=body, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert job["status"] == "succeeded", job["error"]
    return dict(job["result"])


def test_a_catalog_is_uploaded_polled_and_searched(http: httpx.Client) -> None:
    make_catalog(http, "shop")
    lines = [{"id": f"sku-{n}", "name": f"Thing {n}", "price": n, "image": f"images/{n}.jpg"}
             for n in range(60)]  # fmt: skip
    body = zipped(lines, {f"images/{n}.jpg": picture(n) for n in range(60)})
    job = ended(http, upload_zip(http, "shop", body))
    assert job["status"] == "succeeded"
    assert job["counts"] == {"total": 60, "succeeded": 60, "unchanged": 0, "failed": 0,
                             "canceled": 0, "pending": 0}  # fmt: skip
    counts = http.get("/v1/catalogs/shop").json()["counts"]
    assert (counts["items"], counts["embedded"]) == (60, 60)

    again = ended(http, upload_zip(http, "shop", body))
    assert again["counts"]["unchanged"] == 60

    words = search(http, "shop", text="a red thing", limit=5, filters={"price": {"lt": 3}})
    assert len(words["hits"]) == 3
    answer = http.post(
        "/v1/catalogs/shop/searches",
        files={"image": ("q.jpg", picture(17), "image/jpeg")},
        headers={"Prefer": "wait=20"},
    )
    best = answer.json()["result"]["hits"][0]
    assert best["item"]["id"] == "sku-17" and best["score"] > 0.99
    similar = search(http, "shop", item_id="sku-17", limit=3)
    assert "sku-17" not in [hit["item"]["id"] for hit in similar["hits"]]

    shown = http.get("/v1/catalogs/shop/items/sku-17/image", params={"size": "thumbnail"})
    assert shown.status_code == 200 and shown.headers["Content-Type"] == "image/jpeg"


def test_each_bad_line_gets_its_own_error_and_costs_its_neighbours_nothing(
    http: httpx.Client,
) -> None:
    make_catalog(http, "bad")
    png = picture(1, "PNG")
    huge = bytearray(png)
    huge[16:24] = (8000).to_bytes(4, "big") + (7000).to_bytes(4, "big")
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    lines: list[Any] = [
        {"id": "good-1", "image": "good.jpg"},
        "this is no JSON",
        {"id": "up", "image": "../../etc/passwd"},
        {"id": "fake", "image": "fake.jpg"},
        {"id": "cut", "image": "cut.jpg"},
        {"id": "huge", "image": "huge.png"},
        {"id": "good-1", "image": "good.jpg"},
        {"id": "missing", "image": "nowhere.jpg"},
        {"id": "local", "image_url": "http://127.0.0.1/a.jpg"},
        {"id": "good-2", "image": "good.jpg"},
    ]
    files = {"good.jpg": picture(2), "fake.jpg": b"<html>", "cut.jpg": picture(3)[:900],
             "huge.png": bytes(huge)}  # fmt: skip
    job = ended(http, upload_zip(http, "bad", zipped(lines, files)))
    assert (job["status"], job["counts"]["succeeded"], job["counts"]["failed"]) == (
        "succeeded",
        2,
        8,
    )
    tasks = http.get(job["urls"]["tasks"], params={"status": "failed"}).json()["data"]
    assert {task["index"]: task["error"]["code"] for task in tasks} == {
        1: "invalid_manifest_line",
        2: "unsafe_name",
        3: "unsupported_image",
        4: "broken_image",
        5: "image_too_large",
        6: "duplicate_id",
        7: "file_missing",
        8: "url_refused",
    }


def test_an_upload_that_names_nothing_says_so(http: httpx.Client) -> None:
    make_catalog(http, "empty")
    job = ended(http, upload_zip(http, "empty", zipped([], {})))
    assert (job["status"], job["error"]["code"]) == ("failed", "empty_upload")
    job = ended(http, upload_zip(http, "empty", b"PK this is no ZIP"))
    assert (job["status"], job["error"]["code"]) == ("failed", "broken_upload")
    assert search(http, "empty", text="anything")["hits"] == []


def test_one_item_by_each_door(http: httpx.Client) -> None:
    import base64

    make_catalog(http, "doors")
    wait = {"Prefer": "wait=20"}
    url = "/v1/catalogs/doors/items"
    form = http.post(url, files={"image": ("a.jpg", picture(5))}, data={"id": "form"}, headers=wait)
    inline = {"id": "base64", "image_base64": base64.b64encode(picture(6)).decode()}
    text = {"id": "text", "text": "only words"}
    for answer in (form, *(http.post(url, json=body, headers=wait) for body in (inline, text))):
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "succeeded", answer.json()
    refused = http.post(
        url, files={"image": ("a.jpg", b"<svg/>")}, data={"id": "svg"}, headers=wait
    )
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "unsupported_image"


def test_pictures_come_by_url_through_the_guard(http: httpx.Client, site: str) -> None:
    make_catalog(http, "urls")
    wait = {"Prefer": "wait=20"}
    good, bad = f"http://{site}/a.jpg", "http://169.254.169.254/latest/meta-data"
    made = http.post("/v1/catalogs/urls/items", json={"id": "u", "image_url": good}, headers=wait)
    assert made.json()["status"] == "succeeded", made.text
    item = http.get("/v1/catalogs/urls/items/u").json()
    assert item["source_url"] == good
    assert search(http, "urls", image_url=good)["hits"][0]["score"] > 0.99

    refused = http.post("/v1/catalogs/urls/items", json={"image_url": bad}, headers=wait).json()
    assert (refused["status"], refused["error"]["code"]) == ("failed", "url_refused")
    lines = [{"id": "1", "image_url": good}, {"id": "2", "image_url": bad},
             {"id": "3", "image_url": f"http://{site}/missing.jpg"}]  # fmt: skip
    body = "\n".join(json.dumps(line) for line in lines)
    sent = http.post("/v1/catalogs/urls/imports", content=body,
                     headers={"Content-Type": "application/x-ndjson"})  # fmt: skip
    job = ended(http, sent.json())
    assert (job["counts"]["succeeded"], job["counts"]["failed"]) == (1, 2)
    tasks = http.get(job["urls"]["tasks"], params={"status": "failed"}).json()["data"]
    assert [task["error"]["code"] for task in tasks] == ["url_refused", "fetch_failed"]


def test_killing_the_embed_worker_in_mid_import_loses_nothing(
    http: httpx.Client, stack: Stack
) -> None:
    make_catalog(http, "killed")
    count = 1500
    lines = [{"id": f"k{n}", "image": f"{n}.jpg"} for n in range(count)]
    job = upload_zip(
        http, "killed", zipped(lines, {f"{n}.jpg": picture(10_000 + n) for n in range(count)})
    )
    kills = 0
    until = time.monotonic() + 120
    while kills < 2 and time.monotonic() < until:
        now = http.get(job["urls"]["self"]).json()
        if now["ended_at"]:
            break
        pid = stack.processes["embed"]
        if now["counts"]["succeeded"] > 200 * (kills + 1) and pid:
            os.kill(pid, signal.SIGKILL)
            kills += 1
        time.sleep(0.05)
    assert kills, "the import was over before a worker could be killed"
    job = ended(http, job, 120)
    assert job["counts"] == {"total": count, "succeeded": count, "unchanged": 0, "failed": 0,
                             "canceled": 0, "pending": 0}  # fmt: skip
    with psycopg.connect(stack.database_url) as connection:
        vectors, keys = connection.execute(
            """SELECT count(*), count(DISTINCT (e.item_id, e.model_id))
               FROM sightline.embeddings e JOIN sightline.catalogs c
               ON c.tenant_id = e.tenant_id AND c.id = e.catalog_id WHERE c.name = 'killed'"""
        ).fetchone() or (0, 0)
    assert vectors == keys == count


def test_a_catalog_is_deleted_in_the_middle_of_its_import(http: httpx.Client) -> None:
    """However the two meet, neither waits for the other for ever."""
    files = {f"{n}.png": picture(5_000 + n) for n in range(120)}
    lines = [{"id": f"i{n}", "image": f"{n}.png"} for n in range(len(files))]
    body = zipped(lines, files)
    for round_ in range(6):
        make_catalog(http, "gone")
        upload_zip(http, "gone", body)
        time.sleep(0.1 * round_)
        assert http.delete("/v1/catalogs/gone").status_code == 204
        assert http.get("/v1/catalogs/gone").status_code == 404
