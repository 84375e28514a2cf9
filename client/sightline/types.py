"""The shapes of what the server answers, for those who check types; at run time they are dicts."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Json = dict[str, Any]
Filters = Mapping[str, Any]
"""The contract's object: `{"category": "shoes", "price": {"lte": 50}}`."""
Mode = Literal["auto", "image", "text", "hybrid"]
Style = Literal["answer", "rank"]
Detail = Literal["low", "high"]


class Error(TypedDict):
    """Why a job or a task failed."""

    code: str
    detail: str


class Counts(TypedDict):
    """A job's tasks by what became of them; they add up to the total."""

    total: int
    succeeded: int
    unchanged: int
    failed: int
    canceled: int
    pending: int


class Progress(TypedDict):
    """How far a document's reading came."""

    pages: int
    read: int


class Job(TypedDict):
    """What was submitted, as it stands. Times are RFC 3339 in UTC."""

    id: str
    kind: str
    catalog: str | None
    status: str
    created_at: str
    started_at: str | None
    ended_at: str | None
    expires_at: str
    cancel_requested_at: str | None
    expanded: bool
    counts: Counts
    progress: Progress | None
    usage: dict[str, int] | None
    result: Json | None
    error: Error | None
    urls: dict[str, str]


class Task(TypedDict):
    """One unit of a job's work."""

    index: int
    item_id: str | None
    status: str
    attempts: int
    error: Error | None
    note: str | None


class Catalog(TypedDict):
    """A catalog; `counts` only where it was asked for alone."""

    name: str
    description: str | None
    image_model: str
    text_model: str
    created_at: str
    counts: NotRequired[Json]
    index: NotRequired[Json]
    second_model: NotRequired[Json | None]


class Item(TypedDict):
    """A stored item. `sha256` is that of its picture, `box` is in points on its page."""

    id: str
    kind: str
    name: str | None
    caption: str | None
    captioned_by: str | None
    description: str | None
    category: str | None
    tags: list[str]
    price: float | None
    currency: str | None
    attributes: Json
    text: str | None
    document_id: str | None
    page: int | None
    span: list[int] | None
    box: list[float] | None
    source_url: str | None
    sha256: str | None
    created_at: str
    updated_at: str
    urls: dict[str, str | None]


class Document(TypedDict):
    """An uploaded PDF or deck; `pages` is None until it was opened."""

    id: str
    title: str | None
    file_name: str | None
    media_type: str
    sha256: str
    category: str | None
    tags: list[str]
    attributes: Json
    pages: int | None
    notes: list[str]
    created_at: str
    updated_at: str
    urls: dict[str, str]


class Key(TypedDict):
    """An API key; `key` itself only in the answer that made it."""

    id: str
    label: str | None
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    key: NotRequired[str]


class Webhook(TypedDict):
    """An address that is told when jobs end; `secret` only where it was made."""

    id: str
    url: str
    events: list[str]
    kinds: list[str]
    description: str | None
    created_at: str
    disabled_at: str | None
    former_secret_until: str | None
    secret: NotRequired[str]
