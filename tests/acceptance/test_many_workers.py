"""Two embed and two ingest workers on one database: they share the work, and do nothing twice."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from db import keys
from db.embedded import Process, Stack, free_port
from db.keys import Scope
from db.session import Database
from tests.acceptance.conftest import ended, picture, zipped
from tests.faults import invariant
from tests.faults.harness import another, until
from tests.integration.key_parts import a_tenant
from tests.unit import documents

Json = dict[str, Any]
ITEMS, PAGES, SHELF = 120, 8, 60
LEASE_SECONDS = 3
BATCH, BATCH_SECONDS = 8, 0.1
CHUNK_SECONDS = 0.7
"""What a batch and a chunk of an import take at least: else one worker does all before another wakes."""
WORKERS = ("embed", "embed2", "ingest", "ingest2")
WATCH = """
    CREATE TABLE public.watched (task_id bigint, worker text, was text, now text);
    CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.watched VALUES (OLD.id, split_part(OLD.leased_by, '@', 1),
            OLD.status, NEW.status);
        RETURN NULL; END $$;
    CREATE TRIGGER watching AFTER UPDATE ON sightline.tasks FOR EACH ROW
        WHEN (OLD.leased_by IS NOT NULL AND NEW.leased_by IS NULL) EXECUTE FUNCTION public.watch()
