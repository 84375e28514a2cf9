"""Items: put in bulk or one at a time, read, listed, changed and deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, bindparam, select, text
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import JSONB
from ulid import ULID

from db.catalogs import Catalog
from db.errors import NotFound
from db.filters import Filters
from db.models import Item as ItemRow
from db.queue import NewTask
from db.vocabulary import ItemKind, Lane, TaskStatus


def is_bad_text(value: Any) -> bool:
    """Whether it is text that Postgres cannot hold: with a NUL or half a character."""
    if not isinstance(value, str):
        return False
    # ASCII is settled in one fast look.
    return "\0" in value or (
        not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
    )


def storable(value: Any, depth: int = 0) -> Any:
    """The value, when Postgres can hold it. Raises ValueError for NUL characters and depth."""
    if depth > 16:
        raise ValueError("nested more than 16 deep")
    if is_bad_text(value):
        raise ValueError("holds a character that text cannot have")
    if isinstance(value, dict):
        for key, inner in value.items():
            storable(key, depth + 1)
            storable(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            storable(inner, depth + 1)
    return value


Line = Annotated[str, Field(max_length=1_000), AfterValidator(storable)]
Prose = Annotated[str, Field(max_length=20_000), AfterValidator(storable)]


def usable_id(value: str) -> str:
    """An id that can stand in a URL's path. Raises ValueError."""
    if not value.isprintable() or "/" in value or value in {".", ".."}:
        raise ValueError("must be printable and hold no '/'")
    return value


def new_id() -> str:
    """The id of an item to which its client gave none."""
    return f"item_{str(ULID()).lower()}"


ItemId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(storable),
                   AfterValidator(usable_id)]  # fmt: skip


class ItemFields(BaseModel):
    """What a client says of an item. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")

    id: ItemId | None = None
    name: Line | None = None
    caption: Prose | None = None
    description: Prose | None = None
    category: Line | None = None
    tags: Annotated[list[Line], Field(max_length=100)] = []
    price: Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    attributes: Annotated[dict[str, Any], AfterValidator(storable)] = {}


@dataclass(frozen=True)
class Entry:
    """An item on its way in: `sha256` of a picture that the blob store holds, or a text."""

    index: int
    fields: ItemFields
    sha256: bytes | None = None
    size: int = 0
    media_type: str = ""
    source_url: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Item:
    """An item's row."""

    id: int
    external_id: str
    kind: str
    name: str | None
    caption: str | None
    description: str | None
    category: str | None
    tags: list[str]
    price: Decimal | None
    currency: str | None
    attributes: dict[str, Any]
    text: str | None
    document_id: str | None
    page: int | None
    source_url: str | None
    sha256: bytes | None
    created_at: datetime
    updated_at: datetime

    def as_json(self) -> dict[str, Any]:
        """As the HTTP contract shows it."""
        shown = {name: getattr(self, name) for name in SHOWN}
        return {"id": self.external_id} | shown | {
            "price": None if self.price is None else float(self.price),
            "sha256": self.sha256.hex() if self.sha256 else None,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
        }  # fmt: skip


SHOWN = ("kind", "name", "caption", "description", "category", "tags", "price", "currency",
         "attributes", "text", "document_id", "page", "source_url")  # fmt: skip
COLUMNS = [getattr(ItemRow, name) for name in Item.__dataclass_fields__]


def rfc3339(moment: datetime) -> str:
    """A time in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


PUT = text("""
    WITH incoming AS (
        SELECT * FROM jsonb_to_recordset(:rows) AS r(external_id text, kind text, sha256 text,
            source_url text, name text, caption text, description text, category text,
            tags text[], price numeric, currency text, attributes jsonb, text text)
    ), stored AS (
        INSERT INTO items AS i (tenant_id, catalog_id, external_id, kind, sha256, source_url, name,
            caption, description, category, tags, price, currency, attributes, text)
        SELECT :tenant, :catalog, external_id, kind, decode(sha256, 'hex'), source_url, name,
            caption, description, category, tags, price, currency, attributes, text
        FROM incoming ORDER BY external_id
        ON CONFLICT (tenant_id, catalog_id, external_id) DO UPDATE SET
            kind = excluded.kind, sha256 = excluded.sha256, source_url = excluded.source_url,
            name = excluded.name, caption = excluded.caption, description = excluded.description,
            category = excluded.category, tags = excluded.tags, price = excluded.price,
            currency = excluded.currency, attributes = excluded.attributes, text = excluded.text,
            updated_at = now()
        RETURNING i.id, i.external_id, i.sha256
    )
    SELECT s.id, s.external_id, e.item_id IS NOT NULL AS embedded
    FROM stored s LEFT JOIN embeddings e ON e.tenant_id = :tenant AND e.item_id = s.id
        AND e.model_id = :model AND e.sha256 = s.sha256
""").bindparams(bindparam("rows", type_=JSONB))

DROP_STALE = text("""
    DELETE FROM embeddings e USING items i
    WHERE i.tenant_id = :tenant AND i.id = ANY(:ids) AND e.tenant_id = i.tenant_id
      AND e.item_id = i.id AND e.sha256 IS DISTINCT FROM i.sha256
""")
"""A replaced picture is not found any more, also before the new one is embedded."""

COPY_CACHED = text("""
    INSERT INTO embeddings (tenant_id, catalog_id, item_id, model_id, sha256, vector)
    SELECT i.tenant_id, i.catalog_id, i.id, :model, i.sha256, c.vector
    FROM items i CROSS JOIN LATERAL (
        SELECT vector FROM embeddings e WHERE e.tenant_id = i.tenant_id
          AND e.sha256 = i.sha256 AND e.model_id = :model LIMIT 1) c
    WHERE i.tenant_id = :tenant AND i.id = ANY(:ids) AND i.sha256 IS NOT NULL
    ON CONFLICT (tenant_id, item_id, model_id) DO UPDATE SET
        sha256 = excluded.sha256, vector = excluded.vector, seq = DEFAULT
    RETURNING item_id
