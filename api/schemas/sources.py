"""Words, pictures and items that a body is about, and the searches and embeddings of them."""

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import FileStorage

from db import images
from db.errors import InvalidInput
from db.fields import ItemId
from db.filters import Filters


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
