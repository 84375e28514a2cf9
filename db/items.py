"""Items as they are stored: read, listed, changed and deleted. `entries` puts them in."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy import delete as delete_from

from db.errors import NotFound
from db.filters import Filters
from db.models import Item as ItemRow


@dataclass(frozen=True)
class Item:
    """An item's row."""

    id: int
    external_id: str
    kind: str
    name: str | None
    caption: str | None
    captioned_by: str | None
    description: str | None
    category: str | None
    tags: list[str]
    price: Decimal | None
    currency: str | None
    attributes: dict[str, Any]
    text: str | None
    document_id: str | None
    page: int | None
    span: list[int] | None
    """Where its text stands in its page's text: the first character and the one behind the last."""
    box: list[float] | None
    """Where a figure lies on its page: left, top, right, bottom in points from the top left."""
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


SHOWN = ("kind", "name", "caption", "captioned_by", "description", "category", "tags", "price",
         "currency", "attributes", "text", "document_id", "page", "span", "box", "source_url")  # fmt: skip
COLUMNS = [getattr(ItemRow, name) for name in Item.__dataclass_fields__]


def rfc3339(moment: datetime) -> str:
    """A time in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


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
