"""Text vectors as OpenAI's API gives them, for tools that know no other: point their SDK here."""

import base64
import struct
from typing import Annotated, Literal

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from api import submits
from api.auth import current_tenant
from api.openapi import Routes, answer
from api.services import services
from db import jobs
from db.catalogs import lane_of_text_model
from db.errors import InvalidInput, ModelNotServed, Unavailable
from db.jobs import Job
from db.queue import NewTask
from db.vocabulary import NO_MODEL, JobKind, Lane

routes = Routes("openai")
DEFAULT = "clip"
"""Names the default image model, whose name may be long or a folder."""
WAIT_SECONDS = 50.0
"""Below the minute after which many proxies give up."""
Text = Annotated[str, Field(min_length=1, max_length=100_000)]


class OpenAIEmbeddingRequest(BaseModel):
    """As OpenAI's `embeddings.create` sends it; token ids are of another tokenizer and not taken."""

    model_config = ConfigDict(extra="forbid")
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=2048)]
    model: Annotated[str, Field(min_length=1, max_length=500)] = DEFAULT
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1, le=16_000)] | None = None
    user: Annotated[str, Field(max_length=500)] | None = None

    @property
    def texts(self) -> list[str]:
        """The inputs, also where there is one."""
        return [self.input] if isinstance(self.input, str) else self.input


class OpenAIEmbedding(BaseModel):
    """One vector, as numbers or as base64 of little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class OpenAIUsage(BaseModel):
    """Zeros: a model of our own costs nothing by the token."""

    prompt_tokens: int
    total_tokens: int


class OpenAIEmbeddings(BaseModel):
    """The vectors in the order of the inputs."""

    object: Literal["list"]
    model: str
    data: list[OpenAIEmbedding]
    usage: OpenAIUsage


class OpenAIModel(BaseModel):
    """A model that may be named."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAIModels(BaseModel):
    """All models that may be named."""

    object: Literal["list"]
    data: list[OpenAIModel]


@routes.route("GET", "/openai/v1/models", answers={200: OpenAIModels})
def list_models() -> ResponseReturnValue:
    """The models that embed texts, in OpenAI's form."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "sightline"}
            for name in (DEFAULT, *_served())]  # fmt: skip
    return answer({"object": "list", "data": data})


@routes.route("POST", "/openai/v1/embeddings", body=OpenAIEmbeddingRequest,
              limit=4 * 1024**2, answers={200: OpenAIEmbeddings})  # fmt: skip
def create_openai_embeddings(body: OpenAIEmbeddingRequest) -> ResponseReturnValue:
    """Embed texts in OpenAI's form, waiting for the vectors; `clip` is the default model."""
    image_models = services().settings.image_models
    model = image_models[0] if body.model == DEFAULT else body.model
    if model not in _served():
        raise ModelNotServed("No worker here serves this model; `clip` names the default one.")
    lane = Lane.EMBED if model in image_models else lane_of_text_model(model)
    tasks = [NewTask(lane, place=place, model=model, payload={"text": said})
             for place, said in enumerate(body.texts)]  # fmt: skip
    vectors = _vectors(_ended(_submitted(model, tasks)), len(tasks))
    _check_dimensions(vectors, body.dimensions)
    data = [{"object": "embedding", "index": place, "embedding": _encoded(vector, body)}
            for place, vector in enumerate(vectors)]  # fmt: skip
    usage = {"prompt_tokens": 0, "total_tokens": 0}
    return answer({"object": "list", "model": body.model, "data": data, "usage": usage})


def _served() -> list[str]:
    settings = services().settings
    names = [*settings.image_models, settings.served_text_model]
    return [name for name in names if name != NO_MODEL]


def _submitted(model: str, tasks: list[NewTask]) -> str:
    def make(connection: Connection) -> submits.Submitted:
        job = jobs.create(connection, current_tenant(), JobKind.EMBEDDING, tasks=tasks,
                          request={"model": model},
                          deadline_hours=services().settings.job_deadline_hours)  # fmt: skip
        return submits.Submitted(job, submits.lanes_of(tasks))

    return submits.submit_unkeyed(make)


def _ended(job_id: str) -> Job:
    """The job when it ended. Raises Unavailable when that takes too long, and gives it up."""
    job, _ = services().waiters.wait(job_id, lambda: submits.read(job_id), WAIT_SECONDS)
    if not job.ended:
        with services().database.begin() as connection:
            jobs.cancel(connection, current_tenant(), job_id)
        raise Unavailable("The workers are busy; try again shortly.")
    return job


def _vectors(job: Job, count: int) -> list[list[float]]:
    """One for each input. Raises InvalidInput when one of them could not be embedded."""
    with services().database.begin() as connection:
        found = dict(jobs.results(connection, current_tenant(), job.id))
    vectors = [found.get(place, {}).get("embedding") for place in range(count)]
    if None in vectors:
        failed = f"/input/{vectors.index(None)}"
        detail = (job.error or {}).get("detail", "could not be embedded")
        problem = {"pointer": failed, "code": "not_embedded", "detail": detail}
        raise InvalidInput("An input could not be embedded.", [problem])
    return [vector for vector in vectors if vector is not None]


def _check_dimensions(vectors: list[list[float]], wanted: int | None) -> None:
    if wanted is not None and wanted != len(vectors[0]):
        detail = f"must be {len(vectors[0])}, as the model has it"
        problem = {"pointer": "/dimensions", "code": "wrong_dimensions", "detail": detail}
        raise InvalidInput("The model's vectors are not cut.", [problem])


def _encoded(vector: list[float], body: OpenAIEmbeddingRequest) -> list[float] | str:
    if body.encoding_format == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
