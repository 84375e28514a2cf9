"""Tenants are strangers to each other: over every route, and behind forgotten predicates."""

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from api import create_app
from api.services import NAME
from db import catalogs, queue, retrieval
from db.filters import Filters
from db.models import REFERENCE_TABLES, Base
from db.queue import Outcome
from db.retrieval import Asked
from db.session import Database, TenantDatabase
from db.settings import DEMO_MODEL, Settings
from db.vocabulary import DEFAULT_TENANT, Lane, TaskStatus
from tests.integration.key_parts import a_key, a_tenant, client_with
from tests.integration.queue_parts import submit

TABLES = [t.name for t in Base.metadata.sorted_tables if t.name not in REFERENCE_TABLES]
TEXT = {"text": "red shoe"}
BODIES: dict[str, dict[str, Any]] = {
    "put second-model": {"json": {"image_model": DEMO_MODEL}},
    "post items": {"json": {"id": "a", "text": "mine now"}},
    "patch {item}": {"json": {"name": "mine now"}},
    "post imports": {"data": b'{"id": "a"}\n', "content_type": "application/x-ndjson"},
    "post searches": {"json": TEXT},
    "post answers": {"json": {"question": "Which?", "provider": "none"}},
    "post captions": {"json": {}},
    "post evaluations": {"json": {"queries": [TEXT | {"relevant": ["a"]}]}},
}
"""Bodies that would be taken, by method and last part of the address."""


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 32), "red").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def app(database: Database, settings: Settings) -> Iterator[Flask]:
    keyed = settings.model_copy(update={"openai_base_url": "http://127.0.0.1:1"})
    made = create_app(keyed)
    yield made
    made.extensions[NAME].close()


@pytest.fixture
def other(database: Database) -> int:
    return a_tenant(database, "other")


@pytest.fixture
def names(app: Flask, database: Database) -> dict[str, str]:
    """The first tenant's rows in every table, and the names under which they are asked for."""
    key = a_key(database)
    client = client_with(app, key)
    assert client.put("/v1/catalogs/shop").status_code == 201
    encoded = base64.b64encode(picture()).decode()
    job = client.post("/v1/catalogs/shop/items", headers={"Idempotency-Key": "k"},
                      json={"id": "a", "image_base64": encoded, "name": "Red shoe"}).json  # fmt: skip
    embed(database)
    form = {"file": (io.BytesIO(b"%PDF-1.7"), "a.pdf"), "id": "doc"}
    assert client.post("/v1/catalogs/shop/documents", data=form).status_code == 202
    hook = client.post("/v1/webhooks", json={"url": "https://hooks.example.org/a"}).json["id"]
    delivery = client.post(f"/v1/webhooks/{hook}/test").json["id"]
    return {"catalog": "shop", "item": "a", "document": "doc", "job": job["id"],
            "key": key[3:19], "webhook": hook, "delivery": delivery}  # fmt: skip


def embed(database: Database) -> None:
    """Play the worker: the item's vector, a query's vector, and the end of the task."""
    with database.begin() as connection:
        model = connection.execute(text("SELECT model FROM tasks")).scalar_one()
        claim = queue.claim(connection, Lane.EMBED, "w", 10, 60, [model])
        space = connection.execute(text(
            """INSERT INTO models (name, revision, preprocessing, dimensions)
               VALUES (:m, '1', 1, 3) RETURNING id"""), {"m": model}).scalar_one()  # fmt: skip
        catalogs.set_model(connection, DEFAULT_TENANT, claim.tasks[0].catalog_id, model, space)
        connection.execute(text(
            """INSERT INTO embeddings (tenant_id, item_id, model_id, catalog_id, sha256, vector)
               SELECT tenant_id, id, :space, catalog_id, sha256, '[1,0,0]' FROM items"""),
            {"space": space})  # fmt: skip
        connection.execute(text(
            """INSERT INTO query_embeddings (tenant_id, model_id, sha256, vector)
               VALUES (1, :space, '\\x00', '[1,0,0]')"""), {"space": space})  # fmt: skip
        queue.finish(connection, claim.token, [Outcome(claim.tasks[0], TaskStatus.SUCCEEDED)])


