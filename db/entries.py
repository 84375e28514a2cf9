"""Items on their way in: put in bulk, with the tasks that are left to do for each."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from ulid import ULID

from db.catalogs import Catalog
from db.fields import ItemFields
from db.queue import NewTask, Step
from db.vocabulary import NO_MODEL, ItemKind, Lane, TaskStatus


@dataclass(frozen=True)
class Entry:
    """An item on its way in: `sha256` of a picture that the blob store holds, or a text, or both."""

    index: int
    fields: ItemFields
    sha256: bytes | None = None
    size: int = 0
    media_type: str = ""
    source_url: str | None = None
    text: str | None = None
    kind: ItemKind | None = None
    """None: a picture, or a text where there is no picture."""
    document_id: str | None = None
    page: int | None = None
    span: tuple[int, int] | None = None
    box: tuple[float, float, float, float] | None = None
    note: str | None = None
    """What its task tells of it, in plain words."""


def new_id() -> str:
    """The id of an item to which its client gave none."""
    return f"item_{str(ULID()).lower()}"


def words_of(kind: str, *parts: str | None) -> str | None:
    """What a text model embeds of an item: its name, caption, description and text.

    None where it has none. A page's name alone says nothing: its words are in its text chunks.
    """
    words = "\n".join(part for part in parts if part)
    return words if words and kind != ItemKind.PAGE else None


def words_key(words: str) -> bytes:
    """The hash under which the vector of an item's words is kept."""
    return hashlib.sha256(b"words\0" + words.encode()).digest()


PUT = text("""
    WITH incoming AS (
        SELECT * FROM jsonb_to_recordset(:rows) AS r(external_id text, kind text, sha256 text,
            words_sha256 text, source_url text, name text, caption text, captioned_by text,
            description text, category text, tags text[], price numeric, currency text,
            attributes jsonb, text text, document_id text, page int, span int[], box float8[])
    ), stored AS (
        INSERT INTO items AS i (tenant_id, catalog_id, external_id, kind, sha256, words_sha256,
            source_url, name, caption, captioned_by, description, category, tags, price, currency,
            attributes, text, document_id, page, span, box)
        SELECT :tenant, :catalog, external_id, kind, decode(sha256, 'hex'),
            decode(words_sha256, 'hex'), source_url, name, caption, captioned_by, description,
            category, tags, price, currency, attributes, text, document_id, page, span, box
        FROM incoming ORDER BY external_id
        ON CONFLICT (tenant_id, catalog_id, external_id) DO UPDATE SET
            kind = excluded.kind, sha256 = excluded.sha256, words_sha256 = excluded.words_sha256,
            source_url = excluded.source_url, name = excluded.name, caption = excluded.caption,
            captioned_by = excluded.captioned_by, description = excluded.description,
            category = excluded.category, tags = excluded.tags, price = excluded.price,
            currency = excluded.currency, attributes = excluded.attributes, text = excluded.text,
            document_id = excluded.document_id, page = excluded.page, span = excluded.span,
            box = excluded.box, updated_at = now()
        RETURNING i.id, i.external_id, i.sha256, i.words_sha256,
            old.id IS NOT NULL AND old.text IS NOT DISTINCT FROM new.text AS same_text
    )
    SELECT s.id, s.external_id, s.same_text, e.item_id IS NOT NULL AS embedded,
        n.item_id IS NOT NULL AS seconded, w.item_id IS NOT NULL AS worded
    FROM stored s
    LEFT JOIN embeddings e ON e.tenant_id = :tenant AND e.item_id = s.id
        AND e.model_id = :model AND e.sha256 = s.sha256
    LEFT JOIN embeddings n ON n.tenant_id = :tenant AND n.item_id = s.id
        AND n.model_id = :second_model AND n.sha256 = s.sha256
    LEFT JOIN embeddings w ON w.tenant_id = :tenant AND w.item_id = s.id
        AND w.model_id = :text_model AND w.sha256 = s.words_sha256
""").bindparams(bindparam("rows", type_=JSONB))

