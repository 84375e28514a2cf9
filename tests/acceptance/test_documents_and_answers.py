"""Documents and answers over real processes: read, found, asked about, and not lost by any kill."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from db.embedded import Stack, free_port
from tests.acceptance.conftest import ended
from tests.providers import FakeProviders, Planned
from tests.unit import documents
from worker.demo_model import sample_deck, sample_manual

LIBRARY = "/v1/catalogs/library"
QUESTION = "Which fuse protects the control board?"


@pytest.fixture(scope="module")
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture(scope="module")
def shelf(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Path, providers: FakeProviders
) -> Iterator[Stack]:
    """Everything with a provider; short leases make recovery quick."""
    environment = {
        "SIGHTLINE_IMAGE_MODEL": str(model_folder),
        "SIGHTLINE_LEASE_SECONDS": "6",
        "OPENAI_API_KEY": providers.key,
        "OPENAI_BASE_URL": providers.openai_url,
    }
    with Stack(tmp_path_factory.mktemp("shelf"), free_port(), environment) as running:
        yield running


@pytest.fixture(scope="module")
def http(shelf: Stack) -> Iterator[httpx.Client]:
    """A client, and the catalog `library` with the sample manual and the sample deck."""
    with httpx.Client(base_url=shelf.url, timeout=90) as client:
        make_catalog(client, "library")
        sample_manual.write(shelf.folder / "pump.pdf")
        sample_deck.write(shelf.folder / "hub.pptx")
        jobs = [upload(client, LIBRARY, shelf.folder / name) for name in ("pump.pdf", "hub.pptx")]
        for job in jobs:
            assert ended(client, job)["status"] == "succeeded"
        yield client


def make_catalog(http: httpx.Client, name: str) -> str:
    assert http.put(f"/v1/catalogs/{name}", json={}).status_code == 201
    return f"/v1/catalogs/{name}"


def upload(http: httpx.Client, catalog: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        answer = http.post(
            f"{catalog}/documents", files={"file": (path.name, file)}, data={"id": path.stem}
        )
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def submit(http: httpx.Client, route: str, wait: int = 30, **body: Any) -> dict[str, Any]:
    answer = http.post(f"{LIBRARY}/{route}", json=body, headers={"Prefer": f"wait={wait}"})
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


def items(http: httpx.Client, catalog: str) -> list[dict[str, Any]]:
    """All items of a catalog."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = http.get(f"{catalog}/items", params=query).json()
        found += page["data"]
        if page["next"] is None:
            return found
        query["after"] = page["next"]


def until(true: Callable[[], Any], within: float = 30) -> None:
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < within, f"not within {within} s"
        time.sleep(0.05)


def test_the_pages_of_a_document_are_counted_while_it_is_read(
    http: httpx.Client, tmp_path: Path
) -> None:
    catalog = make_catalog(http, "watched")
    job = upload(http, catalog, documents.manual(tmp_path / "manual.pdf", pages=30))
    seen: list[int] = []
    while job["ended_at"] is None:
        job = http.get(job["urls"]["self"]).json()
        told = job["progress"] or {"pages": 30, "read": 0}
        assert told["pages"] == 30
        seen.append(told["read"])
        time.sleep(0.02)
    assert job["status"] == "succeeded" and job["counts"]["failed"] == 0
    assert seen == sorted(seen) and seen[-1] == 30 and len(set(seen)) >= 4


def test_a_manual_and_a_deck_are_listed_with_their_titles(http: httpx.Client) -> None:
    listed = http.get(f"{LIBRARY}/documents").json()["data"]
    assert [(one["id"], one["title"], one["pages"]) for one in listed] == [
        ("hub", "Aurora 3 launch plan", 6),
        ("pump", "Aurora 3 water pump: owner's manual", 6),
    ]
    kinds = Counter(item["kind"] for item in items(http, LIBRARY))
    assert (kinds["page"], kinds["slide"]) == (6, 6)
    assert kinds["figure"] >= 6 and kinds["text"] >= 6


def test_text_and_figures_are_found(http: httpx.Client) -> None:
    words = submit(http, "searches", text="mechanical seal order number", mode="text")["result"]
    assert words["hits"][0]["item"]["page"] == 2 and "words" in words["hits"][0]["ranks"]
    figures = submit(http, "searches", text="circuit diagram", filters={"kind": ["figure"]})
    best = figures["result"]["hits"][0]
    assert best["item"]["caption"] == "Figure 3: Circuit diagram of the Aurora 3."
    picture = http.get(best["urls"]["image"])
    assert picture.status_code == 200 and picture.headers["Content-Type"].startswith("image/")
    notes = submit(http, "searches", text="resellers early price", mode="text")["result"]
    assert notes["hits"][0]["item"]["id"] == "hub.p3"


