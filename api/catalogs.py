"""Catalogs: made, changed, read, listed and deleted."""

from flask.typing import ResponseReturnValue

from api import cursors, schemas, views
from api.auth import current_tenant
from api.openapi import Routes, answer
from api.services import services
from db import catalogs, second_model, segments
from db.errors import Conflict, ModelNotServed, NotFound
from db.settings import Settings
from db.vocabulary import NO_MODEL

routes = Routes("catalogs")


@routes.route("GET", "/v1/catalogs", query=schemas.Page, answers={200: schemas.CatalogList})
def list_catalogs(query: schemas.Page) -> ResponseReturnValue:
    """Catalogs by name."""
    after = cursors.decode(query.after, str)
    with services().database.begin() as connection:
        rows = catalogs.listed(
            connection, current_tenant(), query.limit + 1, after[0] if after else None
        )
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].name) if len(rows) > query.limit else None
    return answer({"data": [views.catalog(row) for row in shown], "next": more})


@routes.route("PUT", "/v1/catalogs/<catalog>", body=schemas.CatalogPut, optional=True,
              answers={200: schemas.Catalog, 201: schemas.Catalog})  # fmt: skip
def put_catalog(catalog: str, body: schemas.CatalogPut) -> ResponseReturnValue:
    """Create a catalog, or update it."""
    check_models(services().settings, body)
    tenant = current_tenant()
    with services().database.begin() as connection:
        try:
            former = catalogs.get(connection, tenant, catalog)
        except NotFound:
            former = None
        row, created = catalogs.put(
            connection, tenant, catalog, description=body.description,
            image_model=body.image_model or _image_model(former),
            text_model=body.text_model or _text_model(former),
        )  # fmt: skip
        if body.image_model and row.image_model != body.image_model:
            raise Conflict("The catalog holds embeddings of another image model; make a new one.")
        if body.text_model and row.text_model != body.text_model:
            raise Conflict("The catalog holds items under another text model; make a new one.")
        counts = catalogs.counts(connection, tenant, row.id)
    return answer(views.catalog(row, counts), 201 if created else 200)


def check_models(settings: Settings, body: schemas.CatalogPut) -> None:
    """Raise ModelNotServed for a model that no worker of this server has."""
    if body.image_model is not None and body.image_model not in settings.image_models:
        raise ModelNotServed("No worker here serves this image model.")
    if body.text_model not in (None, NO_MODEL, settings.served_text_model):
        raise ModelNotServed("No worker here serves this text model.")


def _image_model(former: catalogs.Catalog | None) -> str:
    return former.image_model if former else services().settings.image_models[0]


def _text_model(former: catalogs.Catalog | None) -> str:
    return former.text_model if former else services().settings.served_text_model


@routes.route("GET", "/v1/catalogs/<catalog>", answers={200: schemas.Catalog})
def get_catalog(catalog: str) -> ResponseReturnValue:
    """A catalog with what it holds."""
    with services().database.begin() as connection:
        row = catalogs.get(connection, current_tenant(), catalog)
        counts = catalogs.counts(connection, current_tenant(), row.id)
        index = segments.summary(connection, current_tenant(), row.id)
        covered = None
        if row.second_model:
            covered = second_model.coverage(connection, current_tenant(), row.id)
    shown = views.catalog(row, counts) | {"index": index}
    return answer(shown | {"second_model": views.second_model(row, covered)})


@routes.route("DELETE", "/v1/catalogs/<catalog>", answers={204: None})
def delete_catalog(catalog: str) -> ResponseReturnValue:
    """Delete a catalog with all that it holds, its jobs too."""
    with services().database.begin() as connection:
        catalogs.delete(connection, current_tenant(), catalog)
    return "", 204


def find(name: str) -> catalogs.Catalog:
    """The catalog of a request, in a transaction of its own. Raises NotFound."""
    with services().database.begin() as connection:
        return catalogs.get(connection, current_tenant(), name)
