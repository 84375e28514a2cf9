"""The stand-in for the providers is as strict as they are: wrong requests are refused."""

import base64
import copy
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.providers import KEY, FakeProviders, Planned
from tests.providers.__main__ import main, told
from tests.providers.asking import WAYS, ask, source
from tests.unit.pictures import jpeg, photo, saved
from worker.answer.prompt import answer_prompt, caption_prompt, fitted, rank_prompt

PATHS = {"responses": "/v1/responses", "chat": "/v1/chat/completions", "anthropic": "/v1/messages"}
BASE64 = base64.b64encode(jpeg(32, 32)).decode()
Wrong = Callable[[dict[str, Any]], object]


@pytest.fixture
def fakes() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


def send(
    fakes: FakeProviders, path: str, body: object, **headers: str
) -> tuple[int, dict[str, Any]]:
    known = {"authorization": f"Bearer {KEY}", "anthropic-version": "2026-10-21"}
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in {**known, **changed}.items() if value}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(fakes.url + path, data, kept)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def valid(fakes: FakeProviders, way: str) -> dict[str, Any]:
    """A request as the product makes it, with a picture."""
    ask(WAYS[way](fakes.url), answer_prompt("Q", [source(1, picture=fitted(jpeg(32, 32)))]))
    return copy.deepcopy(fakes.requests[-1].body)


def parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = body.get("input") or body["messages"]
    found: list[dict[str, Any]] = messages[-1]["content"]
    return found


def schema(body: dict[str, Any]) -> dict[str, Any]:
    form = body.get("text", body.get("output_config", {})).get("format") or body["response_format"]
    found: dict[str, Any] = form.get("json_schema", form)["schema"]
    return found


def with_picture(url: str, media_type: str, data: str) -> Wrong:
    """Replace the picture, in whichever way the wire writes it."""

    def change(body: dict[str, Any]) -> None:
        part = parts(body)[0]
        if part["type"] == "image":
            part["source"] |= {"media_type": media_type, "data": data}
        elif part["type"] == "input_image":
            part["image_url"] = url
        else:
            part["image_url"]["url"] = url

    return change


WRONG: dict[str, Wrong] = {
    "unknown key": lambda body: body.update(bogus=1),
    "unknown key in a part": lambda body: parts(body)[0].update(bogus=1),
    "unknown key in the last part": lambda body: parts(body)[-1].update(bogus=1),
    "wrong part type": lambda body: parts(body)[-1].update(type="words"),
    "part of another provider": lambda body: parts(body).insert(0, {"type": "video", "text": "x"}),
    "number for a text": lambda body: parts(body)[-1].update(text=5),
    "text for a number": lambda body: body.update(
        {name: "200" for name in body if name.startswith("max_")}
    ),
    "no model": lambda body: body.pop("model"),
    "no parts": lambda body: (body.get("input") or body["messages"])[-1].update(content="Q"),
    "no limit": lambda body: [body.pop(name) for name in list(body) if name.startswith("max_")],
    "picture last": lambda body: parts(body).reverse(),
    "broken picture": with_picture(
        f"data:image/jpeg;base64,{BASE64[:400]}", "image/jpeg", BASE64[:400]
    ),
    "no base64": with_picture("data:image/jpeg;base64,é!", "image/jpeg", "é!"),
    "wrong media type": with_picture(f"data:image/png;base64,{BASE64}", "image/png", BASE64),
    "open schema": lambda body: schema(body).pop("additionalProperties"),
    "optional property": lambda body: schema(body)["required"].pop(),
    "open inner schema": lambda body: schema(body)["properties"].update(
        answer={"type": "object", "properties": {}}
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_request_is_refused(fakes: FakeProviders, way: str, wrong: str) -> None:
    body = valid(fakes, way)
    assert send(fakes, PATHS[way], body)[0] == 200
    assert fakes.invalid == []
    WRONG[wrong](body)
    status, answer = send(fakes, PATHS[way], body)
    assert status == 400 and answer["error"]["type"] == "invalid_request_error"
    assert len(fakes.invalid) == 1 and len(fakes.requests) == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"null", b"[" * 100_000])
def test_no_json_is_refused(fakes: FakeProviders, way: str, body: bytes) -> None:
    assert send(fakes, PATHS[way], body)[0] == 400
    assert len(fakes.invalid) == 1


