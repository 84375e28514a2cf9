"""OpenAI and servers that speak like it: answers by Responses or chat completions, text vectors."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from db.errors import AnswerMalformed
from worker.answer import deadline, faults, openai_replies
from worker.answer.provider import Part, Picture, Prompt, Reply

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletionContentPartParam
    from openai.types.responses import ResponseInputContentParam

ADDRESS = "https://api.openai.com/v1"
NO_KEY = "none"
"""Sent where no key is set: local servers want a word there, and do not read it."""

BATCH_TEXTS = 256
BATCH_TOKENS = 250_000
"""The API takes 2,048 texts and 300,000 tokens; the rest is room for our estimate's error."""

TEXT_TOKENS = 8_000
BYTES_PER_TOKEN = 2
"""An estimate that is high for every script we tried: English has 4, Chinese and Thai 2 to 3."""

ENDS = {"gpt-4o": "2027-01-14"}
"""Models that are announced to be shut down."""

Detail = Literal["low", "high"]


class OpenAIProvider:
    """OpenAI's Responses API, or the chat completions of the server at `base_url`.

    Chat completions are what Ollama, vLLM and llama.cpp speak best; `responses` decides otherwise.
    """

    name = "openai"

    def __init__(
        self, key: str | None, base_url: str | None, model: str, responses: bool | None = None
    ) -> None:
        self.model = model
        self._endpoint = _Endpoint(key, base_url)
        self._responses = self._endpoint.is_openai if responses is None else responses

    @property
    def ends(self) -> str | None:
        """The day that is announced for its model; the SDK holds none."""
        return ENDS.get(self.model)

    def ask(
        self,
        prompt: Prompt,
        *,
        model: str | None,
        max_output_tokens: int,
        detail: str,
        seconds: float,
    ) -> Reply:
        """Call once, as Provider.ask says. Raises ProviderError."""
        call = _ask_responses if self._responses else _ask_chat
        fine: Detail = "high" if detail == "high" else "low"
        with self._endpoint.client(seconds) as client:
            body = call(client, prompt, model or self.model, max_output_tokens, fine)
        read = openai_replies.of_response if self._responses else openai_replies.of_chat
        return read(self._endpoint.who, body, prompt)


class OpenAIEmbedder:
    """Text vectors by the embeddings API of OpenAI or of the server at `base_url`."""

    def __init__(self, key: str | None, base_url: str | None, model: str) -> None:
        self.model = model
        self._endpoint = _Endpoint(key, base_url)

    def embed(self, texts: Sequence[str], seconds: float) -> NDArray[np.float32]:
        """Return one L2-normalised row a text, in order, after `seconds` in all at the latest.

        Each text is cut at about 8,000 tokens; a blank one is sent as a dash, since the API takes
        no empty text. Raises ProviderError; AnswerMalformed for vectors that are no vectors.
        """
        cut = [_cut(text) for text in texts]
        with self._endpoint.client(seconds) as client:
            made = [self._embedded(client, batch) for batch in _batches(cut)]
        if len({vectors.shape[1] for vectors in made}) > 1:
            raise AnswerMalformed(f"{self._endpoint.who} sent vectors of different lengths.")
        return np.concatenate(made) if made else np.zeros((0, 0), np.float32)

    def _embedded(self, client: "openai.OpenAI", texts: list[str]) -> NDArray[np.float32]:
        answer = client.embeddings.with_raw_response.create(
            model=self.model, input=texts, encoding_format="base64"
        )
        body = answer.http_response.content
        return openai_replies.of_vectors(self._endpoint.who, body, len(texts))


class _Endpoint:
    """Where calls go and with which key; makes a client of its own for every call."""

    def __init__(self, key: str | None, base_url: str | None) -> None:
        self._key = key or NO_KEY
        self._address = base_url or ADDRESS
        host = urlsplit(self._address).hostname or ""
        self.is_openai = host == "api.openai.com" or host.endswith(".api.openai.com")
        self.who = "OpenAI" if self.is_openai else "The OpenAI-compatible server"

    @contextmanager
    def client(self, seconds: float) -> Iterator["openai.OpenAI"]:
        """Yield the SDK's client; what it raises becomes a ProviderError, without its words."""
        import openai

        headers = {"authorization": f"Bearer {self._key}"}
        with deadline.client(seconds, headers) as http:
            try:
                yield openai.OpenAI(
                    api_key=self._key, base_url=self._address, timeout=seconds, max_retries=0,
                    http_client=http,
                )  # fmt: skip
            except openai.APITimeoutError:
                raise faults.too_slow(self.who, seconds) from None
            except openai.APIConnectionError as error:
                raise faults.unreachable(self.who, error.__cause__) from None
            except openai.APIStatusError as error:
                raise faults.of_answer(self.who, error.response) from None


def _ask_responses(
    client: "openai.OpenAI", prompt: Prompt, model: str, max_tokens: int, detail: Detail
) -> bytes:
    content = [_responses_part(part, detail) for part in prompt.parts]
    answer = client.responses.with_raw_response.create(
        model=model,
        instructions=prompt.instructions,
        input=[{"role": "user", "content": content}],
        text={
            "format": {
                "type": "json_schema", "name": prompt.schema_name, "schema": prompt.schema,
                "strict": True,
            }
        },
        max_output_tokens=max_tokens,
        store=False,
    )  # fmt: skip
    return answer.http_response.content


def _ask_chat(
    client: "openai.OpenAI", prompt: Prompt, model: str, max_tokens: int, detail: Detail
) -> bytes:
    """Say `max_tokens`, the older word: local servers do not all know `max_completion_tokens`."""
    answer = client.chat.completions.with_raw_response.create(
        model=model,
        messages=[
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": [_chat_part(part, detail) for part in prompt.parts]},
        ],
        response_format={
            "type": "json_schema",
            "json_schema": {
                "name": prompt.schema_name, "schema": prompt.schema, "strict": True,
            },
        },
        max_tokens=max_tokens,
    )  # fmt: skip
    return answer.http_response.content


def _responses_part(part: Part, detail: Detail) -> "ResponseInputContentParam":
    if part.picture:
        return {"type": "input_image", "detail": detail, "image_url": _data_url(part.picture)}
    return {"type": "input_text", "text": part.text or ""}


def _chat_part(part: Part, detail: Detail) -> "ChatCompletionContentPartParam":
    if part.picture:
        image = _data_url(part.picture)
        return {"type": "image_url", "image_url": {"url": image, "detail": detail}}
    return {"type": "text", "text": part.text or ""}


def _data_url(picture: Picture) -> str:
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"


def _cut(text: str) -> str:
    """The text's beginning, short enough for the model; a dash for a blank one."""
    begin = text.encode("utf-8", "replace")[: TEXT_TOKENS * BYTES_PER_TOKEN]
    return begin.decode("utf-8", "ignore").strip() or "-"


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, so many at a time as one call takes."""
    batch: list[str] = []
    tokens = 0
    for text in texts:
        more = len(text.encode()) // BYTES_PER_TOKEN + 1
        if batch and (len(batch) == BATCH_TEXTS or tokens + more > BATCH_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += more
    if batch:
        yield batch