CAPTIONED = text("""
    SELECT i.external_id, i.caption, i.captioned_by
    FROM items i JOIN unnest(CAST(:ids AS text[]), CAST(:hashes AS bytea[])) AS e(id, sha256)
      ON i.external_id = e.id AND i.sha256 = e.sha256
    WHERE i.tenant_id = :tenant AND i.catalog_id = :catalog AND i.captioned_by IS NOT NULL
""")


def _drop_stale(column: str) -> TextClause:
    """What was replaced is not found any more, also before the new one is embedded."""
    return text(f"""
        DELETE FROM embeddings e USING items i
        WHERE i.tenant_id = :tenant AND i.id = ANY(:ids) AND e.tenant_id = i.tenant_id
          AND e.item_id = i.id AND e.model_id = :model AND e.sha256 IS DISTINCT FROM i.{column}
    """)


def _copy_cached(column: str) -> TextClause:
    """The cache: the same bytes or words under the same model need no encoder."""
    return text(f"""
        INSERT INTO embeddings (tenant_id, catalog_id, item_id, model_id, sha256, vector)
        SELECT i.tenant_id, i.catalog_id, i.id, :model, i.{column}, c.vector
        FROM items i CROSS JOIN LATERAL (
            SELECT vector FROM embeddings e WHERE e.tenant_id = i.tenant_id
              AND e.sha256 = i.{column} AND e.model_id = :model LIMIT 1) c
        WHERE i.tenant_id = :tenant AND i.id = ANY(:ids) AND i.{column} IS NOT NULL
        ON CONFLICT (tenant_id, item_id, model_id) DO UPDATE SET
            sha256 = excluded.sha256, vector = excluded.vector, seq = DEFAULT
        RETURNING item_id
    """)


PICTURES = (_drop_stale("sha256"), _copy_cached("sha256"))
WORDS = (_drop_stale("words_sha256"), _copy_cached("words_sha256"))

PUT_BLOBS = text("""
    INSERT INTO blobs (tenant_id, sha256, size, media_type)
    SELECT DISTINCT :tenant, decode(b.sha256, 'hex'), b.size, b.media_type
    FROM jsonb_to_recordset(:rows) AS b(sha256 text, size bigint, media_type text)
    ORDER BY 2 ON CONFLICT DO NOTHING
""").bindparams(bindparam("rows", type_=JSONB))


def put(
    connection: Connection, tenant: int, catalog: Catalog, entries: Sequence[Entry]
) -> list[NewTask]:
    """Insert or replace items by their ids; returns a task for each, in the order given.

    A task is already `unchanged` when this picture of this item is embedded, `succeeded` when
    the cache had its vectors or none is needed, and else `queued`: for the picture's vector, for
    the words' under the catalog's text model, or for one behind the other. The bytes must be in
    the blob store, and ids distinct among the entries.
    """
    if not entries:
        return []
    keep_blobs(connection, tenant, entries)
    rows = _rows(connection, tenant, catalog, entries)
    stored = {
        row.external_id: row
        for row in connection.execute(
            PUT,
            {"tenant": tenant, "catalog": catalog.id, "model": catalog.model_id,
             "second_model": catalog.second_model_id, "text_model": catalog.text_model_id,
             "rows": rows},
        )
    }  # fmt: skip
    found = [stored[row["external_id"]] for row in rows]
    seen = from_cache(connection, tenant, catalog.model_id, PICTURES,
                       [row.id for row in found if not row.embedded])  # fmt: skip
    again = from_cache(connection, tenant, catalog.second_model_id, PICTURES,
                        [row.id for row in found if not row.seconded])  # fmt: skip
    read = from_cache(connection, tenant, catalog.text_model_id, WORDS,
                       [row.id for row in found if not row.worded])  # fmt: skip
    return [
        _task(entry, row, one, catalog, one.embedded or one.id in seen,
              one.seconded or one.id in again, one.worded or one.id in read)
        for entry, row, one in zip(entries, rows, found, strict=True)
    ]  # fmt: skip


def keep_blobs(connection: Connection, tenant: int, entries: Iterable[Entry]) -> None:
    """Note the size and media type of the entries' pictures."""
    rows = [
        {"sha256": e.sha256.hex(), "size": e.size, "media_type": e.media_type}
        for e in entries
        if e.sha256
    ]
    if rows:
        connection.execute(PUT_BLOBS, {"tenant": tenant, "rows": rows})


