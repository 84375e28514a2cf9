"""Keys against a real Postgres: who is let in, what each scope may do, and that no key is ever told."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from api import catalogs as catalog_routes
from api import create_app
from api.listening import RefusesToStart
from api.services import NAME
from db import keys
from db.embedded.stack import running_database
from db.keys import Scope
from db.session import Database
from db.settings import Settings
from tests.integration.key_parts import a_key, a_tenant, client_with

ROOT = Path(__file__).parents[2]
KEY = re.compile(r"sl_[0-9a-f]{16}_[0-9a-f]{64}_[0-9a-f]{8}")
STRANGER = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture
def app(database: Database, settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    made.extensions[NAME].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, key: str | None = None, **more: Any) -> Any:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return client.get("/v1/catalogs", headers=headers, **more)


def change(database: Database, statement: str) -> None:
    with database.begin() as connection:
        connection.execute(text(statement))


def refused(answer: Any) -> bool:
    """Whether an answer is a whole 401."""
    fits = answer.content_type == "application/problem+json"
    challenged = answer.headers.get("WWW-Authenticate") == "Bearer"
    return bool(answer.status_code == 401 and answer.json["code"] == "unauthorized"
                and fits and challenged)  # fmt: skip


def test_the_first_key_closes_the_door_for_this_machine_too(
    client: FlaskClient, database: Database
) -> None:
    assert ask(client).status_code == 200
    assert ask(client, environ_base=STRANGER).json["code"] == "forbidden"
    key = a_key(database)
    assert refused(ask(client)) and refused(ask(client, environ_base=STRANGER))
    assert ask(client, key).status_code == 200
    assert ask(client, key, environ_base=STRANGER).status_code == 200


def test_without_keys_whatever_a_client_sends_is_let_in(client: FlaskClient) -> None:
    assert ask(client, "sl_whatever").status_code == 200
    assert ask(client, keys.render("0" * 16, "0" * 64)).status_code == 200


def test_wrong_broken_and_unknown_keys_are_refused(client: FlaskClient, database: Database) -> None:
    key = a_key(database)
    wrong = keys.render(key[3:19], "0" * 64)
    unknown = keys.render("0" * 16, key[20:84])
    for sent in (wrong, unknown, key[:-1], key + "0", "", "x" * 10_000):
        assert refused(ask(client, sent)), sent
    basic = client.get("/v1/catalogs", headers={"Authorization": "Basic YTpi"})
    assert refused(basic)
    assert refused(client.get("/v1/nothing")) and refused(client.delete("/v1/jobs"))


def test_a_mistyped_key_costs_no_query(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = a_key(database)
    client = app.test_client()
    assert ask(client, key).status_code == 200 and refused(ask(client))
    asked: list[str] = []
    used, real = app.extensions[NAME].database, app.extensions[NAME].database.ask
    monkeypatch.setattr(used, "ask", lambda *said: asked.append(said[0]) or real(*said))
    answer = ask(client, key[:30] + ("0" if key[30] != "0" else "1") + key[31:])
    assert refused(answer) and "checksum" in answer.json["detail"]
    assert asked == []
    ask(client, key)
    assert asked == [keys.FIND]


def test_a_key_ends_when_it_is_revoked_and_when_it_expires(
    client: FlaskClient, database: Database
) -> None:
    key = a_key(database)
    assert ask(client, key).status_code == 200
    change(database, "UPDATE api_keys SET expires_at = now() + interval '1 hour'")
    assert ask(client, key).status_code == 200
    change(database, "UPDATE api_keys SET expires_at = now()")
    assert refused(ask(client, key))
    change(database, "UPDATE api_keys SET expires_at = NULL, revoked_at = now()")
    assert refused(ask(client, key))


def test_a_server_whose_keys_are_all_revoked_stays_closed(
    settings: Settings, database: Database
) -> None:
    a_key(database)
    change(database, "UPDATE api_keys SET revoked_at = now()")
    app = create_app(settings)
    assert refused(ask(app.test_client()))
    app.extensions[NAME].close()


def test_what_needs_no_key_is_open_once_there_are_keys(
    client: FlaskClient, database: Database
) -> None:
    pages = ("/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/")
    assert client.get("/metrics", environ_base=STRANGER).status_code == 403
    a_key(database)
    for page in pages:
        with client.get(page) as near, client.get(page, environ_base=STRANGER) as far:
            assert (near.status_code, far.status_code) == (200, 200)


def test_the_setting_is_part_of_what_is_stored(settings: Settings, database: Database) -> None:
    key = a_key(database, secret="pepper")
    for secret, status in (("pepper", 200), ("", 401), ("salt", 401)):
        app = create_app(Settings(**settings.model_dump() | {"key_secret": secret}))
        assert ask(app.test_client(), key).status_code == status
        app.extensions[NAME].close()


def operations(client: FlaskClient) -> list[tuple[str, str, list[dict[str, list[str]]]]]:
    """Each described route: method, address with parts that name nothing, and what it needs."""
    parts = {"{key}": "0" * 16, "{job}": "job_none"}
    return [
        (method, re.sub(r"{\w+}", lambda part: parts.get(part[0], "none"), path), said["security"])
        for path, methods in client.get("/openapi.json").json["paths"].items()
        for method, said in methods.items()
    ]


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_what_the_description_says_and_nothing_else(
    client: FlaskClient, database: Database, scope: Scope
) -> None:
    headers = {"Authorization": f"Bearer {a_key(database, scope)}"}
    opened = 0
    for method, path, security in operations(client):
        answer = client.open(path, method=method.upper(), headers=headers)
        needed = security[0]["key"][0] if security else None
        allowed = needed in (None, scope) or scope == Scope.ADMIN
        assert (answer.status_code == 403) is not allowed, (method, path, answer.text)
        assert answer.status_code != 401
        opened += allowed
    assert opened >= 4


def test_every_route_that_is_not_open_needs_a_key(client: FlaskClient, database: Database) -> None:
    a_key(database)
    closed = [(m, p) for m, p, security in operations(client) if security]
    assert len(closed) >= 20
    for method, path in closed:
        assert refused(client.open(path, method=method.upper())), (method, path)


class TestTheRoutes:
    """Keys over HTTP."""

    def test_an_admin_makes_lists_and_revokes(self, client: FlaskClient) -> None:
        body = {"label": "ci", "scopes": ["read", "read", "write"], "expires_in_days": 30}
        made = client.post("/v1/keys", json=body)
        assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
        assert made.json["scopes"] == ["read", "write"] and KEY.fullmatch(made.json["key"])
        assert made.json["expires_at"] > made.json["created_at"]
        assert refused(client.get("/v1/keys"))
        assert ask(client, made.json["key"]).status_code == 200
        headers = {"Authorization": f"Bearer {made.json['key']}"}
        assert client.get("/v1/keys", headers=headers).status_code == 403

    def test_a_list_holds_no_secrets(self, app: Flask, database: Database) -> None:
        admin = client_with(app, a_key(database))
        made = admin.post("/v1/keys", json={"scopes": ["answer"]}).json
        listed = admin.get("/v1/keys")
        assert {key["id"] for key in listed.json["data"]} >= {made["id"]}
        assert "key" not in listed.json["data"][0] and made["key"][20:84] not in listed.text
        first = admin.get("/v1/keys?limit=1").json
        second = admin.get(f"/v1/keys?limit=1&after={first['next']}").json
        assert second["data"][0]["id"] > first["data"][0]["id"] and second["next"] is None

    def test_a_revoked_key_is_refused_at_once(self, app: Flask, database: Database) -> None:
        admin = client_with(app, a_key(database))
        made = admin.post("/v1/keys", json={"scopes": ["read"]}).json
        reader = client_with(app, made["key"])
        assert ask(reader).status_code == 200
        assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert refused(ask(reader))
        assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert admin.delete(f"/v1/keys/{'0' * 16}").status_code == 404

    @pytest.mark.parametrize(
        "body",
        [{}, {"scopes": []}, {"scopes": ["all"]}, {"scopes": ["read"], "expires_in_days": 0}],
    )
    def test_what_is_wrong_is_said(self, client: FlaskClient, body: dict[str, Any]) -> None:
        answer = client.post("/v1/keys", json=body)
        assert answer.status_code == 422 and answer.json["errors"]


def test_a_server_that_listens_wide_needs_a_key_to_start(
    settings: Settings, database: Database
) -> None:
    wide = settings.model_copy(update={"listen": "0.0.0.0:8000"})
    with pytest.raises(RefusesToStart):
        create_app(wide)
    a_key(database)
    create_app(wide).extensions[NAME].close()


def test_no_log_and_no_answer_ever_holds_a_key(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    key = a_key(database)
    client, said = client_with(app, key), ""
    for method, path, _ in operations(client):
        said += client.open(path, method=method.upper()).text
    for broken in (
        key[:-1],
        key[:-9] + "_00000000",
        key.replace("_", "-"),
        keys.render("0" * 16, key[20:84]),
    ):
        said += ask(client, broken).text

    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(catalog_routes.catalogs, "listed", fail)
        answer = ask(client)
        assert answer.status_code == 500
        said += answer.text
    repeated = iter([key[3:19], "c0ffee" * 10 + "0000"])
    with monkeypatch.context() as patch:
        patch.setattr(keys.secrets, "token_hex", lambda _: next(repeated))
        answer = client.post("/v1/keys", json={"scopes": ["read"]})
        assert answer.status_code == 500
        said += answer.text
    told = capfd.readouterr()
    logged = caplog.text + told.out + told.err
    assert "boom" in logged and "api_keys" in logged, "the errors themselves are logged"
    for text_ in (said, logged):
        assert key[20:84] not in text_ and "c0ffee" not in text_ and not KEY.search(text_)


class TestTheCommand:
    """`python -m db.keys_command`, as an operator uses it."""

    @pytest.fixture
    def run(self, database: Database, database_url: str) -> Any:
        def run(*arguments: str, module: str = "db.keys_command") -> Any:
            environment = os.environ | {"SIGHTLINE_DATABASE_URL": database_url, "COLUMNS": "120"}
            command = [sys.executable, "-m", module, *arguments]
            return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True,
                                  text=True, check=False)  # fmt: skip

        return run

    def test_makes_lists_and_revokes(self, run: Any, client: FlaskClient) -> None:
        made = run("make", "--label", "laptop", "--scope", "read", "--expires", "90d")
        key = made.stdout.strip()
        assert KEY.fullmatch(key) and made.stdout.count("\n") == 1
        assert "only time" in made.stderr and key not in made.stderr
        assert ask(client, key).status_code == 200
        assert client_with(client.application, key).put("/v1/catalogs/a").status_code == 403
        listed = run("list").stdout
        assert key[3:19] in listed and "laptop" in listed and key[20:84] not in listed
        assert "revoked" in run("revoke", key[3:19]).stdout
        assert refused(ask(client, key))
        assert "revoked" in run("list").stdout

    def test_teaches_and_says_what_is_wrong(self, run: Any) -> None:
        assert "Authorization: Bearer" in run("--help").stdout
        assert "no keys" in run("list").stdout
        for wrong in (
            ["revoke", "0" * 16],
            ["make", "--expires", "soon"],
            ["make", "--scope", "x"],
        ):
            answer = run(*wrong)
            assert answer.returncode != 0 and "Traceback" not in answer.stderr

    def test_a_new_name_makes_a_tenant(self, run: Any, app: Flask, database: Database) -> None:
        key = run("make", "--tenant", "by-command").stdout.strip()
        owner = client_with(app, key)
        assert owner.put("/v1/catalogs/theirs").status_code == 201
        with database.begin() as connection:
            tenant = connection.execute(text("SELECT tenant_id FROM catalogs")).scalar_one()
        assert tenant == a_tenant(database, "by-command")

    def test_migrating_makes_the_first_key_once(self, run: Any, client: FlaskClient) -> None:
        first = run("--first-key", module="migrations")
        found = KEY.search(first.stdout)
        assert found and ask(client, found[0]).status_code == 200
        assert not KEY.search(run("--first-key", module="migrations").stdout)

    def test_nothing_runs_in_an_empty_folder(self, run: Any, tmp_path: Path) -> None:
        answer = run("--data-dir", str(tmp_path), "list")
        assert answer.returncode != 0 and "make serve" in answer.stderr


def test_a_running_stacks_database_is_found_by_its_folder(tmp_path: Path) -> None:
    from db.embedded import Postgres

    assert running_database(tmp_path) is None
    with Postgres(tmp_path) as server:
        assert running_database(tmp_path) == server.url
    assert running_database(tmp_path) is None
