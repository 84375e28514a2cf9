"""An empty catalog whose vectors are made up: of a model that nobody serves."""

from dataclasses import replace

from sqlalchemy import Connection, text

from db import catalogs
from db.catalogs import Catalog

MODEL = "made"


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
