"""How OpenAI and servers like it speak: Responses, chat completions and embeddings."""

import base64
from collections.abc import Mapping
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from tests.providers import answers, reading
from tests.providers.reading import Invalid, Seen

MAX_INPUTS = 2048


class _OpenAI:
    """What the three routes have in common."""

    path: str

    def error(self, status: int, code: str | None, message: str) -> dict[str, Any]:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def too_long(self) -> dict[str, Any]:
        words = "This model's maximum context length is 128000 tokens; you sent 212034."
        return self.error(400, "context_length_exceeded", words)


class Responses(_OpenAI):
    """`POST /v1/responses`."""

    path = "/v1/responses"

    def check(self, body: bytes, headers: Mapping[str, str]) -> Seen:
        sent = reading.typed(ResponseCreateParamsNonStreaming, body)
        if sent.get("store") is not False:
            raise Invalid("`store` is not false.")
        reading.bounded(sent.get("max_output_tokens"))
        form = sent.get("text", {}).get("format", {})
        properties = _strict_schema(form.get("type"), form)
        parts = [part for message in sent["input"] for part in message["content"]]
        reading.text_last([part["type"] for part in parts])
        texts = tuple(part["text"] for part in parts if part["type"] == "input_text")
        pictures = tuple(
            reading.data_url(part["image_url"]) for part in parts if part["type"] == "input_image"
        )
        return Seen(self, sent["model"], sent, properties, texts, pictures, headers)

    def answer(self, seen: Seen) -> dict[str, Any]:
        return self.said(seen, answers.text_of(seen))

    def said(self, seen: Seen, text: str) -> dict[str, Any]:
        return self._response(seen, [_thought(), _message({"type": "output_text", "text": text,
                                                           "annotations": [], "logprobs": []})])  # fmt: skip

    def refused(self, seen: Seen) -> dict[str, Any]:
        said = {"type": "refusal", "refusal": "I cannot help with that."}
        return self._response(seen, [_message(said)])

    def only_thought(self, seen: Seen) -> dict[str, Any]:
        cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        return self._response(seen, [_thought()]) | cut

    def _response(self, seen: Seen, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": "resp_1", "object": "response", "created_at": 1790000000, "status": "completed",
            "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
            "model": seen.model, "output": output, "parallel_tool_calls": True,
            "tool_choice": "auto", "tools": [],
            "usage": {
                "input_tokens": _tokens(seen), "output_tokens": 20,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 5},
                "total_tokens": _tokens(seen) + 20,
            },
        }  # fmt: skip


class Chat(_OpenAI):
    """`POST /v1/chat/completions`."""

    path = "/v1/chat/completions"

    def check(self, body: bytes, headers: Mapping[str, str]) -> Seen:
        sent = reading.typed(CompletionCreateParamsNonStreaming, body)
        reading.bounded(sent.get("max_completion_tokens", sent.get("max_tokens")))
        form = sent.get("response_format", {})
        properties = _strict_schema(form.get("type"), form.get("json_schema", {}))
        parts = [part for message in sent["messages"] if message["role"] == "user"
                 for part in message["content"]]  # fmt: skip
        reading.text_last([part["type"] for part in parts])
        texts = tuple(part["text"] for part in parts if part["type"] == "text")
        pictures = tuple(
            reading.data_url(part["image_url"]["url"])
            for part in parts
            if part["type"] == "image_url"
        )
        return Seen(self, sent["model"], sent, properties, texts, pictures, headers)

    def answer(self, seen: Seen) -> dict[str, Any]:
        return self.said(seen, answers.text_of(seen))

    def said(self, seen: Seen, text: str) -> dict[str, Any]:
        return self._completion(seen, "stop", content=text)

    def refused(self, seen: Seen) -> dict[str, Any]:
        return self._completion(seen, "stop", content=None, refusal="I cannot help with that.")

    def only_thought(self, seen: Seen) -> dict[str, Any]:
        return self._completion(seen, "length", content="", reasoning_content="Let me see…")

    def _completion(self, seen: Seen, reason: str, **message: str | None) -> dict[str, Any]:
        choice = {"index": 0, "finish_reason": reason, "logprobs": None,
                  "message": {"role": "assistant", **message}}  # fmt: skip
        tokens = _tokens(seen)
        usage = {"prompt_tokens": tokens, "completion_tokens": 20, "total_tokens": tokens + 20}
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000,
                "model": seen.model, "choices": [choice], "usage": usage}  # fmt: skip


class Embeddings(_OpenAI):
    """`POST /v1/embeddings`."""

    path = "/v1/embeddings"

    def check(self, body: bytes, headers: Mapping[str, str]) -> Seen:
        sent = reading.typed(EmbeddingCreateParams, body)
        inputs = sent["input"]
        if not isinstance(inputs, list) or not 0 < len(inputs) <= MAX_INPUTS:
            raise Invalid(f"`input` is no list of 1 to {MAX_INPUTS} texts.")
        if not all(isinstance(text, str) and text for text in inputs):
            raise Invalid("A text of `input` is empty.")
        return Seen(self, sent["model"], sent, texts=tuple(inputs), headers=headers)

    def answer(self, seen: Seen) -> dict[str, Any]:
        vectors = answers.vectors_of(seen.texts)
        coded = seen.body.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(row.astype("<f4").tobytes()).decode()
                if coded
                else row.tolist(),
            }
            for index, row in enumerate(vectors)
        ]
        usage = {"prompt_tokens": _tokens(seen), "total_tokens": _tokens(seen)}
        return {"object": "list", "data": data, "model": seen.model, "usage": usage}

    def said(self, seen: Seen, text: str) -> dict[str, Any]:
        return {"object": "list", "data": text}

    def refused(self, seen: Seen) -> dict[str, Any]:
        return self.said(seen, "refused")

    def only_thought(self, seen: Seen) -> dict[str, Any]:
        return self.said(seen, "thought")


def _strict_schema(kind: Any, form: Mapping[str, Any]) -> frozenset[str]:
    if kind != "json_schema" or form.get("strict") is not True:
        raise Invalid("The output format is no strict JSON schema.")
    return reading.strict(form.get("schema"))


def _thought() -> dict[str, Any]:
    return {"id": "rs_1", "type": "reasoning", "summary": []}


def _message(content: dict[str, Any]) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [content]}  # fmt: skip


def _tokens(seen: Seen) -> int:
    return sum(len(text) for text in seen.texts) // 4 + 85 * len(seen.pictures) + 1
