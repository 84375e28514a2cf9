"""Items whose words changed: their vectors under the catalog's text model follow."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from db import entries
from db.catalogs import Catalog
from db.queue import Step
from db.vocabulary import NO_MODEL

READ = text("""
    SELECT id, kind, name, caption, description, text, words_sha256 FROM items
    WHERE tenant_id = :tenant AND id = :id FOR UPDATE
""")
WRITE = text("UPDATE items SET words_sha256 = :sha256 WHERE tenant_id = :tenant AND id = :id")
SET_CAPTION = text("""
    UPDATE items SET caption = :caption, captioned_by = :by, updated_at = now()
    WHERE tenant_id = :tenant AND id = :id AND sha256 = :sha256
      AND (caption IS NULL OR caption = '')
    RETURNING id
""")
UNCAPTIONED = text("""
    SELECT id, external_id, sha256 FROM items
    WHERE tenant_id = :tenant AND catalog_id = :catalog AND id > :after AND sha256 IS NOT NULL
      AND (caption IS NULL OR caption = '') AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(:kinds))
    ORDER BY id LIMIT :limit
""")


@dataclass(frozen=True)
class Uncaptioned:
    """An item whose picture has no caption."""

    id: int
    external_id: str
    sha256: bytes


def uncaptioned(
    connection: Connection, tenant: int, catalog_id: int, kinds: list[str] | None, after: int,
    limit: int,
) -> list[Uncaptioned]:  # fmt: skip
    """Items with a picture and without a caption, behind the row number `after`."""
    rows = connection.execute(
        UNCAPTIONED,
        {"tenant": tenant, "catalog": catalog_id, "kinds": kinds, "after": after, "limit": limit},
    )
    return [Uncaptioned(row.id, row.external_id, bytes(row.sha256)) for row in rows]


def set_caption(
    connection: Connection, tenant: int, item_id: int, sha256: bytes, caption: str, by: str
) -> bool:
    """Caption an item that still shows this picture and still has no caption of its own."""
    values = {"tenant": tenant, "id": item_id, "sha256": sha256, "caption": caption, "by": by}
    return connection.execute(SET_CAPTION, values).first() is not None


def reword(connection: Connection, tenant: int, catalog: Catalog, item_id: int) -> Step | None:
    """Bring the hash of an item's words up to date; the step that embeds them, where one must."""
    if catalog.text_model == NO_MODEL:
        return None
    row = connection.execute(READ, {"tenant": tenant, "id": item_id}).first()
    if row is None:
        return None
    words = entries.words_of(row.kind, row.name, row.caption, row.description, row.text)
    sha256 = entries.words_key(words) if words else None
    if sha256 == (row.words_sha256 and bytes(row.words_sha256)):
        return None
    connection.execute(WRITE, {"tenant": tenant, "id": item_id, "sha256": sha256})
    cached = entries.from_cache(connection, tenant, catalog.text_model_id, entries.WORDS, [item_id])
    return None if words is None or cached else entries.words_step(catalog, words)
