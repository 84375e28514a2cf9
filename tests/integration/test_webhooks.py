"""Webhooks against a real Postgres and a real receiver on the loopback."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from api import auth, create_app
from api.services import NAME
from db import deliveries, jobs, queue
from db.blobs import BlobStore
from db.errors import BrokenImage
from db.session import Database
from db.settings import Settings
from db.vocabulary import DEFAULT_TENANT, JobKind, Lane
from tests.integration.queue_parts import claim, submit, succeed
from tests.integration.worker_parts import runtime
from worker.upkeep import Upkeep
from worker.webhooks import RETRY_SECONDS, Sender

ROOT = Path(__file__).resolve().parents[2]
HOOKS = "/v1/webhooks"


@dataclass
class Message:
    """What a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A server that answers each path with a status, or as slowly as a test says."""

    messages: list[Message] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    """The next answers of a path; without one it is 200."""
    slow: dict[str, float] = field(default_factory=dict)
    port: int = 0

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def got(self, path: str = "/hook") -> list[Message]:
        return [message for message in self.messages if message.path == path]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                receiver.messages.append(Message(self.path, names, body))
                time.sleep(receiver.slow.get(self.path, 0))
                answers = receiver.statuses.get(self.path)
                status = answers.pop(0) if answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), made.handler())
    server.daemon_threads = True
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(settings: Settings, receiver: Receiver) -> Settings:
    return settings.model_copy(update={"fetch_allow": f"127.0.0.1:{receiver.port}"})


@pytest.fixture
def client(database: Database, settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions[NAME].close()


@pytest.fixture
def send(database: Database, settings: Settings, blobs: BlobStore) -> Callable[[], None]:
    """Sends all that is due, also what waits to be tried again, and returns when it has ended."""
    sender = Sender(runtime(database, blobs, settings, Lane.UPKEEP))

    def send_all() -> None:
        hurry(database)
        while sender.send_due() or on_their_way(database):
            time.sleep(0.01)

    return send_all


def hurry(database: Database) -> None:
    """Make everything due that waits to be tried again."""
    with database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET run_after = now()"))


def on_their_way(database: Database) -> int:
    """Deliveries that are due, or being sent."""
    with database.begin() as connection:
        unended = """SELECT count(*) FROM deliveries d
            JOIN webhooks w ON w.tenant_id = d.tenant_id AND w.id = d.webhook_id
            WHERE status = 'pending' AND disabled_at IS NULL
              AND (run_after <= now() OR lease_expires_at > now())"""
        return int(connection.execute(text(unended)).scalar_one())


def register(client: FlaskClient, url: str, **more: Any) -> dict[str, Any]:
    made = client.post(HOOKS, json={"url": url, **more})
    assert made.status_code == 201, made.text
    assert made.headers["Location"] == f"{HOOKS}/{made.json['id']}"
    found: dict[str, Any] = made.json
    return found


def delivered(client: FlaskClient, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{HOOKS}/{webhook['id']}/deliveries").json["data"]
    return found


def end_a_job(database: Database, kind: JobKind = JobKind.IMPORT, **more: Any) -> str:
    job_id = submit(database, 2, kind, **more)
    while taken := claim(database):
        succeed(database, taken)
    return job_id


def proven(message: Message, secret: str) -> bool:
    """Whether one of the message's signatures is of a secret, as a receiver would work it out."""
    signed = f"{message.id}.{message.headers['webhook-timestamp']}.".encode() + message.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{right}" in message.headers["webhook-signature"].split(" ")


Send = Callable[[], None]


def test_each_ended_job_is_told_once_and_signed(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url())
    ended = [end_a_job(database) for _ in range(30)]
    submit(database)
    send()
    send()
    assert sorted(message.json["data"]["id"] for message in receiver.messages) == sorted(ended)
    assert len({message.id for message in receiver.messages}) == 30
    for message in receiver.messages:
        assert proven(message, hook["secret"])
        assert message.headers["content-type"] == "application/json"
        assert abs(int(message.headers["webhook-timestamp"]) - time.time()) < 60


