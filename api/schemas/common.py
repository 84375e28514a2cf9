"""What belongs to no one resource: names in paths, places in lists, health and problems."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from db.fields import DocumentId, ItemId

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


class Nothing(BaseModel):
    """No parameters at all."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel):
    """Where in a list to read."""

    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Annotated[str, Field(max_length=1000)] | None = None


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
