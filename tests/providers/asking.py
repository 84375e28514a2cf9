"""The three ways in which a model is asked, and a small question for them."""

from collections.abc import Callable

from tests.providers.server import KEY
from worker.answer.anthropic import AnthropicProvider
from worker.answer.openai import OpenAIProvider
from worker.answer.prompt import Source, answer_prompt
from worker.answer.provider import Picture, Prompt, Provider, Reply

MODEL = "a-model"
WAYS: dict[str, Callable[[str], Provider]] = {
    "responses": lambda url: OpenAIProvider(KEY, f"{url}/v1", MODEL, responses=True),
    "chat": lambda url: OpenAIProvider(KEY, f"{url}/v1", MODEL),
    "anthropic": lambda url: AnthropicProvider(KEY, url, MODEL),
}
"""Each makes a provider that asks at a server's `url`."""


def source(number: int = 1, text: str | None = "A red boot.", picture: Picture | None = None,
           **others: str | None) -> Source:  # fmt: skip
    """A source of which only the given is known."""
    known = {"caption": None, "name": None, "document": None, "price": None, **others}
    return Source(number, f"item-{number}", text, page=None, kind="text", score=0.25,
                  picture=picture, **known)  # fmt: skip


def ask(provider: Provider, prompt: Prompt | None = None, *, model: str | None = None,
        detail: str = "low", seconds: float = 10.0) -> Reply:  # fmt: skip
    """Ask once. Raises ProviderError."""
    asked = prompt or answer_prompt("What is red?", [source()])
    return provider.ask(asked, model=model, max_output_tokens=200, detail=detail, seconds=seconds)
