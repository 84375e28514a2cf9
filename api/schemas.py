"""The bodies of requests and answers: what is checked here is what /openapi.json says."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    create_model,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import FileStorage

from db import images
from db.errors import InvalidInput
from db.fields import DocumentId, ItemFields, ItemId, Prose
from db.filters import Filters
from db.vocabulary import ItemKind, JobKind, JobStatus, TaskStatus

CatalogName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
JobId = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
PATH_PARTS: dict[str, TypeAdapter[str]] = {
    "catalog": TypeAdapter(CatalogName),
    "document": TypeAdapter(DocumentId),
    "item": TypeAdapter(ItemId),
    "job": TypeAdapter(JobId),
    "key": TypeAdapter(KeyId),
    "webhook": TypeAdapter(JobId),
    "delivery": TypeAdapter(JobId),
}


def _is_url(value: str) -> str:
    if not value.lower().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if not value.isprintable() or " " in value:
        raise ValueError("must hold no spaces and no control characters")
    return value


Url = Annotated[str, Field(min_length=8, max_length=2048), AfterValidator(_is_url)]
Base64 = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
Query = Annotated[str, Field(min_length=1, max_length=10_000)]
LongText = Annotated[str, Field(min_length=1, max_length=100_000)]


def one_of(*names: str) -> ConfigDict:
    """The configuration of a body that has exactly one of these fields."""
    return ConfigDict(
        extra="forbid",
        json_schema_extra={"oneOf": [{"required": [name]} for name in names]},
        arbitrary_types_allowed=True,
    )


class Source(BaseModel):
    """A body with exactly one source; `image` is a form's file and never in JSON."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    image: SkipJsonSchema[FileStorage | None] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        names = [n for n in ("text", "image_base64", "image_url", "item_id", "image")
                 if n in type(self).model_fields]  # fmt: skip
        if sum(getattr(self, name) is not None for name in names) != 1:
            words = ", ".join(name for name in names if name != "image")
            raise PydanticCustomError("one_of", f"give exactly one of {words}")
        return self

    def picture(self, field: str = "/image_base64") -> tuple[bytes, str] | None:
        """The picture's bytes and media type, if it came with the request.

        Raises ImageTooLarge, UnsupportedImage, or InvalidInput for broken base64.
        """
        data = self.image.read() if self.image else None
        encoded = getattr(self, "image_base64", None)
        if data is None and encoded is not None:
            try:
                data = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                problem = {"pointer": field, "code": "bad_base64", "detail": "is no base64"}
                raise InvalidInput("The picture is no base64.", [problem]) from None
        return None if data is None else (data, images.check(data))


class CatalogPut(BaseModel):
    """What a catalog is to be; models that are left out are the server's."""

    model_config = ConfigDict(extra="forbid")
    description: Prose | None = None
    image_model: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    text_model: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class ItemCreate(Source, ItemFields):
    """One item: its metadata and one of a picture, a picture's address or a text."""

    model_config = one_of("image_base64", "image_url", "text")
    image_base64: Base64 | None = None
    image_url: Url | None = None
    text: LongText | None = None

    def fields(self) -> ItemFields:
        """The metadata alone."""
        return ItemFields(**self.model_dump(include=set(ItemFields.model_fields),
                                            exclude_unset=True))  # fmt: skip


CHANGEABLE: dict[str, Any] = {
    name: (info.annotation, info) for name, info in ItemFields.model_fields.items() if name != "id"
}
ItemPatch = create_model(
    "ItemPatch",
    __config__=ConfigDict(extra="forbid"),
    __doc__="Metadata to change; what is left out stays.",
    **CHANGEABLE,
)


class SearchRequest(Source):
    """A query by words, by picture or by a stored item."""

    model_config = one_of("text", "image_base64", "image_url", "item_id")
    text: Query | None = None
    image_base64: Base64 | None = None
    image_url: Url | None = None
    item_id: ItemId | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    filters: Filters = Field(default_factory=Filters)
    mode: Literal["auto", "image", "text", "hybrid"] = "auto"
    parse_constraints: bool = True


class EmbeddingInput(Source):
    """One input to embed."""

    model_config = one_of("text", "image_base64", "image_url")
    text: Query | None = None
    image_base64: Base64 | None = None
    image_url: Url | None = None


class EmbeddingRequest(BaseModel):
    """Inputs to embed with one model."""

    model_config = ConfigDict(extra="forbid")
    input: Annotated[list[EmbeddingInput], Field(min_length=1, max_length=256)]
    model: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class Page(BaseModel):
    """Where in a list to read."""

    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Annotated[str, Field(max_length=1000)] | None = None


