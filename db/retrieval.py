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


Known = Mapping[str, Vector]
"""A query's vectors by the list that they are for: `image`, `text`."""


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

    @property
    def pictured(self) -> bool:
        """Whether it is by a picture: one that was sent, or is at an address."""
        return self.searched_text is None and self.item_id is None

    def wants(self, name: str) -> bool:
        """Whether the list `image`, `text` or `words` is asked for."""
        return self.mode in ("auto", "hybrid") or (name == "image") == (self.mode == "image")


def known(
    connection: Connection, tenant: int, catalog: Catalog, asked: Asked, sha256: bytes | None = None
) -> Known:
    """The query's vectors that were made before. `sha256` is the stored picture that is searched by."""
    spaces = _spaces(catalog, asked)
    if not spaces or (asked.pictured and sha256 is None):
        return {}
    key = sha256 or search.query_sha(asked.searched_text or "")
    found = search.known_in(connection, tenant, list(spaces.values()), key)
    return {name: found[space] for name, space in spaces.items() if space in found}


def steps(
    catalog: Catalog, asked: Asked, vectors: Known, sha256: bytes | None = None
) -> list[Step]:
    """The vectors that must be made before the search; none when all are known.

    `sha256` is the stored picture that is searched by. Raises ModeNotSupported.
    """
    if asked.pictured and asked.mode == "text":
        raise ModeNotSupported("A picture is searched for among pictures; leave `mode` out.")
    if asked.image_url is not None and sha256 is None:
        fetch = {"image_url": asked.image_url, "model": catalog.image_model}
        return [Step(Lane.INGEST, {"query": True} | fetch)]
    sought = {"text": asked.searched_text} if sha256 is None else {"sha256": sha256.hex()}
    makers = {
        "image": (Lane.EMBED, catalog.image_model),
        "text": (catalog.text_lane, catalog.text_model),
    }
    missing = _spaces(catalog, asked).keys() - vectors.keys()
    return [
        Step(lane, {"query": True} | sought, model)
        for name, (lane, model) in makers.items()
        if name in missing
    ]


def hits(
    connection: Connection, tenant: int, catalog: Catalog, asked: Asked, vectors: Known
) -> list[Hit]:
    """The ranked hits by the vectors that are known: where one could not be made, the others find.

    Raises NotFound, ItemNotEmbedded.
    """
    if asked.item_id is not None:
        query = _like_item(connection, tenant, catalog, asked)
    else:
        words = asked.searched_text if asked.wants("words") else None
        query = Query(words, vectors.get("image"), vectors.get("text"), asked.all_filters,
                      asked.limit, pictured=asked.pictured)  # fmt: skip
    return search.find(connection, tenant, catalog, query)


def result(
    connection: Connection, tenant: int, catalog: Catalog, asked: Asked, vectors: Known
) -> dict[str, Any]:
    """A search job's result. Raises as `hits` does."""
    found = hits(connection, tenant, catalog, asked, vectors)
    return search.result(catalog, found, asked.echo())


def _spaces(catalog: Catalog, asked: Asked) -> dict[str, int]:
    """The spaces in which the query needs a vector of its own, by the list's name."""
    if asked.item_id is not None:
        return {}
    spaces = {"image": catalog.model_id}
    if not asked.pictured:
        spaces["text"] = catalog.text_model_id
    wanted = {name for name in spaces if asked.pictured or asked.wants(name)}
    return {name: space for name, space in spaces.items() if space is not None and name in wanted}


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
