"""Items: put one at a time, listed, read, changed, deleted, and their pictures shown."""

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from sqlalchemy import Connection

from api import catalogs as catalog_routes
from api import cursors, reading, schemas, submits, views
from api.auth import current_tenant
from api.openapi import KEY, PREFER, SUBMITTED, Routes, answer
from api.services import services
from db import catalogs, entries, items, jobs, rewording
from db.blobs import THUMBNAIL
from db.entries import Entry
from db.errors import InvalidInput, NotFound
from db.fields import ItemFields
from db.filters import Filters
from db.queue import NewTask
from db.vocabulary import JobKind, Lane

routes = Routes("items")
ALL = "/v1/catalogs/<catalog>/items"
ONE = "/v1/catalogs/<catalog>/items/<item>"
CACHE = "private, max-age=3600"


@routes.route("POST", ALL, body=schemas.ItemCreate, form="image", limit=reading.WITH_PICTURES,
              answers=SUBMITTED, headers=(PREFER, KEY))  # fmt: skip
def create_item(catalog: str, body: schemas.ItemCreate) -> ResponseReturnValue:
    """Put one item: a picture as a file, as base64 or by its address, or a text."""
    tenant, picture = current_tenant(), body.picture()
    fields = body.fields()
    if picture:
        catalog_routes.find(catalog)
        sha256 = services().blobs.put(tenant, picture[0])
        entry = Entry(0, fields, sha256=sha256, size=len(picture[0]), media_type=picture[1])
    else:
        entry = Entry(0, fields, text=body.text)

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        if body.image_url:
            tasks = [_fetch(fields, body.image_url)]
        else:
            tasks = entries.put(connection, tenant, row, [entry])
        hours = services().settings.job_deadline_hours
        job = jobs.create(connection, tenant, JobKind.ITEM, catalog_id=row.id, tasks=tasks,
                          deadline_hours=hours)  # fmt: skip
        return submits.Submitted(job, submits.lanes_of(tasks))

    return submits.submit(make)


def _fetch(fields: ItemFields, url: str) -> NewTask:
    """The task that fetches an item's picture; the id is settled now, so that it can be told."""
    if fields.id is None:
        fields = fields.model_copy(update={"id": entries.new_id()})
    item = fields.model_dump(mode="json", exclude_unset=True) | {"id": fields.id}
    return NewTask(Lane.INGEST, external_id=fields.id, payload={"image_url": url, "item": item})


@routes.route("GET", ALL, query=schemas.ItemPage, answers={200: schemas.ItemList})
def list_items(catalog: str, query: schemas.ItemPage) -> ResponseReturnValue:
    """Items that match the filters, in the order in which they came."""
    after = cursors.decode(query.after, int)
    filters = Filters.parse(None if query.filters is None else _object(query.filters))
    with services().database.begin() as connection:
        row = catalogs.get(connection, current_tenant(), catalog)
        found = items.listed(
            connection,
            current_tenant(),
            row.id,
            filters,
            query.limit + 1,
            after[0] if after else None,
        )
    shown = found[: query.limit]
    more = cursors.encode(shown[-1].id) if len(found) > query.limit else None
    return answer({"data": [views.item(row, item) for item in shown], "next": more})


def _object(text: str) -> dict[str, object]:
    value = reading.strict_json(text)
    if not isinstance(value, dict):
        problem = {"pointer": "/filters", "code": "dict_type", "detail": "must be a JSON object"}
        raise InvalidInput("`filters` is no JSON object.", [problem])
    return value


@routes.route("GET", ONE, answers={200: schemas.Item})
def get_item(catalog: str, item: str) -> ResponseReturnValue:
    """An item with its metadata."""
    row, found = _find(catalog, item)
    return answer(views.item(row, found))


def _find(catalog: str, item: str) -> tuple[catalogs.Catalog, items.Item]:
    with services().database.begin() as connection:
        row = catalogs.get(connection, current_tenant(), catalog)
        return row, items.get(connection, current_tenant(), row.id, item)


@routes.route("PATCH", ONE, body=schemas.ItemPatch, answers={200: schemas.Item})
def patch_item(catalog: str, item: str, body: BaseModel) -> ResponseReturnValue:
    """Change an item's metadata; its picture is not embedded again, and its words in the background."""
    tenant, changes = current_tenant(), body.model_dump(exclude_unset=True)
    if changes.get("caption"):
        changes["captioned_by"] = None
    with services().database.begin() as connection:
        row = catalogs.get(connection, tenant, catalog)
        found = items.patch(connection, tenant, row.id, item, changes)
        step = rewording.reword(connection, tenant, row, found.id)
        if step is not None:
            task = NewTask.of([step], item_id=found.id, external_id=found.external_id)
            jobs.create(connection, tenant, JobKind.ITEM, catalog_id=row.id, tasks=[task])
    if step is not None:
        submits.nudge(frozenset([step.lane]))
    return answer(views.item(row, found))


@routes.route("DELETE", ONE, answers={204: None})
def delete_item(catalog: str, item: str) -> ResponseReturnValue:
    """Delete an item with its embedding."""
    with services().database.begin() as connection:
        row = catalogs.get(connection, current_tenant(), catalog)
        items.delete(connection, current_tenant(), row.id, item)
    return "", 204


@routes.route("GET", f"{ONE}/image", query=schemas.PictureSize,
              answers={200: ("image/jpeg", "image/png"), 304: None})  # fmt: skip
def get_image(catalog: str, item: str, query: schemas.PictureSize) -> ResponseReturnValue:
    """An item's picture, upright and without metadata; `size=thumbnail` fits 256 pixels."""
    _, found = _find(catalog, item)
    if found.sha256 is None:
        raise NotFound("The item has no picture.")
    response = Response()
    response.set_etag(f"{found.sha256.hex()}-{query.size}")
    response.headers["Cache-Control"] = CACHE
    if request.if_none_match.contains(response.get_etag()[0] or ""):
        response.status_code = 304
        return response
    size = THUMBNAIL if query.size == "thumbnail" else None
    data, response.content_type = services().renditions.get(current_tenant(), found.sha256, size)
    response.set_data(data)
    return response