def test_a_message_shows_the_job_as_the_api_does(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    register(client, receiver.url())
    job_id = submit(database, 1, JobKind.ITEM)
    taken = claim(database)
    with database.begin() as connection:
        queue.fail(connection, taken.token, [(taken.tasks[0], BrokenImage("cut öff"))])
    send()
    (message,) = receiver.messages
    shown = client.get(f"/v1/jobs/{job_id}").json
    assert message.json["type"] == "job.failed"
    assert message.json["timestamp"] == shown["ended_at"]
    assert message.json["data"] == {name: shown[name] for name in message.json["data"]}
    assert set(message.json["data"]) >= {"id", "kind", "catalog", "status", "counts", "error",
                                         "urls"}  # fmt: skip
    assert message.json["data"]["error"] == {"code": "broken_image", "detail": "cut öff"}


def test_every_way_to_end_a_job_is_told_in_its_own_transaction(
    client: FlaskClient, database: Database, receiver: Receiver, settings: Settings,
    blobs: BlobStore,
) -> None:  # fmt: skip
    hook = register(client, receiver.url())
    canceled, expired, rolled_back = (submit(database) for _ in range(3))
    assert client.post(f"/v1/jobs/{canceled}/cancel").status_code == 200
    with database.begin() as connection:
        connection.execute(
            text("UPDATE jobs SET expires_at = now() - interval '1 s' WHERE id = :id"),
            {"id": expired},
        )
    with pytest.raises(RuntimeError), database.begin() as connection:
        jobs.cancel(connection, DEFAULT_TENANT, rolled_back)
        raise RuntimeError("the transaction is rolled back")
    lane = runtime(database, blobs, settings, Lane.UPKEEP)
    upkeep = Upkeep(lane)
    upkeep.drain()
    upkeep.drain()
    until = time.monotonic() + 10
    while len(receiver.messages) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    lane.stop()
    told = {(one["type"], one["job_id"]) for one in delivered(client, hook)}
    assert told == {("job.canceled", canceled), ("job.expired", expired)}
    assert {message.json["data"]["id"] for message in receiver.messages} == {canceled, expired}
    assert len(receiver.messages) == 2


def test_only_what_was_asked_for_is_told(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    register(client, receiver.url("/failed"), events=["job.failed"])
    register(client, receiver.url("/captions"), kinds=["caption"])
    register(client, receiver.url("/all"), events=["job.succeeded"], kinds=["import", "caption"])
    end_a_job(database)
    end_a_job(database, JobKind.CAPTION)
    end_a_job(database, JobKind.EMBEDDING)
    send()
    assert receiver.got("/failed") == []
    assert [message.json["data"]["kind"] for message in receiver.got("/captions")] == ["caption"]
    assert {m.json["data"]["kind"] for m in receiver.got("/all")} == {"import", "caption"}


def test_a_tenant_without_webhooks_gets_no_deliveries(database: Database) -> None:
    end_a_job(database)
    with database.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM deliveries")).scalar_one() == 0


@pytest.mark.parametrize("status", [500, 404, 302, 429])
def test_a_refusal_is_tried_again_under_the_same_id(
    status: int, client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url())
    receiver.statuses["/hook"] = [status]
    end_a_job(database)
    send()
    (waiting,) = delivered(client, hook)
    assert (waiting["status"], waiting["response_status"]) == ("pending", status)
    assert waiting["error"]["code"] == "fetch_failed"
    send()
    (done,) = delivered(client, hook)
    assert (done["status"], done["attempts"], done["error"]) == ("delivered", 2, None)
    first, second = receiver.messages
    assert (first.id, first.body) == (second.id, second.body)
    assert receiver.got("/elsewhere") == []


def test_attempts_are_spaced_and_end(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url())
    receiver.statuses["/hook"] = [500] * 20
    end_a_job(database)
    for seconds in RETRY_SECONDS:
        send()
        with database.begin() as connection:
            waits = connection.execute(
                text("SELECT extract(epoch FROM run_after - now())::float8 FROM deliveries")
            ).scalar_one()
        assert 0.9 * seconds - 2 < waits < 1.1 * seconds
    send()
    send()
    (done,) = delivered(client, hook)
    assert (done["status"], done["attempts"]) == ("failed", len(RETRY_SECONDS) + 1)
    assert done["next_attempt_at"] is None and done["ended_at"]
    assert len(receiver.messages) == len(RETRY_SECONDS) + 1


def test_a_slow_receiver_times_out_and_delays_no_other(
    client: FlaskClient, database: Database, receiver: Receiver, settings: Settings,
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("worker.wire.TOTAL_SECONDS", 4)
    slow, quick = register(client, receiver.url("/slow")), register(client, receiver.url("/quick"))
    receiver.slow["/slow"] = 6
    for _ in range(8):
        end_a_job(database)
    lane = runtime(database, blobs, settings, Lane.UPKEEP)
    Sender(lane).start()
    began = time.monotonic()
    while any(one["status"] == "pending" for one in delivered(client, quick)):
        assert time.monotonic() - began < 3.9, "the slow one was waited for"
        time.sleep(0.02)
    while sum(one["error"] is not None for one in delivered(client, slow)) < 4:
        assert time.monotonic() - began < 10
        time.sleep(0.1)
    lane.stop()
    told = [one["error"]["code"] for one in delivered(client, slow) if one["error"]]
    assert told[:4] == ["fetch_failed"] * 4
    assert all(one["status"] == "pending" for one in delivered(client, slow))


def test_a_refused_connection_is_tried_again(
    client: FlaskClient, database: Database, receiver: Receiver, settings: Settings,
    blobs: BlobStore, send: Send,
) -> None:  # fmt: skip
    hook = register(client, receiver.url())
    port = receiver.port
    with database.begin() as connection:
        connection.execute(text("UPDATE webhooks SET url = 'http://127.0.0.1:9/'"))
    end_a_job(database)
    unopened = settings.model_copy(update={"fetch_allow": "127.0.0.1:9"})
    sender = Sender(runtime(database, blobs, unopened, Lane.UPKEEP))
    assert sender.send_due() == 1
    while on_their_way(database):
        time.sleep(0.01)
    (waiting,) = delivered(client, hook)
    assert (waiting["status"], waiting["response_status"]) == ("pending", None)
    with database.begin() as connection:
        connection.execute(text("UPDATE webhooks SET url = :u"),
                           {"u": f"http://127.0.0.1:{port}/hook"})  # fmt: skip
    send()
    assert delivered(client, hook)[0]["status"] == "delivered"


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://127.0.0.1/", "https://[::1]/", "http://2130706433/",
     "http://localhost/", "http://a.example:22/", "https://user:word@a.example/",
     "http://169.254.169.254/latest"],
)  # fmt: skip
def test_a_forbidden_address_cannot_be_registered(url: str, client: FlaskClient) -> None:
    refused = client.post(HOOKS, json={"url": url})
    assert (refused.status_code, refused.json["code"]) == (422, "url_refused")
    assert refused.json["errors"][0]["pointer"] == "/url"


def test_a_name_that_leads_to_a_private_address_fails_at_once(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", receiver.port))]
    )
    hook = register(client, "http://private.example/")
    end_a_job(database)
    send()
    (failed,) = delivered(client, hook)
    assert (failed["status"], failed["attempts"]) == ("failed", 1)
    assert failed["error"]["code"] == "url_refused"
    assert receiver.messages == []


def test_bodies_that_are_wrong_are_refused(client: FlaskClient) -> None:
    url = "https://a.example/"
    for body in ({}, {"url": "a.example"}, {"url": url, "events": []}, {"url": url, "x": 1},
                 {"url": url, "events": ["job.started"]}, {"url": url, "kinds": ["none"]}):  # fmt: skip
        assert client.post(HOOKS, json=body).status_code == 422
    made = [client.post(HOOKS, json={"url": url}).status_code for _ in range(11)]
    assert made == [201] * 10 + [409]


def test_a_rotated_secret_signs_beside_the_new_one_for_a_day(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url())
    rotated = client.post(f"{HOOKS}/{hook['id']}/rotate").json
    assert rotated["secret"] != hook["secret"] and rotated["former_secret_until"]
    end_a_job(database)
    send()
    assert all(proven(receiver.messages[0], one["secret"]) for one in (hook, rotated))
    with database.begin() as connection:
        connection.execute(text("UPDATE webhooks SET former_until = now() - interval '1 second'"))
    end_a_job(database)
    send()
    assert proven(receiver.messages[1], rotated["secret"])
    assert not proven(receiver.messages[1], hook["secret"])
    with database.begin() as connection:
        deliveries.purge(connection)
        kept = connection.execute(text("SELECT former_secret FROM webhooks")).scalar_one()
    assert kept is None


def test_secrets_are_shown_once_and_logged_never(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    hook = register(client, receiver.url("/410"))
    receiver.statuses["/410"] = [500, 410]
    end_a_job(database)
    send()
    send()
    path = f"{HOOKS}/{hook['id']}"
    answers = [client.get(HOOKS), client.get(path), client.get(f"{path}/deliveries")]
    written = "".join(answer.text for answer in answers) + "".join(capfd.readouterr())
    assert hook["secret"] not in written and "whsec_" not in written


def test_a_receiver_that_is_gone_disables_its_webhook(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url())
    receiver.statuses["/hook"] = [500, 410]
    end_a_job(database)
    send()
    first = delivered(client, hook)[0]
    send()
    assert client.get(f"{HOOKS}/{hook['id']}").json["disabled_at"]
    assert delivered(client, hook)[0]["status"] == "failed"
    end_a_job(database)
    send()
    assert len(receiver.messages) == 2
    for path in ("test", f"deliveries/{first['id']}/replay"):
        assert client.post(f"{HOOKS}/{hook['id']}/{path}").status_code == 409


def test_a_test_and_a_replay_are_sent(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url(), events=["job.expired"])
    made = client.post(f"{HOOKS}/{hook['id']}/test")
    assert (made.status_code, made.json["type"]) == (202, "webhook.test")
    send()
    (message,) = receiver.messages
    assert message.json["data"] == {"webhook": hook["id"]}
    assert proven(message, hook["secret"])
    again = client.post(f"{HOOKS}/{hook['id']}/deliveries/{made.json['id']}/replay")
    assert (again.status_code, again.json["status"], again.json["attempts"]) == (202, "pending", 0)
    send()
    assert [message.id for message in receiver.messages] == [made.json["id"]] * 2
    assert client.post(f"{HOOKS}/{hook['id']}/deliveries/msg_0/replay").status_code == 404


def test_lists_are_paged(client: FlaskClient, receiver: Receiver) -> None:
    hooks = [register(client, receiver.url(f"/{n}")) for n in range(3)]
    first = client.get(f"{HOOKS}?limit=2").json
    second = client.get(f"{HOOKS}?limit=2&after={first['next']}").json
    ids = [one["id"] for one in first["data"] + second["data"]]
    assert ids == [hook["id"] for hook in hooks] and second["next"] is None
    path = f"{HOOKS}/{hooks[0]['id']}"
    made = [client.post(f"{path}/test").json["id"] for _ in range(3)]
    first = client.get(f"{path}/deliveries?limit=2").json
    second = client.get(f"{path}/deliveries?limit=2&after={first['next']}").json
    assert [one["id"] for one in first["data"] + second["data"]] == made[::-1]
    assert client.get(f"{path}/deliveries?after=WyJhIiwiYiJd").status_code == 422


def test_a_foreign_tenant_sees_and_changes_nothing(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    hook = register(client, receiver.url())
    made = client.post(f"{HOOKS}/{hook['id']}/test").json
    with database.begin() as connection:
        other = connection.execute(
            text("""INSERT INTO tenants (name) VALUES ('other webhooks')
                    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id""")
        ).scalar_one()
    end_a_job(database, tenant=other)
    send()
    assert [message.json["type"] for message in receiver.messages] == ["webhook.test"]
    stranger = auth.Caller(other, None, auth.THIS_MACHINE.scopes)
    monkeypatch.setattr(auth, "THIS_MACHINE", stranger)
    path = f"{HOOKS}/{hook['id']}"
    asked = [client.get(path), client.delete(path), client.post(f"{path}/rotate"),
             client.post(f"{path}/test"), client.get(f"{path}/deliveries"),
             client.post(f"{path}/deliveries/{made['id']}/replay")]  # fmt: skip
    assert [answer.status_code for answer in asked] == [404] * 6
    assert client.get(HOOKS).json["data"] == []


def test_a_lost_lease_is_claimed_again_and_its_holder_writes_nothing(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    register(client, receiver.url())
    ended = [end_a_job(database) for _ in range(6)]
    with database.begin() as connection:
        taken = deliveries.claim(connection, 100, 4, 60)
    assert len(taken) == 4, "a claim takes a few of each webhook"
    with database.begin() as connection:
        assert {d.id for d in deliveries.claim(connection, 100, 4, 60)}.isdisjoint(
            d.id for d in taken
        )
        connection.execute(text("UPDATE deliveries SET lease_expires_at = now() - interval '1 s'"))
    send()
    assert sorted(message.json["data"]["id"] for message in receiver.messages) == sorted(ended)
    late = deliveries.Outcome(deliveries.DeliveryStatus.FAILED)
    with database.begin() as connection:
        deliveries.finish(connection, taken[0], late)
        failed = "SELECT count(*) FROM deliveries WHERE status <> 'delivered'"
        assert connection.execute(text(failed)).scalar_one() == 0


def test_a_sender_killed_while_it_sends_loses_none(
    client: FlaskClient, database: Database, settings: Settings, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url())
    ended = [end_a_job(database) for _ in range(6)]
    receiver.slow["/hook"] = 30
    code = (
        "from worker.app import runtime; from worker.webhooks import Sender;"
        "Sender(runtime('upkeep@test', 'upkeep')).send_due()"
    )
    names = {"database_url", "blob_url", "fetch_allow"}
    told = {f"SIGHTLINE_{n.upper()}": v for n, v in settings.model_dump(include=names).items()}
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | told, cwd=ROOT)
    until = time.monotonic() + 60
    while len(receiver.messages) < 4:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    receiver.slow.clear()
    assert {one["status"] for one in delivered(client, hook)} == {"pending"}
    with database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET lease_expires_at = now() - interval '1 s'"))
    send()
    assert {one["status"] for one in delivered(client, hook)} == {"delivered"}
    assert {message.json["data"]["id"] for message in receiver.messages} == set(ended)
    assert len({message.id for message in receiver.messages}) == 6


def test_a_deleted_webhook_is_sent_nothing_more(
    client: FlaskClient, database: Database, receiver: Receiver, send: Send
) -> None:
    hook = register(client, receiver.url())
    end_a_job(database)
    assert client.delete(f"{HOOKS}/{hook['id']}").status_code == 204
    assert client.delete(f"{HOOKS}/{hook['id']}").status_code == 404
    send()
    assert receiver.messages == []


def test_old_deliveries_are_forgotten(
    client: FlaskClient, database: Database, receiver: Receiver
) -> None:
    hook = register(client, receiver.url())
    old, young = (client.post(f"{HOOKS}/{hook['id']}/test").json["id"] for _ in range(2))
    with database.begin() as connection:
        connection.execute(
            text("UPDATE deliveries SET created_at = now() - interval '8 days' WHERE id = :id"),
            {"id": old},
        )
        assert deliveries.purge(connection) == 1
    assert [one["id"] for one in delivered(client, hook)] == [young]
