"""Anthropic: what is sent, and what is read."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db.errors import (
    AnswerMalformed,
    AnswerRefused,
    AnswerTruncated,
    ProviderError,
    ProviderQuotaSpent,
    ProviderRefusedUs,
)
from db.settings import Settings
from tests.providers import KEY, FakeProviders, Planned
from tests.providers.asking import MODEL, WAYS, ask, source
from tests.unit.pictures import jpeg
from worker.answer.anthropic import AnthropicProvider
from worker.answer.prompt import answer_prompt, caption_prompt, fitted
from worker.answer.provider import Usage

REAL_KEY = os.environ.get("REAL_ANTHROPIC_API_KEY")


@pytest.fixture
def fakes() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running
    assert running.invalid == []


def changed(**fields: Any) -> Planned:
    """A sensible answer with some fields replaced."""
    return Planned(body=lambda seen: seen.wire.answer(seen) | fields)


def test_an_answer_is_found_behind_the_thinking_and_comes_with_its_cost(
    fakes: FakeProviders,
) -> None:
    prompt = answer_prompt("What is red?", [source(1, picture=fitted(jpeg(300, 200)))])
    reply = ask(WAYS["anthropic"](fakes.url), prompt)
    assert reply.data == {"relevant": True, "answer": "A red boot. [S1]", "citations": ["S1"]}
    assert (reply.model, reply.finish_reason) == (MODEL, "end_turn")
    (seen,) = fakes.requests
    assert [(one.width, one.height) for one in seen.pictures] == [(300, 200)]
    told = seen.wire.answer(seen)["usage"]
    assert reply.usage == Usage(told["input_tokens"] + 5, 20), "the cached input counts too"


def test_only_what_is_needed_is_sent(fakes: FakeProviders) -> None:
    ask(WAYS["anthropic"](fakes.url), caption_prompt(fitted(jpeg(64, 64))), model="another")
    (seen,) = fakes.requests
    assert set(seen.body) == {"model", "max_tokens", "system", "messages", "output_config"}
    assert (seen.body["max_tokens"], seen.model) == (200, "another")
    kinds = [part["type"] for part in seen.body["messages"][0]["content"]]
    assert kinds == ["image", "text"]


def test_nothing_is_taken_from_the_environment_or_from_disk(
    fakes: FakeProviders, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile = tmp_path / "configs" / "default.json"
    profile.parent.mkdir()
    profile.write_text(json.dumps({"base_url": "http://127.0.0.1:9", "api_key": "stray"}))
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "default")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer stray\nX-Stray: 1")
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "stray")
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    ask(WAYS["anthropic"](fakes.url))
    (seen,) = fakes.requests
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert "stray" not in str(seen.headers)
    assert not [name for name in seen.headers if name.startswith("x-stainless")]


def test_a_wrong_key_is_not_shown(fakes: FakeProviders) -> None:
    with pytest.raises(ProviderRefusedUs, match="does not accept the key") as caught:
        ask(AnthropicProvider("sk-wrong-key", fakes.anthropic_url, MODEL))
    assert "sk-wrong-key" not in caught.value.detail


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"usage": None}, AnswerMalformed),
        ({"content": []}, AnswerMalformed),
        ({"content": None}, AnswerMalformed),
        ({"type": "error"}, AnswerMalformed),
        ({"content": [{"type": "thinking", "thinking": "t", "signature": "s"}]}, AnswerTruncated),
        ({"content": [{"type": "redacted_thinking", "data": "d"}]}, AnswerTruncated),
        ({"stop_reason": "max_tokens"}, AnswerTruncated),
        ({"stop_reason": "model_context_window_exceeded"}, AnswerTruncated),
        ({"stop_reason": "refusal"}, AnswerRefused),
        ({"stop_reason": "pause_turn"}, AnswerMalformed),
        ({"stop_reason": "tool_use"}, AnswerMalformed),
        ({"stop_reason": None}, AnswerMalformed),
    ],
)
def test_a_message_that_is_no_answer_is_none(
    fakes: FakeProviders, fields: dict[str, Any], error: type[ProviderError]
) -> None:
    fakes.plan(changed(**fields))
    with pytest.raises(error) as caught:
        ask(WAYS["anthropic"](fakes.url))
    readable = None not in fields.values() and "type" not in fields
    assert isinstance(caught.value.usage, Usage) == readable


def test_a_text_in_two_blocks_is_read_whole(fakes: FakeProviders) -> None:
    parts = ['{"relevant": false, "answer": ', '"No.", "citations": []}']
    fakes.plan(changed(content=[{"type": "text", "text": text} for text in parts]))
    assert ask(WAYS["anthropic"](fakes.url)).data["answer"] == "No."


@pytest.mark.parametrize(
    ("status", "message", "error", "too_large"),
    [
        (400, "Your credit balance is too low to access the API.", ProviderQuotaSpent, False),
        (402, "There is an issue with your billing.", ProviderQuotaSpent, False),
        (400, "messages.0.content.0.image.source.base64: image exceeds 5 MB maximum",
         ProviderRefusedUs, True),
        (413, "Request exceeds the maximum size", ProviderRefusedUs, True),
    ],
)  # fmt: skip
def test_anthropics_own_words_are_understood(
    fakes: FakeProviders, status: int, message: str, error: type[ProviderError], too_large: bool
) -> None:
    fakes.plan(Planned(status, body=lambda seen: seen.wire.error(status, None, message)))
    with pytest.raises(error) as caught:
        ask(WAYS["anthropic"](fakes.url))
    assert caught.value.too_large is too_large and not caught.value.can_pass


@pytest.mark.skipif(not REAL_KEY, reason="REAL_ANTHROPIC_API_KEY is not set")
def test_the_real_anthropic_answers() -> None:
    address = os.environ.get("REAL_ANTHROPIC_BASE_URL")
    provider = AnthropicProvider(REAL_KEY or "", address, Settings().anthropic_model)
    prompt = answer_prompt("What colour is the boot?", [source(1, "The boot is red.")])
    reply = provider.ask(prompt, model=None, max_output_tokens=1500, detail="low", seconds=60)
    assert reply.data["citations"] == ["S1"] and reply.usage.output_tokens > 0