def test_a_question_is_answered_from_what_was_found(
    http: httpx.Client, providers: FakeProviders
) -> None:
    job = submit(http, "answers", question=QUESTION, limit=6)
    assert job["status"] == "succeeded", job["error"]
    result, seen = job["result"], providers.requests[-1]
    assert (result["mode"], result["provider"]) == ("generated", "openai")
    assert seen.question == QUESTION and len(seen.sources) == 6 and seen.pictures
    (cited,) = [source for source in result["sources"] if source["cited"]]
    assert result["citations"] == [{"source": cited["number"], "item_id": cited["item"]["id"]}]
    assert job["usage"]["calls"] == 1 and job["usage"]["input_tokens"] > 0
    alone = submit(http, "answers", question=QUESTION, provider="none")["result"]
    assert alone["mode"] == "retrieval_only" and "Fuse F2 protects" in alone["answer"]
    assert providers.invalid == []


def test_killing_the_answer_worker_while_a_call_is_out_costs_one_more_call(
    http: httpx.Client, shelf: Stack, providers: FakeProviders
) -> None:
    before = len(providers.requests)
    providers.plan(Planned(delay=60))
    job = submit(http, "answers", wait=0, question="What does the check valve do?")
    until(lambda: len(providers.requests) > before)
    pid = shelf.processes["answer"]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    job = ended(http, job)
    assert job["status"] == "succeeded", job["error"]
    assert job["result"]["mode"] == "generated"
    assert len(providers.requests) == before + 2 and job["usage"]["calls"] <= 2
    assert providers.invalid == []


def test_killing_the_ingest_worker_in_mid_document_gives_every_page_once(
    http: httpx.Client, shelf: Stack, tmp_path: Path
) -> None:
    catalog = make_catalog(http, "killed")
    job = upload(http, catalog, documents.manual(tmp_path / "long.pdf", pages=60))
    kill_while_reading(http, shelf, job, [6, 26])
    job = ended(http, job, 120)
    assert (job["status"], job["progress"]) == ("succeeded", {"pages": 60, "read": 60})
    found = items(http, catalog)
    pages = sorted(item["page"] for item in found if item["kind"] == "page")
    assert pages == list(range(1, 61))
    assert len({item["id"] for item in found}) == len(found) == job["counts"]["total"]
    assert job["counts"]["failed"] == job["counts"]["pending"] == 0
    figures = Counter(item["page"] for item in found if item["kind"] == "figure")
    assert {page: figures[page] for page in range(1, 61, 2)} == dict.fromkeys(range(1, 61, 2), 1)
    pictured = sum(item["sha256"] is not None for item in found)
    assert vectors(shelf, "killed") == (pictured, pictured)
    until(lambda: not readers_of(shelf.folder), within=10)


def kill_while_reading(
    http: httpx.Client, stack: Stack, job: dict[str, Any], at: list[int]
) -> None:
    """Kill the ingest worker each time that so many pages were read: itself, then its group."""
    for read, kill in zip(at, (os.kill, os.killpg), strict=True):
        told: dict[str, Any] = {}

        def is_due(read: int = read, told: dict[str, Any] = told) -> bool:
            told.update(http.get(job["urls"]["self"]).json())
            assert told["ended_at"] is None, "the document was read before a worker could be killed"
            is_read = told["progress"] is not None and told["progress"]["read"] >= read
            return is_read and stack.processes["ingest"] is not None

        until(is_due, within=60)
        pid = stack.processes["ingest"]
        assert pid is not None and readers_of(stack.folder)
        kill(pid, signal.SIGKILL)


def vectors(stack: Stack, catalog: str) -> tuple[int, int]:
    """How many vectors a catalog has, and for how many items and models."""
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(
            """SELECT count(*), count(DISTINCT (e.item_id, e.model_id))
               FROM sightline.embeddings e JOIN sightline.catalogs c
               ON c.tenant_id = e.tenant_id AND c.id = e.catalog_id WHERE c.name = %s""",
            [catalog],
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def readers_of(folder: Path) -> list[str]:
    """The living processes that read a document of this stack."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"worker.ingest.reading" in said and os.fsencode(folder) in said:
            found.append(process.name)
    return found
