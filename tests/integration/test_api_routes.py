"""The contract's routes against a real Postgres and Redis; workers are played by the test."""

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from api import create_app
from api.services import NAME
from db import catalogs, entries, queue, search
from db.blobs import BlobStore, upload_path
from db.entries import Entry
from db.fields import ItemFields
from db.queue import Outcome
from db.session import Database
from db.settings import Settings
from db.vocabulary import DEFAULT_TENANT, Lane, TaskStatus

SHOP = "/v1/catalogs/shop"


def picture(colour: str = "red", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 320), colour).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.fixture
def app(database: Database, settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    made.extensions[NAME].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    made = app.test_client()
    assert made.put(SHOP, json={}).status_code == 201
    return made


def put_picture(client: FlaskClient, item_id: str = "a", data: bytes | None = None, **more: Any):
    encoded = base64.b64encode(data or picture()).decode()
    return client.post(f"{SHOP}/items", json={"id": item_id, "image_base64": encoded, **more})


def play_worker(database: Database, lane: Lane, status: TaskStatus, result: Any = None) -> int:
    """End every due task of a lane; returns how many."""
    with database.begin() as connection:
        models = connection.exec_driver_sql("SELECT DISTINCT model FROM tasks").scalars().all()
        claim = queue.claim(connection, lane, "test", 100, 60, [m for m in models if m])
        error = {"code": "broken_image", "detail": "no"} if status == "failed" else None
        if claim:
            outcomes = [Outcome(task, status, error, result) for task in claim.tasks]
            queue.finish(connection, claim.token, outcomes)
        return len(claim.tasks)


def test_a_catalog_is_made_changed_listed_and_deleted(client: FlaskClient) -> None:
    changed = client.put(SHOP, json={"description": "shoes"})
    assert (changed.status_code, changed.json["description"]) == (200, "shoes")
    assert client.get(SHOP).json["counts"]["items"] == 0
    client.put("/v1/catalogs/other", content_type="application/json")
    first = client.get("/v1/catalogs?limit=1").json
    second = client.get(f"/v1/catalogs?limit=1&after={first['next']}").json
    assert [c["name"] for c in first["data"] + second["data"]] == ["other", "shop"]
    assert second["next"] is None
    assert client.delete(SHOP).status_code == 204
    assert client.get(SHOP).status_code == 404


def test_a_catalog_of_an_unknown_model_or_name_is_refused(client: FlaskClient) -> None:
    refused = client.put(SHOP, json={"image_model": "none/such"})
    assert (refused.status_code, refused.json["code"]) == (422, "model_not_served")
    assert client.put("/v1/catalogs/a%20b", json={}).status_code == 422


def test_an_item_is_a_job_that_can_be_polled(client: FlaskClient, database: Database) -> None:
    made = put_picture(client, price=9.5, tags=["red"])
    assert made.status_code == 202
    assert made.headers["Retry-After"] == "1"
    assert made.headers["Location"] == made.json["urls"]["self"]
    assert made.json["counts"]["pending"] == 1
    play_worker(database, Lane.EMBED, TaskStatus.SUCCEEDED)
    polled = client.get(made.headers["Location"])
    assert (polled.json["status"], polled.json["kind"]) == ("succeeded", "item")
    assert polled.json["created_at"].endswith("Z")
    again = client.get(made.headers["Location"], headers={"If-None-Match": polled.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_form_makes_the_same_item_as_json(client: FlaskClient) -> None:
    form = {"image": (io.BytesIO(picture()), "a.jpg"), "id": "form", "tags": "red|wide",
            "price": "9.50", "attributes": '{"stars": 4}'}  # fmt: skip
    assert client.post(f"{SHOP}/items", data=form).status_code == 202
    item = client.get(f"{SHOP}/items/form").json
    assert (item["tags"], item["price"], item["attributes"]) == (["red", "wide"], 9.5, {"stars": 4})


def test_a_wait_ends_with_the_job(client: FlaskClient, database: Database) -> None:
    threading.Timer(0.3, play_worker, (database, Lane.EMBED, TaskStatus.SUCCEEDED)).start()
    begun = time.monotonic()
    encoded = base64.b64encode(picture()).decode()
    made = client.post(
        f"{SHOP}/items", json={"image_base64": encoded}, headers={"Prefer": "wait=20"}
    )
    assert (made.status_code, made.json["status"]) == (200, "succeeded")
    assert made.headers["Preference-Applied"] == "wait=20"
    assert time.monotonic() - begun < 10


def test_a_text_needs_no_worker(client: FlaskClient) -> None:
    made = client.post(f"{SHOP}/items", json={"id": "t", "text": "words"})
    assert (made.status_code, made.json["status"]) == (200, "succeeded")


def test_an_address_is_left_to_the_ingest_lane(client: FlaskClient, database: Database) -> None:
    made = client.post(f"{SHOP}/items", json={"image_url": "https://example.org/a.jpg"})
    assert made.status_code == 202
    with database.begin() as connection:
        (task,) = queue.claim(connection, Lane.INGEST, "test", 10, 60).tasks
    assert task.payload["image_url"] == "https://example.org/a.jpg"
    assert task.payload["item"]["id"] == task.external_id


def test_the_same_key_and_body_make_one_job(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "k"}
    body = {"text": "shoe"}
    first = client.post(f"{SHOP}/searches", json=body, headers=headers)
    again = client.post(f"{SHOP}/searches", json=body, headers=headers)
    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = client.post(f"{SHOP}/searches", json={"text": "hat"}, headers=headers)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_repeated_form_is_replayed_whatever_its_boundary(client: FlaskClient) -> None:
    def send() -> Any:
        return client.post(
            f"{SHOP}/items",
            data={"image": (io.BytesIO(picture()), "a.jpg"), "id": "a"},
            headers={"Idempotency-Key": "form"},
        )

    assert send().json["id"] == send().json["id"]


def test_metadata_is_patched_and_items_are_filtered(client: FlaskClient) -> None:
    for n in range(3):
        client.post(f"{SHOP}/items", json={"id": f"i{n}", "text": "x", "price": n})
    patched = client.patch(f"{SHOP}/items/i1", json={"name": "one", "price": None})
    assert (patched.json["name"], patched.json["price"]) == ("one", None)
    query = {"filters": json.dumps({"price": {"gte": 1}})}
    found = client.get(f"{SHOP}/items", query_string=query).json
    assert [item["id"] for item in found["data"]] == ["i2"]
    first = client.get(f"{SHOP}/items?limit=2").json
    rest = client.get(f"{SHOP}/items?limit=2&after={first['next']}").json
    assert [item["id"] for item in first["data"] + rest["data"]] == ["i0", "i1", "i2"]
    assert client.delete(f"{SHOP}/items/i0").status_code == 204
    assert client.get(f"{SHOP}/items/i0").status_code == 404


def test_a_picture_is_shown_without_its_metadata(client: FlaskClient) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    put_picture(client, "a", picture(exif=exif))
    full = client.get(f"{SHOP}/items/a/image")
    assert (full.status_code, full.content_type) == (200, "image/jpeg")
    assert b"secret" not in full.data
    small = client.get(f"{SHOP}/items/a/image?size=thumbnail")
    assert Image.open(io.BytesIO(small.data)).size == (256, 128)
    assert small.headers["ETag"] != full.headers["ETag"]
    headers = {"If-None-Match": small.headers["ETag"]}
    assert client.get(f"{SHOP}/items/a/image?size=thumbnail", headers=headers).status_code == 304
    client.post(f"{SHOP}/items", json={"id": "t", "text": "x"})
    assert client.get(f"{SHOP}/items/t/image").status_code == 404


def test_a_picture_that_cannot_be_decoded_is_no_server_error(client: FlaskClient) -> None:
    put_picture(client, "cut", picture()[:200])
    shown = client.get(f"{SHOP}/items/cut/image")
    assert (shown.status_code, shown.json["code"]) == (422, "broken_image")


def embed(database: Database, blobs: BlobStore, item_id: str, vector: list[float]) -> None:
    """Store an embedded item as a worker leaves it."""
    data = picture(f"#{abs(hash(item_id)) % 0xFFFFFF:06x}")
    with database.begin() as connection:
        run = connection.exec_driver_sql
        model = run("INSERT INTO models (name, revision, preprocessing, dimensions) "
                    "VALUES ('m', '1', 1, 2) ON CONFLICT (name, revision, preprocessing) "
                    "DO UPDATE SET dimensions = 2 RETURNING id").scalar_one()  # fmt: skip
        run("UPDATE catalogs SET model_id = %s", (model,))
        catalog = catalogs.get(connection, DEFAULT_TENANT, "shop")
        sha256 = blobs.put(DEFAULT_TENANT, data)
        entry = Entry(0, ItemFields(id=item_id), sha256=sha256, size=1, media_type="image/jpeg")
        (task,) = entries.put(connection, DEFAULT_TENANT, catalog, [entry])
        run("INSERT INTO embeddings (tenant_id, item_id, model_id, catalog_id, sha256, vector) "
            "VALUES (%s, %s, %s, %s, %s, %s::halfvec)",
            (DEFAULT_TENANT, task.item_id, model, catalog.id, sha256, str(vector)))  # fmt: skip


def test_a_stored_vector_is_searched_at_once(
    client: FlaskClient, database: Database, blobs: BlobStore
) -> None:
    embed(database, blobs, "a", [1, 0])
    embed(database, blobs, "b", [0.6, 0.8])
    made = client.post(f"{SHOP}/searches", json={"item_id": "a"})
    assert (made.status_code, made.json["status"]) == (200, "succeeded")
    (hit,) = made.json["result"]["hits"]
    assert hit["item"]["id"] == "b" and abs(hit["score"] - 0.6) < 0.01
    asked = client.post(f"{SHOP}/searches", json={"text": "shoe"})
    assert asked.status_code == 202
    with database.begin() as connection:
        model = connection.exec_driver_sql("SELECT id FROM models").scalar_one()
        search.keep_query(connection, DEFAULT_TENANT, model, search.query_sha("shoe"),
                          np.array([0, 1], dtype=np.float32))  # fmt: skip
    known = client.post(f"{SHOP}/searches", json={"text": "shoe", "limit": 1})
    assert known.status_code == 200
    assert [hit["item"]["id"] for hit in known.json["result"]["hits"]] == ["b"]
    assert known.json["result"]["query"]["text"] == "shoe"


def test_a_search_that_cannot_be_done_says_why(client: FlaskClient) -> None:
    put_picture(client, "a")
    encoded = base64.b64encode(picture()).decode()
    for body, code in [({"item_id": "a"}, "item_not_embedded"), ({"item_id": "z"}, "not_found"),
                       ({"image_base64": encoded, "mode": "text"}, "mode_not_supported"),
                       ({"image_base64": "aGFsbG8="}, "unsupported_image")]:  # fmt: skip
        answer = client.post(f"{SHOP}/searches", json=body)
        assert answer.json["code"] == code, body
        assert 400 <= answer.status_code < 500


def test_embeddings_are_the_jobs_result(client: FlaskClient, database: Database) -> None:
    made = client.post("/v1/embeddings", json={"input": [{"text": "a"}, {"text": "b"}]})
    assert (made.status_code, made.json["counts"]["total"]) == (202, 2)
    play_worker(database, Lane.EMBED, TaskStatus.SUCCEEDED, {"embedding": [0.5, 0.25]})
    result = client.get(made.headers["Location"]).json["result"]
    assert result["dimensions"] == 2
    assert result["data"][1] == {"index": 1, "embedding": [0.5, 0.25]}


def test_jobs_are_listed_canceled_and_retried(client: FlaskClient, database: Database) -> None:
    first = put_picture(client, "a").json
    second = client.post("/v1/embeddings", json={"input": [{"text": "x"}]}).json
    listed = client.get("/v1/jobs?limit=1").json
    assert [job["id"] for job in listed["data"]] == [second["id"]]
    rest = client.get(f"/v1/jobs?limit=1&after={listed['next']}").json
    assert [job["id"] for job in rest["data"]] == [first["id"]]
    assert client.get("/v1/jobs?kind=item&catalog=shop&status=queued").json["next"] is None
    assert client.post(second["urls"]["cancel"]).json["status"] == "canceled"
    again = client.post(second["urls"]["cancel"])
    assert (again.status_code, again.json["code"]) == (409, "job_already_ended")
    assert client.post(second["urls"]["retry"]).json["code"] == "job_not_retryable"
    play_worker(database, Lane.EMBED, TaskStatus.FAILED)
    failed = client.get(first["urls"]["self"]).json
    assert (failed["status"], failed["error"]["code"]) == ("failed", "broken_image")
    tasks = client.get(f"{first['urls']['tasks']}?status=failed").json
    assert [(t["index"], t["item_id"], t["attempts"]) for t in tasks["data"]] == [(0, "a", 1)]
    assert client.post(first["urls"]["retry"]).json["status"] == "running"


def test_tasks_are_streamed_as_lines(client: FlaskClient) -> None:
    made = client.post("/v1/embeddings", json={"input": [{"text": str(n)} for n in range(30)]})
    streamed = client.get(made.json["urls"]["tasks"], headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in streamed.text.splitlines()]
    assert [line["index"] for line in lines] == list(range(30))
    page = client.get(made.json["urls"]["tasks"]).json
    rest = client.get(f"{made.json['urls']['tasks']}?after={page['next']}").json
    assert [task["index"] for task in page["data"] + rest["data"]] == list(range(30))


def upload(client: FlaskClient, data: Any, kind: str | None = None, **headers: str) -> Any:
    return client.post(f"{SHOP}/imports", data=data, content_type=kind, headers=headers)


def test_an_import_is_stored_before_its_job(
    client: FlaskClient, database: Database, blobs: BlobStore
) -> None:
    body = b'{"id": "a", "image_url": "https://example.org/a.jpg"}\n' * 5000
    made = upload(client, body, "application/x-ndjson")
    assert (made.status_code, made.json["kind"], made.json["expanded"]) == (202, "import", False)
    with blobs.local_file(upload_path(DEFAULT_TENANT, made.json["id"], "body")) as stored:
        assert stored.read_bytes() == body
    with database.begin() as connection:
        (task,) = queue.claim(connection, Lane.INGEST, "test", 10, 60).tasks
    assert task.expands and task.request["format"] == "jsonl"


def form() -> dict[str, Any]:
    return {"manifest": (io.BytesIO(b'{"image": "a.jpg"}\n'), "manifest.jsonl"),
            "image": [(io.BytesIO(picture()), "a.jpg"), (io.BytesIO(picture("blue")), "b.jpg")]}  # fmt: skip


def test_a_form_with_pictures_is_taken_apart(client: FlaskClient, blobs: BlobStore) -> None:
    made = upload(client, form())
    assert made.status_code == 202
    with blobs.local_file(upload_path(DEFAULT_TENANT, made.json["id"], "files.jsonl")) as stored:
        lines = [json.loads(line) for line in stored.read_text().splitlines()]
    names = {line["name"]: line["sha256"] for line in lines}
    assert blobs.get(DEFAULT_TENANT, bytes.fromhex(names["b.jpg"])) == picture("blue")


def test_an_import_is_replayed_and_its_second_upload_dropped(
    client: FlaskClient, settings: Settings
) -> None:
    first, again = (upload(client, form(), None, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert again.json["id"] == first.json["id"]
    assert uploads(settings) == [first.json["id"]]


def uploads(settings: Settings) -> list[str]:
    from pathlib import Path
    from urllib.parse import urlparse

    folder = Path(urlparse(settings.blob_url).path) / "uploads" / str(DEFAULT_TENANT)
    return sorted({path.parent.name for path in folder.rglob("*") if path.is_file()})


@pytest.mark.parametrize("ended_by_server", [False, True])
def test_a_cut_upload_leaves_nothing_behind(
    client: FlaskClient, settings: Settings, ended_by_server: bool
) -> None:
    cut = client.post(
        f"{SHOP}/imports",
        data=b"x" * 100_000,
        content_type="text/csv",
        environ_overrides={"CONTENT_LENGTH": "200000", "wsgi.input_terminated": ended_by_server},
    )
    assert cut.status_code == 400
    kind = "multipart/form-data; boundary=b"
    head = b'--b\r\nContent-Disposition: form-data; name="manifest"; filename="m.csv"\r\n\r\nid\r\n'
    assert upload(client, head, kind).status_code == 400
    assert upload(client, b"", "text/csv").status_code == 422
    assert uploads(settings) == []
    assert client.get("/v1/jobs").json["data"] == []


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("post", f"{SHOP}/imports", {"data": b"x", "content_type": "text/html"}, 415),
        ("post", f"{SHOP}/items", {"data": b"x", "content_type": "text/plain"}, 415),
        ("post", f"{SHOP}/items", {"data": b"{", "content_type": "application/json"}, 400),
        ("post", f"{SHOP}/items", {"json": []}, 400),
        ("post", f"{SHOP}/items", {"json": {"text": "a\0b"}}, 422),
        ("post", f"{SHOP}/items", {"json": {"text": "a", "id": "a/b"}}, 422),
        ("post", f"{SHOP}/items", {"json": {"text": "a", "price": 10**30}}, 422),
        (
            "patch",
            f"{SHOP}/items/a",
            {"data": b" " * 2**21, "content_type": "application/json"},
            413,
        ),
        ("get", "/v1/jobs?limit=0", {}, 422),
        ("get", "/v1/jobs?limit=1&limit=2", {}, 422),
        ("get", "/v1/jobs?colour=red", {}, 422),
        ("get", "/v1/jobs?after=x", {}, 422),
        ("get", "/v1/jobs/job_none", {}, 404),
        ("get", "/v1/jobs/%00", {}, 404),
        ("get", f"{SHOP}/items?filters=[1]", {}, 422),
        ("get", f"{SHOP}/items?filters=%7B%22kind%22:%22boat%22%7D", {}, 422),
        ("put", "/v1/jobs", {}, 405),
        ("get", "/v1/nothing", {}, 404),
    ],
)
def test_what_is_wrong_is_said(
    client: FlaskClient, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    answer = getattr(client, method)(path, **options)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status


def test_strangers_are_refused_without_keys(client: FlaskClient) -> None:
    answer = client.get("/v1/jobs", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_readiness_names_what_is_missing(client: FlaskClient, database: Database) -> None:
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (200, "degraded")
    assert "lane:embed" in ready.json["degraded"] and "redis" not in ready.json["degraded"]
    with database.begin() as connection:
        for lane in Lane:
            connection.exec_driver_sql(
                "INSERT INTO workers (name, lane) VALUES (%s, %s)", (f"w-{lane}", lane)
            )
    assert client.get("/readyz").json == {
        "status": "ready", "degraded": [], "lanes": {str(lane): True for lane in Lane}
    }  # fmt: skip


def test_metrics_tell_the_queue_and_the_requests(client: FlaskClient) -> None:
    put_picture(client)
    text = client.get("/metrics").text
    assert 'sightline_tasks_queued{lane="embed"} 1.0' in text
    assert 'route="/v1/catalogs/<catalog>/items",status="202"' in text


def test_without_redis_and_postgres_the_api_says_so(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    app = create_app(away)
    client = app.test_client()
    client.put(SHOP)
    begun = time.monotonic()
    assert put_picture(client).status_code == 202
    assert time.monotonic() - begun < 2
    assert "redis" in client.get("/readyz").json["degraded"]
    app.extensions[NAME].close()
    gone = create_app(settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/x"}))
    answer = gone.test_client().get("/v1/jobs")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    assert gone.test_client().get("/readyz").status_code == 503
    gone.extensions[NAME].close()


def test_a_nudge_follows_the_commit(client: FlaskClient, app: Flask) -> None:
    redis = app.extensions[NAME].redis
    redis.flushdb()
    put_picture(client)
    assert redis.llen("embed") == 1
    put_picture(client, "b", picture("blue"))
    assert redis.llen("embed") == 1, "one nudge on its way is enough"


@pytest.mark.parametrize("field", [{"category": "語" * 1000}, {"tags": ["語" * 1000]}], ids=str)
def test_what_no_index_can_hold_is_refused_and_does_not_look_like_an_outage(
    client: FlaskClient, field: dict[str, Any]
) -> None:
    refused = client.post(f"{SHOP}/items", json={"text": "words", **field})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_input")
