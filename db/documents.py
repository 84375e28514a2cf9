"""Documents: uploaded PDFs and decks; their items point to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from ulid import ULID

from db.errors import DocumentReplaced, NotFound
from db.items import rfc3339
from db.vocabulary import PDF, PPTX

COLUMNS = """id, sha256, media_type, file_name, title, category, tags, attributes, pages, notes,
    created_at, updated_at"""

PUT = text("""
    INSERT INTO documents (tenant_id, catalog_id, id, sha256, media_type, file_name, title,
                           category, tags, attributes)
    VALUES (:tenant, :catalog, :id, :sha256, :media_type, :file_name, :title, :category, :tags,
            :attributes)
    ON CONFLICT (tenant_id, catalog_id, id) DO UPDATE SET sha256 = excluded.sha256,
        media_type = excluded.media_type, file_name = excluded.file_name, title = excluded.title,
        category = excluded.category, tags = excluded.tags, attributes = excluded.attributes,
        pages = CASE WHEN documents.sha256 = excluded.sha256 THEN documents.pages END,
        notes = '{}', updated_at = now()
""").bindparams(bindparam("attributes", type_=JSONB))
PUT_BLOB = text("""
    INSERT INTO blobs (tenant_id, sha256, size, media_type)
    VALUES (:tenant, :sha256, :size, :media_type) ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Document:
    """A document's row."""

    id: str
    sha256: bytes
    media_type: str
    file_name: str | None
    title: str | None
    category: str | None
    tags: list[str]
    attributes: dict[str, Any]
    pages: int | None
    """None until it was opened."""
    notes: list[str]
    """What was left out of it, in plain words."""
    created_at: datetime
    updated_at: datetime

    def as_json(self) -> dict[str, Any]:
        """As the HTTP contract shows it."""
        return vars(self) | {
            "sha256": self.sha256.hex(),
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
        }


def new_id() -> str:
    """The id of a document to which its client gave none."""
    return f"doc_{str(ULID()).lower()}"


def sniff(head: bytes) -> str | None:
    """The media type that a file's first 1,024 bytes tell: a PDF, or a ZIP that may be a deck."""
    if b"%PDF-" in head:
        return PDF
    # A deck with a password is no ZIP but an OLE file; its reader says so.
    return PPTX if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) else None


def put(
    connection: Connection, tenant: int, catalog_id: int, document: dict[str, Any], size: int
) -> None:
    """Insert or replace a document's row; its items stay until its new pages replace them."""
    values = {"tenant": tenant, "catalog": catalog_id, "size": size, **document}
    connection.execute(PUT_BLOB, values)
    connection.execute(PUT, values)


def get(connection: Connection, tenant: int, catalog_id: int, document_id: str) -> Document:
    """One document. Raises NotFound."""
    rows = connection.execute(
        text(f"""SELECT {COLUMNS} FROM documents
                 WHERE tenant_id = :tenant AND catalog_id = :catalog AND id = :id"""),
        {"tenant": tenant, "catalog": catalog_id, "id": document_id},
    ).mappings()
    found = rows.first()
    if found is None:
        raise NotFound(f"There is no document {document_id!r} in this catalog.")
    return Document(**found)


def listed(
    connection: Connection, tenant: int, catalog_id: int, limit: int, after: str | None
) -> list[Document]:
    """Documents by id, behind the id `after`."""
    rows = connection.execute(
        text(f"""SELECT {COLUMNS} FROM documents
                 WHERE tenant_id = :tenant AND catalog_id = :catalog AND id > :after
                 ORDER BY id LIMIT :limit"""),
        {"tenant": tenant, "catalog": catalog_id, "after": after or "", "limit": limit},
    ).mappings()
    return [Document(**row) for row in rows]


def delete(connection: Connection, tenant: int, catalog_id: int, document_id: str) -> None:
    """Delete a document with its items and their embeddings. Raises NotFound."""
    gone = connection.execute(
        text("""DELETE FROM documents
                WHERE tenant_id = :tenant AND catalog_id = :catalog AND id = :id"""),
        {"tenant": tenant, "catalog": catalog_id, "id": document_id},
    ).rowcount
    if not gone:
        raise NotFound(f"There is no document {document_id!r} in this catalog.")


def opened(
    connection: Connection, tenant: int, catalog_id: int, document: Document, title: str | None,
    pages: int, notes: Sequence[str],
) -> Document:  # fmt: skip
    """Note what its reader found, and drop the pages that it has no more.

    Raises DocumentReplaced when another file took its place meanwhile.
    """
    rows = connection.execute(
        text(f"""UPDATE documents SET title = coalesce(title, :title, file_name, id),
                    pages = :pages, notes = :notes
                 WHERE tenant_id = :tenant AND catalog_id = :catalog AND id = :id
                   AND sha256 = :sha256 RETURNING {COLUMNS}"""),
        {"tenant": tenant, "catalog": catalog_id, "id": document.id, "sha256": document.sha256,
         "title": title, "pages": pages, "notes": list(notes)},
    ).mappings()  # fmt: skip
    found = rows.first()
    if found is None:
        raise DocumentReplaced("The document was deleted or replaced while it was read.")
    connection.execute(
        text("""DELETE FROM items WHERE tenant_id = :tenant AND catalog_id = :catalog
                AND document_id = :id AND page > :pages"""),
        {"tenant": tenant, "catalog": catalog_id, "id": document.id, "pages": pages},
    )
    return Document(**found)


def replace_page(
    connection: Connection, tenant: int, catalog_id: int, document: Document, page: int,
    item_ids: Sequence[str],
) -> None:  # fmt: skip
    """Drop a page's items that its new reading does not have.

    Raises DocumentReplaced when another file took the document's place meanwhile.
    """
    current = connection.execute(
        text("""SELECT sha256 FROM documents WHERE tenant_id = :tenant AND catalog_id = :catalog
                AND id = :id FOR SHARE"""),
        {"tenant": tenant, "catalog": catalog_id, "id": document.id},
    ).scalar()
    if current is None or bytes(current) != document.sha256:
        raise DocumentReplaced("The document was deleted or replaced while it was read.")
    connection.execute(
        text("""DELETE FROM items WHERE tenant_id = :tenant AND catalog_id = :catalog
                AND document_id = :id AND page = :page AND external_id <> ALL(:kept)"""),
        {"tenant": tenant, "catalog": catalog_id, "id": document.id, "page": page,
         "kept": list(item_ids)},
    )  # fmt: skip
