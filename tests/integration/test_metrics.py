"""What /metrics tells: the queue and the jobs from the database, the workers by their rows."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from flask.testing import FlaskClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from api import create_app
from api.services import NAME
from db import queue
from db.blobs import BlobStore
from db.session import Database
from db.settings import Settings
from db.vocabulary import JobKind, Lane
from tests.integration.answer_parts import SHOP, Room, room
from tests.integration.queue_parts import claim, submit, succeed
from tests.integration.worker_parts import pipeline, runtime
from tests.providers.plan import FAULTS
from tests.providers.server import FakeProviders
from worker.answer import AnswerLane
from worker.upkeep import Upkeep

MANY = 150_000
"""More than are counted one by one."""
FILL = text("""
    INSERT INTO tasks (tenant_id, job_id, lane, status, priority, rank, place, model)
    SELECT 1, :job, 'embed', 'queued', 5, n, n, 'test-model' FROM generate_series(10, :n + 9) n
""")


@pytest.fixture
def client(database: Database, settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions[NAME].close()


class Scraped:
    """One scrape, as Prometheus reads it."""

    def __init__(self, client: FlaskClient) -> None:
        answer = client.get("/metrics")
        assert answer.status_code == 200
        self.families: dict[str, Metric] = {
            one.name: one for one in text_string_to_metric_families(answer.text)
        }

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of a metric over the samples that have these labels."""
        (family,) = [one for one in self.families.values() if name.startswith(one.name)
                     and any(sample.name == name for sample in one.samples)]  # fmt: skip
        found = [sample.value for sample in family.samples
                 if sample.name == name and labels.items() <= sample.labels.items()]  # fmt: skip
        assert found, f"{name} {labels}"
        return sum(found)


def test_every_metric_has_our_prefix_and_a_help_that_teaches(client: FlaskClient) -> None:
    for family in Scraped(client).families.values():
        assert family.name.startswith("sightline_")
        assert len(family.documentation.split()) >= 4, family.name


def test_a_task_that_waits_for_its_next_attempt_is_queued_but_not_due(
    client: FlaskClient, database: Database
) -> None:
    submit(database, 2)
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET created_at = now() - interval '1 hour'"))
        connection.execute(text("UPDATE tasks SET run_after = now() + interval '1 hour'"))
    found = Scraped(client)
    assert found("sightline_tasks_queued", lane="embed") == 2
    assert found("sightline_oldest_task_seconds", lane="embed") == 0
    time.sleep(1.1)  # an answer is kept for a second
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET run_after = now() - interval '5 min' "
                                "WHERE place = 1"))  # fmt: skip
    assert 300 <= Scraped(client)("sightline_oldest_task_seconds", lane="embed") < 310


def test_the_oldest_is_found_behind_younger_jobs(client: FlaskClient, database: Database) -> None:
    submit(database, 5)
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET created_at = now() - interval '2 hours'"))
    submit(database, 5)
    submit(database, 1, JobKind.SEARCH)
    found = Scraped(client)
    assert found("sightline_oldest_task_seconds", lane="embed") >= 7200
    assert found("sightline_oldest_task_seconds", lane="answer") == 0


def test_jobs_and_leases_are_counted(client: FlaskClient, database: Database) -> None:
    submit(database, 3)
    succeed(database, claim(database))
    submit(database, 4)
    taken = claim(database, limit=2)
    assert len(taken.tasks) == 2
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET lease_expires_at = now() - interval '1 s' "
                                "WHERE status = 'running'"))  # fmt: skip
    found = Scraped(client)
    assert found("sightline_jobs_ended_last_hour", status="succeeded") == 1
    assert found("sightline_jobs_unended", kind="import") == 1
    assert found("sightline_oldest_job_seconds", kind="import") >= 0
    assert found("sightline_tasks_running", lane="embed") == 2
    assert found("sightline_leases_expired") == 2
    assert found("sightline_database_bytes") > 1e6
    assert found("sightline_blobs_free_bytes") > 0


def test_an_old_transaction_is_seen(client: FlaskClient, database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("SELECT 1"))
        time.sleep(0.3)
        assert Scraped(client)("sightline_oldest_transaction_seconds") >= 0.3


def test_workers_tell_their_batches_stages_and_failures(
    client: FlaskClient, database: Database, blobs: BlobStore, settings: Settings
) -> None:
    for first in (b"a", b"b", b"broken"):
        sha256 = blobs.put(1, first)
        submit(database, 1, JobKind.EMBEDDING, payload={"sha256": sha256.hex()})
    lane, _ = pipeline(database, blobs, settings)
    lane.drain()
    lane._runtime.be_seen()
    found = Scraped(client)
    ours = {"lane": "embed", "worker": "embed@test"}
    assert found("sightline_workers", lane="embed") == 1
    assert found("sightline_worker_items_total", **ours) == 3
    assert found("sightline_worker_tasks_total", outcome="succeeded", **ours) == 2
    assert found("sightline_worker_tasks_total", outcome="failed", **ours) == 1
    assert found("sightline_worker_claimed_total", **ours) == 3
    assert found("sightline_claim_tasks_bucket", le="4", **ours) == 1
    assert found("sightline_claim_tasks_bucket", le="2", **ours) == 0
    assert found("sightline_claim_tasks_sum", **ours) == 3
    for stage in ("claim", "decode", "encode", "store"):
        assert found("sightline_worker_stage_seconds_total", stage=stage, **ours) > 0


