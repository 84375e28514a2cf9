"""Embeddings: vectors of words and pictures, without any catalog."""

from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from api import reading, schemas, submits
from api.auth import current_tenant
from api.openapi import KEY, PREFER, SUBMITTED, Routes
from api.services import services
from db import jobs
from db.catalogs import lane_of_text_model
from db.errors import InvalidInput, ModelNotServed
from db.queue import NewTask
from db.vocabulary import NO_MODEL, JobKind, Lane

routes = Routes("embeddings")


@routes.route("POST", "/v1/embeddings", body=schemas.EmbeddingRequest, answers=SUBMITTED,
              limit=reading.WITH_PICTURES, headers=(PREFER, KEY))  # fmt: skip
def create_embeddings(body: schemas.EmbeddingRequest) -> ResponseReturnValue:
    """Embed up to 256 inputs; the vectors are the job's result."""
    settings = services().settings
    model = body.model or settings.image_models[0]
    if model not in (*settings.image_models, settings.served_text_model) or model == NO_MODEL:
        raise ModelNotServed("No worker here serves this model.")
    tasks = [_task(place, model, source) for place, source in enumerate(body.input)]

    def make(connection: Connection) -> submits.Submitted:
        hours = services().settings.job_deadline_hours
        job = jobs.create(connection, current_tenant(), JobKind.EMBEDDING, tasks=tasks,
                          request={"model": model}, deadline_hours=hours)  # fmt: skip
        return submits.Submitted(job, submits.lanes_of(tasks))

    return submits.submit(make)


def _task(place: int, model: str, source: schemas.EmbeddingInput) -> NewTask:
    if model not in services().settings.image_models:
        return _words_task(place, model, source)
    if source.image_url:
        payload = {"image_url": source.image_url, "query": True, "model": model}
        return NewTask(Lane.INGEST, place=place, payload=payload)
    picture = source.picture(f"/input/{place}/image_base64")
    if picture is None:
        return NewTask(Lane.EMBED, place=place, model=model, payload={"text": source.text})
    sha256 = services().blobs.put(current_tenant(), picture[0])
    return NewTask(Lane.EMBED, place=place, model=model, payload={"sha256": sha256.hex()})


def _words_task(place: int, model: str, source: schemas.EmbeddingInput) -> NewTask:
    """A text for a text model. Raises InvalidInput for a picture."""
    if source.text is None:
        problem = {"pointer": f"/input/{place}", "code": "no_text", "detail": "give a text"}
        raise InvalidInput("A text model embeds no pictures.", [problem])
    return NewTask(
        lane_of_text_model(model), place=place, model=model, payload={"text": source.text}
    )
