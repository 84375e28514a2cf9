"""Catalogs of many vectors: indexed off the write path, and every vector found at every moment."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from api import create_app
from api.services import NAME
from db import catalogs, plan, queue, sealing, search
from db.filters import Filters
from db.search import Query
from db.session import Database, TenantDatabase
from db.settings import Settings
from migrations.__main__ import migrate
from tests.integration.key_parts import a_key, client_with
from tests.integration.vector_parts import (
    Made,
    Stock,
    explained,
    index,
    indexes,
    states,
)
from worker import indexing
from worker.indexing import Indexer

MANY = 25_000
SHARES = {"tenth": 10, "hundredth": 100, "thousandth": 1_000}


@pytest.fixture(scope="module")
def vectors_url(database_url: str) -> Iterator[str]:
    """A database of its own on the tests' server: what is indexed here is nobody else's."""
    with psycopg.connect(database_url, autocommit=True) as server:
        server.execute("CREATE DATABASE vectors")
        url = database_url.replace("/sightline?", "/vectors?")
        migrate(url)
        yield url
        server.execute("DROP DATABASE vectors WITH (FORCE)")


@pytest.fixture(scope="module")
def shared(vectors_url: str) -> Iterator[Database]:
    database = Database(vectors_url, pool_size=4)
    yield database
    database.close()


@pytest.fixture(scope="module")
def many(shared: Database) -> Stock:
    """25,000 pictures behind an index, and some fresh ones; read only."""
    made, stock = Made(), Stock(shared, "many")
    left = MANY
    for name, part in SHARES.items():
        stock.add(made.pictures(MANY // part), name)
        left -= MANY // part
    stock.add(made.pictures(left), "rest")
    assert index(shared) == 1
    stock.add(made.pictures(300), "rest")
    stock.add(made.pictures(100), "tenth")
    with shared.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE items, embeddings"))
    return stock


@pytest.fixture
def database(shared: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Where 500 fresh vectors are enough for an index; catalogs that a test makes go after it."""
    monkeypatch.setattr(sealing, "SEAL_FROM", 500)
    yield shared
    with shared.begin() as connection:
        connection.execute(text("DELETE FROM catalogs WHERE name <> 'many'"))
    Indexer(shared.url, threading.Event()).run()


@pytest.fixture
def made() -> Made:
    return Made(7)


@pytest.fixture(scope="module")
def building(shared: Database) -> Callable[[], bool]:
    """Whether Postgres is loading an index."""

    def now() -> bool:
        with shared.begin() as connection:
            phases = connection.execute(text("SELECT phase FROM pg_stat_progress_create_index"))
            return any(phase.startswith("building index") for phase in phases.scalars())

    return now


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


@pytest.mark.parametrize("kind", ["pictures", "words"])
def test_an_index_finds_nearly_all_that_comparing_finds(many: Stock, kind: str) -> None:
    queries = getattr(Made(11), kind)(100)
    with explained(many.database) as used:
        recall = many.recall(queries, pictured=kind == "pictures")
    assert any(name.startswith("embeddings_nearest_") for name in used)
    assert recall >= 0.98


@pytest.mark.parametrize("category", [*SHARES, "rest"])
def test_a_filtered_search_is_complete_at_every_selectivity(many: Stock, category: str) -> None:
    for queries, pictured in ((Made(12).pictures(25), True), (Made(13).words(25), False)):
        assert many.recall(queries, pictured=pictured, category=category) >= 0.98


def test_few_matches_are_looked_up_and_many_are_searched_for_by_index(many: Stock) -> None:
    for category, by_index in (("tenth", True), ("rest", True), ("hundredth", False)):
        with explained(many.database) as used:
            many.find(Made(14).pictures(1)[0], category=category)
        nearest = any(name.startswith("embeddings_nearest_") for name in used)
        assert nearest is by_index, (category, used)


