"""The description is complete and valid, and the app keeps to it whatever it is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import create_app
from api.services import NAME
from db.session import Database
from db.settings import Settings
from tests.integration.key_parts import a_key

ROUTES = {
    "/v1/catalogs": {"get"},
    "/v1/catalogs/{catalog}": {"get", "put", "delete"},
    "/v1/catalogs/{catalog}/second-model": {"put", "delete"},
    "/v1/catalogs/{catalog}/second-model/switch": {"post"},
    "/v1/catalogs/{catalog}/items": {"get", "post"},
    "/v1/catalogs/{catalog}/items/{item}": {"get", "patch", "delete"},
    "/v1/catalogs/{catalog}/items/{item}/image": {"get"},
    "/v1/catalogs/{catalog}/imports": {"post"},
    "/v1/catalogs/{catalog}/searches": {"post"},
    "/v1/embeddings": {"post"},
    "/v1/jobs": {"get"},
    "/v1/jobs/{job}": {"get"},
    "/v1/jobs/{job}/cancel": {"post"},
    "/v1/jobs/{job}/retry": {"post"},
    "/v1/jobs/{job}/tasks": {"get"},
    "/v1/catalogs/{catalog}/documents": {"get", "post"},
    "/v1/catalogs/{catalog}/documents/{document}": {"get", "delete"},
    "/v1/catalogs/{catalog}/answers": {"post"},
    "/v1/catalogs/{catalog}/captions": {"post"},
    "/v1/catalogs/{catalog}/evaluations": {"post"},
    "/v1/keys": {"get", "post"},
    "/v1/keys/{key}": {"delete"},
    "/v1/webhooks": {"get", "post"},
    "/v1/webhooks/{webhook}": {"get", "delete"},
    "/v1/webhooks/{webhook}/rotate": {"post"},
    "/v1/webhooks/{webhook}/test": {"post"},
    "/v1/webhooks/{webhook}/deliveries": {"get"},
    "/v1/webhooks/{webhook}/deliveries/{delivery}/replay": {"post"},
    "/openai/v1/embeddings": {"post"},
    "/openai/v1/models": {"get"},
    "/livez": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}
"""What is built of the contract's routes."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
"""Requests per route."""


@pytest.fixture
def app(database: Database, settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    made.test_client().put("/v1/catalogs/shop")
    yield made
    made.extensions[NAME].close()


@pytest.fixture
def described(app: Flask) -> Any:
    return app.test_client().get("/openapi.json").json


def test_every_built_route_is_described(described: Any) -> None:
    assert {path: set(methods) for path, methods in described["paths"].items()} == ROUTES


def test_every_served_route_is_described(app: Flask, described: Any) -> None:
    served = {rule.rule.replace("<", "{").replace(">", "}") for rule in app.url_map.iter_rules()}
    pages = {"/", "/console/{path:name}", "/docs", "/docs.js", "/docs.css", "/openapi.json"}
    assert served - pages == set(described["paths"])


def test_the_description_is_valid_and_every_reference_leads_somewhere(described: Any) -> None:
    schemathesis.openapi.from_dict(described).validate()

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert set(references(described)) <= known


def test_bodies_say_what_is_required(described: Any) -> None:
    items = described["paths"]["/v1/catalogs/{catalog}/items"]["post"]["requestBody"]["content"]
    assert set(items) == {"application/json", "multipart/form-data"}
    imports = described["paths"]["/v1/catalogs/{catalog}/imports"]["post"]["requestBody"]
    assert len(imports["content"]) == 4
    assert described["components"]["schemas"]["SearchRequest"]["additionalProperties"] is False


@pytest.mark.filterwarnings("ignore")
def test_nothing_that_is_sent_breaks_the_server_or_the_description(
    app: Flask, database: Database
) -> None:
    key = a_key(database)  # with it, since a key that is made here would close the door
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    # Its answer waits for a worker; tests/faults/test_described.py has some.
    without_workers = schema.exclude(path="/openai/v1/embeddings")
    for found in without_workers.get_all_operations():
        exercise(found.ok(), {"Authorization": f"Bearer {key}"})


def exercise(operation: Any, headers: dict[str, str]) -> None:
    @bounds(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def send(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        for name in ("Prefer", "prefer"):
            (case.headers or {}).pop(name, None)
        if "catalog" in (case.path_parameters or {}) and data.draw(st.booleans()):
            case.path_parameters["catalog"] = "shop"
        case.call_and_validate(checks=CHECKS, headers=headers)

    send()
