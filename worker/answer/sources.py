"""The sources of an answer: hits as a model is shown them, and as the result lists them."""

from collections.abc import Sequence
from typing import Any

import structlog

from db.catalogs import Catalog
from db.errors import SightlineError
from db.hits import Hit
from db.items import Item
from db.search import item_urls
from worker.answer import prompt
from worker.answer.prompt import Source
from worker.answer.provider import Picture
from worker.runtime import Runtime

log = structlog.get_logger(__name__)


def shown(
    runtime: Runtime, tenant: int, hits: Sequence[Hit], detail: str, shrink: int = 1
) -> list[Source]:
    """The hits as a model is shown them; a picture that cannot be read is left out.

    `shrink` divides the edges, for a provider that found them too large.
    """
    pictured = [hit for hit in hits if hit.item.sha256][: prompt.MAX_PICTURES]
    return [
        _source(
            number, hit,
            _picture(runtime, tenant, hit.item, prompt.longest_of(hit.item.kind, detail) // shrink)
            if hit in pictured else None,
        )
        for number, hit in enumerate(hits, 1)
    ]  # fmt: skip


def _source(number: int, hit: Hit, picture: Picture | None) -> Source:
    item = hit.item
    price = None if item.price is None else f"{item.price} {item.currency or ''}".strip()
    words = " ".join(part for part in (item.description, item.text) if part)
    return Source(
        number=number, item_id=item.external_id, text=words or None, caption=item.caption,
        name=item.name, page=item.page, document=item.document_id, kind=item.kind,
        score=hit.score, price=price, picture=picture,
    )  # fmt: skip


def _picture(runtime: Runtime, tenant: int, item: Item, longest: int) -> Picture | None:
    assert item.sha256 is not None
    try:
        return prompt.fitted(runtime.blobs.get(tenant, item.sha256), longest)
    except SightlineError as error:
        log.warning("picture_left_out", item=item.external_id, code=error.code)
        return None


def listed(catalog: Catalog, hits: Sequence[Hit], cited: Sequence[int]) -> list[dict[str, Any]]:
    """The sources as an answer's result lists them."""
    return [
        {
            "number": number,
            "item": hit.item.as_json(),
            "score": round(hit.score, 6),
            "cited": number in cited,
            "ranks": hit.ranks,
            "snippet": hit.snippet,
            "urls": item_urls(catalog.name, hit.item),
        }
        for number, hit in enumerate(hits, 1)
    ]
