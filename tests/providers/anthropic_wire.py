"""How Anthropic speaks: the Messages API."""

import re
from collections.abc import Mapping
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from tests.providers import answers, reading
from tests.providers.reading import Invalid, Seen

VERSION = re.compile(r"\d{4}-\d\d-\d\d")
MAX_PICTURES = 100
KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
         404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error",
         529: "overloaded_error"}  # fmt: skip


class Messages:
    """`POST /v1/messages`."""

    path = "/v1/messages"

    def check(self, body: bytes, headers: Mapping[str, str]) -> Seen:
        if not VERSION.fullmatch(headers.get("anthropic-version", "")):
            raise Invalid("`anthropic-version` is no date.")
        sent = reading.typed(MessageCreateParamsNonStreaming, body)
        if "temperature" in sent:
            raise Invalid("`temperature` is not supported.")
        reading.bounded(sent.get("max_tokens"))
        form = sent.get("output_config", {}).get("format") or {}
        if form.get("type") != "json_schema":
            raise Invalid("The output format is no JSON schema.")
        parts = [part for message in sent["messages"] for part in message["content"]]
        reading.text_last([part["type"] for part in parts])
        texts = tuple(part["text"] for part in parts if part["type"] == "text")
        sources = [part["source"] for part in parts if part["type"] == "image"]
        if len(sources) > MAX_PICTURES:
            raise Invalid(f"There are more than {MAX_PICTURES} pictures.")
        pictures = tuple(reading.picture(one["data"], one["media_type"]) for one in sources)
        properties = reading.strict(form.get("schema"))
        return Seen(self, sent["model"], sent, properties, texts, pictures, headers)

    def answer(self, seen: Seen) -> dict[str, Any]:
        return self.said(seen, answers.text_of(seen))

    def said(self, seen: Seen, text: str) -> dict[str, Any]:
        return self._message(seen, "end_turn", [_thought(), {"type": "text", "text": text}])

    def refused(self, seen: Seen) -> dict[str, Any]:
        return self._message(seen, "refusal", [])

    def only_thought(self, seen: Seen) -> dict[str, Any]:
        return self._message(seen, "max_tokens", [_thought()])

    def error(self, status: int, code: str | None, message: str) -> dict[str, Any]:
        fault: dict[str, Any] = {"type": KINDS.get(status, "api_error"), "message": message}
        if code:
            fault["details"] = {"error_code": code}
        return {"type": "error", "error": fault, "request_id": "req_1"}

    def too_long(self) -> dict[str, Any]:
        return self.error(400, None, "prompt is too long: 212034 tokens > 200000 maximum")

    def _message(
        self, seen: Seen, reason: str, content: list[dict[str, Any]]
    ) -> dict[str, Any]:  # fmt: skip
        tokens = sum(len(text) for text in seen.texts) // 4 + 400 * len(seen.pictures) + 1
        usage = {"input_tokens": tokens, "output_tokens": 20, "cache_read_input_tokens": 3,
                 "cache_creation_input_tokens": 2}  # fmt: skip
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": seen.model,
                "content": content, "stop_reason": reason, "stop_sequence": None,
                "usage": usage}  # fmt: skip


def _thought() -> dict[str, Any]:
    return {"type": "thinking", "thinking": "Let me see…", "signature": "c2ln"}
