"""Items, the embedding cache, filters and search, on a real Postgres."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db import catalogs, entries, items, retrieval, search
from db.catalogs import Catalog
from db.entries import Entry
from db.errors import InvalidInput, ItemNotEmbedded, NotFound
from db.fields import ItemFields
from db.filters import Filters
from db.retrieval import Asked
from db.search import Query
from db.session import Database
from db.vocabulary import TaskStatus

DIMENSIONS = 16


def sha(value: object) -> bytes:
    return hashlib.sha256(str(value).encode()).digest()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    with database.begin() as connection:
        model = connection.execute(
            text("""INSERT INTO models (name, revision, preprocessing, dimensions)
                    VALUES ('m', 'r', 1, 16) RETURNING id""")
        ).scalar_one()
        made, _ = catalogs.put(
            connection, 1, "shop", description=None, image_model="m", text_model="none"
        )
        catalogs.set_model(connection, 1, made.id, "m", model)
        return catalogs.get(connection, 1, "shop")


def put(database: Database, catalog: Catalog, *sent: Entry) -> list[TaskStatus]:
    with database.begin() as connection:
        return [task.status for task in entries.put(connection, 1, catalog, sent)]


def embed_all(database: Database, catalog: Catalog) -> None:
    """Give every item without an embedding one that its hash decides."""
    with database.begin() as connection:
        rows = connection.execute(
            text("SELECT id, sha256 FROM items WHERE sha256 IS NOT NULL")
        ).all()
        for row in rows:
            connection.execute(
                text("""INSERT INTO embeddings (tenant_id, item_id, model_id, catalog_id, sha256,
                        vector) VALUES (1, :item, :model, :catalog, :sha, :vector)
                        ON CONFLICT DO NOTHING"""),
                {"item": row.id, "model": catalog.model_id, "catalog": catalog.id,
                 "sha": row.sha256, "vector": str(vector_of(bytes(row.sha256)).tolist())},
            )  # fmt: skip


def vector_of(digest: bytes) -> search.Vector:
    values = np.random.default_rng(int.from_bytes(digest[:8])).normal(size=DIMENSIONS)
    return (values / np.linalg.norm(values)).astype(np.float32)


def hits(database: Database, catalog: Catalog, limit: int = 10, **filters: object) -> list[str]:
    query = Query(None, vector_of(sha("query")), None, Filters.parse(filters), limit)
    with database.begin() as connection:
        found = search.find(connection, 1, catalog, query)
    return [hit.item.external_id for hit in found]


def test_an_unchanged_picture_is_not_queued_again(database: Database, catalog: Catalog) -> None:
    entry = Entry(0, ItemFields(id="a", name="old"), sha("a"), 1, "image/png")
    assert put(database, catalog, entry) == [TaskStatus.QUEUED]
    embed_all(database, catalog)
    renamed = Entry(0, ItemFields(id="a", name="new"), sha("a"), 1, "image/png")
    assert put(database, catalog, renamed) == [TaskStatus.UNCHANGED]
    with database.begin() as connection:
        assert items.get(connection, 1, catalog.id, "a").name == "new"


def test_the_same_bytes_in_another_item_come_from_the_cache(
    database: Database, catalog: Catalog
) -> None:
    put(database, catalog, Entry(0, ItemFields(id="a"), sha("a"), 1, "image/png"))
    embed_all(database, catalog)
    copy = Entry(0, ItemFields(id="b"), sha("a"), 1, "image/png")
    assert put(database, catalog, copy) == [TaskStatus.SUCCEEDED]
    assert set(hits(database, catalog)) == {"a", "b"}


def test_a_replaced_picture_is_not_found_any_more(database: Database, catalog: Catalog) -> None:
    put(database, catalog, Entry(0, ItemFields(id="a"), sha("a"), 1, "image/png"))
    embed_all(database, catalog)
    changed = Entry(0, ItemFields(id="a"), sha("other"), 1, "image/png")
    assert put(database, catalog, changed) == [TaskStatus.QUEUED]
    assert hits(database, catalog) == []


def test_scores_are_cosines_in_order(database: Database, catalog: Catalog) -> None:
    put(database, catalog, *(Entry(n, ItemFields(id=f"i{n}"), sha(n), 1, "x") for n in range(30)))
    embed_all(database, catalog)
    query = vector_of(sha("query"))
    expected = sorted(
        ((float(query @ vector_of(sha(n))), f"i{n}") for n in range(30)), reverse=True
    )[:10]
    with database.begin() as connection:
        found = search.find(connection, 1, catalog, Query(None, query, None, Filters()))
    assert [hit.item.external_id for hit in found] == [name for _, name in expected]
    for hit, (score, _) in zip(found, expected, strict=True):
        assert math.isclose(hit.score, score, abs_tol=2e-3)
    assert found[0].ranks == {"image": 1}


def test_similar_to_an_item_leaves_the_item_out(database: Database, catalog: Catalog) -> None:
    put(database, catalog, *(Entry(n, ItemFields(id=f"i{n}"), sha(n), 1, "x") for n in range(3)))
    with database.begin() as connection, pytest.raises(ItemNotEmbedded):
        retrieval.hits(connection, 1, catalog, Asked(item_id="i0"), {})
    embed_all(database, catalog)
    with database.begin() as connection:
        found = retrieval.hits(connection, 1, catalog, Asked(item_id="i0", limit=5), {})
        with pytest.raises(NotFound):
            retrieval.hits(connection, 1, catalog, Asked(item_id="nope"), {})
    assert {hit.item.external_id for hit in found} == {"i1", "i2"}


STOCK = [
    {"id": f"p{n}", "category": ["shoes", "boots", None][n % 3], "price": n * 10 if n % 4 else None,
     "currency": ["USD", None][n % 2], "tags": ["new"] * (n % 2) + ["sale"] * (n % 3 == 0),
     "attributes": {"stars": [n % 6, f"{n % 6}.0", "none"][n % 3], "brand": ["x", "y"][n % 2]}}
    for n in range(24)
]  # fmt: skip


@pytest.fixture
def stock(database: Database, catalog: Catalog) -> Catalog:
    put(database, catalog, *(
        Entry(n, ItemFields.model_validate(fields), sha(n), 1, "x") for n, fields in enumerate(STOCK)
    ))  # fmt: skip
    embed_all(database, catalog)
    return catalog


def matches(item: dict, filters: dict) -> bool:  # type: ignore[type-arg]
    """What the filters mean, said a second time in Python."""
    price = item["price"]
    bounds = filters.get("price", {})
    spelled = str(item["attributes"]["stars"])
    stars = -1.0 if spelled == "none" else float(spelled)
    return all([
        item["category"] in filters["category"] if "category" in filters else True,
        set(filters.get("tags", [])) <= set(item["tags"]),
        not bounds or (price is not None and bounds.get("gte", 0) <= price < bounds.get("lt", 10**9)),
        item["currency"] in (None, filters["currency"]) if "currency" in filters else True,
        stars >= filters["attributes"]["stars"]["gte"]
        if "stars" in filters.get("attributes", {}) else True,
        item["attributes"]["brand"] == filters["attributes"]["brand"]
        if "brand" in filters.get("attributes", {}) else True,
    ])  # fmt: skip


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "category": st.lists(st.sampled_from(["shoes", "boots", "hats"]), min_size=1),
        "tags": st.lists(st.sampled_from(["new", "sale"]), unique=True),
        "price": st.fixed_dictionaries(
            {}, optional={"gte": st.integers(0, 200), "lt": st.integers(0, 250)}
        ).filter(bool),
        "currency": st.sampled_from(["USD", "EUR"]),
        "attributes": st.fixed_dictionaries(
            {}, optional={"stars": st.builds(lambda n: {"gte": n}, st.integers(0, 6)),
                          "brand": st.sampled_from(["x", "y"])},
        ),
    },
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(filters=FILTERS)
def test_a_filtered_search_finds_all_that_match(
    database: Database,
    stock: Catalog,
    filters: dict,  # type: ignore[type-arg]
) -> None:
    expected = {item["id"] for item in STOCK if matches(item, filters)}
    assert set(hits(database, stock, limit=100, **filters)) == expected


@pytest.mark.parametrize(
    ("value", "pointer"),
    [({"colour": "red"}, "colour"), ({"price": {"lte": "x"}}, "price"), ({"kind": "hat"}, "kind")],
)
def test_an_unknown_filter_is_refused(value: object, pointer: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Filters.parse(value)
    assert pointer in caught.value.errors[0]["pointer"]


def test_counts_by_kind(database: Database, stock: Catalog) -> None:
    put(database, stock, Entry(0, ItemFields(id="t"), text="words only"))
    with database.begin() as connection:
        counts = catalogs.counts(connection, 1, stock.id)
    assert counts == {
        "items": 25,
        "embedded": 24,
        "pending": 0,
        "by_kind": {"image": 24, "text": 1},
    }


def test_deleting_a_catalog_deletes_all_of_it(database: Database, stock: Catalog) -> None:
    with database.begin() as connection:
        catalogs.delete(connection, 1, "shop")
        left = connection.execute(
            text("SELECT (SELECT count(*) FROM items) + (SELECT count(*) FROM embeddings)")
        ).scalar_one()
    assert left == 0
