"""Canaries: secrets put in at every door are in no log line at DEBUG and in no answer's body."""

import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from pydantic import SecretStr

from api import create_app
from api.services import NAME
from db import logs
from db.blobs import BlobStore
from db.errors import SightlineError
from db.session import Database
from db.settings import Settings
from db.vocabulary import JobKind, Lane
from tests.integration.answer_parts import SHOP, Room, picture, room
from tests.integration.queue_parts import submit
from tests.integration.worker_parts import runtime
from tests.providers.plan import FAULTS, Planned
from tests.providers.server import FakeProviders

PROVIDER = "canary-provider-71f3"
PASSWORD = "canary-password-0a9d"
IDEMPOTENCY = "canary-idempotency-5cc2"
API_SECRET = "ca9a71" * 10 + "beef"
API_KEY = f"sl_0123456789abcdef_{API_SECRET}_00000000"
PIXELS = "canary-pixels-e88b"
CANARIES = (PROVIDER, PASSWORD, IDEMPOTENCY, API_SECRET, PIXELS)
PICTURE = picture("red") + PIXELS.encode()
INLINE = base64.b64encode(PICTURE).decode()


@pytest.fixture
def lines(settings: Settings) -> Iterator[io.StringIO]:
    """Every line of this process at DEBUG, as it would be written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(logging.INFO)


def secret(settings: Settings) -> Settings:
    """The settings with a password in the database's address."""
    url = settings.database_url.replace("postgres@", f"postgres:{PASSWORD}@")
    assert PASSWORD in url
    return settings.model_copy(update={"database_url": url})


class Doors:
    """A client whose every answer is kept."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self.bodies: list[str] = []

    def __call__(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": IDEMPOTENCY}
        answer = self._client.open(
            path, method=method, headers=more.pop("headers", headers), **more
        )
        self.bodies.append(f"{answer.headers}\n{answer.text}")
        return answer


def test_no_secret_is_told_by_any_door_or_line(
    database: Database, settings: Settings, blobs: BlobStore, lines: io.StringIO
) -> None:
    with FakeProviders(key=PROVIDER) as providers:
        mine = secret(settings)
        shop = room(Database(mine.database_url), mine, blobs, providers)
        logging.getLogger().setLevel(logging.DEBUG)
        doors = Doors(shop.client)
        _put_pictures(doors, shop)
        _ask(doors, shop, providers)
        _break(doors, shop)
        for path in ("/readyz", "/metrics", "/v1/jobs", "/openapi.json", f"{SHOP}/items/red"):
            doors("GET", path)
        shop.close()
        shop.database.close()
        assert len(providers.requests) > 3, "the providers were asked, with the canary as their key"
    bodies = "\n".join(doors.bodies) + _without_database(settings)
    text = lines.getvalue()
    events = {json.loads(line)["event"] for line in text.splitlines()}
    assert {"request", "task_ended", "task_failed", "task_broke", "away"} <= events
    for canary in (*CANARIES, INLINE[:60], INLINE[-60:]):
        assert canary not in text, next(line for line in text.splitlines() if canary in line)
        assert canary not in bodies


def _put_pictures(doors: Doors, shop: Room) -> None:
    for number, body in enumerate([
        {"id": "red", "image_base64": INLINE},
        {"id": "other", "image_base64": INLINE},
        {"id": "bad", "image_base64": base64.b64encode(b"GIF" + PIXELS.encode()).decode()},
        {"id": "worse", "image_base64": PIXELS},
    ]):  # fmt: skip
        doors("POST", f"{SHOP}/items", json=body)
        doors("POST", f"{SHOP}/items", json=body, headers={"Idempotency-Key": f"n{number}"})
    doors("POST", f"{SHOP}/items", json={"id": "words", "text": "A red shoe"}, headers={})
    broken = shop.blobs.put(1, b"broken" + PIXELS.encode())
    submit(shop.database, 1, JobKind.EMBEDDING, payload={"sha256": broken.hex()})
    shop.work()


def _ask(doors: Doors, shop: Room, providers: FakeProviders) -> None:
    echo = json.dumps({"error": {"message": f"Incorrect API key provided: {PROVIDER}"}}).encode()
    for fault in (Planned(401, body=echo), *(fault.planned for fault in FAULTS[8:12]), Planned()):
        providers.plan(*[fault] * 3)
        made = doors("POST", f"{SHOP}/answers", json={"question": "Which red shoe?", "provider": "openai"},
                     headers={})  # fmt: skip
        assert made.status_code == 202, made.text
        shop.work()
        doors("GET", made.json["urls"]["self"])
        doors("GET", made.json["urls"]["tasks"])
        providers._plan.clear()


def _break(doors: Doors, shop: Room) -> None:
    """A task that no code foresaw, and a worker whose database went away."""
    submit(shop.database, 1, JobKind.ANSWER, lane=Lane.ANSWER, payload={"then": "nonsense"})
    with shop.database.begin() as connection:
        connection.exec_driver_sql("UPDATE tasks SET model = NULL WHERE lane = 'answer'")
    shop.answer()
    away = Database(f"postgresql://postgres:{PASSWORD}@127.0.0.1:1/x")
    try:
        runtime(away, shop.blobs, shop.settings, Lane.EMBED).be_seen()
    except SightlineError as error:
        structlog.get_logger("test").exception("away", error=repr(error))
    doors("POST", f"{SHOP}/items", data=b"\x00" + PIXELS.encode(), content_type="application/json")


def _without_database(settings: Settings) -> str:
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:1/x"
    key = SecretStr(PROVIDER)
    app = create_app(settings.model_copy(update={"database_url": url, "openai_api_key": key}))
    logging.getLogger().setLevel(logging.DEBUG)
    doors = Doors(app.test_client())
    for path in ("/v1/jobs", "/readyz", "/metrics"):
        doors("GET", path)
    doors("POST", f"{SHOP}/items", json={"image_base64": INLINE})
    app.extensions[NAME].close()
    return "\n".join(doors.bodies)
