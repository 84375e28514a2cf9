"""A catalog whose items and vectors are made up: filled as workers fill one, of a model that nobody serves."""

import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from benchmarks.clip_like import Array
from db import catalogs
from db.catalogs import Catalog
from db.session import Database, checked_by_one_plan, driver
from worker import writing
from worker.indexing import Indexer

MODEL = "made"
ITEMS = """COPY items (tenant_id, id, catalog_id, external_id, sha256, category, price, created_at)
    FROM STDIN (FORMAT BINARY)"""
TYPES = ["int8", "int8", "int8", "text", "bytea", "text", "numeric", "timestamptz"]


def made_catalog(connection: Connection, dimensions: int) -> tuple[Catalog, int]:
    """The catalog, and the number of its vector space."""
    space: int = connection.execute(
        text("""INSERT INTO models (name, revision, preprocessing, dimensions)
                VALUES (:name, 'up', 1, :dimensions) RETURNING id"""),
        {"name": MODEL, "dimensions": dimensions},
    ).scalar_one()
    made, _ = catalogs.put(connection, 1, "shop", description=None, image_model=MODEL,
                           text_model="none")  # fmt: skip
    catalogs.set_model(connection, 1, made.id, MODEL, space)
    # As once there is an index: the benchmarks keep it while they make some.
    return replace(catalogs.get(connection, 1, "shop"), indexed=True), space


def put_items(
    connection: Connection, catalog: int, items: Iterable[tuple[int, str | None, int]]
) -> None:
    """Items by number, category and price; the number is their client's id, too."""
    now = datetime.now(UTC)
    with (
        checked_by_one_plan(connection),
        driver(connection).cursor() as cursor,
        cursor.copy(ITEMS) as copy,
    ):
        copy.set_types(TYPES)
        for number, category, price in items:
            copy.write_row((1, number, catalog, str(number), sha256_of(number), category, price,
                            now))  # fmt: skip


def put_vectors(
    connection: Connection, catalog: int, model: int, first: int, vectors: Array
) -> None:
    """Vectors of the items from a number on, as an embed worker writes them."""
    rows = ((1, number, number, catalog, model, sha256_of(number), vector)
            for number, vector in enumerate(vectors, start=first))  # fmt: skip
    if len(writing.keep_vectors(connection, rows)) != len(vectors):
        raise RuntimeError("not every vector was kept")


def vacuum(database: Database) -> None:
    """As autovacuum would after a while."""
    level = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with level as connection:
        connection.execute(text("VACUUM ANALYZE items, embeddings"))


def index(database: Database) -> None:
    """Index what is fresh, as upkeep does."""
    if not Indexer(database.url, threading.Event()).run():
        raise RuntimeError("nothing was indexed")


def sha256_of(number: int) -> bytes:
    """32 bytes as unordered as a hash's."""
    return (number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big") * 4
