"""Catalogs: what one is to be, and what is told of it, its counts, index and second model."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from db.fields import Prose
from db.vocabulary import ItemKind


class CatalogPut(BaseModel):
    """What a catalog is to be; models that are left out are the server's."""

    model_config = ConfigDict(extra="forbid")
    description: Prose | None = None
    image_model: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    text_model: Annotated[str, Field(min_length=1, max_length=500)] | None = None


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


class CatalogList(BaseModel):
    """Catalogs by name."""

    data: list[Catalog]
    next: str | None
