"""Vector spaces: a model's name, revision and preprocessing, numbered for the indexes."""

from sqlalchemy import Connection, text

REGISTER = text("""
    INSERT INTO models AS m (name, revision, preprocessing, dimensions)
    VALUES (:name, :revision, :preprocessing, :dimensions)
    ON CONFLICT (name, revision, preprocessing) DO UPDATE SET dimensions = excluded.dimensions
    RETURNING id
""")


def register(
    connection: Connection, name: str, revision: str, preprocessing: int, dimensions: int
) -> int:
    """The number of a vector space; the first worker that serves a model makes it."""
    number: int = connection.execute(
        REGISTER,
        {"name": name, "revision": revision, "preprocessing": preprocessing,
         "dimensions": dimensions},
    ).scalar_one()  # fmt: skip
    return number