def state(database: Database) -> dict[str, list[str]]:
    """Every row of the first tenant, by table."""
    with database.begin() as connection:
        return {
            table: sorted(connection.execute(
                text(f"SELECT t::text FROM {table} t WHERE tenant_id = {DEFAULT_TENANT}")).scalars())
            for table in TABLES
        }  # fmt: skip


def routes(client: FlaskClient) -> list[tuple[str, str]]:
    paths = client.get("/openapi.json").json["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods]


def body_for(method: str, path: str) -> dict[str, Any]:
    last = path.rpartition("/")[2]
    if (method, last) == ("post", "documents"):
        return {"data": {"file": (io.BytesIO(b"%PDF-1.7"), "a.pdf"), "id": "doc"}}
    return BODIES.get(f"{method} {last}", {})


def test_the_first_tenants_names_are_right(
    app: Flask, database: Database, names: dict[str, str]
) -> None:
    """Else the next test would find nothing for the wrong reason."""
    client = client_with(app, a_key(database))
    for method, path in routes(client):
        if method == "get" and "{" in path:
            assert client.get(path.format(**names)).status_code == 200, path


def test_a_foreign_name_is_a_404_on_every_route_and_changes_nothing(
    app: Flask, database: Database, names: dict[str, str], other: int
) -> None:
    stranger = client_with(app, a_key(database, tenant=other))
    before, tried = state(database), 0
    assert all(before[table] for table in ("items", "tasks", "embeddings", "documents", "blobs"))
    for method, path in routes(stranger):
        if "{" not in path or (method, path) == ("put", "/v1/catalogs/{catalog}"):
            continue
        sent = body_for(method, path)
        answer = stranger.open(path.format(**names), method=method.upper(), **sent)
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.json["code"] == "not_found"
        tried += 1
    assert tried >= 18
    assert state(database) == before


def test_the_same_names_are_other_things_for_another_tenant(
    app: Flask, database: Database, names: dict[str, str], other: int
) -> None:
    stranger = client_with(app, a_key(database, tenant=other))
    before = state(database)
    assert stranger.get("/v1/catalogs").json["data"] == []
    assert stranger.get("/v1/jobs").json["data"] == []
    assert stranger.get("/v1/webhooks").json["data"] == []
    assert names["key"] not in stranger.get("/v1/keys").text
    assert stranger.put("/v1/catalogs/shop").status_code == 201
    assert stranger.get("/v1/catalogs/shop/items").json["data"] == []
    assert stranger.get("/v1/catalogs/shop").json["counts"]["items"] == 0
    made = stranger.post("/v1/catalogs/shop/items", headers={"Idempotency-Key": "k"},
                         json={"id": "a", "text": "a red shoe"})  # fmt: skip
    assert made.status_code in (200, 202) and "Idempotent-Replayed" not in made.headers
    hits = stranger.post("/v1/catalogs/shop/searches", json=TEXT, headers={"Prefer": "wait=1"})
    assert "Red shoe" not in hits.text
    assert stranger.get("/v1/catalogs/shop/items/a").json["name"] is None
    assert stranger.delete("/v1/catalogs/shop").status_code == 204
    assert state(database) == before


def test_tasks_are_streamed_to_their_own_tenant_alone(
    app: Flask, database: Database, names: dict[str, str], other: int
) -> None:
    for tenant, count in ((DEFAULT_TENANT, 1), (other, 0)):
        client = client_with(app, a_key(database, tenant=tenant))
        answer = client.get(f"/v1/jobs/{names['job']}/tasks",
                            headers={"Accept": "application/x-ndjson"})  # fmt: skip
        assert (answer.status_code == 200) is bool(count)
        assert not count or len(answer.data.splitlines()) == count


@pytest.fixture
def seen_by(database_url: str, names: dict[str, str]) -> Iterator[Any]:
    """Transactions as the API begins them, for a tenant or for none."""
    opened: list[TenantDatabase] = []

    def begin(tenant: int | None) -> Any:
        opened.append(TenantDatabase(database_url, lambda: tenant, pool_size=1))
        return opened[-1].begin()

    yield begin
    for one in opened:
        one.close()


def count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


class TestWithTheWhereRemoved:
    """Statements that name no tenant, in the role of the API."""

    COUNTED = [table for table in TABLES if table != "api_keys"]

    def test_a_tenant_sees_its_own_rows_alone(self, seen_by: Any, other: int) -> None:
        with seen_by(DEFAULT_TENANT) as connection:
            own = {table: count(connection, table) for table in self.COUNTED}
        with seen_by(other) as connection:
            assert {table: count(connection, table) for table in self.COUNTED} == dict.fromkeys(
                own, 0
            )
            foreign = text("SELECT count(id) FROM api_keys")
            assert connection.execute(foreign).scalar_one() == 0
            assert connection.execute(text("SELECT name FROM tenants")).scalars().all() == ["other"]
        assert own["items"] == 1 and own["jobs"] == 2 and own["query_embeddings"] == 1

    def test_without_a_tenant_nothing_is_seen(self, seen_by: Any) -> None:
        with seen_by(None) as connection:
            assert not any(count(connection, table) for table in [*self.COUNTED, "tenants"])

    def test_a_tenant_ends_with_its_transaction(
        self, database_url: str, names: dict[str, str]
    ) -> None:
        tenants = iter([DEFAULT_TENANT, None])
        database = TenantDatabase(database_url, lambda: next(tenants), pool_size=1)
        with database.begin() as connection:
            assert count(connection, "items") == 1
        with database.begin() as connection:
            assert count(connection, "items") == 0
        database.close()

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO catalogs (tenant_id, name, image_model, text_model) VALUES (1, 'x', 'm', 'n')",
            "INSERT INTO blobs (tenant_id, sha256, size, media_type) VALUES (1, '\\xff', 1, 'a')",
            "UPDATE catalogs SET tenant_id = 1",
        ],
    )
    def test_a_foreign_row_cannot_be_written(
        self, seen_by: Any, other: int, statement: str
    ) -> None:
        with pytest.raises(DBAPIError, match="check option"), seen_by(other) as connection:
            catalogs.put(
                connection, other, "own", description=None, image_model="m", text_model="n"
            )
            connection.execute(text(statement))

    def test_updates_and_deletes_of_all_rows_touch_no_foreign_one(
        self, seen_by: Any, other: int, database: Database
    ) -> None:
        before = state(database)
        with seen_by(other) as connection:
            for statement in ("UPDATE items SET name = 'mine'", "DELETE FROM items", "DELETE FROM jobs",
                              "DELETE FROM catalogs", "UPDATE api_keys SET revoked_at = now()"):  # fmt: skip
                assert connection.execute(text(statement)).rowcount == 0
        assert state(database) == before

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT 1 FROM sightline.items",
            "SELECT 1 FROM sightline.api_keys",
            "SELECT secret_hmac FROM api_keys",
            "SELECT salt FROM api_keys",
            "DELETE FROM api_keys",
            "UPDATE api_keys SET scopes = '{admin}'",
            "CREATE TABLE mine (a int)",
            "SELECT 1 FROM workers",
        ],
    )
    def test_the_tables_and_the_proofs_of_keys_are_out_of_reach(
        self, seen_by: Any, statement: str
    ) -> None:
        with pytest.raises(ProgrammingError), seen_by(DEFAULT_TENANT) as connection:
            connection.execute(text(statement))


