"""Catalogs: named sets of items that are searched together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from db.errors import NotFound


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
    created_at: datetime


COLUMNS = "id, name, description, image_model, text_model, model_id, created_at"


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

    The image model of a catalog that holds embeddings stays what it is.
    """
    row = (
        connection.execute(
            text(f"""INSERT INTO catalogs AS c (tenant_id, name, description, image_model, text_model)
                 VALUES (:tenant, :name, :description, :image_model, :text_model)
                 ON CONFLICT (tenant_id, name) DO UPDATE SET description = excluded.description,
                    text_model = excluded.text_model, updated_at = now(),
                    image_model = CASE WHEN c.model_id IS NULL THEN excluded.image_model
                                       ELSE c.image_model END
                 RETURNING {COLUMNS}, xmax = 0 AS created"""),
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
        text(f"SELECT {COLUMNS} FROM catalogs WHERE tenant_id = :tenant AND name = :name"),
        {"tenant": tenant, "name": name},
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound(f"There is no catalog {name!r}.")
    return Catalog(**found)


def by_id(connection: Connection, tenant: int, catalog_id: int) -> Catalog:
    """One catalog by its number. Raises NotFound when it was deleted."""
    row = connection.execute(
        text(f"SELECT {COLUMNS} FROM catalogs WHERE tenant_id = :tenant AND id = :id"),
        {"tenant": tenant, "id": catalog_id},
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound("The catalog was deleted.")
    return Catalog(**found)


def listed(connection: Connection, tenant: int, limit: int, after: str | None) -> list[Catalog]:
    """Catalogs by name, behind the name `after`."""
    rows = connection.execute(
        text(f"""SELECT {COLUMNS} FROM catalogs WHERE tenant_id = :tenant AND name > :after
                 ORDER BY name LIMIT :limit"""),
        {"tenant": tenant, "after": after or "", "limit": limit},
    ).mappings()
    return [Catalog(**row) for row in rows]


def delete(connection: Connection, tenant: int, name: str) -> None:
    """Delete a catalog with its items, embeddings and jobs. Raises NotFound."""
    gone = connection.execute(
        text("DELETE FROM catalogs WHERE tenant_id = :tenant AND name = :name"),
        {"tenant": tenant, "name": name},
    ).rowcount
    if not gone:
        raise NotFound(f"There is no catalog {name!r}.")


def counts(connection: Connection, tenant: int, catalog_id: int) -> dict[str, Any]:
    """Items by kind, how many of them are embedded, and how many wait for that."""
    rows = connection.execute(
        text("""SELECT i.kind, count(*) AS items, count(e.item_id) AS embedded,
                count(*) FILTER (WHERE i.sha256 IS NOT NULL AND e.item_id IS NULL) AS pending
                FROM items i
                JOIN catalogs c ON c.tenant_id = i.tenant_id AND c.id = i.catalog_id
                LEFT JOIN embeddings e ON e.tenant_id = i.tenant_id AND e.item_id = i.id
                    AND e.model_id = c.model_id AND e.sha256 = i.sha256
                WHERE i.tenant_id = :tenant AND i.catalog_id = :catalog GROUP BY i.kind"""),
        {"tenant": tenant, "catalog": catalog_id},
    ).all()
    return {
        "items": sum(row.items for row in rows),
        "embedded": sum(row.embedded for row in rows),
        "pending": sum(row.pending for row in rows),
        "by_kind": {row.kind: row.items for row in rows},
    }


def set_model(connection: Connection, tenant: int, catalog_id: int, model_id: int) -> None:
    """Fix the vector space of a catalog, when its first picture was embedded."""
    connection.execute(
        text("""UPDATE catalogs SET model_id = :model WHERE tenant_id = :tenant AND id = :id
                AND model_id IS NULL"""),
        {"tenant": tenant, "id": catalog_id, "model": model_id},
    )
