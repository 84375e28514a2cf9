"""What a search found: rows become hits, and hits the JSON of the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import Row

from db.items import Item
from db.words import MARK

FIELDS = tuple(Item.__dataclass_fields__)
SNIPPET = 200
"""Characters of a text's beginning, shown where no word of the query is in it."""


@dataclass(frozen=True)
class Hit:
    """An item that was found; `item.id` is its row's number."""

    item: Item
    score: float
    """The cosine of its picture's vector, else of its words'; else, from 0 to 1, how well its words
    match."""
    ranks: dict[str, int]
    """Its rank in every list that found it: `image`, `text`, `words`."""
    snippet: str | None
    """Plain text around the query's words; None where the item has no text."""

    def as_json(self, catalog: str) -> dict[str, Any]:
        """As the HTTP contract shows it; `catalog` is the catalog's name."""
        return {
            "item": self.item.as_json(),
            "score": round(self.score, 6),
            "ranks": self.ranks,
            "snippet": self.snippet,
            "urls": item_urls(catalog, self.item),
        }


def from_row(row: Row[Any], lists: Sequence[str]) -> Hit:
    """A hit from a row of `fusion.statement`: an item's fields, a rank by list, score, headline."""
    values: Sequence[Any] = row
    item = Item(*values[: len(FIELDS)])
    *ranks, score, headline = values[len(FIELDS) :]
    found = {name: rank for name, rank in zip(lists, ranks, strict=True) if rank is not None}
    # The cosine of 16-bit vectors may come out a little above 1.
    return Hit(item, min(1.0, float(score)), found, snippet(item, headline))


def snippet(item: Item, headline: str | None) -> str | None:
    """The headline in plain text if it holds a word of the query, else how the item's text begins."""
    if headline and MARK in headline:
        return " ".join(headline.replace(MARK, "").split())
    whole = item.text or item.description or item.caption or ""
    begun = " ".join(whole[: 2 * SNIPPET].split())
    if len(begun) > SNIPPET:
        begun = begun[: SNIPPET + 1].rpartition(" ")[0] or begun[:SNIPPET]
    return begun or None


def item_urls(catalog: str, item: Item) -> dict[str, str | None]:
    """Where an item, its picture and its thumbnail are served."""
    path = f"/v1/catalogs/{quote(catalog, safe='')}/items/{quote(item.external_id, safe='')}"
    image = f"{path}/image" if item.sha256 else None
    return {"self": path, "image": image, "thumbnail": image and f"{image}?size=thumbnail"}
