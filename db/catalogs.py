"""Catalogs: named sets of items that are searched together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from db.errors import NotFound
from db.vocabulary import OPENAI_PREFIX, Lane


@dataclass(frozen=True)
class Catalog:
    """A catalog's row."""

    id: int
    name: str
    description: str | None
    image_model: str
    text_model: str
    model_id: int | None
    """The vector space that its pictures are in; None until the first one is embedded."""
    text_model_id: int | None
    """The vector space of its items' words; None until the first ones are embedded."""
    second_model: str | None
    """Another image model that its pictures are embedded under, to be switched to, or back to."""
    second_model_id: int | None
    switch_when_covered: bool
    created_at: datetime
    indexed: bool
    """Whether there are indexes of its vectors, when it was read."""

    @property
    def text_lane(self) -> Lane:
        """Where its items' words are embedded."""
        return lane_of_text_model(self.text_model)


def lane_of_text_model(name: str) -> Lane:
    """Where words are embedded: a provider's call waits, a local model computes."""
    return Lane.ANSWER if name.startswith(OPENAI_PREFIX) else Lane.EMBED


COLUMNS = (
    "id, name, description, image_model, text_model, model_id, text_model_id, second_model,"
    " second_model_id, switch_when_covered, created_at, EXISTS (SELECT FROM segments s"
    " WHERE s.tenant_id = c.tenant_id AND s.catalog_id = c.id) AS indexed"
)


JOBS = """
    SELECT j.id FROM jobs j JOIN catalogs c ON c.tenant_id = j.tenant_id AND c.id = j.catalog_id
    WHERE c.tenant_id = :tenant AND c.name = :name
"""
LOCKED = {
    "tasks": f"""
        SELECT count(*) FROM (
            SELECT 1 FROM tasks WHERE tenant_id = :tenant AND job_id IN ({JOBS})
            ORDER BY id FOR UPDATE) AS locked""",
    "jobs": f"""
        SELECT count(*) FROM (
            SELECT 1 FROM jobs WHERE tenant_id = :tenant AND id IN ({JOBS})
            ORDER BY id FOR UPDATE) AS locked""",
}
"""What locks all of a catalog's rows of a table; counted, so that none is sent."""


def put(
    connection: Connection,
    tenant: int,
    name: str,
    *,
    description: str | None,
    image_model: str,
    text_model: str,
) -> tuple[Catalog, bool]:
    """Create or update a catalog; says whether it was created.

    The image model of a catalog that holds embeddings stays what it is, and the text model of
    one that holds items.
    """
    row = (
        connection.execute(
            text(f"""INSERT INTO catalogs AS c (tenant_id, name, description, image_model, text_model)
                 VALUES (:tenant, :name, :description, :image_model, :text_model)
                 ON CONFLICT (tenant_id, name) DO UPDATE SET description = excluded.description,
                    updated_at = now(),
                    image_model = CASE WHEN c.model_id IS NULL THEN excluded.image_model
                                       ELSE c.image_model END,
                    text_model = CASE WHEN EXISTS (SELECT 1 FROM items i WHERE
                                          i.tenant_id = c.tenant_id AND i.catalog_id = c.id)
                                      THEN c.text_model ELSE excluded.text_model END
                 RETURNING {COLUMNS}, old.id IS NULL AS created"""),
            {
                "tenant": tenant,
                "name": name,
                "description": description,
                "image_model": image_model,
                "text_model": text_model,
            },
        )  # fmt: skip
        .mappings()
        .one()
    )
    values = dict(row)
    created: bool = values.pop("created")
    return Catalog(**values), created


