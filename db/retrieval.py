"""Retrieval: which vectors a query still needs, and its hits once they are there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Connection, text

from db import constraints, search
from db.catalogs import Catalog
from db.errors import ItemNotEmbedded, ModeNotSupported, NotFound
from db.filters import Filters
from db.hits import Hit
from db.queue import Step
from db.search import Query, Vector
from db.vocabulary import Lane

ITEM = text("""
    SELECT i.id, i.sha256 IS NOT NULL AS pictured, picture.vector AS picture, words.vector AS words,
        left(concat_ws(' ', i.name, i.caption, i.description, i.text), 2000) AS said
    FROM items i
    LEFT JOIN embeddings picture ON picture.tenant_id = i.tenant_id
        AND picture.item_id = i.id AND picture.model_id = :model
    LEFT JOIN embeddings words ON words.tenant_id = i.tenant_id
        AND words.item_id = i.id AND words.model_id = :text_model
    WHERE i.tenant_id = :tenant AND i.catalog_id = :catalog AND i.external_id = :external_id
""")


@dataclass(frozen=True)
class Asked:
    """A query as its job's request keeps it: by words, by a picture, or by a stored item."""

    text: str | None = None
    """As the user wrote it."""
    searched_text: str | None = None
    """What is left of it for the models and the word index, without constraints."""
    item_id: str | None = None
    image_url: str | None = None
    filters: Filters = field(default_factory=Filters)
    """The explicit ones."""
    parsed_filters: Filters = field(default_factory=Filters)
    """Those that the words held."""
    limit: int = 10
    mode: str = "auto"

    @classmethod
    def words(
        cls, said: str, filters: Filters, categories: Collection[str] | None, **more: Any
    ) -> Self:
        """A query by words; with `categories` (may be empty) its constraints become filters."""
        if categories is None:
            return cls(said, said, filters=filters, **more)
        parsed = constraints.parse(said, categories)
        _, applied = constraints.merged(filters, parsed.filters)
        # Words that are all constraint still have to be searched by something.
        return cls(said, parsed.text or said, filters=filters, parsed_filters=applied, **more)

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Self:
        """From a job's request, as `as_json` wrote it."""
        known = {name: request[name] for name in cls.__dataclass_fields__ if name in request}
        for name in ("filters", "parsed_filters"):
            known[name] = Filters.parse(known.get(name))
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        """For a job's request."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {k: v.as_json() if isinstance(v, Filters) else v for k, v in plain.items()
                if v is not None}  # fmt: skip

    def echo(self) -> dict[str, Any]:
        """The `query` of a search's result."""
        return {
            "text": self.text,
            "searched_text": self.searched_text,
            "filters": self.filters.as_json(),
            "parsed_filters": self.parsed_filters.as_json(),
        }

    @property
    def all_filters(self) -> Filters:
        """What must hold."""
        return constraints.merged(self.filters, self.parsed_filters)[0]

    def wants(self, name: str) -> bool:
        """Whether the list `image`, `text` or `words` is asked for."""
        return self.mode in ("auto", "hybrid") or (name == "image") == (self.mode == "image")


def steps(
    connection: Connection, tenant: int, catalog: Catalog, asked: Asked, sha256: bytes | None = None
) -> list[Step]:
    """The vectors that must be made before the search; none when all are known.

    `sha256` is the stored picture that is searched by. Raises ModeNotSupported.
    """
    if asked.item_id is not None:
        return []
    picture: dict[str, Any] = {"query": True}
    if asked.image_url is not None or sha256 is not None:
        if asked.mode == "text":
            raise ModeNotSupported("A picture is searched for among pictures; leave `mode` out.")
        if asked.image_url is not None:
            fetch = {"image_url": asked.image_url, "model": catalog.image_model}
            return [Step(Lane.INGEST, picture | fetch)]
        assert sha256 is not None
        known = search.cached_query(connection, tenant, catalog.model_id, sha256) is not None
        step = Step(Lane.EMBED, picture | {"sha256": sha256.hex()}, catalog.image_model)
        return [] if known or catalog.model_id is None else [step]
    return words_steps(connection, tenant, catalog, asked)


def words_steps(connection: Connection, tenant: int, catalog: Catalog, asked: Asked) -> list[Step]:
    """The vectors of a query by words that are not known yet."""
    words = asked.searched_text or ""
    spaces = [
        ("image", catalog.model_id, Lane.EMBED, catalog.image_model),
        ("text", catalog.text_model_id, catalog.text_lane, catalog.text_model),
    ]
    return [
        Step(lane, {"text": words, "query": True}, model)
        for name, space, lane, model in spaces
        if space is not None and asked.wants(name)
        and search.cached_query(connection, tenant, space, search.query_sha(words)) is None
    ]  # fmt: skip


def hits(
    connection: Connection, tenant: int, catalog: Catalog, asked: Asked, sha256: bytes | None = None
) -> list[Hit]:
    """The ranked hits. Raises NotFound, ItemNotEmbedded, ModeNotSupported."""
    if asked.item_id is not None:
        query = _like_item(connection, tenant, catalog, asked)
    elif sha256 is not None:
        vector = search.cached_query(connection, tenant, catalog.model_id, sha256)
        query = Query(None, vector, None, asked.all_filters, asked.limit, pictured=True)
    else:
        query = _by_words(connection, tenant, catalog, asked)
    return search.find(connection, tenant, catalog, query)


def result(
    connection: Connection, tenant: int, catalog: Catalog, asked: Asked, sha256: bytes | None = None
) -> dict[str, Any]:
    """A search job's result. Raises as `hits` does."""
    found = hits(connection, tenant, catalog, asked, sha256)
    return search.result(catalog, found, asked.echo())


def _by_words(connection: Connection, tenant: int, catalog: Catalog, asked: Asked) -> Query:
    """A vector that could not be made is left out: the other lists still find."""
    words = asked.searched_text or ""
    key = search.query_sha(words)

    def vector(name: str, space: int | None) -> Vector | None:
        wanted = asked.wants(name)
        return search.cached_query(connection, tenant, space, key) if wanted else None

    return Query(
        words if asked.wants("words") else None,
        vector("image", catalog.model_id),
        vector("text", catalog.text_model_id),
        asked.all_filters,
        asked.limit,
    )


def _like_item(connection: Connection, tenant: int, catalog: Catalog, asked: Asked) -> Query:
    """More like a stored item: by its picture; else, or where asked for, by its words."""
    row = connection.execute(
        ITEM,
        {"tenant": tenant, "catalog": catalog.id, "external_id": asked.item_id,
         "model": catalog.model_id, "text_model": catalog.text_model_id},
    ).first()  # fmt: skip
    if row is None:
        raise NotFound(f"There is no item {asked.item_id!r} in this catalog.")
    image = _vector(row.picture) if asked.wants("image") else None
    by_words = asked.mode in ("text", "hybrid") or (asked.mode == "auto" and not row.pictured)
    words = _vector(row.words) if by_words else None
    said = row.said if by_words and words is None and image is None else None
    if image is None and words is None and not said:
        raise ItemNotEmbedded(
            f"The item {asked.item_id!r} has no embedding (yet); try again later."
        )
    return Query(said or None, image, words, asked.all_filters, asked.limit, exclude=row.id,
                 pictured=True)  # fmt: skip


def _vector(value: Any) -> Vector | None:
    return None if value is None else search.to_vector(value)