def test_what_a_provider_forbids_of_its_own_is_refused(fakes: FakeProviders) -> None:
    body = valid(fakes, "responses")
    changes: list[dict[str, Any]] = [{"store": True}, {"store": None}, {"text": {}}]
    for change in changes:
        assert send(fakes, PATHS["responses"], body | change)[0] == 400
    loose = copy.deepcopy(body)
    loose["text"]["format"]["strict"] = False
    assert send(fakes, PATHS["responses"], loose)[0] == 400
    body = valid(fakes, "anthropic")
    assert send(fakes, PATHS["anthropic"], body | {"temperature": 0.5})[0] == 400
    assert send(fakes, PATHS["anthropic"], body, anthropic_version="")[0] == 400
    assert len(fakes.invalid) == 6


@pytest.mark.parametrize("way", WAYS)
def test_the_key_must_be_there_and_right(fakes: FakeProviders, way: str) -> None:
    body = valid(fakes, way)
    assert send(fakes, PATHS[way], body, authorization="")[0] == 400
    status, answer = send(fakes, PATHS[way], body, authorization="Bearer other")
    assert status == 401 and answer["error"]
    assert len(fakes.invalid) == 1, "a wrong key is no wrong request"


@pytest.mark.parametrize("inputs", [[], [""], ["a"] * 2049, "a", [[1, 2]], None])
def test_wrong_texts_to_embed_are_refused(fakes: FakeProviders, inputs: Any) -> None:
    assert send(fakes, "/v1/embeddings", {"model": "m", "input": inputs})[0] == 400
    assert fakes.invalid and not fakes.requests


def test_vectors_come_as_numbers_too_and_share_what_texts_share(fakes: FakeProviders) -> None:
    body = {"model": "m", "input": ["a red boot", "the red boot", "tax"]}
    _, answer = send(fakes, "/v1/embeddings", body)
    rows = np.array([entry["embedding"] for entry in answer["data"]])
    assert rows.shape == (3, 1536)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.3


def test_unknown_routes_are_a_404(fakes: FakeProviders) -> None:
    assert send(fakes, "/v1/completions", {})[0] == 404


@pytest.mark.parametrize("way", WAYS)
def test_the_sensible_answers_come_from_what_was_sent(fakes: FakeProviders, way: str) -> None:
    provider = WAYS[way](fakes.url)
    sources = [source(1, "Boots are red."), source(2, "Hats are blue.")]
    assert ask(provider, answer_prompt("Q", sources)).data["answer"] == "Boots are red. [S1]"
    ranked = ask(provider, rank_prompt("Q", sources)).data["ranking"]
    assert [entry["id"] for entry in ranked] == ["S1", "S2"]
    assert ask(provider, answer_prompt("Q", [])).data["relevant"] is False
    red = photo(40, 30)
    red.paste((210, 40, 40), (0, 0, 40, 30))
    caption = ask(provider, caption_prompt(fitted(saved(red, "PNG")))).data["caption"]
    assert caption == "A picture that is mostly red."


def test_the_plan_is_followed_in_order_and_then_forgotten(fakes: FakeProviders) -> None:
    fakes.plan(Planned(500, body={"n": 1}), Planned(418, body=b'{"n": 2}'))
    body = {"model": "m", "input": ["a"]}
    statuses = [send(fakes, "/v1/embeddings", body)[0] for _ in range(3)]
    assert statuses == [500, 418, 200]


def test_by_hand_it_tells_what_came(
    fakes: FakeProviders, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.listen = told
    ask(
        WAYS["chat"](fakes.url), answer_prompt("Why [red]?", [source(picture=fitted(jpeg(32, 16)))])
    )
    send(fakes, "/v1/embeddings", {"model": "m", "input": ["a", "b"]})
    send(fakes, "/v1/embeddings", {"model": "m", "input": []})
    shown = capsys.readouterr().out
    assert "1 sources, 1 pictures" in shown and "32x16" in shown and "Why [red]?" in shown
    assert "2 texts" in shown and "invalid" in shown


def test_its_help_teaches() -> None:
    run = CliRunner().invoke(main, ["--help"])
    assert run.exit_code == 0
    assert "without a network" in run.output and "--port" in run.output
