"""A catalog's second image model: begun, switched to, dropped, while the first one serves."""

from typing import Annotated, Literal

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from api import schemas, submits, views
from api.auth import current_tenant
from api.openapi import KEY, PREFER, SUBMITTED, Routes, answer
from api.services import services
from db import catalogs, jobs, second_model
from db.errors import ModelNotServed
from db.queue import NewTask
from db.vocabulary import JobKind, Lane

routes = Routes("second_model")
PATH = "/v1/catalogs/<catalog>/second-model"


class SecondModelPut(BaseModel):
    """The model, and whether search switches to it by itself once it has every picture."""

    model_config = ConfigDict(extra="forbid")
    image_model: Annotated[str, Field(min_length=1, max_length=500)]
    switch: Literal["auto", "manual"] = "auto"


class Switch(BaseModel):
    """`incomplete` switches although pictures lack a vector: they are not found until they have one."""

    model_config = ConfigDict(extra="forbid")
    incomplete: bool = False


@routes.route("PUT", PATH, body=SecondModelPut, answers=SUBMITTED, headers=(PREFER, KEY))
def put_second_model(catalog: str, body: SecondModelPut) -> ResponseReturnValue:
    """Embed a catalog with a second image model too; sent again, it embeds what is missing."""
    tenant, model = current_tenant(), body.image_model
    if model not in services().settings.image_models:
        raise ModelNotServed("No worker here serves this image model.")

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        second_model.begin(connection, tenant, row, model, auto=body.switch == "auto")
        hours = services().settings.job_deadline_hours
        job = jobs.create(connection, tenant, JobKind.REEMBEDDING, catalog_id=row.id,
                          request={"image_model": model}, expanded=False,
                          tasks=[NewTask(Lane.INGEST, expands=True)], deadline_hours=hours)  # fmt: skip
        return submits.Submitted(job, frozenset([Lane.INGEST]))

    return submits.submit(make)


@routes.route("POST", f"{PATH}/switch", body=Switch, optional=True, answers={200: schemas.Catalog})
def switch_model(catalog: str, body: Switch) -> ResponseReturnValue:
    """Search with the second model from now on; the first becomes the second, to switch back to."""
    tenant = current_tenant()
    with services().database.begin() as connection:
        row = catalogs.get(connection, tenant, catalog)
        second_model.switch(connection, tenant, row.id, incomplete=body.incomplete)
        shown = views.catalog(catalogs.get(connection, tenant, catalog))
    return answer(shown)


@routes.route("DELETE", PATH, answers={204: None})
def delete_second_model(catalog: str) -> ResponseReturnValue:
    """Drop the second model with its vectors."""
    tenant = current_tenant()
    with services().database.begin() as connection:
        row = catalogs.get(connection, tenant, catalog)
        second_model.drop(connection, tenant, row.id)
    return "", 204