def test_a_lost_lease_and_the_reaping_of_it_are_counted(
    client: FlaskClient, database: Database, blobs: BlobStore, settings: Settings
) -> None:
    submit(database, 2)
    loser = runtime(database, blobs, settings, Lane.EMBED)
    taken = loser.claim(2, ["test-model"])
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET lease_expires_at = now() - interval '1 s'"))
    upkeep = runtime(database, blobs, settings, Lane.UPKEEP)
    Upkeep(upkeep).drain()
    upkeep.stopping.set()  # ends the thread that tells webhooks
    assert loser.commit(lambda c: queue.note(c, taken.token, taken.tasks[0], {})) is False
    again = loser.claim(2, ["test-model"])
    assert len(again.tasks) == 1, "what was lost is handed out alone"
    for seen in (loser, upkeep):
        seen.be_seen()
    found = Scraped(client)
    assert found("sightline_worker_leases_lost_total", worker="embed@test") == 1
    assert found("sightline_leases_reaped_total", worker="upkeep@test", task_lane="embed") == 2


def test_calls_and_tokens_are_counted_by_provider_and_outcome(
    database: Database, settings: Settings, blobs: BlobStore
) -> None:
    with FakeProviders() as providers:
        shop = room(database, settings, blobs, providers)
        assert shop.post("items", id="red", text="A red shoe")["status"] == "succeeded"
        providers.plan(FAULTS[2].planned)
        spent = ask(shop)
        found = Scraped(shop.client)
        shop.close()
    calls = "sightline_provider_calls_total"
    assert found(calls, provider="openai", outcome="answered") == 1
    assert found(calls, provider="openai", outcome="provider_busy") == 1
    for kind in ("input", "output"):
        told = found("sightline_provider_tokens_total", provider="openai", kind=kind)
        assert told == spent[f"{kind}_tokens"] > 0
    assert found("sightline_worker_tasks_total", lane="answer", outcome="retried") == 1
    assert found("sightline_worker_claimed_again_total", lane="answer") == 1


def ask(shop: Room) -> dict[str, int]:
    """Ask with one answer lane that stays, and let it be seen; what the job cost."""
    made = shop.client.post(
        f"{SHOP}/answers", json={"question": "Which red shoe?", "provider": "openai"}
    )
    pipeline(shop.database, shop.blobs, shop.settings)[0].drain()
    lane = AnswerLane(runtime(shop.database, shop.blobs, shop.settings, Lane.ANSWER))
    until = time.monotonic() + 20
    while shop.job(made.json)["ended_at"] is None:
        assert time.monotonic() < until
        shop._due()
        lane.drain()
        time.sleep(0.05)
    lane.wait()
    lane._runtime.be_seen()
    job = shop.job(made.json)
    assert job["status"] == "succeeded"
    usage: dict[str, int] = job["usage"]
    return usage


def test_a_worker_that_is_long_gone_is_not_told(client: FlaskClient, database: Database) -> None:
    with database.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO workers (name, lane, stats, seen_at) VALUES
            ('old', 'embed', '{"items": 5}', now() - interval '1 hour'),
            ('late', 'embed', '{"items": 7}', now() - interval '1 minute')""")
        )
    found = Scraped(client)
    assert found("sightline_workers", lane="embed") == 0
    assert found("sightline_worker_items_total", lane="embed") == 7


def test_without_postgres_the_others_are_told(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/x"}))
    found = Scraped(app.test_client())
    assert found("sightline_database_up") == 0
    assert "sightline_tasks_queued" not in found.families
    assert found("sightline_waiting") == 0
    app.extensions[NAME].close()


def test_what_is_too_much_to_count_is_estimated_and_told_soon(
    client: FlaskClient, database: Database
) -> None:
    job = submit(database, 1)
    with database.begin() as connection:
        connection.execute(FILL, {"job": job, "n": MANY})
    with psycopg.connect(database.url, autocommit=True) as raw:
        raw.execute("VACUUM ANALYZE sightline.tasks")
    begun = time.monotonic()
    found = Scraped(client)
    seconds = time.monotonic() - begun
    assert found("sightline_tasks_queued", lane="embed") == pytest.approx(MANY, rel=0.1)
    assert seconds < 2, "0.5 s is the aim on a machine that does nothing else"