def from_cache(
    connection: Connection,
    tenant: int,
    model: int | None,
    statements: tuple[TextClause, TextClause],
    ids: list[int],
) -> set[int]:
    """Drop the stale vectors of items; returns those that got their new one from the cache."""
    if model is None or not ids:
        return set()
    values = {"tenant": tenant, "model": model, "ids": ids}
    drop, copy = statements
    connection.execute(drop, values)
    return set(connection.execute(copy, values).scalars())


def _rows(
    connection: Connection, tenant: int, catalog: Catalog, entries: Sequence[Entry]
) -> list[dict[str, Any]]:
    rows = [_row(entry) for entry in entries]
    _keep_captions(connection, tenant, catalog, rows)
    if catalog.text_model != NO_MODEL:
        for row in rows:
            row["words"] = words_of(
                row["kind"], row["name"], row["caption"], row["description"], row["text"]
            )
            row["words_sha256"] = row["words"] and words_key(row["words"]).hex()
    return rows


def _row(entry: Entry) -> dict[str, Any]:
    plain = ItemKind.TEXT if entry.sha256 is None and entry.text is not None else ItemKind.IMAGE
    return entry.fields.model_dump(mode="json", exclude={"id"}) | {
        "external_id": entry.fields.id or new_id(),
        "kind": entry.kind or plain,
        "sha256": entry.sha256.hex() if entry.sha256 else None,
        "source_url": entry.source_url,
        "text": entry.text,
        "document_id": entry.document_id,
        "page": entry.page,
        "span": entry.span,
        "box": entry.box,
    }


def _keep_captions(
    connection: Connection, tenant: int, catalog: Catalog, rows: list[dict[str, Any]]
) -> None:
    """A caption that a model wrote stays while its picture does, unless the client sends one."""
    bare = [row for row in rows if row["sha256"] and not row["caption"]]
    if not bare:
        return
    kept = connection.execute(
        CAPTIONED,
        {"tenant": tenant, "catalog": catalog.id, "ids": [row["external_id"] for row in bare],
         "hashes": [bytes.fromhex(row["sha256"]) for row in bare]},
    )  # fmt: skip
    captions = {one.external_id: one for one in kept}
    for row in bare:
        if one := captions.get(row["external_id"]):
            row |= {"caption": one.caption, "captioned_by": one.captioned_by}


def _task(
    entry: Entry, row: dict[str, Any], stored: Row[Any], catalog: Catalog,
    seen: bool, again: bool, read: bool,
) -> NewTask:  # fmt: skip
    """Which vectors are there: of its picture, `again` by the second model, and of its words."""
    steps: list[Step] = []
    if entry.sha256 and catalog.second_model and not again:
        # Before the first model's, so that what that one has the second one has as well.
        steps.append(Step(Lane.EMBED, {"sha256": entry.sha256.hex()}, catalog.second_model))
    if entry.sha256 and not seen:
        steps.append(Step(Lane.EMBED, {"sha256": entry.sha256.hex()}, catalog.image_model))
    read = read or not row.get("words_sha256")
    if not read:
        steps.append(words_step(catalog, row["words"]))
    same = stored.embedded if entry.sha256 else stored.same_text and read
    ended = TaskStatus.UNCHANGED if same else TaskStatus.SUCCEEDED
    note = {"note": entry.note} if entry.note else {}
    about: dict[str, Any] = {
        "place": entry.index, "item_id": stored.id, "external_id": stored.external_id
    }  # fmt: skip
    if not steps:
        return NewTask(Lane.EMBED, status=ended, payload=note, **about)
    steps[-1].payload["ends_as"] = ended
    steps = [Step(step.lane, step.payload | note, step.model) for step in steps]
    return NewTask.of(steps, **about)


def words_step(catalog: Catalog, words: str) -> Step:
    """Embed an item's words with the catalog's text model."""
    payload = {"text": words, "sha256": words_key(words).hex()}
    return Step(catalog.text_lane, payload, catalog.text_model)