def test_every_table_of_tenants_has_its_view(seen_by: Any) -> None:
    with seen_by(DEFAULT_TENANT) as connection:
        for table in TABLES:
            connection.execute(text(f"SELECT tenant_id FROM {table} LIMIT 0"))
    assert "api_keys" in TABLES and len(TABLES) >= 10


def test_a_later_table_gets_its_view_too(database: Database, seen_by: Any) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE later (tenant_id bigint, said text)"))
        connection.execute(text("ALTER TABLE blobs ADD COLUMN later text"))
        connection.execute(text("INSERT INTO later VALUES (1, 'a'), (2, 'b')"))
        connection.execute(text("SELECT make_views()"))
    try:
        with seen_by(DEFAULT_TENANT) as connection:
            assert connection.execute(text("SELECT said FROM later")).scalars().all() == ["a"]
            assert connection.execute(text("SELECT later FROM blobs")).scalars().all()
    finally:
        with database.begin() as connection:
            connection.execute(text("DROP TABLE later CASCADE"))
            connection.execute(text("DROP VIEW sightline_api.blobs"))
            connection.execute(text("ALTER TABLE blobs DROP COLUMN later"))
            connection.execute(text("SELECT make_views()"))


def test_a_job_of_one_tenant_takes_its_turn_behind_those_of_another(
    database: Database, database_url: str, other: int
) -> None:
    """The front of a lane is everybody's, though each tenant sees its own tasks alone."""
    submit(database, 3)
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET rank = rank + 500"))
    api = TenantDatabase(database_url, lambda: other, pool_size=1)
    submit(api, 1, tenant=other)
    api.close()
    with database.begin() as connection:
        ranks = connection.execute(text("SELECT rank FROM tasks ORDER BY tenant_id, rank"))
        assert ranks.scalars().all() == [500, 501, 502, 500]


