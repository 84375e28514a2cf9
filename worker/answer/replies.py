"""Reads a model's text as the JSON that was asked for."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import CoreSchema, SchemaValidator, core_schema, from_json, to_json

from db.errors import AnswerMalformed
from worker.answer import faults
from worker.answer.provider import Usage

NO_ZERO_BYTE = r"^[^\x00]*$"
"""Postgres stores no zero byte, and no honest answer holds one."""

Body = TypeVar("Body", bound=BaseModel)


def body(who: str, kind: type[Body], content: bytes) -> Body:
    """A provider's answer as far as we read it. Raises AnswerMalformed for any other shape."""
    try:
        return kind.model_validate_json(content)
    except ValidationError:
        raise AnswerMalformed(f"{who} answered in a shape that it does not have.") from None


def known(who: str, usage: Usage | None) -> Usage:
    """The usage, which every answer must tell: spend is counted by it. Raises AnswerMalformed."""
    if usage is None:
        raise AnswerMalformed(f"{who} answered without saying what it used.")
    return usage


def data(who: str, text: str, schema: Mapping[str, Any], usage: Usage) -> dict[str, Any]:
    """The text's JSON: all properties, no others, nothing converted. Raises AnswerMalformed."""
    try:
        found = _validator(to_json(schema)).validate_json(text, strict=True)
    except ValidationError:
        error = AnswerMalformed(f"{who} answered with other JSON than was asked for, or with none.")
        raise faults.billed(error, usage) from None
    return cast(dict[str, Any], found)


@cache
def _validator(schema: bytes) -> SchemaValidator:
    return SchemaValidator(_core(from_json(schema)))


def _core(schema: Mapping[str, Any]) -> CoreSchema:
    """The few kinds that our schemas use; a new one is a KeyError in the first test."""
    if schema["type"] == "object":
        fields = {
            name: core_schema.typed_dict_field(_core(part), required=True)
            for name, part in schema["properties"].items()
        }
        return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)
    if schema["type"] == "array":
        return core_schema.list_schema(_core(schema["items"]), strict=True)
    plain: dict[str, CoreSchema] = {
        "string": core_schema.str_schema(pattern=NO_ZERO_BYTE),
        "boolean": core_schema.bool_schema(),
        "integer": core_schema.int_schema(),
        "number": core_schema.float_schema(allow_inf_nan=False),
    }
    return plain[schema["type"]]
