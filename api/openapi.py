"""Routes whose description is made from the very models that check their requests."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api import reading
from api.auth import OPEN, scope_of
from api.schemas import PATH_PARTS, Job, Nothing, Problem

View = Callable[..., ResponseReturnValue]
Model = type[BaseModel]
Answers = Mapping[int, Model | tuple[str, ...] | None]
"""Per status: a JSON model, other media types, or nothing at all."""
REF = "#/components/schemas/{model}"
TITLE = "Sightline"
BINARY = {"type": "string", "format": "binary"}
SUBMITTED: Answers = {200: Job, 202: Job}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`wait=N` holds the answer up to N (0-60) seconds for the job to end.",
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key and body make one job, for 24 hours.",
}


@dataclass(frozen=True)
class Operation:
    """One route and method, as it is described."""

    method: str
    path: str
    tag: str
    name: str
    words: str
    answers: Answers
    query: Model
    body: Model | None = None
    form: str = ""
    """The part of a multipart form that holds its file, where a form is taken."""
    json_too: bool = True
    streams: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    headers: tuple[dict[str, Any], ...] = ()
    optional: bool = False


class Routes:
    """A blueprint that remembers how its routes are described."""

    def __init__(self, tag: str) -> None:
        self.blueprint = Blueprint(tag, f"api.{tag}")
        self.operations: list[Operation] = []
        self._tag = tag

    def route(
        self,
        method: str,
        rule: str,
        *,
        answers: Answers,
        query: Model = Nothing,
        body: Model | None = None,
        limit: int | Callable[[], int] = reading.SMALL,
        **more: Any,
    ) -> Callable[[View], View]:
        """Serve a rule by a view that takes its path parts, `query` and `body`, all checked."""

        def decorate(view: View) -> View:
            options = {n: more[n] for n in ("form", "json_too", "optional") if n in more}

            @wraps(view)
            def checked(**parts: str) -> ResponseReturnValue:
                given: dict[str, Any] = dict(reading.path(parts))
                asked = reading.query(query)
                if query is not Nothing:
                    given["query"] = asked
                if body is not None:
                    most = limit if isinstance(limit, int) else limit()
                    given["body"] = reading.body(body, most, **options)
                return view(**given)

            self.blueprint.add_url_rule(rule, view.__name__, checked, methods=[method])
            path = re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule)
            self.operations.append(
                Operation(method.lower(), path, self._tag, view.__name__, view.__doc__ or "",
                          answers, query, body, **more)
            )  # fmt: skip
            return view

        return decorate


def document(operations: list[Operation], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 description of all routes."""
    refs, defs = models_json_schema(_models(operations), ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _describe(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version,
                 "description": "Catalog pictures and documents, find them, ask about them."},
        "paths": paths,
        "components": {
            "schemas": defs.get("$defs", {}),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _models(operations: list[Operation]) -> list[tuple[Model, JsonSchemaMode]]:
    """Each model in the mode in which it is sent, once."""
    found: dict[tuple[Model, JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.body and operation.json_too:
            found[operation.body, "validation"] = None
        for answer in operation.answers.values():
            if isinstance(answer, type):
                found[answer, "serialization"] = None
    return list(found)


def _describe(operation: Operation, refs: Any) -> dict[str, Any]:
    words = " ".join(operation.words.split())
    described: dict[str, Any] = {
        "operationId": f"{operation.tag}_{operation.name}",
        "tags": [operation.tag],
        "summary": words.split(". ")[0].rstrip("."),
        "description": words,
        "parameters": _parameters(operation),
        "security": _security(operation),
        "responses": {str(s): _answer(s, a, refs) for s, a in operation.answers.items()},
    }
    described["responses"]["default"] = {
        "description": "An error",
        "content": {"application/problem+json": {"schema": refs[Problem, "serialization"]}},
    }
    content = _bodies(operation, refs)
    if content:
        described["requestBody"] = {"required": not operation.optional, "content": content}
    return described


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    """The scope that a key needs; none is asked for while there are no keys."""
    scope = str(scope_of(operation.method, operation.path))
    return [] if operation.tag in OPEN else [{"key": [scope]}]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARTS[name].json_schema()}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    for name, value in _inline(operation.query.model_json_schema()).items():
        made.append({"name": name, "in": "query", "required": False, "schema": value})
    return made + list(operation.headers)


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties of a query model, with its enumerations in place; absent parameters are not null."""
    defs = schema.get("$defs", {})
    properties = schema.get("properties", {})
    return {name: _present(value, defs) for name, value in properties.items()}


def _present(value: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in value.get("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        value = {k: v for k, v in value.items() if k not in ("anyOf", "default")} | choices[0]
    if "$ref" in value:
        value = value | defs[value["$ref"].rsplit("/", 1)[1]]
        del value["$ref"]
    return value


def _answer(status: int, answer: Model | tuple[str, ...] | None, refs: Any) -> dict[str, Any]:
    words = {200: "OK", 201: "Created", 202: "Accepted", 204: "Done", 304: "Not modified",
             503: "Unavailable"}[status]  # fmt: skip
    if answer is None:
        return {"description": words}
    if isinstance(answer, tuple):
        return {"description": words, "content": {kind: {} for kind in answer}}
    schema = refs[answer, "serialization"]
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _bodies(operation: Operation, refs: Any) -> dict[str, Any]:
    content: dict[str, Any] = {kind: {"schema": s} for kind, s in operation.streams.items()}
    if operation.body:
        if operation.json_too:
            content["application/json"] = {"schema": refs[operation.body, "validation"]}
        if operation.form:
            schema = _form_schema(operation.body, operation.form)
            content["multipart/form-data"] = {"schema": schema}
    return content


def _form_schema(model: Model, part: str) -> dict[str, Any]:
    """A form: the file beside the same fields as text; `tags` are parted by `|`."""
    sources = (part, "image_base64", "image_url", "item_id", "text")
    names = [name for name in model.model_fields if name not in sources]
    return {
        "type": "object",
        "required": [part],
        "additionalProperties": False,
        "properties": {part: BINARY} | {name: {"type": "string"} for name in names},
    }


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    made = jsonify(body)
    made.status_code = status
    return made
