"""What a client says of an item, checked here for the API, manifests and documents alike."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_INDEXED_BYTES = 2_000
"""Of a text by which items are looked up: a btree takes 2,704 bytes in all."""


def is_bad_text(value: Any) -> bool:
    """Whether it is text that Postgres cannot hold: with a NUL or half a character."""
    if not isinstance(value, str):
        return False
    # ASCII is settled in one fast look.
    return "\0" in value or (
        not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
    )


def storable(value: Any, depth: int = 0) -> Any:
    """The value, when Postgres can hold it. Raises ValueError for NUL characters and depth."""
    if depth > 16:
        raise ValueError("nested more than 16 deep")
    if is_bad_text(value):
        raise ValueError("holds a character that text cannot have")
    if isinstance(value, dict):
        for key, inner in value.items():
            storable(key, depth + 1)
            storable(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            storable(inner, depth + 1)
    return value


Line = Annotated[str, Field(max_length=1_000), AfterValidator(storable)]
Prose = Annotated[str, Field(max_length=20_000), AfterValidator(storable)]


def _indexable(value: str) -> str:
    """A text that fits into a btree's entry. Raises ValueError."""
    if len(value.encode()) > MAX_INDEXED_BYTES:
        raise ValueError(f"has more than {MAX_INDEXED_BYTES} bytes")
    return value


Category = Annotated[Line, AfterValidator(_indexable)]
Tag = Annotated[Line, AfterValidator(_indexable)]


def usable_id(value: str) -> str:
    """An id that can stand in a URL's path. Raises ValueError."""
    if not value.isprintable() or "/" in value or value in {".", ".."}:
        raise ValueError("must be printable and hold no '/'")
    return value


ItemId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(storable),
                   AfterValidator(usable_id)]  # fmt: skip

DocumentId = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(storable),
                       AfterValidator(usable_id)]  # fmt: skip
"""Shorter than an item's: the ids of its pages begin with it."""


class ItemFields(BaseModel):
    """What a client says of an item. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")

    id: ItemId | None = None
    name: Line | None = None
    caption: Prose | None = None
    description: Prose | None = None
    category: Category | None = None
    tags: Annotated[list[Tag], Field(max_length=100)] = []
    price: Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    attributes: Annotated[dict[str, Any], AfterValidator(storable)] = {}
