"""Errors have one shape, an id, and nothing in them that is nobody's business."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import cursors, problems, reading
from db.errors import BadRequest, InvalidInput, NotFound, Unavailable


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = Flask("problems")
    problems.install(app)

    @app.get("/raise/<name>")
    def fail(name: str) -> str:
        raise {
            "known": NotFound("There is none."),
            "away": Unavailable("Later."),
            "bug": RuntimeError("postgres://user:secret@host/db"),
        }[name]

    with app.test_client() as client:
        yield client


def test_every_error_is_a_problem(client: FlaskClient) -> None:
    for path, status, code in [("/raise/known", 404, "not_found"), ("/none", 404, "not_found"),
                               ("/raise/away", 503, "unavailable")]:  # fmt: skip
        answer = client.get(path)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
        assert answer.json is not None
        assert answer.json["code"] == code
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert client.get("/raise/away").headers["Retry-After"]


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    answer = client.post("/raise/known")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_bug_leaks_nothing(client: FlaskClient) -> None:
    answer = client.get("/raise/bug")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


def test_a_request_keeps_its_id_when_it_is_a_fair_one(client: FlaskClient) -> None:
    assert client.get("/none", headers={"X-Request-Id": "a-1"}).headers["X-Request-Id"] == "a-1"
    bad = client.get("/none", headers={"X-Request-Id": "<script>"}).headers["X-Request-Id"]
    assert "<" not in bad


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a": 1, "a": 2}', "NaN", "[Infinity]", "1e999", '{"a": 1} x', b'"\xff"', "[1" * 9],
)
def test_json_is_read_strictly(text: str | bytes) -> None:
    with pytest.raises(BadRequest):
        reading.strict_json(text)


@pytest.mark.parametrize("text", ['{"a": ["x\\u0000"]}', '{"\\u0000": 1}', '["\\ud800"]'])
def test_text_that_cannot_be_stored_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        reading.strict_json(text)
    assert caught.value.errors


@pytest.mark.parametrize("depth", [40, 100_000])
def test_deep_json_is_refused(depth: int) -> None:
    with pytest.raises(InvalidInput):
        reading.strict_json("[" * depth + "]" * depth)


def test_json_as_deep_as_the_limit_is_read() -> None:
    assert reading.strict_json("[" * 32 + "]" * 32)


def test_a_cursor_comes_back_as_it_was() -> None:
    assert cursors.decode(cursors.encode("größe"), str) == ["größe"]
    assert cursors.decode(cursors.encode(3, 9), int, int) == [3, 9]
    assert cursors.decode(None, int) is None


@pytest.mark.parametrize("cursor", ["", "x", "!!", "bnVsbA", "WzFd" * 9, cursors.encode(2**64)])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        cursors.decode(cursor, int)


def test_the_api_loads_no_model_and_no_worker_library() -> None:
    code = "import sys, api; print([m for m in ('torch', 'celery', 'worker') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
