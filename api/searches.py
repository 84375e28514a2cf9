"""Searches: answered at once where the query's vector is known, else a job for the embed lane."""

from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from api import catalogs as catalog_routes
from api import reading, schemas, submits
from api.auth import current_tenant
from api.openapi import KEY, PREFER, SUBMITTED, Routes
from api.services import services
from db import catalogs, jobs, search
from db.errors import ModeNotSupported
from db.queue import NewTask
from db.vocabulary import JobKind, Lane

routes = Routes("searches")


@routes.route("POST", "/v1/catalogs/<catalog>/searches", body=schemas.SearchRequest, form=True,
              limit=reading.WITH_PICTURES, answers=SUBMITTED, headers=(PREFER, KEY))  # fmt: skip
def create_search(catalog: str, body: schemas.SearchRequest) -> ResponseReturnValue:
    """Search a catalog by words, by a picture, or by one of its items."""
    if body.mode in ("text", "hybrid"):
        raise ModeNotSupported(f"This server has no text vectors yet: {body.mode} cannot be used.")
    tenant, picture = current_tenant(), body.picture()
    sha256 = None
    if picture:
        catalog_routes.find(catalog)
        sha256 = services().blobs.put(tenant, picture[0])

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        result = _at_once(connection, tenant, row, body, sha256)
        if result is not None:
            job = jobs.create_ended(connection, tenant, JobKind.SEARCH, catalog_id=row.id,
                                    request=_request(body), result=result)  # fmt: skip
            return submits.Submitted(job)
        task = _task(row, body, sha256)
        hours = services().settings.job_deadline_hours
        job = jobs.create(connection, tenant, JobKind.SEARCH, catalog_id=row.id, tasks=[task],
                          request=_request(body), deadline_hours=hours)  # fmt: skip
        return submits.Submitted(job, frozenset([task.lane]))

    return submits.submit(make)


def _at_once(
    connection: Connection,
    tenant: int,
    catalog: catalogs.Catalog,
    body: schemas.SearchRequest,
    sha256: bytes | None,
) -> dict[str, object] | None:
    """The result, when the query's vector is stored; None when the model is needed."""
    exclude = vector = None
    if body.item_id is not None:
        exclude, vector = search.item_vector(connection, tenant, catalog, body.item_id)
    elif sha256 or body.text is not None:
        key = sha256 or search.query_sha(body.text or "")
        vector = search.cached_query(connection, tenant, catalog.model_id, key)
    if vector is None:
        return None
    return search.respond(connection, tenant, catalog, vector, _request(body), exclude)


def _task(catalog: catalogs.Catalog, body: schemas.SearchRequest, sha256: bytes | None) -> NewTask:
    if body.image_url:
        fetch = {"image_url": body.image_url, "query": True, "model": catalog.image_model}
        return NewTask(Lane.INGEST, payload=fetch)
    payload = {"sha256": sha256.hex()} if sha256 else {"text": body.text}
    return NewTask(Lane.EMBED, model=catalog.image_model, payload=payload)


def _request(body: schemas.SearchRequest) -> dict[str, object]:
    """What the worker needs to finish the search."""
    asked = {name: getattr(body, name) for name in ("text", "image_url", "item_id")}
    return {name: value for name, value in asked.items() if value is not None} | {
        "limit": body.limit, "filters": body.filters.as_json(), "mode": body.mode,
        "parse_constraints": body.parse_constraints,
    }  # fmt: skip
