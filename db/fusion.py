"""The statement of a search: one ranked list per CTE, fused by reciprocal rank, best items last.

Ranks and not scores are added (Cormack, Clarke and Büttcher, 2009), because a picture's cosine to
words, a text's cosine to words and a match of words lie on scales of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import ColumnElement, Executable, TextClause, func, literal_column, select, text

from db import segments, words
from db.hits import FIELDS
from db.models import Item as ItemRow
from db.segments import Segment

K = 60
WEIGHTS = {"image": 1.0, "text": 1.0, "words": 1.0}
"""How much each list counts. The keys are the names of the lists, also in a hit's `ranks`."""
PARTIAL = "CAST(share * share AS float8)"
"""What a match of some of the words counts beside other lists, whose ranks every item has.

Else an item called "Red Line" comes before the red boot that a picture shows. Measured with the demo
model on 200 products and on 28 questions to a manual and a deck: names that say nothing of the look,
nDCG@10 0.76 without it, 0.92 with it (0.99 by pictures alone); half of the names do, 0.57 and 0.67;
all do, 1.0 and 1.0; the right page first for 17 and 24 of the 28.
"""
TEXTS_OF_A_PAGE = 2
"""Chunks of one page that stand in their places; its pictures count as one."""
COLUMNS = ", ".join(f"i.{name}" for name in FIELDS)


@dataclass(frozen=True)
class Shape:
    """What the statement's text depends on. A list without its field is not in the statement."""

    tenant: int
    catalog: int
    image: int | None = None
    """The space of the pictures' vectors, where that list is wanted."""
    text: int | None = None
    """The space of the words' vectors, where that list is wanted."""
    words: bool = False
    formed: bool = False
    required: bool = False
    exclude: bool = False
    sealed: tuple[Segment, ...] = ()
    """The segments whose indexes are used; none: every vector that passes is compared."""
    few: bool = False
    """Whether so few items pass that each one's vector is looked up."""

    @property
    def spaces(self) -> dict[str, int]:
        """The lists by vectors and their spaces."""
        named = {"image": self.image, "text": self.text}
        return {name: int(space) for name, space in named.items() if space is not None}

    @property
    def lists(self) -> list[str]:
        """The lists that are fused."""
        return [*self.spaces, *(["words"] if self.words else [])]


def statement(shape: Shape, conditions: Sequence[ColumnElement[bool]] = ()) -> Executable:
    """The statement, over the items that fulfil the conditions.

    Parameters: `limit`, `pool` (the length of each list) and, as the shape has it, `image` and
    `text` (vectors), `words`, `form`, `exclude`. Rows: an item's columns, `rank_…` of each list,
    `score`, `headline`.
    """
    if not conditions:
        return unfiltered(shape)
    but = [text("items.id <> :exclude")] if shape.exclude else []
    scope = select(ItemRow.__table__).where(*_in_catalog(shape), *conditions, *but)
    made = scope.cte("scope").prefix_with("NOT MATERIALIZED")
    return text(body(shape, filtered=True)).columns().add_cte(made)


def counted(shape: Shape, conditions: Sequence[ColumnElement[bool]], most: int) -> Executable:
    """The statement that counts the items that fulfil the conditions, up to `most`."""
    few = select(ItemRow.tenant_id).where(*_in_catalog(shape), *conditions).limit(most).subquery()
    return select(func.count()).select_from(few)


def _in_catalog(shape: Shape) -> list[ColumnElement[bool]]:
    return [
        ItemRow.tenant_id == literal_column(str(shape.tenant)),
        ItemRow.catalog_id == literal_column(str(shape.catalog)),
    ]


@lru_cache(maxsize=500)
def unfiltered(shape: Shape) -> TextClause:
    """The commonest statement, remembered.

    `+ 0` keeps its `scope` off the btree indexes: the words' index knows the catalog, and the
    planner, who cannot know how rare a word is, would read the whole catalog instead.
    """
    but = " AND i.id <> :exclude" if shape.exclude else ""
    return text(f"""WITH scope AS NOT MATERIALIZED (
    SELECT * FROM items i
    WHERE i.tenant_id + 0 = {shape.tenant:d} AND i.catalog_id + 0 = {shape.catalog:d}{but})
{body(shape, filtered=False)}""")


@lru_cache(maxsize=500)
def body(shape: Shape, *, filtered: bool) -> str:
    """All behind the CTE `scope`. Tenant, catalog and spaces are literals: partial indexes can match."""
    lists = [_nearest(shape, name, filtered=filtered) for name in shape.spaces]
    if shape.words:
        lists.append(
            words.ctes(shape.tenant, shape.catalog, formed=shape.formed, required=shape.required)
        )
    return "".join(f", {cte}" for cte in [*lists, _fused(shape), _best(shape)]) + _rows(shape)


def _nearest(shape: Shape, name: str, *, filtered: bool) -> str:
    """A list by vectors: of all that pass, the nearest."""
    sealed = [segment for segment in shape.sealed if segment.model == shape.spaces[name]]
    if sealed:
        parts = [_by_index(shape, name, segment, filtered=filtered) for segment in sealed]
        parts.append(_fresh(shape, name, segments.bound_of(sealed), filtered=filtered))
    elif filtered and shape.few:
        parts = [_looked_up(shape, name)]
    else:
        parts = [_compared(shape, name, filtered=filtered)]
    found = ")\n        UNION ALL (".join(parts)
    return f"""
{name} AS (
    SELECT id, row_number() OVER (ORDER BY distance, id) AS rank FROM (
        SELECT id, distance FROM (({found})) AS found ORDER BY distance, id LIMIT :pool) AS nearest
)"""