""")
"""The cache: the same bytes under the same model need no encoder."""

PUT_BLOBS = text("""
    INSERT INTO blobs (tenant_id, sha256, size, media_type)
    SELECT DISTINCT :tenant, decode(b.sha256, 'hex'), b.size, b.media_type
    FROM jsonb_to_recordset(:rows) AS b(sha256 text, size bigint, media_type text)
    ORDER BY 2 ON CONFLICT DO NOTHING
""").bindparams(bindparam("rows", type_=JSONB))


def put(
    connection: Connection, tenant: int, catalog: Catalog, entries: Sequence[Entry]
) -> list[NewTask]:
    """Insert or replace items by their ids; returns a task for each, in the order given.

    A task is already `unchanged` when this picture of this item is embedded, `succeeded` when
    the cache had its vector or no vector is needed, and else `queued` for the embed lane. The
    bytes must be in the blob store, and ids distinct among the entries.
    """
    if not entries:
        return []
    ids = [entry.fields.id or new_id() for entry in entries]
    rows = [_row(entry, external_id) for entry, external_id in zip(entries, ids, strict=True)]
    pictures = [
        {"sha256": e.sha256.hex(), "size": e.size, "media_type": e.media_type}
        for e in entries
        if e.sha256
    ]
    if pictures:
        connection.execute(PUT_BLOBS, {"tenant": tenant, "rows": pictures})
    stored = {
        row.external_id: row
        for row in connection.execute(
            PUT,
            {"tenant": tenant, "catalog": catalog.id, "model": catalog.model_id, "rows": rows},
        )
    }
    fresh = [row.id for row in stored.values() if not row.embedded]
    cached: set[int] = set()
    if fresh and catalog.model_id is not None:
        connection.execute(DROP_STALE, {"tenant": tenant, "ids": fresh})
        cached = set(
            connection.execute(
                COPY_CACHED, {"tenant": tenant, "model": catalog.model_id, "ids": fresh}
            ).scalars()
        )
    return [
        _task(entry, stored[external_id], cached, catalog)
        for entry, external_id in zip(entries, ids, strict=True)
    ]


def _row(entry: Entry, external_id: str) -> dict[str, Any]:
    fields = entry.fields.model_dump(mode="json", exclude={"id"})
    return fields | {
        "external_id": external_id,
        "kind": ItemKind.TEXT if entry.text is not None else ItemKind.IMAGE,
        "sha256": entry.sha256.hex() if entry.sha256 else None,
        "source_url": entry.source_url,
        "text": entry.text,
    }


def _task(entry: Entry, stored: Row[Any], cached: set[int], catalog: Catalog) -> NewTask:
    if stored.embedded:
        status = TaskStatus.UNCHANGED
    elif entry.sha256 is None or stored.id in cached:
        status = TaskStatus.SUCCEEDED
    else:
        status = TaskStatus.QUEUED
    return NewTask(
        Lane.EMBED,
        place=entry.index,
        status=status,
        model=catalog.image_model,
        item_id=stored.id,
        external_id=stored.external_id,
        payload={"sha256": entry.sha256.hex()} if entry.sha256 else {},
    )


def get(connection: Connection, tenant: int, catalog_id: int, external_id: str) -> Item:
    """One item by the client's id. Raises NotFound."""
    row = connection.execute(
        select(*COLUMNS).where(
            ItemRow.tenant_id == tenant,
            ItemRow.catalog_id == catalog_id,
            ItemRow.external_id == external_id,
        )
    ).mappings()
    found = row.first()
    if found is None:
        raise NotFound(f"There is no item {external_id!r} in this catalog.")
    return Item(**found)


def listed(
    connection: Connection,
    tenant: int,
    catalog_id: int,
    filters: Filters,
    limit: int,
    after: int | None,
) -> list[Item]:
    """Items that match, in the order in which they came, behind the row number `after`."""
    rows = connection.execute(
        select(*COLUMNS)
        .where(
            ItemRow.tenant_id == tenant,
            ItemRow.catalog_id == catalog_id,
            ItemRow.id > (after or 0),
            *filters.conditions(),
        )
        .order_by(ItemRow.id)
        .limit(limit)
    ).mappings()
    return [Item(**row) for row in rows]


def patch(
    connection: Connection, tenant: int, catalog_id: int, external_id: str, changes: dict[str, Any]
) -> Item:
    """Change an item's metadata; its picture and embedding stay. Raises NotFound."""
    item = get(connection, tenant, catalog_id, external_id)
    if changes:
        connection.execute(
            ItemRow.__table__.update()  # type: ignore[attr-defined]
            .where(ItemRow.tenant_id == tenant, ItemRow.id == item.id)
            .values(**changes, updated_at=text("now()"))
        )
    return get(connection, tenant, catalog_id, external_id)


def delete(connection: Connection, tenant: int, catalog_id: int, external_id: str) -> None:
    """Delete an item with its embedding. Raises NotFound."""
    gone = connection.execute(
        delete_from(ItemRow).where(
            ItemRow.tenant_id == tenant,
            ItemRow.catalog_id == catalog_id,
            ItemRow.external_id == external_id,
        )
    ).rowcount
    if not gone:
        raise NotFound(f"There is no item {external_id!r} in this catalog.")
