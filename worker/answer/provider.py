"""What a provider of answers is asked and returns; which ones this server can use."""

from dataclasses import dataclass
from typing import Any, Protocol

from db.settings import Settings


@dataclass(frozen=True)
class Picture:
    """A picture as it is sent: already resized, `image/jpeg` or `image/png`."""

    data: bytes
    media_type: str


@dataclass(frozen=True)
class Part:
    """A piece of a prompt: one text or one picture."""

    text: str | None = None
    picture: Picture | None = None


@dataclass(frozen=True)
class Prompt:
    """A whole question: pictures stand before the text that speaks of them.

    In `schema` every object forbids other properties and requires all of its own.
    """

    instructions: str
    parts: tuple[Part, ...]
    schema: dict[str, Any]
    schema_name: str


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counts and bills them; cached and thinking tokens are in it."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Reply:
    """A whole answer: `data` fits the prompt's schema."""

    data: dict[str, Any]
    usage: Usage
    model: str
    finish_reason: str


class Provider(Protocol):
    """Answers prompts; holds a key and addresses, but no connection between two calls."""

    @property
    def name(self) -> str:
        """The word that a request names it by."""

    @property
    def model(self) -> str:
        """The model that answers where a request names none."""

    @property
    def ends(self) -> str | None:
        """When its model is shut down, where that is announced."""

    def ask(
        self,
        prompt: Prompt,
        *,
        model: str | None,
        max_output_tokens: int,
        detail: str,
        seconds: float,
    ) -> Reply:
        """Call once and return the checked reply, after `seconds` in all at the latest.

        `detail` is `low` or `high`, for providers that resize pictures themselves.
        Raises ProviderError; its `usage` tells what a failed call cost, where that is known.
        """


def configured(settings: Settings) -> dict[str, Provider]:
    """The providers with a key by their name; no SDK is imported before one is asked.

    A base URL alone is enough for `openai`: local servers often take no key.
    """
    from worker.answer.anthropic import AnthropicProvider
    from worker.answer.openai import OpenAIProvider

    found: dict[str, Provider] = {}
    key, address = settings.openai_api_key.get_secret_value(), settings.openai_base_url
    if key or address:
        found["openai"] = OpenAIProvider(key, address, settings.openai_model)
    if key := settings.anthropic_api_key.get_secret_value():
        address, model = settings.anthropic_base_url, settings.anthropic_model
        found["anthropic"] = AnthropicProvider(key, address, model)
    return found