def _compared(shape: Shape, name: str, *, filtered: bool) -> str:
    """Every vector of the catalog, or of the items that pass."""
    passing = " JOIN scope i ON i.tenant_id = e.tenant_id AND i.id = e.item_id" if filtered else ""
    return f"""
        SELECT e.item_id AS id, e.vector <#> :{name} AS distance FROM embeddings e{passing}
        WHERE {_of_catalog(shape, name)}
        ORDER BY e.vector <#> :{name}, e.item_id LIMIT :pool"""


def _looked_up(shape: Shape, name: str) -> str:
    """The vectors of the few items that pass, in the order of their btree: 42 ms for 10,000 items,
    where looking up one after the other took 56."""
    return f"""
        SELECT e.item_id AS id, e.vector <#> :{name} AS distance FROM embeddings e
        WHERE e.tenant_id = {shape.tenant:d} AND e.model_id = {shape.spaces[name]:d}
            AND e.item_id = ANY (ARRAY(SELECT i.id FROM scope i))
        ORDER BY distance, e.item_id LIMIT :pool"""


def _by_index(shape: Shape, name: str, segment: Segment, *, filtered: bool) -> str:
    """A segment's vectors by its index, nearest first; each is asked whether its item passes."""
    nearness = f"{segments.indexed(segment.dimensions)} <#> :{name}"
    covered = segments.predicate(
        shape.tenant, shape.catalog, segment.model, segment.first, segment.bound
    )
    return f"""
        SELECT e.item_id AS id, {nearness} AS distance FROM embeddings e
        WHERE {covered}{_but(shape)}{_passing(shape, "e.item_id") if filtered else ""}
        ORDER BY {nearness} LIMIT :pool"""


def _fresh(shape: Shape, name: str, bound: int, *, filtered: bool) -> str:
    """The vectors behind the segments, each compared; sorted first, few must be asked if they pass."""
    nearest = f"""
        SELECT e.item_id AS id, e.vector <#> :{name} AS distance FROM embeddings e
        WHERE {_of_catalog(shape, name)} AND e.seq >= {bound:d}
        ORDER BY distance"""
    if not filtered:
        return f"{nearest} LIMIT :pool"
    return f"""
        SELECT f.id, f.distance FROM ({nearest} OFFSET 0) AS f
        WHERE true{_passing(shape, "f.id")} ORDER BY f.distance LIMIT :pool"""


def _of_catalog(shape: Shape, name: str) -> str:
    return (
        f"e.tenant_id = {shape.tenant:d} AND e.catalog_id = {shape.catalog:d} "
        f"AND e.model_id = {shape.spaces[name]:d}{_but(shape)}"
    )


def _but(shape: Shape) -> str:
    return " AND e.item_id <> :exclude" if shape.exclude else ""


def _passing(shape: Shape, item: str) -> str:
    """Asked row by row: a join would let the planner begin with the items instead."""
    return f""" AND (
            SELECT true FROM scope i WHERE i.tenant_id = {shape.tenant:d} AND i.id = {item})"""


def _weight(shape: Shape, name: str) -> str:
    """A list's weight; one list alone keeps its order."""
    weight = f"CAST({WEIGHTS[name]} AS float8)"
    return f"{weight} * {PARTIAL}" if name == "words" and len(shape.lists) > 1 else weight


def _fused(shape: Shape) -> str:
    """Reciprocal ranks added by item, and the rank in each list."""
    parts = " UNION ALL ".join(
        f"""
        SELECT id, {_weight(shape, name)} / ({K} + rank) AS part, '{name}' AS list, rank,
            {"match" if name == "words" else "CAST(NULL AS float8) AS match"} FROM {name}"""
        for name in shape.lists
    )
    ranks = ", ".join(
        f"max(rank) FILTER (WHERE list = '{name}') AS rank_{name}" for name in shape.lists
    )
    return f"""
fused AS (
    SELECT id, sum(part) AS fusion, max(match) AS match, {ranks} FROM ({parts}) AS lists
    GROUP BY id
)"""


def _best(shape: Shape) -> str:
    """The best, with what would let one page fill the list behind all others."""
    return f"""
placed AS (
    SELECT f.*, coalesce(row_number() OVER (
            PARTITION BY i.document_id, i.page, i.kind = 'text' ORDER BY f.fusion DESC, f.id)
        > CASE WHEN i.page IS NULL OR i.document_id IS NULL THEN NULL
               WHEN i.kind = 'text' THEN {TEXTS_OF_A_PAGE} ELSE 1 END, false) AS behind
    FROM fused f JOIN items i ON i.tenant_id = {shape.tenant:d} AND i.id = f.id
), best AS (
    SELECT * FROM placed ORDER BY behind, fusion DESC, id LIMIT :limit
)"""


def _rows(shape: Shape) -> str:
    """Metadata, score and headline of the best alone."""
    joins = "".join(
        f"""
LEFT JOIN embeddings of_{name} ON of_{name}.tenant_id = {shape.tenant:d}
    AND of_{name}.item_id = b.id AND of_{name}.model_id = {space:d}"""
        for name, space in shape.spaces.items()
    )
    scores = [f"-(of_{name}.vector <#> :{name})" for name in shape.spaces]
    ranks = ", ".join(f"b.rank_{name}" for name in shape.lists)
    headline = words.HEADLINE if shape.words else "NULL"
    return f"""
SELECT {COLUMNS}, {ranks}, coalesce({", ".join([*scores, "b.match"])}) AS score,
    {headline} AS headline
FROM best b JOIN items i ON i.tenant_id = {shape.tenant:d} AND i.id = b.id{joins}
ORDER BY b.behind, b.fusion DESC, b.id"""
