"""OpenAI: what is sent, what is read, and text vectors."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.errors import (
    AnswerMalformed,
    AnswerRefused,
    AnswerTruncated,
    ProviderBusy,
    ProviderError,
    ProviderRefusedUs,
)
from db.settings import Settings
from tests.providers import KEY, FakeProviders, Planned, Seen
from tests.providers.asking import MODEL, WAYS, ask, source
from tests.unit.pictures import jpeg
from worker.answer import openai
from worker.answer.openai import OpenAIEmbedder, OpenAIProvider
from worker.answer.prompt import answer_prompt, caption_prompt, fitted
from worker.answer.provider import Usage, configured

ROOT = Path(__file__).parents[2]
REAL_KEY = os.environ.get("REAL_OPENAI_API_KEY")


@pytest.fixture
def fakes() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running
    assert running.invalid == []


def sent(fakes: FakeProviders) -> Seen:
    return fakes.requests[-1]


@pytest.mark.parametrize("way", ["responses", "chat"])
def test_an_answer_comes_with_its_cost(fakes: FakeProviders, way: str) -> None:
    picture = fitted(jpeg(300, 200))
    prompt = answer_prompt("What is red?", [source(1, picture=picture), source(2, "A blue hat.")])
    reply = ask(WAYS[way](fakes.url), prompt, detail="high")
    assert reply.data == {"relevant": True, "answer": "A red boot. [S1]", "citations": ["S1"]}
    assert reply.model == MODEL and reply.finish_reason in ("completed", "stop")
    assert reply.usage.input_tokens > 85 and reply.usage.output_tokens == 20
    (seen,) = sent(fakes).pictures
    assert (seen.width, seen.height, seen.media_type) == (300, 200, "image/jpeg")
    assert list(sent(fakes).sources) == ["S1", "S2"]
    assert sent(fakes).question == "What is red?"


@pytest.mark.parametrize("way", ["responses", "chat"])
def test_a_named_model_is_asked_instead(fakes: FakeProviders, way: str) -> None:
    assert ask(WAYS[way](fakes.url), model="another").model == "another"


def test_responses_store_nothing_and_say_the_detail(fakes: FakeProviders) -> None:
    prompt = caption_prompt(fitted(jpeg(64, 64)))
    ask(WAYS["responses"](fakes.url), prompt, detail="low")
    body = sent(fakes).body
    assert body["store"] is False and body["max_output_tokens"] == 200
    assert body["input"][0]["content"][0]["detail"] == "low"
    assert not {"temperature", "tools", "user", "metadata"} & set(body)


def test_chat_completions_use_the_words_that_local_servers_know(fakes: FakeProviders) -> None:
    ask(WAYS["chat"](fakes.url))
    body = sent(fakes).body
    assert set(body) == {"model", "messages", "response_format", "max_tokens"}


@pytest.mark.parametrize(
    ("address", "responses"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("http://127.0.0.1:11434/v1", False),
        ("https://api.openai.com.example/v1", False),
    ],
)
def test_only_openai_itself_is_asked_by_responses(address: str | None, responses: bool) -> None:
    assert OpenAIProvider(KEY, address, MODEL)._responses is responses


def test_nothing_is_taken_from_the_environment(
    fakes: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer stray\nX-Stray: 1")
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "stray")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/v1")
    ask(WAYS["responses"](fakes.url))
    headers = sent(fakes).headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "stray" not in str(headers)
    assert not [name for name in headers if name.startswith("x-stainless")]


def test_a_local_server_gets_a_word_for_a_key() -> None:
    with FakeProviders(key="none") as fakes:
        assert ask(OpenAIProvider(None, fakes.openai_url, MODEL)).data["relevant"]


def test_a_wrong_key_is_not_shown(fakes: FakeProviders) -> None:
    provider = OpenAIProvider("sk-wrong-key", fakes.openai_url, MODEL)
    with pytest.raises(ProviderRefusedUs, match="does not accept the key") as caught:
        ask(provider)
    assert "sk-wrong-key" not in caught.value.detail


def changed(**fields: Any) -> Planned:
    """A sensible answer with some fields replaced."""
    return Planned(body=lambda seen: seen.wire.answer(seen) | fields)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"usage": None}, AnswerMalformed),
        ({"output": []}, AnswerMalformed),
        ({"output": "text"}, AnswerMalformed),
        ({"output": [{"type": "reasoning", "id": "r", "summary": []}]}, AnswerTruncated),
        ({"status": "in_progress"}, AnswerMalformed),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
         AnswerTruncated),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
         AnswerRefused),
        ({"status": "incomplete", "incomplete_details": None}, AnswerMalformed),
        ({"status": "failed", "error": {"code": "server_error", "message": "m"}}, ProviderBusy),
        ({"status": "failed", "error": {"code": "bio_policy", "message": "m"}}, AnswerRefused),
        ({"status": "failed", "error": {"code": "invalid_image", "message": "m"}},
         ProviderRefusedUs),
        ({"status": "failed", "error": None}, ProviderRefusedUs),
    ],
)  # fmt: skip
def test_a_response_that_is_no_answer_is_none(
    fakes: FakeProviders, fields: dict[str, Any], error: type[ProviderError]
) -> None:
    fakes.plan(changed(**fields))
    with pytest.raises(error) as caught:
        ask(WAYS["responses"](fakes.url))
    whole = fields.get("usage", 1) and fields.get("output") != "text"
    assert isinstance(caught.value.usage, Usage) == bool(whole)


def choice(reason: str, **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": reason, "message": message}]}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"usage": None}, AnswerMalformed),
        ({"choices": []}, AnswerMalformed),
        (choice("stop", content=None), AnswerMalformed),
        (choice("stop", content="", reasoning="Let me see"), AnswerTruncated),
        (choice("length", content='{"relevant": true'), AnswerTruncated),
        (choice("content_filter", content=""), AnswerRefused),
        (choice("tool_calls", content=None), AnswerMalformed),
        (choice("stop", content="```json\n{}\n```"), AnswerMalformed),
    ],
)
def test_a_completion_that_is_no_answer_is_none(
    fakes: FakeProviders, fields: dict[str, Any], error: type[ProviderError]
) -> None:
    fakes.plan(changed(**fields))
    with pytest.raises(error) as caught:
        ask(WAYS["chat"](fakes.url))
    assert (caught.value.usage is None) == ("usage" in fields)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "text",
    [
        '{"relevant": true, "answer": "x"}',
        '{"relevant": true, "answer": "x", "citations": ["S1"], "more": 1}',
        '{"relevant": "true", "answer": "x", "citations": []}',
        '{"relevant": true, "answer": "x", "citations": [1]}',
        '{"relevant": true, "answer": "a\\u0000b", "citations": []}',
        '{"relevant": true, "answer": "\\ud800", "citations": []}',
        '{"relevant": true, "answer": "x", "citations": []} and more',
        "[" * 100_000,
        "null",
    ],
)
def test_json_that_is_not_what_was_asked_for_is_no_answer(
    fakes: FakeProviders, way: str, text: str
) -> None:
    fakes.plan(Planned(body=lambda seen: seen.wire.said(seen, text)))
    with pytest.raises(AnswerMalformed):
        ask(WAYS[way](fakes.url))


def test_texts_become_unit_vectors_in_order(fakes: FakeProviders) -> None:
    embedder = OpenAIEmbedder(KEY, fakes.openai_url, "text-embedding-3-small")
    vectors = embedder.embed(["a red leather boot", "red boot", "quarterly figures"], 10)
    assert vectors.shape == (3, 1536) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > 0.5 and vectors[0] @ vectors[2] < 0.2
    assert sent(fakes).body["encoding_format"] == "base64"


def test_no_texts_make_no_call(fakes: FakeProviders) -> None:
    assert OpenAIEmbedder(KEY, fakes.openai_url, "m").embed([], 10).shape[0] == 0
    assert fakes.requests == []


def test_many_texts_go_in_batches_by_count_and_by_size(fakes: FakeProviders) -> None:
    embedder = OpenAIEmbedder(KEY, fakes.openai_url, "m")
    texts = [f"text number {number}" for number in range(600)]
    vectors = embedder.embed(texts, 30)
    assert [len(seen.texts) for seen in fakes.requests] == [256, 256, 88]
    np.testing.assert_allclose(vectors[300:301], embedder.embed([texts[300]], 10), atol=1e-6)
    fakes.requests.clear()
    embedder.embed(["x" * 16_000] * 40, 30)
    assert [len(seen.texts) for seen in fakes.requests] == [31, 9]


def test_long_and_blank_texts_are_made_to_fit(fakes: FakeProviders) -> None:
    OpenAIEmbedder(KEY, fakes.openai_url, "m").embed(["", " \n", "é" * 50_000, "\ud800"], 10)
    blank, space, long, broken = sent(fakes).texts
    assert blank == space == "-" and broken == "?"
    limit = openai.TEXT_TOKENS * openai.BYTES_PER_TOKEN
    assert limit - 2 < len(long.encode()) <= limit


def vectors(*rows: tuple[int, Any]) -> dict[str, Any]:
    return {"data": [{"index": index, "embedding": row} for index, row in rows]}


def test_vectors_are_ordered_by_their_index(fakes: FakeProviders) -> None:
    fakes.plan(Planned(body=vectors((1, [0.0, 2.0]), (0, [3.0, 0.0]))))
    found = OpenAIEmbedder(KEY, fakes.openai_url, "m").embed(["a", "b"], 10)
    assert found.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "body",
    [
        vectors((0, [1.0])),
        vectors((0, [1.0]), (0, [1.0])),
        vectors((0, [1.0]), (2, [1.0])),
        vectors((0, [1.0]), (1, [1.0, 2.0])),
        vectors((0, [1.0]), (1, [0.0])),
        vectors((0, [1.0]), (1, "AADAfw==")),
        vectors((0, [1.0]), (1, "not base64")),
        vectors((0, [1.0]), (1, "AAA=")),
        {"data": None},
    ],
    ids=["too few", "twice", "gap", "ragged", "zero", "NaN", "no base64", "3 bytes", "no list"],
)
def test_vectors_that_are_none_are_refused(fakes: FakeProviders, body: dict[str, Any]) -> None:
    fakes.plan(Planned(body=body))
    with pytest.raises(AnswerMalformed):
        OpenAIEmbedder(KEY, fakes.openai_url, "m").embed(["a", "b"], 10)


def test_an_embedder_fails_as_a_provider_does(fakes: FakeProviders) -> None:
    embedder = OpenAIEmbedder(KEY, fakes.openai_url, "m")
    fakes.plan(Planned(503, {"retry-after": "3"}, body=b""))
    with pytest.raises(ProviderBusy) as caught:
        embedder.embed(["a"], 10)
    assert caught.value.retry_after == 3
    fakes.plan(Planned(breaks="drip"))
    with pytest.raises(ProviderBusy, match="within"):
        embedder.embed(["a"], 0.4)


def test_who_has_a_key_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert configured(Settings()) == {}
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a")
    assert set(configured(Settings())) == {"anthropic"}
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    able = configured(Settings())
    assert {name: provider.name for name, provider in able.items()} == {
        "openai": "openai", "anthropic": "anthropic",
    }  # fmt: skip
    assert able["openai"].model == Settings().openai_model


def test_no_sdk_is_imported_before_a_provider_is_asked() -> None:
    code = (
        "import sys; from db.settings import Settings\n"
        "from worker.answer.provider import configured\n"
        "assert len(configured(Settings())) == 2\n"
        "print(sorted({'openai', 'anthropic'} & set(sys.modules)))"
    )
    env = os.environ | {"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.skipif(not REAL_KEY, reason="REAL_OPENAI_API_KEY is not set")
def test_the_real_openai_answers() -> None:
    provider = OpenAIProvider(
        REAL_KEY, os.environ.get("REAL_OPENAI_BASE_URL"), Settings().openai_model
    )
    prompt = answer_prompt("What colour is the boot?", [source(1, "The boot is red.")])
    reply = provider.ask(prompt, model=None, max_output_tokens=1500, detail="low", seconds=60)
    assert reply.data["citations"] == ["S1"] and reply.usage.output_tokens > 0
