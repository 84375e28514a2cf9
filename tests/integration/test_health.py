"""What /readyz names, and what it lets pass."""

import shutil
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from api import create_app, health
from api.services import NAME
from db.blobs import BlobStore
from db.errors import Unavailable
from db.models import REVISION
from db.session import Database
from db.settings import Settings
from db.vocabulary import Lane
from tests.integration.queue_parts import submit


class Disk(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: float
    used: float
    free: float


@pytest.fixture
def client(database: Database, settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    with database.begin() as connection:
        for lane in Lane:
            connection.execute(text("INSERT INTO workers (name, lane) VALUES (:n, :n)"),
                               {"n": lane})  # fmt: skip
    yield app.test_client()
    app.extensions[NAME].close()


def ready(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def change(database: Database, statement: str) -> None:
    with database.begin() as connection:
        connection.execute(text(statement))


def test_all_is_well(client: FlaskClient) -> None:
    assert ready(client)["degraded"] == []


def test_a_lane_without_a_living_worker_is_named_until_one_comes(
    client: FlaskClient, database: Database
) -> None:
    change(database, "UPDATE workers SET seen_at = now() - interval '20 s' WHERE lane = 'answer'")
    found = ready(client)
    assert (found["status"], found["degraded"]) == ("degraded", ["lane:answer"])
    assert found["lanes"]["embed"] and not found["lanes"]["answer"]
    change(database, "UPDATE workers SET seen_at = now()")
    assert ready(client)["degraded"] == [], "what is degraded is looked at anew"


def test_a_lane_that_lets_due_tasks_wait_is_stuck(client: FlaskClient, database: Database) -> None:
    submit(database, 2)
    change(database, "UPDATE tasks SET created_at = now() - interval '11 minutes'")
    found = ready(client)
    assert found["degraded"] == ["stuck:embed"]
    assert "11 minutes" in found["details"]["stuck:embed"]


@pytest.mark.parametrize(
    "well",
    [
        "UPDATE tasks SET created_at = now() - interval '9 minutes'",
        "UPDATE tasks SET run_after = now() + interval '1 minute'",
        "UPDATE workers SET stats = jsonb_build_object('claimed_at', extract(epoch FROM now()))",
    ],
    ids=["young", "waits for its next attempt", "a long line that moves"],
)
def test_a_lane_is_not_stuck(client: FlaskClient, database: Database, well: str) -> None:
    submit(database, 2)
    change(database, "UPDATE tasks SET created_at = now() - interval '1 hour'")
    change(database, well)
    assert ready(client)["degraded"] == []


@pytest.mark.parametrize(
    ("disk", "degraded"),
    [
        (Disk(100e9, 0, 6e9), []),
        (Disk(100e9, 0, 4e9), ["blobs"]),
        (Disk(10e9, 0, 0.9e9), ["blobs"]),
    ],
    ids=str,
)
def test_a_blob_store_that_is_nearly_full_is_named(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, disk: Disk, degraded: list[str]
) -> None:
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: disk)
    found = ready(client)
    assert found["degraded"] == degraded
    if degraded:
        assert f"{disk.free / 1e9:.1f} GB left" in found["details"]["blobs"]


def test_a_blob_store_that_takes_nothing_is_named(client: FlaskClient, blobs: BlobStore) -> None:
    assert blobs.folder is not None
    shutil.rmtree(blobs.folder)
    assert ready(client)["details"] == {"blobs": "The blob store cannot be written."}


def test_another_revision_is_told_and_unready(client: FlaskClient, database: Database) -> None:
    change(database, "UPDATE alembic_version SET version_num = '0000'")
    try:
        answer = client.get("/readyz")
    finally:
        change(database, f"UPDATE alembic_version SET version_num = '{REVISION}'")
    assert (answer.status_code, answer.json["degraded"]) == (503, ["migrations"])
    assert answer.headers["Retry-After"]
    words = answer.json["details"]["migrations"]
    assert "0000" in words and REVISION in words


def test_redis_away_is_named_and_work_goes_on(database: Database, settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    assert "redis" in ready(app.test_client())["degraded"]
    app.extensions[NAME].close()


def test_many_probes_look_once_a_second_while_the_database_is_away(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def look(*given: Any) -> Any:
        looks.append(time.monotonic())
        raise Unavailable("The database cannot be reached.")

    monkeypatch.setattr(health, "look", look)
    until = time.monotonic() + 1.5
    probes = 0
    while time.monotonic() < until:
        assert client.get("/readyz").status_code == 503
        probes += 1
    assert probes > 10 and len(looks) <= 2


def test_a_login_that_sees_only_views_serves_and_says_what_it_cannot_see(
    database: Database, settings: Settings
) -> None:
    change(database, "CREATE ROLE limited LOGIN IN ROLE sightline_api")
    url = settings.database_url.replace("postgres@", "limited@")
    app = create_app(settings.model_copy(update={"database_url": url}))
    try:
        assert ready(app.test_client())["degraded"] == ["state"]
        assert "sightline_database_up 0.0" in app.test_client().get("/metrics").text
    finally:
        app.extensions[NAME].close()
        change(database, "DROP ROLE limited")


def test_postgres_away_is_told_soon(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/x"}))
    begun = time.monotonic()
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["degraded"]) == (503, ["postgres"])
    assert time.monotonic() - begun < 5
    app.extensions[NAME].close()
