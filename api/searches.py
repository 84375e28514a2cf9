"""Searches: answered at once where the query's vectors are known, else a job that makes them."""

import re
from typing import Any

from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from api import catalogs as catalog_routes
from api import reading, schemas, submits
from api.auth import current_tenant
from api.openapi import KEY, PREFER, SUBMITTED, Routes
from api.services import services
from db import catalogs, jobs, retrieval
from db.queue import NewTask
from db.retrieval import Asked
from db.vocabulary import JobKind

routes = Routes("searches")
CATEGORY_WORDS = re.compile(r"\b(in|category|section|department)\b", re.IGNORECASE)
"""Without one of these no category is named, and none need be read."""


@routes.route("POST", "/v1/catalogs/<catalog>/searches", body=schemas.SearchRequest, form="image",
              limit=reading.WITH_PICTURES, answers=SUBMITTED, headers=(PREFER, KEY))  # fmt: skip
def create_search(catalog: str, body: schemas.SearchRequest) -> ResponseReturnValue:
    """Search a catalog by words, by a picture, or by one of its items."""
    tenant, picture = current_tenant(), body.picture()
    sha256 = None
    if picture:
        catalog_routes.find(catalog)
        sha256 = services().blobs.put(tenant, picture[0])

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        asked = _asked(connection, tenant, row, body)
        vectors = retrieval.known(connection, tenant, row, asked, sha256)
        steps = retrieval.steps(row, asked, vectors, sha256)
        if not steps:
            result = retrieval.result(connection, tenant, row, asked, vectors)
            job = jobs.create_ended(connection, tenant, JobKind.SEARCH, catalog_id=row.id,
                                    request=asked.as_json(), result=result)  # fmt: skip
            return submits.Submitted(job)
        hours = services().settings.job_deadline_hours
        job = jobs.create(connection, tenant, JobKind.SEARCH, catalog_id=row.id,
                          tasks=[NewTask.of(steps)], request=asked.as_json(),
                          deadline_hours=hours)  # fmt: skip
        return submits.Submitted(job, frozenset([steps[0].lane]))

    return submits.submit(make)


def _asked(
    connection: Connection, tenant: int, catalog: catalogs.Catalog, body: schemas.SearchRequest
) -> Asked:
    more: dict[str, Any] = {"limit": body.limit, "mode": body.mode}
    if body.text is not None:
        known = categories_for(connection, tenant, catalog, body.text, body.parse_constraints)
        return Asked.words(body.text, body.filters, known, **more)
    return Asked(item_id=body.item_id, image_url=body.image_url, filters=body.filters, **more)


def categories_for(
    connection: Connection, tenant: int, catalog: catalogs.Catalog, words: str, parse: bool
) -> list[str] | None:
    """The categories that words may name; None where their constraints are not to be read."""
    if not parse:
        return None
    may_name_one = CATEGORY_WORDS.search(words)
    return catalogs.categories(connection, tenant, catalog.id) if may_name_one else []