MANY = """
    INSERT INTO items (tenant_id, catalog_id, external_id, name, sha256)
    SELECT :tenant, :catalog, 'i' || n, CASE WHEN n % 500 = 0 THEN 'scarlet ' ELSE '' END
        || 'shoe number ' || n, decode(md5(n::text), 'hex') FROM generate_series(1, 8000) n
"""
VECTORS = """
    INSERT INTO embeddings (tenant_id, catalog_id, item_id, model_id, sha256, vector)
    SELECT tenant_id, catalog_id, id, 1, sha256, ARRAY[random(), random(), random()]::halfvec
    FROM items
"""


@pytest.fixture
def crowded(database: Database, other: int) -> dict[int, catalogs.Catalog]:
    """8,000 items of each of two tenants, each with a vector."""
    made = {}
    with database.begin() as connection:
        connection.execute(text("""INSERT INTO models (name, revision, preprocessing, dimensions)
                                   VALUES ('m', '1', 1, 3)"""))  # fmt: skip
        for tenant in (DEFAULT_TENANT, other):
            row, _ = catalogs.put(connection, tenant, "shop", description=None, image_model="m",
                                  text_model="none")  # fmt: skip
            catalogs.set_model(connection, tenant, row.id, "m", 1)
            connection.execute(text(MANY), {"tenant": tenant, "catalog": row.id})
            made[tenant] = catalogs.get(connection, tenant, "shop")
        # Without statistics each check of a foreign key may read the whole table.
        connection.execute(text("ANALYZE items"))
        connection.execute(text("ANALYZE catalogs"))
        connection.execute(text(VECTORS))
        connection.execute(text("ANALYZE embeddings"))
    return made


def plans(database: Database, catalog: catalogs.Catalog, asked: Asked) -> list[str]:
    """The indexes of a search's plan, by the very statement that it sends; and that it finds."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.begin() as connection:
            vectors = retrieval.known(connection, DEFAULT_TENANT, catalog, asked)
            found = retrieval.hits(connection, DEFAULT_TENANT, catalog, asked, vectors)
        assert len(found) == asked.limit
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    found: list[str] = []
    with database.begin() as connection:
        for statement, values in sent:
            if "embeddings" in statement or "keys_of" in statement:
                plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
                found += re.findall(r'"Index Name": "(\w+)"', json.dumps(plan.scalar_one()))
    return sorted(found)


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (Asked("scarlet", "scarlet", mode="text"), "items_words_idx"),
        (Asked(item_id="i7", mode="image"), "embeddings_"),
        (Asked("scarlet", "scarlet", mode="text", filters=Filters.parse({"category": "none"}), limit=0),
         "items_tenant_id_catalog_id_category_idx"),
    ],
    ids=["words", "vectors", "filtered"],
)  # fmt: skip
def test_searches_through_the_views_use_the_indexes_of_the_tables(
    database: Database, database_url: str, crowded: dict[int, catalogs.Catalog], asked: Asked,
    index: str,
) -> None:  # fmt: skip
    catalog = crowded[DEFAULT_TENANT]
    api = TenantDatabase(database_url, lambda: DEFAULT_TENANT, pool_size=1)
    by_tables, by_views = plans(database, catalog, asked), plans(api, catalog, asked)
    api.close()
    assert by_views == by_tables
    assert any(name.startswith(index) for name in by_views), by_views
