"""A catalog with a provider: the API's client, the lanes inside the test, and a fake provider."""

import base64
import io
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import text

from api import create_app
from api.services import NAME
from db.blobs import BlobStore
from db.queue import Claim
from db.session import Database
from db.settings import Settings
from db.vocabulary import Lane
from tests.integration.queue_parts import MODEL
from tests.integration.worker_parts import pipeline, runtime
from tests.providers.server import FakeProviders
from worker.answer import AnswerLane
from worker.ingest.lane import IngestLane

SHOP = "/v1/catalogs/shop"
TEXT_MODEL = "openai:text-embedding-3-small"


@dataclass
class Room:
    """Everything but the processes: requests go in by `client`, `work` does what they enqueue."""

    client: FlaskClient
    database: Database
    settings: Settings
    blobs: BlobStore
    providers: FakeProviders

    def close(self) -> None:
        """Close the API's connections."""
        self.client.application.extensions[NAME].close()

    def work(self) -> None:
        """Do all that is due in the embed, ingest and answer lanes, also what waits to be retried."""
        embed, _ = pipeline(self.database, self.blobs, self.settings)
        while self._due():
            embed.drain()
            IngestLane(runtime(self.database, self.blobs, self.settings, Lane.INGEST)).drain()
            self.answer()

    def answer(self) -> None:
        """One pass of the answer lane."""
        lane = AnswerLane(runtime(self.database, self.blobs, self.settings, Lane.ANSWER))
        lane.drain()
        lane.wait()

    def _due(self) -> int:
        with self.database.begin() as connection:
            connection.execute(text("UPDATE tasks SET run_after = NULL WHERE status = 'queued'"))
            due = "SELECT count(*) FROM tasks WHERE status = 'queued'"
            return int(connection.execute(text(due)).scalar_one())

    def put(self, item_id: str, colour: str = "red", **more: Any) -> dict[str, Any]:
        """Put a picture of one colour, and work."""
        body = {"id": item_id, "image_base64": base64.b64encode(picture(colour)).decode()} | more
        made = self.client.post(f"{SHOP}/items", json=body)
        assert made.status_code in (200, 202), made.text
        self.work()
        return self.job(made.json)

    def post(self, route: str, **body: Any) -> dict[str, Any]:
        """Submit a job and work; the job as it ended."""
        made = self.client.post(f"{SHOP}/{route}", json=body)
        assert made.status_code in (200, 202), made.text
        self.work()
        return self.job(made.json)

    def job(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job as it stands."""
        found: dict[str, Any] = self.client.get(job["urls"]["self"]).json
        return found

    def claimed(self) -> Claim:
        """What an answer worker would get, taken by nobody who does it."""
        return runtime(self.database, self.blobs, self.settings, Lane.ANSWER).claim(10, [])


def picture(colour: str) -> bytes:
    """A picture of 1600 x 800 pixels."""
    out = io.BytesIO()
    Image.new("RGB", (1600, 800), colour).save(out, "PNG")
    return out.getvalue()


def room(
    database: Database, settings: Settings, blobs: BlobStore, providers: FakeProviders,
    *, keys: bool = True, **more: Any,
) -> Room:  # fmt: skip
    """A room with an empty catalog `shop`, whose provider is the fake one."""
    known: dict[str, Any] = {"image_model": MODEL, "answer_seconds": 30.0} | more
    if keys:
        known |= {
            "openai_api_key": SecretStr(providers.key),
            "openai_base_url": providers.openai_url,
            "anthropic_api_key": SecretStr(providers.key),
            "anthropic_base_url": providers.anthropic_url,
        }
    settings = settings.model_copy(update=known)
    client = create_app(settings).test_client()
    assert client.put(SHOP, json={}).status_code == 201
    return Room(client, database, settings, blobs, providers)
