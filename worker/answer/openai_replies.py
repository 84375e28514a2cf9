"""Reads what OpenAI and servers like it answer: first why it stopped, then the text, then its JSON."""

import base64
import binascii

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from db.errors import AnswerMalformed, AnswerRefused, AnswerTruncated, ProviderError
from worker.answer import faults, replies
from worker.answer.provider import Prompt, Reply, Usage


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Content(_Strict):
    type: str
    text: str | None = None
    refusal: str | None = None


class _Item(_Strict):
    type: str
    content: list[_Content] | None = None


class _ResponseTokens(_Strict):
    input_tokens: int
    output_tokens: int


class _Reason(_Strict):
    reason: str | None = None


class _Failed(_Strict):
    code: str | None = None


class _Response(_Strict):
    """As much of a Responses answer as is read."""

    status: str
    model: str
    output: list[_Item]
    usage: _ResponseTokens | None = None
    incomplete_details: _Reason | None = None
    error: _Failed | None = None


class _ChatMessage(_Strict):
    content: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(_Strict):
    finish_reason: str
    message: _ChatMessage


class _ChatTokens(_Strict):
    prompt_tokens: int
    completion_tokens: int


class _Chat(_Strict):
    """As much of a chat completion as is read; local servers name their thinking either way."""

    model: str
    choices: list[_Choice]
    usage: _ChatTokens | None = None


class _Vector(_Strict):
    index: int
    embedding: str | list[float]


class _Vectors(_Strict):
    data: list[_Vector]


def of_response(who: str, content: bytes, prompt: Prompt) -> Reply:
    """A Responses answer as a reply. Raises ProviderError."""
    read = replies.body(who, _Response, content)
    if read.status == "failed":
        raise faults.billed(_failed(who, read), _response_usage(read.usage))
    usage = replies.known(who, _response_usage(read.usage))
    last = next((item for item in reversed(read.output) if item.type == "message"), _Item(type=""))
    said = last.content or []
    stopped = (read.incomplete_details or _Reason()).reason or read.status
    text = "".join(part.text or "" for part in said if part.type == "output_text")
    thought = any(item.type == "reasoning" for item in read.output)
    refused = any(part.type == "refusal" for part in said)
    if error := _not_an_answer(who, stopped, text, refused, thought):
        raise faults.billed(error, usage)
    data = replies.data(who, text, prompt.schema, usage)
    return Reply(data, usage, read.model, read.status)


def of_chat(who: str, content: bytes, prompt: Prompt) -> Reply:
    """A chat completion as a reply. Raises ProviderError."""
    read = replies.body(who, _Chat, content)
    usage = replies.known(who, _chat_usage(read.usage))
    if not read.choices:
        raise faults.billed(AnswerMalformed(f"{who} answered without an answer."), usage)
    choice = read.choices[0]
    message, text = choice.message, choice.message.content or ""
    thought = bool(message.reasoning or message.reasoning_content)
    if error := _not_an_answer(who, choice.finish_reason, text, bool(message.refusal), thought):
        raise faults.billed(error, usage)
    data = replies.data(who, text, prompt.schema, usage)
    return Reply(data, usage, read.model, choice.finish_reason)


def of_vectors(who: str, content: bytes, count: int) -> NDArray[np.float32]:
    """The vectors of a call with `count` texts as (count, d) unit rows. Raises AnswerMalformed."""
    found = sorted(replies.body(who, _Vectors, content).data, key=lambda entry: entry.index)
    malformed = AnswerMalformed(f"{who} sent other vectors than it was asked for.")
    if [entry.index for entry in found] != list(range(count)):
        raise malformed
    try:
        rows = np.stack([_row(entry.embedding) for entry in found])
    except (binascii.Error, ValueError):
        raise malformed from None
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise malformed
    unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return unit


def _row(embedding: str | list[float]) -> NDArray[np.float64]:
    """One vector: base64 of little-endian float32, or numbers from servers that ignore our wish."""
    if isinstance(embedding, str):
        raw = base64.b64decode(embedding, validate=True)
        return np.frombuffer(raw, "<f4").astype(np.float64)
    return np.asarray(embedding, np.float64)


def _response_usage(told: _ResponseTokens | None) -> Usage | None:
    return Usage(told.input_tokens, told.output_tokens) if told else None


def _chat_usage(told: _ChatTokens | None) -> Usage | None:
    return Usage(told.prompt_tokens, told.completion_tokens) if told else None


def _failed(who: str, read: _Response) -> ProviderError:
    return faults.of_failed(who, read.error.code if read.error else None)


def _not_an_answer(
    who: str, stopped: str, text: str, refused: bool, thought: bool
) -> ProviderError | None:
    """The error where a model stopped for another reason than having answered."""
    if refused or stopped == "content_filter":
        return AnswerRefused(f"{who} declined to answer.")
    if stopped in ("length", "max_output_tokens"):
        return AnswerTruncated(f"{who} was cut off at `max_output_tokens`.")
    if stopped not in ("completed", "stop"):
        return AnswerMalformed(f"{who} stopped before it had answered.")
    if not text and thought:
        return AnswerTruncated(f"{who} spent all of `max_output_tokens` on thinking.")
    return None
