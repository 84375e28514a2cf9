"""Anthropic: answers by the Messages API."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, cast

from pydantic import BaseModel, ConfigDict

from db.errors import AnswerMalformed, AnswerRefused, AnswerTruncated, ProviderError
from worker.answer import deadline, faults, replies
from worker.answer.provider import Part, Prompt, Reply, Usage

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import ImageBlockParam, TextBlockParam

ADDRESS = "https://api.anthropic.com"
WHO = "Anthropic"


class AnthropicProvider:
    """The Messages API at `base_url`, or at Anthropic's own address."""

    name = "anthropic"

    def __init__(self, key: str, base_url: str | None, model: str) -> None:
        self.model = model
        self._key = key
        self._address = base_url or ADDRESS

    @property
    def ends(self) -> str | None:
        """The day that the SDK knows for its model, while it tells. Imports the SDK."""
        from anthropic.resources.messages import messages

        known: dict[str, str] = getattr(messages, "DEPRECATED_MODELS", {})
        return known.get(self.model)

    def ask(
        self,
        prompt: Prompt,
        *,
        model: str | None,
        max_output_tokens: int,
        detail: str,
        seconds: float,
    ) -> Reply:
        """Call once, as Provider.ask says; `detail` is in the pictures' size. Raises ProviderError."""
        with self._client(seconds) as client:
            answer = client.messages.with_raw_response.create(
                model=model or self.model,
                max_tokens=max_output_tokens,
                system=prompt.instructions,
                messages=[{"role": "user", "content": [_block(part) for part in prompt.parts]}],
                output_config={"format": {"type": "json_schema", "schema": prompt.schema}},
            )
            body = answer.http_response.content
        return _reply(body, prompt)

    @contextmanager
    def _client(self, seconds: float) -> Iterator["anthropic.Anthropic"]:
        """Yield the SDK's client; what it raises becomes a ProviderError, without its words.

        With the key given, the SDK reads no profile on disk and no other key from anywhere.
        """
        import anthropic

        headers = {"authorization": f"Bearer {self._key}"}
        with deadline.client(seconds, headers) as http:
            try:
                yield anthropic.Anthropic(
                    api_key=self._key, auth_token=None, base_url=self._address, timeout=seconds,
                    max_retries=0, http_client=http, open_telemetry=False,
                )  # fmt: skip
            except anthropic.APITimeoutError:
                raise faults.too_slow(WHO, seconds) from None
            except anthropic.APIConnectionError as error:
                raise faults.unreachable(WHO, error.__cause__) from None
            except anthropic.APIStatusError as error:
                raise faults.of_answer(WHO, error.response) from None


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Content(_Strict):
    type: str
    text: str | None = None


class _Tokens(_Strict):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Message(_Strict):
    """As much of a message as is read."""

    type: Literal["message"]
    model: str
    content: list[_Content]
    stop_reason: str
    usage: _Tokens | None = None


def _block(part: Part) -> "ImageBlockParam | TextBlockParam":
    if part.picture is None:
        return {"type": "text", "text": part.text or ""}
    data = base64.b64encode(part.picture.data).decode()
    media_type = cast(Literal["image/jpeg", "image/png"], part.picture.media_type)
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _reply(body: bytes, prompt: Prompt) -> Reply:
    """A message as a reply: first why it stopped, then the text, then its JSON."""
    read = replies.body(WHO, _Message, body)
    usage = replies.known(WHO, _usage(read.usage))
    text = "".join(block.text or "" for block in read.content if block.type == "text")
    if error := _not_an_answer(read, text):
        raise faults.billed(error, usage)
    data = replies.data(WHO, text, prompt.schema, usage)
    return Reply(data, usage, read.model, read.stop_reason)


def _usage(told: _Tokens | None) -> Usage | None:
    """All input, cached or not: `input_tokens` alone leaves the cached part out."""
    if told is None:
        return None
    cached = (told.cache_creation_input_tokens or 0) + (told.cache_read_input_tokens or 0)
    return Usage(told.input_tokens + cached, told.output_tokens)


def _not_an_answer(read: _Message, text: str) -> ProviderError | None:
    """The error where a model stopped for another reason than having answered."""
    if read.stop_reason == "refusal":
        return AnswerRefused(f"{WHO} declined to answer.")
    if read.stop_reason in ("max_tokens", "model_context_window_exceeded"):
        return AnswerTruncated(f"{WHO} was cut off at `max_output_tokens` or its context's end.")
    if read.stop_reason != "end_turn":
        return AnswerMalformed(f"{WHO} stopped before it had answered.")
    if not text and any(block.type.endswith("thinking") for block in read.content):
        return AnswerTruncated(f"{WHO} spent all of `max_output_tokens` on thinking.")
    return None
