"""Documents: a PDF or a deck is stored and a job committed that reads it page by page."""

from typing import Annotated, Any

from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from werkzeug.datastructures import FileStorage

from api import catalogs as catalog_routes
from api import cursors, schemas, submits, views
from api.auth import current_tenant
from api.openapi import KEY, PREFER, SUBMITTED, Routes, answer
from api.services import services
from db import catalogs, documents, jobs
from db.errors import DocumentTooLarge, UnsupportedDocument
from db.fields import Category, DocumentId, Line, Tag, storable
from db.queue import NewTask
from db.vocabulary import JobKind, Lane

routes = Routes("documents")
ALL = "/v1/catalogs/<catalog>/documents"
ONE = "/v1/catalogs/<catalog>/documents/<document>"
HEAD = 1024
"""Bytes in which a PDF's mark stands; some files begin with junk."""
FORM_BYTES = 1024**2
"""Room for the form's fields beside the file."""


class DocumentCreate(BaseModel):
    """A PDF or PPTX file and what is said of it; its items get category, tags and attributes."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    file: FileStorage
    id: DocumentId | None = None
    title: Line | None = None
    category: Category | None = None
    tags: Annotated[list[Tag], Field(max_length=100)] = []
    attributes: Annotated[dict[str, Any], AfterValidator(storable)] = {}


class Urls(BaseModel):
    """Where a document and its items are served."""

    self: str
    items: str


class Document(BaseModel):
    """An uploaded document; `pages` is null until it was opened."""

    id: str
    title: str | None
    file_name: str | None
    media_type: str
    sha256: str
    category: str | None
    tags: list[str]
    attributes: dict[str, Any]
    pages: int | None
    notes: list[str]
    created_at: str
    updated_at: str
    urls: Urls


class DocumentList(BaseModel):
    """Documents by id."""

    data: list[Document]
    next: str | None


def _limit() -> int:
    return services().settings.max_document_bytes + FORM_BYTES


@routes.route("POST", ALL, body=DocumentCreate, form="file", json_too=False, limit=_limit,
              answers=SUBMITTED, headers=(PREFER, KEY))  # fmt: skip
def create_document(catalog: str, body: DocumentCreate) -> ResponseReturnValue:
    """Put a PDF or a slide deck: its pages, figures and text become items. An id sent again replaces it."""
    tenant = current_tenant()
    catalog_routes.find(catalog)
    media_type, size = _checked(body.file)
    sha256 = services().blobs.put_file(tenant, body.file.stream)
    document = {
        "id": body.id or documents.new_id(), "sha256": sha256, "media_type": media_type,
        "file_name": _file_name(body.file), "title": body.title, "category": body.category,
        "tags": body.tags, "attributes": body.attributes,
    }  # fmt: skip

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        documents.put(connection, tenant, row.id, document, size)
        hours = services().settings.job_deadline_hours
        job = jobs.create(connection, tenant, JobKind.DOCUMENT, catalog_id=row.id,
                          request={"document_id": document["id"]}, expanded=False,
                          tasks=[NewTask(Lane.INGEST, expands=True)], deadline_hours=hours)  # fmt: skip
        return submits.Submitted(job, frozenset([Lane.INGEST]))

    return submits.submit(make)


def _checked(file: FileStorage) -> tuple[str, int]:
    """The media type and size of a file, by its first bytes: the worker judges the rest."""
    size = file.stream.seek(0, 2)
    file.stream.seek(0)
    media_type = documents.sniff(file.stream.read(HEAD))
    file.stream.seek(0)
    limit = services().settings.max_document_bytes
    if size > limit:
        raise DocumentTooLarge(f"The document has {size} bytes; the limit is {limit}.")
    if media_type is None:
        raise UnsupportedDocument("The file is neither a PDF nor a PPTX; convert it first.")
    return media_type, size


def _file_name(file: FileStorage) -> str | None:
    """The name alone, without any folder, as far as it can be stored."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2][:255]
    return "".join(letter for letter in name if letter.isprintable()) or None


@routes.route("GET", ALL, query=schemas.Page, answers={200: DocumentList})
def list_documents(catalog: str, query: schemas.Page) -> ResponseReturnValue:
    """Documents by id."""
    after = cursors.decode(query.after, str)
    with services().database.begin() as connection:
        row = catalogs.get(connection, current_tenant(), catalog)
        found = documents.listed(connection, current_tenant(), row.id, query.limit + 1,
                                 after[0] if after else None)  # fmt: skip
    shown = found[: query.limit]
    more = cursors.encode(shown[-1].id) if len(found) > query.limit else None
    return answer({"data": [views.document(row, one) for one in shown], "next": more})


@routes.route("GET", ONE, answers={200: Document})
def get_document(catalog: str, document: str) -> ResponseReturnValue:
    """A document with what was left out of it."""
    with services().database.begin() as connection:
        row = catalogs.get(connection, current_tenant(), catalog)
        found = documents.get(connection, current_tenant(), row.id, document)
    return answer(views.document(row, found))


@routes.route("DELETE", ONE, answers={204: None})
def delete_document(catalog: str, document: str) -> ResponseReturnValue:
    """Delete a document with its items."""
    with services().database.begin() as connection:
        row = catalogs.get(connection, current_tenant(), catalog)
        documents.delete(connection, current_tenant(), row.id, document)
    return "", 204