class ItemPage(Page):
    """Where in a list of items to read, and which."""

    filters: str | None = Field(default=None, description="The filters, as a JSON object.")


class JobPage(Page):
    """Where in the list of jobs to read, and which."""

    status: JobStatus | None = None
    kind: JobKind | None = None
    catalog: CatalogName | None = None


class TaskPage(Page):
    """Where in a job's tasks to read, and which."""

    status: TaskStatus | None = None


class Nothing(BaseModel):
    """No parameters at all."""

    model_config = ConfigDict(extra="forbid")


class PictureSize(BaseModel):
    """How large a picture is shown."""

    model_config = ConfigDict(extra="forbid")
    size: Literal["full", "thumbnail"] = "full"


class Counts(BaseModel):
    """What a catalog holds."""

    items: int
    embedded: int
    pending: int
    by_kind: dict[ItemKind, int]


class IndexBuilding(BaseModel):
    """An index that is being built: what Postgres is at, and how far from 0 to 1."""

    phase: str
    progress: float


class VectorIndex(BaseModel):
    """Vectors that are searched by an index, and newer ones that are compared one by one."""

    indexed: int
    fresh: int
    building: IndexBuilding | None


class SecondModel(BaseModel):
    """Another image model of a catalog, and how many of its embedded pictures that one has too."""

    image_model: str
    switch: Literal["auto", "manual"]
    pictures: int
    covered: int
    complete: bool


class Catalog(BaseModel):
    """A catalog; counts, index and second model are only in the answers about it alone."""

    name: str
    description: str | None
    image_model: str
    text_model: str
    created_at: datetime
    counts: Counts | None = None
    index: VectorIndex | None = None
    second_model: SecondModel | None = None


class ItemUrls(BaseModel):
    """Where an item and its picture are served."""

    self: str
    image: str | None
    thumbnail: str | None


class Item(BaseModel):
    """A stored item."""

    model_config = ConfigDict(extra="allow")
    id: str
    kind: ItemKind
    name: str | None
    caption: str | None
    captioned_by: str | None
    description: str | None
    category: str | None
    tags: list[str]
    price: float | None
    currency: str | None
    attributes: dict[str, Any]
    text: str | None
    document_id: str | None
    page: int | None
    span: list[int] | None
    box: list[float] | None
    source_url: str | None
    sha256: str | None
    created_at: datetime
    updated_at: datetime
    urls: ItemUrls


class JobCounts(BaseModel):
    """A job's tasks by what became of them; they add up to the total."""

    total: int
    succeeded: int
    unchanged: int
    failed: int
    canceled: int
    pending: int


class Progress(BaseModel):
    """How far a document's reading came."""

    pages: int
    read: int


class JobUsage(BaseModel):
    """What providers were paid for a job, as they count it."""

    calls: int
    input_tokens: int
    output_tokens: int


class JobUrls(BaseModel):
    """Where a job is read and steered."""

    self: str
    cancel: str
    retry: str
    tasks: str


class Error(BaseModel):
    """Why a job or a task failed."""

    code: str
    detail: str


class Job(BaseModel):
    """What a client submitted, as it stands."""

    id: str
    kind: JobKind
    catalog: str | None
    status: JobStatus
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime
    cancel_requested_at: datetime | None
    expanded: bool
    counts: JobCounts
    progress: Progress | None
    usage: JobUsage | None
    result: dict[str, Any] | None
    error: Error | None
    urls: JobUrls


class Task(BaseModel):
    """One unit of a job's work."""

    index: int
    item_id: str | None
    status: TaskStatus
    attempts: int
    error: Error | None
    note: str | None


class CatalogList(BaseModel):
    """Catalogs by name."""

    data: list[Catalog]
    next: str | None


class ItemList(BaseModel):
    """Items in the order in which they came."""

    data: list[Item]
    next: str | None


class JobList(BaseModel):
    """Jobs, newest first."""

    data: list[Job]
    next: str | None


class TaskList(BaseModel):
    """A job's tasks by index."""

    data: list[Task]
    next: str | None


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """Whether work can be taken, and what is missing."""

    status: Literal["ready", "degraded", "unavailable"]
    degraded: list[str]
    lanes: dict[str, bool]


class ProblemEntry(BaseModel):
    """One thing that is wrong with the input."""

    pointer: str | None = None
    line: int | None = None
    code: str
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemEntry] | None = None
