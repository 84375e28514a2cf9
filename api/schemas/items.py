"""Items: what one is made of, what of it can change, and how it is shown."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from api.schemas.common import Page
from api.schemas.sources import Base64, LongText, Source, Url, one_of
from db.fields import ItemFields
from db.vocabulary import ItemKind


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


class ItemPage(Page):
    """Where in a list of items to read, and which."""

    filters: str | None = Field(default=None, description="The filters, as a JSON object.")


class PictureSize(BaseModel):
    """How large a picture is shown."""

    model_config = ConfigDict(extra="forbid")
    size: Literal["full", "thumbnail"] = "full"


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


class ItemList(BaseModel):
    """Items in the order in which they came."""

    data: list[Item]
    next: str | None