def test_both_roles_search_by_the_index(many: Stock, vectors_url: str) -> None:
    """The worker's over the tables, the API's through views that hold to the tenant."""
    api = TenantDatabase(vectors_url, lambda: 1, pool_size=1)
    query = Made(15).words(1)[0]
    every: list[dict[str, Any]] = [{}, {"category": "rest"}]
    for filters in every:
        with explained(api) as by_views, explained(many.database) as by_tables:
            found = many.find(query, database=api, **filters)
            assert found == many.find(query, **filters)
        assert sorted(by_views) == sorted(by_tables)
        assert any(name.startswith("embeddings_nearest_") for name in by_views)
    api.close()


def test_words_and_vectors_are_fused_over_the_index(many: Stock) -> None:
    query = Made(16).words(1)[0]
    asked = Query("nothing of this is written anywhere", query, query, Filters())
    with many.database.begin() as connection, explained(many.database) as used:
        found = search.find(connection, 1, many.catalog, asked)
    assert [hit.item.id for hit in found] == many.find(query, pictured=False)
    assert any(name.startswith("embeddings_nearest_") for name in used)


@pytest.fixture
def shortsighted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search goes by index, and may look at hardly anything."""
    monkeypatch.setattr(plan, "SCANNED", (1, 0))
    monkeypatch.setattr(plan, "ALWAYS_COMPARED", 1)
    monkeypatch.setattr(plan, "BREAK_EVEN", 0.001)


def test_what_the_index_leads_to_too_little_of_is_finished_by_comparing(
    many: Stock, shortsighted: None
) -> None:
    query = Made(17).pictures(1)[0]
    found = many.find(query, category="hundredth", limit=100)
    assert set(found) == set(many.nearest(query, category="hundredth", limit=100))


def test_only_a_search_that_a_time_limit_cut_is_incomplete(
    many: Stock, shortsighted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FINISH_SECONDS", 0.001)
    filters = Filters.parse({"category": "hundredth"})
    query = Query(None, Made(17).pictures(1)[0], None, filters, 100)
    with many.database.begin() as connection:
        found = search.find(connection, 1, many.catalog, query)
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "0"
    assert not found.complete and 0 < len(found) < 100
    assert search.result(many.catalog, found, {})["incomplete"] is True


def test_a_small_catalog_gets_no_index(database: Database, made: Made) -> None:
    stock = Stock(database)
    stock.add(made.pictures(sealing.SEAL_FROM))
    before = indexes(database)
    assert index(database) == 0
    assert indexes(database) == before
    with explained(database) as used:
        assert stock.recall(made.words(5)) == 1.0
    assert not any(name.startswith("embeddings_nearest_") for name in used)


def test_every_vector_is_found_before_during_and_after_a_build(
    database: Database, made: Made, building: Callable[[], bool]
) -> None:
    stock = Stock(database)
    stock.add(made.pictures(8_000))
    builder = threading.Thread(target=index, args=[database])
    builder.start()
    until(building)
    during = 0
    while builder.is_alive():
        item, other = stock.add(made.pictures(2))
        assert stock.find(stock.vectors[item])[0] == item
        stock.delete([other])
        assert other not in stock.find(made.pictures(1)[0], limit=50)
        during += 1
    builder.join()
    assert during > 3
    assert states(database)[-1] == "ready"
    for item in [*list(stock.vectors)[:100], *list(stock.vectors)[-100:]]:
        assert stock.find(stock.vectors[item])[0] == item


def test_writing_leaves_the_settings_of_its_transaction_as_they_were(
    database: Database, made: Made
) -> None:
    settings = text("SELECT name, setting FROM pg_settings ORDER BY name")
    stock = Stock(database)
    with database.begin() as connection:
        before = connection.execute(settings).all()
        stock.insert(connection, made.pictures(5))
        assert connection.execute(settings).all() == before
    assert ("plan_cache_mode", "force_custom_plan") in before


def test_a_row_that_commits_behind_the_bound_is_found(database: Database, made: Made) -> None:
    """It took its number before the bound was chosen, and was not there when it was."""
    stock = Stock(database)
    late = made.pictures(1)
    with database.begin() as connection:
        (item,) = stock.insert(connection, late)
        stock.add(made.pictures(600))
        builder = threading.Thread(target=index, args=[database])
        builder.start()
        time.sleep(0.5)
        assert builder.is_alive(), "a build waits for those who wrote before it"
        assert len(stock.find(late[0])) == 10
    builder.join()
    assert states(database)[-1] == "ready"
    with explained(database) as used:
        assert stock.find(late[0])[0] == item
    assert any(name.startswith("embeddings_nearest_") for name in used)


def test_replaced_pictures_are_fresh_again_and_deletes_leave_no_hole(
    database: Database, made: Made
) -> None:
    stock = Stock(database)
    near, far = stock.add(made.pictures(300, cluster=1)), stock.add(made.pictures(600, cluster=2))
    index(database)
    query = made.pictures(1, cluster=1)[0]
    assert set(stock.find(query)) <= set(near)
    stock.delete(near[:250])
    assert stock.find(query) == stock.nearest(query)
    stock.replace(near[250:], made.pictures(50, cluster=3), "second")
    stock.replace(far[:20], made.pictures(20, cluster=1), "second")
    assert stock.find(query) == stock.nearest(query)
    assert set(stock.find(query)) <= set(far[:20])
    assert index(database) == 0
    stock.add(made.pictures(600))
    index(database)
    assert stock.recall(made.pictures(20)) >= 0.98


def test_a_growing_catalog_keeps_few_segments_and_drops_what_they_replace(
    database: Database, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "GRACE_SECONDS", 0)
    stock, before = Stock(database), len(indexes(database))
    for rows in (3_000, 700, 600, 600, 600, 600):
        stock.add(made.pictures(rows))
        assert index(database) == 1
        assert states(database).count("ready") - before <= sealing.MOST_SMALL
    index(database)
    assert "dropping" not in states(database)
    assert len(indexes(database)) == len(states(database)) < before + 5
    assert stock.recall(made.words(30), pictured=False) >= 0.98


def test_a_replaced_index_stays_for_those_who_read_its_name(database: Database, made: Made) -> None:
    stock = Stock(database)
    for _ in range(2):
        stock.add(made.pictures(600))
        index(database)
    assert states(database)[-2:] == ["dropping", "ready"]
    index(database)
    assert states(database)[-2:] == ["dropping", "ready"]
    assert len(indexes(database)) == len(states(database))


RUN = """
import sys, threading
from db import sealing
from worker import indexing
sealing.SEAL_FROM, sealing.EF_CONSTRUCTION = 500, 400
indexing.Indexer(sys.argv[1], threading.Event()).run()
"""


def test_a_build_that_was_killed_is_done_again(
    database: Database, made: Made, building: Callable[[], bool]
) -> None:
    stock = Stock(database)
    stock.add(made.pictures(12_000))
    process = subprocess.Popen([sys.executable, "-c", RUN, database.url])
    until(building)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert states(database)[-1] == "building"
    assert stock.recall(made.pictures(5)) == 1.0
    until(lambda: not building())
    assert list(indexes(database).values())[-1] is False
    until(lambda: index(database) == 1)
    assert all(indexes(database).values())
    assert set(states(database)) == {"ready"}
    assert stock.recall(made.pictures(20)) >= 0.98


def test_a_build_whose_end_nobody_heard_of_is_taken_over(database: Database, made: Made) -> None:
    stock = Stock(database)
    stock.add(made.pictures(600))
    index(database)
    with database.begin() as connection:
        connection.execute(text("""UPDATE segments SET state = 'building', built_at = NULL
                                   WHERE id = (SELECT max(id) FROM segments)"""))  # fmt: skip
    before = indexes(database)
    assert index(database) == 0
    assert set(states(database)) == {"ready"} and indexes(database) == before


def test_a_lost_index_is_built_anew_and_searches_are_right_meanwhile(
    database: Database, made: Made
) -> None:
    stock = Stock(database)
    stock.add(made.pictures(600))
    index(database)
    lost = max(indexes(database), key=lambda name: int(name.rpartition("_")[2]))
    with database.begin() as connection:
        connection.execute(text(f"DROP INDEX {lost}"))
    assert stock.recall(made.words(5)) == 1.0
    assert index(database) == 1
    assert states(database)[-1] == "ready" and lost not in indexes(database)


def test_a_stopping_worker_gives_up_its_build_at_once(
    database: Database, made: Made, building: Callable[[], bool]
) -> None:
    stock, stopping = Stock(database), threading.Event()
    stock.add(made.pictures(12_000))
    indexer = Indexer(database.url, stopping)
    indexer.start()
    until(building)
    stopping.set()
    until(lambda: not building(), seconds=3)
    assert not all(indexes(database).values())
    until(lambda: index(database) == 1)
    assert all(indexes(database).values())


def test_one_builds_at_a_time_and_the_queue_goes_on(
    database: Database, made: Made, building: Callable[[], bool]
) -> None:
    stock = Stock(database)
    stock.add(made.pictures(12_000))
    builder = threading.Thread(target=index, args=[database])
    builder.start()
    until(building)
    assert index(database) == 0
    began = time.monotonic()
    with database.begin() as connection:
        queue.reap(connection)
        connection.execute(text("SET LOCAL lock_timeout = '1s'"))
        connection.execute(
            text("UPDATE items SET name = 'new' WHERE id = (SELECT min(id) FROM items)")
        )
    assert time.monotonic() - began < 1
    assert building()
    builder.join()


def test_the_indexes_of_a_deleted_catalog_go(database: Database, made: Made) -> None:
    before, stock = indexes(database), Stock(database)
    stock.add(made.pictures(600))
    index(database)
    assert len(indexes(database)) == len(before) + 1
    with database.begin() as connection:
        catalogs.delete(connection, 1, "shop")
    assert index(database) == 0
    assert indexes(database) == before


def test_a_catalog_and_the_metrics_tell_what_is_indexed(
    database: Database, made: Made, settings: Settings, building: Callable[[], bool]
) -> None:
    app = create_app(settings.model_copy(update={"database_url": database.url}))
    client = client_with(app, a_key(database))
    stock = Stock(database)
    stock.add(made.pictures(12_000))

    def told() -> Any:
        answer: Any = client.get("/v1/catalogs/shop").json
        return answer["index"]

    def gauges() -> dict[str, float]:
        scraped = text_string_to_metric_families(client.get("/metrics").text)
        return {s.name + s.labels.get("state", ""): s.value for f in scraped for s in f.samples}

    assert told() == {"indexed": 0, "fresh": 12_000, "building": None}
    builder = threading.Thread(target=index, args=[database])
    builder.start()
    until(building)
    until(lambda: told()["building"] is None or told()["building"]["progress"] > 0)
    during = told()["building"]
    assert during["phase"].startswith("building index") and 0 < during["progress"] <= 1
    assert gauges()["sightline_index_segmentsbuilding"] == 1
    builder.join()
    stock.add(made.pictures(7))
    assert told() == {"indexed": 12_000, "fresh": 7, "building": None}
    until(lambda: gauges()["sightline_index_segmentsbuilding"] == 0)
    assert gauges()["sightline_vectors_indexed"] >= 12_000
    app.extensions[NAME].close()


def test_another_tenants_build_is_not_told(database: Database, made: Made) -> None:
    stock = Stock(database)
    with database.begin() as connection:
        connection.execute(
            text("""INSERT INTO segments (tenant_id, catalog_id, model_id, dimensions, from_seq,
                        to_seq, rows) VALUES (1, :catalog, :model, 64, 0, 1, 1)"""),
            {"catalog": stock.catalog.id, "model": stock.model},
        )
    tenants = iter([1, 2])
    api = TenantDatabase(database.url, lambda: next(tenants), pool_size=1)
    for rows in (1, 0):
        with api.begin() as connection:
            found = connection.execute(
                text("SELECT * FROM index_progress(:catalog)"), {"catalog": stock.catalog.id}
            ).all()
        assert len(found) == rows
    api.close()
