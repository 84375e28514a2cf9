"""What a document's reader gives: pages with their text, chunks, picture and figures."""

from dataclasses import dataclass, field
from typing import Protocol

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in points, from the page's top left corner."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a page's text: exactly `page.text[start:end]`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Figure:
    """A drawing or picture on a page, cut out."""

    box: Box
    image: bytes
    """A JPEG or PNG."""
    caption: str | None = None
    """Its caption line ("Figure 3: …"), where there is one."""
    around: str = ""
    """The text of the page nearest to it, without the caption."""


@dataclass(frozen=True)
class Page:
    """One page or slide; `number` counts from 1."""

    number: int
    text: str = ""
    chunks: tuple[Chunk, ...] = ()
    image: bytes | None = None
    """The whole page as a JPEG; None where it could not be drawn here."""
    figures: tuple[Figure, ...] = ()
    title: str | None = None
    """A slide's title."""
    notes: tuple[str, ...] = field(default=())
    """What was left out of it, in plain words."""


class Source(Protocol):
    """An opened document, read page by page."""

    title: str | None
    """The title in its own metadata."""
    count: int
    """Its pages."""
    notes: tuple[str, ...]
    """What is left out of all of it, in plain words."""

    def page(self, number: int) -> Page:
        """One page, from 1. Raises BrokenPage."""
