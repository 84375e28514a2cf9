"""Questions: answers, captions and evaluations; the provider is checked before a job is made."""

from typing import Annotated, Any, Literal

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from api import schemas, submits
from api.auth import current_tenant
from api.openapi import KEY, PREFER, SUBMITTED, Routes
from api.searches import categories_for
from api.services import services
from db import catalogs, jobs, retrieval
from db.errors import ProviderNotConfigured
from db.fields import ItemId
from db.filters import Filters
from db.queue import NewTask, Step
from db.retrieval import Asked
from db.vocabulary import ItemKind, JobKind, Lane

routes = Routes("answers")
Detail = Literal["low", "high"]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
KEY_NAMES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}


class AnswerRequest(BaseModel):
    """A question to a catalog; the best matches are its sources."""

    model_config = ConfigDict(extra="forbid")
    question: schemas.Query
    limit: Annotated[int, Field(ge=1, le=20)] = 8
    filters: Filters = Field(default_factory=Filters)
    provider: Literal["openai", "anthropic", "none"] | None = None
    model: ModelName | None = None
    detail: Detail = "low"
    max_output_tokens: Annotated[int, Field(ge=16, le=64_000)] = 4_000
    style: Literal["answer", "rank"] = "answer"
    parse_constraints: bool = True


class CaptionRequest(BaseModel):
    """Which pictures to caption, and by whom."""

    model_config = ConfigDict(extra="forbid")
    provider: Literal["openai", "anthropic"] | None = None
    model: ModelName | None = None
    detail: Detail = "low"
    kind: Annotated[list[ItemKind], Field(min_length=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000


class LabelledQuery(BaseModel):
    """A query and the ids of the items that are right for it."""

    model_config = ConfigDict(extra="forbid")
    text: schemas.Query
    relevant: Annotated[list[ItemId], Field(min_length=1, max_length=1_000)]


Method = Literal["image", "caption", "text", "hybrid"]


class EvaluationRequest(BaseModel):
    """Labelled queries, and the methods to compare on them."""

    model_config = ConfigDict(extra="forbid")
    queries: Annotated[list[LabelledQuery], Field(min_length=1, max_length=1_000)]
    methods: Annotated[list[Method], Field(min_length=1, max_length=4)] = [
        "image", "caption", "text", "hybrid",
    ]  # fmt: skip
    k: Annotated[int, Field(ge=1, le=100)] = 10


@routes.route("POST", "/v1/catalogs/<catalog>/answers", body=AnswerRequest, answers=SUBMITTED,
              headers=(PREFER, KEY))  # fmt: skip
def create_answer(catalog: str, body: AnswerRequest) -> ResponseReturnValue:
    """Answer a question from a catalog, with the best matches as evidence."""
    tenant, provider = current_tenant(), _provider(body.provider)

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        known = categories_for(connection, tenant, row, body.question, body.parse_constraints)
        asked = Asked.words(body.question, body.filters, known, limit=body.limit)
        steps = retrieval.steps(row, asked, retrieval.known(connection, tenant, row, asked))
        request = asked.as_json() | {
            "provider": provider, "provider_named": body.provider is not None,
            "model": body.model, "detail": body.detail, "style": body.style,
            "max_output_tokens": body.max_output_tokens,
        }  # fmt: skip
        return _submitted(
            connection, row, JobKind.ANSWER, request, [[*steps, Step(Lane.ANSWER, {})]]
        )

    return submits.submit(make)


@routes.route("POST", "/v1/catalogs/<catalog>/captions", body=CaptionRequest, optional=True,
              answers=SUBMITTED, headers=(PREFER, KEY))  # fmt: skip
def create_captions(catalog: str, body: CaptionRequest) -> ResponseReturnValue:
    """Let a model caption the pictures that have no caption."""
    tenant, provider = current_tenant(), _provider(body.provider)
    if provider == "none":
        raise ProviderNotConfigured(
            f"Captions need a provider: set {' or '.join(KEY_NAMES.values())}."
        )

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        job = jobs.create(
            connection, tenant, JobKind.CAPTION, catalog_id=row.id, expanded=False,
            request=body.model_dump(mode="json") | {"provider": provider},
            tasks=[NewTask(Lane.ANSWER, expands=True)],
            deadline_hours=services().settings.job_deadline_hours,
        )  # fmt: skip
        return submits.Submitted(job, frozenset([Lane.ANSWER]))

    return submits.submit(make)


@routes.route("POST", "/v1/catalogs/<catalog>/evaluations", body=EvaluationRequest,
              answers=SUBMITTED, headers=(PREFER, KEY))  # fmt: skip
def create_evaluation(catalog: str, body: EvaluationRequest) -> ResponseReturnValue:
    """Compare methods of search on labelled queries: nDCG@k, recall@k and MRR of each."""
    tenant = current_tenant()
    mode = "image" if body.methods == ["image"] else "hybrid"

    def make(connection: Connection) -> submits.Submitted:
        row = catalogs.get(connection, tenant, catalog)
        steps = []
        for query in body.queries:
            asked = Asked(query.text, query.text, mode=mode)
            vectors = retrieval.known(connection, tenant, row, asked)
            steps.append([*retrieval.steps(row, asked, vectors), Step(Lane.ANSWER, {})])
        request = body.model_dump(mode="json") | {"methods": list(dict.fromkeys(body.methods))}
        return _submitted(connection, row, JobKind.EVALUATION, request, steps)

    return submits.submit(make)


def _submitted(
    connection: Connection, catalog: catalogs.Catalog, kind: JobKind, request: dict[str, Any],
    steps: list[list[Step]],
) -> submits.Submitted:  # fmt: skip
    tasks = [NewTask.of(each, place=place) for place, each in enumerate(steps)]
    job = jobs.create(connection, current_tenant(), kind, catalog_id=catalog.id, request=request,
                      tasks=tasks, deadline_hours=services().settings.job_deadline_hours)  # fmt: skip
    return submits.Submitted(job, submits.lanes_of(tasks))


def _provider(named: str | None) -> str:
    """Who is asked. Raises ProviderNotConfigured for somebody who has no key here."""
    settings = services().settings
    if named is None:
        return settings.default_provider
    if named != "none" and named not in settings.providers:
        raise ProviderNotConfigured(f"{named} has no key here: set {KEY_NAMES[named]}.")
    return named
