"""Answers, captions and evaluations: the API, the lanes, a real Postgres and a fake provider."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from db import queue
from db.blobs import BlobStore
from db.session import Database
from db.settings import Settings
from tests.integration.answer_parts import SHOP, TEXT_MODEL, Room, room
from tests.providers.plan import FAULTS, Fault, Planned
from tests.providers.server import FakeProviders


@pytest.fixture
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running
        assert running.invalid == []


@pytest.fixture
def shop(
    database: Database, settings: Settings, blobs: BlobStore, providers: FakeProviders
) -> Iterator[Room]:
    made = room(database, settings, blobs, providers)
    made.put("red", "red", name="Red shoe", caption="A shoe", price=49.5, currency="USD")
    made.put("blue", "blue", name="Blue boot", price=120, currency="USD")
    yield made
    made.close()


@pytest.fixture
def worded(
    database: Database, settings: Settings, blobs: BlobStore, providers: FakeProviders
) -> Iterator[Room]:
    made = room(database, settings, blobs, providers, text_model=TEXT_MODEL)
    yield made
    made.close()


def said(data: dict[str, Any]) -> Planned:
    return Planned(body=lambda seen: seen.wire.said(seen, json.dumps(data)))


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_an_answer_cites_what_was_sent(shop: Room, provider: str) -> None:
    job = shop.post("answers", question="Which shoe is red?", provider=provider, detail="high")
    result = job["result"]
    assert (job["status"], result["mode"], result["provider"]) == (
        "succeeded",
        "generated",
        provider,
    )
    first = result["sources"][0]["item"]["id"]
    assert result["citations"] == [{"source": 1, "item_id": first}]
    assert [source["cited"] for source in result["sources"]] == [True, False]
    assert "[1]" in result["answer"] and result["finish_reason"]
    assert job["usage"] == {"calls": 1, **result["usage"]} and job["usage"]["input_tokens"] > 0
    (seen,) = shop.providers.requests
    assert [(p.width, p.height) for p in seen.pictures] == [(1024, 512)] * 2
    assert any("49.5 USD" in words for words in seen.sources.values())


def test_low_detail_sends_small_pictures_and_a_named_model_is_asked(shop: Room) -> None:
    shop.post("answers", question="Which?", provider="anthropic", model="some-model")
    (seen,) = shop.providers.requests
    assert seen.model == "some-model"
    assert {p.width for p in seen.pictures} == {512}


def test_words_that_are_constraints_filter_the_sources(shop: Room) -> None:
    job = shop.post("answers", question="shoe under $100")
    assert [s["item"]["id"] for s in job["result"]["sources"]] == ["red"]
    assert job["result"]["query"]["parsed_filters"]["price"] == {"lt": 100}
    assert job["result"]["query"]["searched_text"] == "shoe"


def test_nothing_found_costs_nothing_and_says_so(shop: Room) -> None:
    result = shop.post("answers", question="Which?", filters={"category": "hats"})["result"]
    assert result["sources"] == [] and "Nothing" in result["answer"]
    assert shop.providers.requests == []


def test_a_model_that_finds_nothing_relevant_is_believed(shop: Room) -> None:
    shop.providers.plan(said({"relevant": False, "answer": "No shoe is green.", "citations": []}))
    job = shop.post("answers", question="Which is green?")
    assert (job["result"]["answer"], job["result"]["sources"]) == ("No shoe is green.", [])
    assert job["usage"]["calls"] == 1


def test_ids_that_were_not_sent_are_not_cited(shop: Room) -> None:
    shop.providers.plan(
        said({"relevant": True, "answer": "This [S9] and that [S2].", "citations": ["S9", "S2"]})
    )
    result = shop.post("answers", question="Which?")["result"]
    assert [citation["source"] for citation in result["citations"]] == [2]
    assert "9" not in result["answer"]


def test_a_ranking_explains_each_match(shop: Room) -> None:
    result = shop.post("answers", question="boots", style="rank")["result"]
    ids = [source["item"]["id"] for source in result["sources"]]
    assert [entry["item_id"] for entry in result["ranking"]] == ids
    assert all(entry["fits"] and entry["explanation"] for entry in result["ranking"])


def test_without_a_key_the_sources_come_alone(
    database: Database, settings: Settings, blobs: BlobStore, providers: FakeProviders
) -> None:
    shop = room(database, settings, blobs, providers, keys=False)
    shop.put("red", description="A red shoe with laces.")
    job = shop.post("answers", question="Which shoe has laces?")
    result = job["result"]
    assert (job["status"], result["mode"]) == ("succeeded", "retrieval_only")
    assert "OPENAI_API_KEY" in result["reason"] and "laces" in result["answer"]
    assert [source["item"]["id"] for source in result["sources"]] == ["red"]
    for route, body in [("answers", {"question": "x", "provider": "openai"}),
                        ("captions", {"provider": "anthropic"}), ("captions", {})]:  # fmt: skip
        refused = shop.client.post(f"{SHOP}/{route}", json=body)
        assert (refused.status_code, refused.json["code"]) == (400, "provider_not_configured")
    shop.close()


def test_sources_alone_can_be_asked_for(shop: Room) -> None:
    result = shop.post("answers", question="Which?", provider="none")["result"]
    assert result["mode"] == "retrieval_only" and "asked for" in result["reason"]
    assert shop.providers.requests == []


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_no_fault_becomes_an_answer(
    database: Database, settings: Settings, blobs: BlobStore, providers: FakeProviders,
    fault: Fault, provider: str,
) -> None:  # fmt: skip
    waits = fault.planned.breaks in ("hang", "drip")
    shop = room(database, settings, blobs, providers, answer_seconds=1.5 if waits else 30.0)
    shop.put("red", name="Red shoe")
    shop.providers.plan(*[fault.planned] * 3)
    job = shop.post("answers", question="Which?", provider=provider)
    shop.close()
    assert (job["status"], job["error"]["code"]) == ("failed", fault.code)
    assert job["result"] is None
    assert 1 <= len(shop.providers.requests) <= 3
    assert bool(job["usage"]) is fault.billed


@pytest.mark.parametrize("fault", [FAULTS[1], FAULTS[2], FAULTS[6], FAULTS[10]], ids=str)
def test_what_passes_is_tried_again(shop: Room, fault: Fault) -> None:
    shop.providers.plan(fault.planned)
    job = shop.post("answers", question="Which?")
    assert (job["status"], len(shop.providers.requests)) == ("succeeded", 2)


def test_a_request_that_is_too_large_is_sent_once_more_with_smaller_pictures(shop: Room) -> None:
    shop.providers.plan(FAULTS[-1].planned)
    job = shop.post("answers", question="Which?", detail="high")
    assert job["status"] == "succeeded"
    assert [seen.pictures[0].width for seen in shop.providers.requests] == [1024, 512]


def test_a_failed_answer_can_be_retried(shop: Room) -> None:
    shop.providers.plan(*[FAULTS[3].planned] * 3)
    job = shop.post("answers", question="Which?")
    assert job["status"] == "failed"
    assert shop.client.post(job["urls"]["retry"]).json["status"] == "running"
    shop.work()
    assert shop.job(job)["status"] == "succeeded"


class TestAWorkerThatDies:
    """Its lease is taken away while a call may be out."""

    def submitted(self, shop: Room) -> dict[str, Any]:
        made = shop.client.post(f"{SHOP}/answers", json={"question": "Red?", "filters": {}}).json
        embed_only(shop)
        return made

    def die(self, shop: Room, *, calling: bool) -> None:
        claim = shop.claimed()
        assert len(claim.tasks) == 1
        with shop.database.begin() as connection:
            if calling:
                spent = claim.tasks[0].payload.get("spent", {"calls": 0, "lost": 0})
                lost = spent["lost"] + (1 if spent.get("out") else 0)
                payload = {"spent": {"until": 2e9, "calls": spent["calls"] + 1, "lost": lost,
                                     "out": True}}  # fmt: skip
                queue.note(connection, claim.token, claim.tasks[0], payload)
            connection.execute(text("UPDATE tasks SET lease_expires_at = now() - interval '1 s' "
                                    "WHERE status = 'running'"))  # fmt: skip
            queue.reap(connection)

    def test_before_the_call_costs_nothing(self, shop: Room) -> None:
        job = self.submitted(shop)
        self.die(shop, calling=False)
        self.die(shop, calling=False)
        shop.work()
        assert shop.job(job)["status"] == "succeeded"
        assert len(shop.providers.requests) == 1

    def test_with_a_call_out_is_followed_by_one_more(self, shop: Room) -> None:
        job = self.submitted(shop)
        self.die(shop, calling=True)
        shop.work()
        assert shop.job(job)["status"] == "succeeded"
        assert len(shop.providers.requests) == 1

    def test_twice_with_a_call_out_is_not_asked_a_third_time(self, shop: Room) -> None:
        job = self.submitted(shop)
        self.die(shop, calling=True)
        self.die(shop, calling=True)
        shop.work()
        ended = shop.job(job)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "answer_unknown")
        assert shop.providers.requests == []

    def test_a_canceled_job_is_not_paid_for(self, shop: Room) -> None:
        job = self.submitted(shop)
        shop.client.post(job["urls"]["cancel"])
        shop.work()
        assert shop.job(job)["status"] == "canceled"
        assert shop.providers.requests == []


def embed_only(shop: Room) -> None:
    """Make the vector of the question, and leave the answer to be claimed."""
    from tests.integration.worker_parts import pipeline

    pipeline(shop.database, shop.blobs, shop.settings)[0].drain()


class TestTextVectors:
    """Words of items and queries, embedded by the provider in batches."""

    def test_items_get_one_for_their_words(self, worded: Room) -> None:
        job = worded.put("a", name="Leather jacket", description="warm")
        assert job["status"] == "succeeded"
        hit = worded.post("searches", text="a warm jacket of leather")["result"]["hits"][0]
        assert set(hit["ranks"]) == {"image", "text", "words"}
        counts = worded.client.get(SHOP).json["counts"]
        assert (counts["embedded"], counts["pending"]) == (1, 0)

    def test_the_same_words_are_embedded_once(self, worded: Room) -> None:
        worded.put("a", name="Leather jacket")
        worded.put("b", "blue", name="Leather jacket")
        again = worded.put("a", name="Leather jacket")
        assert again["counts"]["unchanged"] == 1
        assert len(worded.providers.requests) == 1

    def test_changed_words_are_embedded_anew(self, worded: Room) -> None:
        worded.put("a", name="Leather jacket")
        changed = worded.client.patch(f"{SHOP}/items/a", json={"name": "Rubber boot"})
        assert changed.status_code == 200
        assert worded.client.get(SHOP).json["counts"]["pending"] == 1
        worded.work()
        assert worded.client.get(SHOP).json["counts"]["pending"] == 0
        assert worded.providers.requests[-1].body["input"] == ["Rubber boot"]

    def test_a_search_goes_on_without_a_provider_that_is_down(self, worded: Room) -> None:
        worded.put("a", name="Leather jacket")
        worded.providers.plan(FAULTS[2].planned)
        job = worded.post("searches", text="jacket")
        assert (job["status"], job["result"]["incomplete"]) == ("succeeded", True)
        assert job["result"]["hits"][0]["ranks"].keys() == {"image", "words"}

    def test_an_item_whose_words_cannot_be_embedded_says_so_and_is_found_all_the_same(
        self, worded: Room
    ) -> None:
        worded.providers.plan(*[FAULTS[2].planned] * 3)
        job = worded.put("a", name="Leather jacket")
        assert (job["status"], job["error"]["code"]) == ("failed", "provider_busy")
        assert worded.post("searches", text="jacket", mode="image")["result"]["hits"]


class TestCaptions:
    """Pictures without a caption get one that says who wrote it."""

    def test_only_bare_pictures_are_captioned(self, shop: Room) -> None:
        job = shop.post("captions")
        assert (job["status"], job["counts"]["succeeded"]) == ("succeeded", 1)
        blue = shop.client.get(f"{SHOP}/items/blue").json
        assert (
            "blue" in blue["caption"] and blue["captioned_by"] == shop.providers.requests[0].model
        )
        assert shop.client.get(f"{SHOP}/items/red").json["captioned_by"] is None
        assert job["usage"]["calls"] == 1
        assert shop.post("captions")["counts"]["total"] == 0

    def test_a_caption_stays_while_the_picture_does(self, shop: Room) -> None:
        shop.post("captions")
        shop.put("blue", "blue", name="Blue boot")
        assert "blue" in shop.client.get(f"{SHOP}/items/blue").json["caption"]
        shop.put("blue", "green", name="Blue boot")
        assert shop.client.get(f"{SHOP}/items/blue").json["caption"] is None

    def test_a_limit_holds_and_kinds_are_heeded(self, shop: Room) -> None:
        shop.put("third", "green")
        assert shop.post("captions", limit=1)["counts"]["total"] == 1
        assert shop.post("captions", kind=["page"])["counts"]["total"] == 0

    def test_a_captions_words_are_embedded(self, worded: Room) -> None:
        worded.put("a", "blue")
        assert worded.post("captions")["counts"]["succeeded"] == 1
        assert worded.client.get(SHOP).json["counts"] == {
            "items": 1, "embedded": 1, "pending": 0, "by_kind": {"image": 1},
        }  # fmt: skip
        assert "blue" in worded.providers.requests[-1].body["input"][0]


class TestEvaluations:
    """Methods compared on labelled queries."""

    def test_each_method_is_measured(self, shop: Room) -> None:
        queries = [
            {"text": "red shoe", "relevant": ["red"]},
            {"text": "boot", "relevant": ["blue"]},
        ]
        result = shop.post("evaluations", queries=queries, k=1)["result"]
        assert result["methods"]["text"] == {"ndcg": 1.0, "recall": 1.0, "mrr": 1.0}
        assert set(result["methods"]) == {"image", "caption", "text", "hybrid"}
        assert result["methods"]["caption"]["recall"] == 0.5
        assert {(d["of"], d["to"]) for d in result["differences"]} >= {("image", "caption")}
        assert (result["measured"], len(result["queries"])) == (2, 2)

    def test_captions_are_compared_by_their_vectors_where_there_are_some(
        self, worded: Room
    ) -> None:
        worded.put("a", "blue", caption="a calm sea")
        worded.put("b", "red", caption="a wild fire")
        queries = [{"text": "sea so calm", "relevant": ["a"]}]
        result = worded.post("evaluations", queries=queries, methods=["caption"])["result"]
        assert result["methods"] == {"caption": {"ndcg": 1.0, "recall": 1.0, "mrr": 1.0}}