def get(connection: Connection, tenant: int, name: str) -> Catalog:
    """One catalog by name. Raises NotFound."""
    row = connection.execute(
        text(f"SELECT {COLUMNS} FROM catalogs c WHERE tenant_id = :tenant AND name = :name"),
        {"tenant": tenant, "name": name},
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound(f"There is no catalog {name!r}.")
    return Catalog(**found)


def by_id(connection: Connection, tenant: int, catalog_id: int) -> Catalog:
    """One catalog by its number. Raises NotFound when it was deleted."""
    row = connection.execute(
        text(f"SELECT {COLUMNS} FROM catalogs c WHERE tenant_id = :tenant AND id = :id"),
        {"tenant": tenant, "id": catalog_id},
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound("The catalog was deleted.")
    return Catalog(**found)


def listed(connection: Connection, tenant: int, limit: int, after: str | None) -> list[Catalog]:
    """Catalogs by name, behind the name `after`."""
    rows = connection.execute(
        text(f"""SELECT {COLUMNS} FROM catalogs c WHERE tenant_id = :tenant AND name > :after
                 ORDER BY name LIMIT :limit"""),
        {"tenant": tenant, "after": after or "", "limit": limit},
    ).mappings()
    return [Catalog(**row) for row in rows]


def delete(connection: Connection, tenant: int, name: str) -> None:
    """Delete a catalog with its items, embeddings and jobs. Raises NotFound.

    Its tasks are locked first, then its jobs, as workers do it: else the two would deadlock.
    """
    values = {"tenant": tenant, "name": name}
    for rows in ("tasks", "jobs"):
        connection.execute(text(LOCKED[rows]), values).all()
    gone = connection.execute(
        text("DELETE FROM catalogs WHERE tenant_id = :tenant AND name = :name"),
        {"tenant": tenant, "name": name},
    ).rowcount
    if not gone:
        raise NotFound(f"There is no catalog {name!r}.")


def counts(connection: Connection, tenant: int, catalog_id: int) -> dict[str, Any]:
    """Items by kind, how many of them are embedded, and how many wait for that."""
    rows = connection.execute(
        text("""SELECT kind, count(*) AS items, count(*) FILTER (WHERE pending) AS pending,
                count(*) FILTER (WHERE vectors > 0 AND NOT pending) AS embedded
                FROM (SELECT i.kind,
                          (i.sha256 IS NOT NULL AND e.item_id IS NULL)
                          OR (i.words_sha256 IS NOT NULL AND w.item_id IS NULL) AS pending,
                          num_nonnulls(e.item_id, w.item_id) AS vectors
                      FROM items i
                      JOIN catalogs c ON c.tenant_id = i.tenant_id AND c.id = i.catalog_id
                      LEFT JOIN embeddings e ON e.tenant_id = i.tenant_id AND e.item_id = i.id
                          AND e.model_id = c.model_id AND e.sha256 = i.sha256
                      LEFT JOIN embeddings w ON w.tenant_id = i.tenant_id AND w.item_id = i.id
                          AND w.model_id = c.text_model_id AND w.sha256 = i.words_sha256
                      WHERE i.tenant_id = :tenant AND i.catalog_id = :catalog) AS each
                GROUP BY kind"""),
        {"tenant": tenant, "catalog": catalog_id},
    ).all()
    return {
        "items": sum(row.items for row in rows),
        "embedded": sum(row.embedded for row in rows),
        "pending": sum(row.pending for row in rows),
        "by_kind": {row.kind: row.items for row in rows},
    }


def categories(connection: Connection, tenant: int, catalog_id: int) -> list[str]:
    """The categories of a catalog's items, the first 500 by name: one index look-up for each."""
    rows = connection.execute(
        text("""WITH RECURSIVE each AS (
                    SELECT min(category) AS category FROM items
                    WHERE tenant_id = :tenant AND catalog_id = :catalog
                    UNION ALL
                    SELECT (SELECT min(i.category) FROM items i WHERE i.tenant_id = :tenant
                            AND i.catalog_id = :catalog AND i.category > each.category)
                    FROM each WHERE each.category IS NOT NULL)
                SELECT category FROM each WHERE category IS NOT NULL LIMIT 500"""),
        {"tenant": tenant, "catalog": catalog_id},
    )
    return list(rows.scalars())


def set_model(
    connection: Connection, tenant: int, catalog_id: int, name: str, model_id: int
) -> None:
    """Fix a vector space of a catalog, when its first picture or its first words were embedded."""
    connection.execute(
        text("""UPDATE catalogs SET
                model_id = CASE WHEN image_model = :name THEN coalesce(model_id, :model)
                                ELSE model_id END,
                second_model_id = CASE WHEN second_model = :name
                    THEN coalesce(second_model_id, :model) ELSE second_model_id END,
                text_model_id = CASE WHEN text_model = :name THEN coalesce(text_model_id, :model)
                                     ELSE text_model_id END
                WHERE tenant_id = :tenant AND id = :id"""),
        {"tenant": tenant, "id": catalog_id, "name": name, "model": model_id},
    )