"""
"""Who let go of which task, and how: the row itself forgets it."""
HELD = "SELECT count(*) FROM sightline.tasks WHERE status = 'running' AND leased_by LIKE %s"
SESSIONS = "SELECT DISTINCT split_part(application_name, '@', 1) FROM pg_stat_activity"
ENDED_BY = "SELECT count(*) FROM public.watched WHERE worker = %s AND now = 'succeeded'"


@dataclass
class Crew:
    """A stack with a second embed and a second ingest worker, and a client for each tenant."""

    stack: Stack
    more: dict[str, Process]
    clients: list[httpx.Client]

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if found.description else []

    def count(self, statement: str, *values: Any) -> int:
        return int(self.sql(statement, *values)[0][0])


@pytest.fixture
def crew(tmp_path: Path, model_folder: Path) -> Iterator[Crew]:
    environment = {
        "SIGHTLINE_IMAGE_MODEL": str(model_folder),
        "SIGHTLINE_LEASE_SECONDS": str(LEASE_SECONDS),
        "SIGHTLINE_BATCH_SIZE": str(BATCH),
        "SIGHTLINE_FAILPOINTS": f"encode.before=sleep:{BATCH_SECONDS},"
        f"expand.before_commit=sleep:{CHUNK_SECONDS},documents.before_commit=sleep:{CHUNK_SECONDS}",
    }
    with ExitStack() as ending:
        stack = ending.enter_context(Stack(tmp_path / "data", free_port(), environment))
        made = Crew(stack, {}, [])
        for part in ("embed", "ingest"):
            pid = stack.processes[part]
            assert pid is not None
            made.more[f"{part}2"] = process = another(stack, part, pid)
            process.start()
            ending.callback(process.stop)
        for secret in secrets(stack.database_url, "first", "second"):
            headers = {"Authorization": f"Bearer {secret}"}
            client = httpx.Client(base_url=stack.url, timeout=60, headers=headers)
            made.clients.append(ending.enter_context(client))
        made.sql(WATCH)
        seen = "SELECT count(DISTINCT split_part(split_part(name, '@', 1), '/', 1)) FROM sightline.workers"
        until(lambda: made.count(f"{seen} WHERE lane IN ('embed', 'ingest')") == 4, 60, "workers")
        yield made


def secrets(url: str, *tenants: str) -> list[str]:
    """A key of each new tenant."""
    database = Database(url, pool_size=1)
    numbers = [a_tenant(database, name) for name in tenants]
    with database.begin() as connection:
        made = [keys.make(connection, number, [Scope.ADMIN], "")[1] for number in numbers]
    database.close()
    return made


def an_import(http: httpx.Client, catalog: str, seed: int) -> Json:
    """Upload pictures that no other import has, on shelves; returns the job."""
    http.put(f"/v1/catalogs/{catalog}", json={}).raise_for_status()
    lines = [{"id": f"sku-{n}", "category": f"shelf {n // SHELF}", "image": f"{n}.jpg"}
             for n in range(ITEMS)]  # fmt: skip
    files = {f"{n}.jpg": picture(seed + n) for n in range(ITEMS)}
    answer = http.post(f"/v1/catalogs/{catalog}/imports", content=zipped(lines, files),
                       headers={"Content-Type": "application/zip"})  # fmt: skip
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def a_document(http: httpx.Client, catalog: str, path: Path) -> Json:
    """Upload a manual; returns the job."""
    http.put(f"/v1/catalogs/{catalog}", json={}).raise_for_status()
    data = documents.manual(path, pages=PAGES).read_bytes()
    answer = http.post(f"/v1/catalogs/{catalog}/documents", data={"id": "manual"},
                       files={"file": ("manual.pdf", data)})  # fmt: skip
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def kill_at_work(crew: Crew, name: str) -> int:
    """Kill a worker for good that has done something and holds more; returns how much it holds."""
    until(lambda: crew.count(ENDED_BY, name), 20, f"work done by {name}")
    pid = crew.more[name].pid
    assert pid is not None
    while True:
        until(lambda: crew.count(HELD, f"{name}@%"), 10, f"more work of {name}", every=0.01)
        os.kill(pid, signal.SIGSTOP)
        if held := crew.count(HELD, f"{name}@%"):
            os.kill(pid, signal.SIGKILL)
            return held
        os.kill(pid, signal.SIGCONT)


def found_on_shelves(http: httpx.Client, catalog: str) -> Counter[str]:
    """What searches of every shelf find, and how often."""
    found: Counter[str] = Counter()
    for shelf in range(ITEMS // SHELF):
        body = {"text": "a thing", "limit": 100, "filters": {"category": f"shelf {shelf}"}}
        answer = http.post(f"/v1/catalogs/{catalog}/searches", json=body,
                           headers={"Prefer": "wait=20"}).raise_for_status()  # fmt: skip
        found.update(hit["item"]["id"] for hit in answer.json()["result"]["hits"])
    return found


def test_four_workers_share_all_jobs_and_a_killed_one_loses_nothing(
    crew: Crew, tmp_path: Path
) -> None:
    first, second = crew.clients
    jobs = [(http, catalog, an_import(http, catalog, 1_000 * seed))
            for seed, (http, catalog) in enumerate(
                [(first, "a"), (second, "a"), (first, "b"), (second, "b")], start=1)]  # fmt: skip
    manual = a_document(second, "manuals", tmp_path / "manual.pdf")
    assert {*WORKERS, "sightline-api"} <= {name for (name,) in crew.sql(SESSIONS)}
    assert kill_at_work(crew, "embed2") > 0

    for http, catalog, job in jobs:
        counts = ended(http, job, 60)["counts"]
        assert (counts["total"], counts["succeeded"]) == (ITEMS, ITEMS), counts
        assert found_on_shelves(http, catalog) == {f"sku-{n}": 1 for n in range(ITEMS)}
        told = http.get(f"/v1/catalogs/{catalog}").json()["counts"]
        assert (told["items"], told["embedded"]) == (ITEMS, ITEMS)
    read = ended(second, manual, 60)
    assert (read["status"], read["counts"]["failed"]) == ("succeeded", 0)
    pages = crew.sql("SELECT page FROM sightline.items WHERE kind = 'page' ORDER BY page")
    assert [page for (page,) in pages] == list(range(1, PAGES + 1))
    assert_done_once_by_all(crew)


def assert_done_once_by_all(crew: Crew) -> None:
    """Each task has ended in one worker's hands, each picture has one vector, and all four worked."""
    watched = crew.sql("SELECT task_id, worker FROM public.watched WHERE now = 'succeeded'")
    assert set(Counter(task for task, _ in watched).values()) == {1}
    ends = Counter(worker for _, worker in watched)
    assert all(ends[worker] > 0 for worker in WORKERS), ends
    assert crew.count("SELECT count(*) FROM public.watched WHERE worker = 'embed2' "
                      "AND now = 'queued'") > 0, "what the killed one held was not given back"  # fmt: skip
    unequal = crew.count("""SELECT count(*) FROM sightline.items i WHERE sha256 IS NOT NULL AND 1 <> (
        SELECT count(*) FROM sightline.embeddings e
        WHERE e.tenant_id = i.tenant_id AND e.item_id = i.id AND e.sha256 = i.sha256)""")
    assert unequal == 0
    invariant.check(crew.stack.database_url)
