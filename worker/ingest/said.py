"""What a reading child may say, checked: it is trusted no more than the document it reads."""

from itertools import accumulate
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, NonNegativeInt

from db.errors import (
    BrokenDocument,
    DocumentEncrypted,
    DocumentTooLarge,
    SightlineError,
    UnsupportedDocument,
)
from db.fields import storable
from worker.ingest import messages
from worker.ingest.pages import Box, Chunk, Figure, Page

REFUSALS: dict[str, type[SightlineError]] = {
    error.code: error
    for error in (BrokenDocument, DocumentEncrypted, DocumentTooLarge, UnsupportedDocument)
}

Text = Annotated[str, AfterValidator(storable)]


class Said(BaseModel):
    """What a message's header holds; the child is trusted no more than its document."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Opened(Said):
    """The document is open."""

    kind: Literal["opened"]
    title: Text | None
    count: NonNegativeInt
    notes: tuple[Text, ...]


class Refused(Said):
    """The document cannot be opened."""

    kind: Literal["refused"]
    code: str
    detail: Text


class SaidFailed(Said):
    """A page cannot be read."""

    kind: Literal["failed"]
    number: int
    detail: Text


class SaidFigure(Said):
    """A figure of a page; its bytes are among the parts."""

    box: Box
    size: NonNegativeInt
    caption: Text | None
    around: Text


class SaidPage(Said):
    """A page; its picture and its figures are the parts."""

    kind: Literal["page"]
    number: int
    text: Text
    spans: tuple[tuple[NonNegativeInt, NonNegativeInt], ...]
    image: NonNegativeInt | None
    figures: tuple[SaidFigure, ...]
    title: Text | None
    notes: tuple[Text, ...]

    def page(self, parts: memoryview) -> Page:
        """Cut the parts off, in their order. Raises ValueError when they do not fit."""
        sizes = [self.image or 0, *(figure.size for figure in self.figures)]
        if sum(sizes) != len(parts):
            raise ValueError("parts of another size")
        if any(end > len(self.text) for _, end in self.spans):
            raise ValueError("chunks behind the text's end")
        ends = list(accumulate(sizes))
        image, *cut = (
            bytes(parts[end - size : end]) for end, size in zip(ends, sizes, strict=True)
        )
        return Page(
            self.number,
            self.text,
            tuple(Chunk(start, end, self.text[start:end]) for start, end in self.spans),
            None if self.image is None else image,
            tuple(Figure(f.box, data, f.caption, f.around)
                  for f, data in zip(self.figures, cut, strict=True)),
            self.title,
            self.notes,
        )  # fmt: skip


def as_opened(header: dict[str, Any]) -> Opened:
    """Raises the error that the child names, or ValueError when it speaks nonsense."""
    if header.get("kind") == messages.REFUSED:
        refused = Refused.model_validate(header)
        raise REFUSALS.get(refused.code, BrokenDocument)(refused.detail)
    return Opened.model_validate(header)
