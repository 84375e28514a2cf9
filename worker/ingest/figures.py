"""Cuts the figures out of a PDF page, and finds the caption and the text that belong to each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium

from worker.ingest.layout import Frame, Line, area, lines, middle_in, shared
from worker.ingest.marks import marks
from worker.ingest.pages import Box, Figure
from worker.ingest.regions import figure_boxes
from worker.ingest.render import Painter

CAPTION_GAP = 60.0
"""Points between a figure and its caption, at most."""
CAPTION_CHARACTERS = 300
AROUND_CHARACTERS = 600
LABELS_CHARACTERS = 200
"""Of the text around a figure, this much may be the figure's own labels."""

_CAPTION = re.compile(
    r"""^\s*(?:figure|fig\.?|abbildung|abb\.?|bild|figura|图|圖|図)\s*
        (?:[A-Z]?\d+(?:[.\-–]\d+)*[a-z]?)
        \s*(?:[.:|)\-–—]|$|\s(?=[A-Z(]))""",
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_CASE = re.compile(r"\d[a-z]?\s+[a-z]")


@dataclass(frozen=True)
class Caption:
    """The lines of a caption as one text, and where it stands."""

    text: str
    box: Box


def figures(
    page: pdfium.PdfPage,
    textpage: pdfium.PdfTextPage,
    text: str,
    frame: Frame,
    painter: Painter,
) -> tuple[Figure, ...]:
    """Return the page's figures from its top to its bottom, at most 20.

    `text` is the text page's whole text as PDFium gave it.
    """
    drawn = marks(page, frame)
    if not drawn:
        return ()
    rows = lines(textpage, text, frame)
    boxes = figure_boxes(drawn, rows, frame, lambda line: is_caption(line.text))
    linked = link(boxes, captions(rows)) if boxes else []
    return tuple(
        Figure(
            box,
            painter.figure(page, frame, box),
            caption.text if caption else None,
            text_around(box, rows, caption),
        )
        for box, caption in zip(boxes, linked, strict=True)
    )


def is_caption(text: str) -> bool:
    """Whether a line opens a figure's caption; "Figure 3 shows …" in running text does not."""
    match = _CAPTION.match(text)
    return match is not None and not _SENTENCE_CASE.search(text, 0, match.end() + 2)


def captions(rows: list[Line]) -> list[Caption]:
    """Return the captions among a page's lines."""
    return [_caption(rows, index) for index, row in enumerate(rows) if is_caption(row.text)]


def _caption(rows: list[Line], index: int) -> Caption:
    """Take the lines right below along, until a line ends with a full stop."""
    first = last = rows[index]
    text, (left, top, right, bottom) = first.text, first.box
    for row in rows[index + 1 : index + 4]:
        height = last.box[3] - last.box[1]
        follows = -height / 2 < row.box[1] - last.box[3] < 0.6 * height
        aligned = row.box[0] < right and left < row.box[2]
        if text.endswith(".") or not (follows and aligned) or is_caption(row.text):
            break
        text, last = f"{text} {row.text}", row
        left, right, bottom = min(left, row.box[0]), max(right, row.box[2]), row.box[3]
    return Caption(text[:CAPTION_CHARACTERS], (left, top, right, bottom))


def link(boxes: list[Box], found: list[Caption]) -> list[Caption | None]:
    """Return each box's caption: the nearest pairs first, then what is left shares one."""
    linked: list[Caption | None] = [None] * len(boxes)
    taken: set[int] = set()
    for _, number, place in sorted(_distances(boxes, found)):
        if linked[number] is None and place not in taken:
            linked[number] = found[place]
            taken.add(place)
    for _, number, place in sorted(_distances(boxes, found)):
        # The parts (a) and (b) of one figure have one caption.
        if linked[number] is None:
            linked[number] = found[place]
    return linked


def _distances(boxes: list[Box], found: list[Caption]) -> Iterator[tuple[float, int, int]]:
    for number, box in enumerate(boxes):
        for place, caption in enumerate(found):
            below, above = caption.box[1] - box[3], box[1] - caption.box[3]
            overlaps = min(box[2], caption.box[2]) > max(box[0], caption.box[0])
            gap = max(0.0, below, above)
            if overlaps and gap <= CAPTION_GAP:
                # Captions stand below more often than above.
                yield (gap if below >= above else 1.5 * gap + 1), number, place


def text_around(box: Box, rows: list[Line], caption: Caption | None) -> str:
    """Return the lines nearest to a figure, then its labels, 600 characters in all."""
    rest = [row for row in rows if not (caption and middle_in(row.box, caption.box))]
    labels = [row for row in rest if _inside(row.box, box)]
    outside = [row for row in rest if not _inside(row.box, box)]
    inner = _nearest(labels, box, LABELS_CHARACTERS)
    outer = _nearest(outside, box, AROUND_CHARACTERS - len(inner) - 1)
    return f"{outer}\n{inner}".strip()


def _inside(line: Box, box: Box) -> bool:
    return area(shared(line, box)) > 0.5 * area(line)


def _nearest(rows: list[Line], box: Box, budget: int) -> str:
    """Return whole lines, the nearest first chosen, in the page's order."""
    chosen = []
    for index in sorted(range(len(rows)), key=lambda i: _gap(rows[i].box, box)):
        budget -= len(rows[index].text) + 1
        if budget < 0:
            break
        chosen.append(index)
    return "\n".join(rows[index].text for index in sorted(chosen))


def _gap(line: Box, box: Box) -> float:
    """Return how far two boxes are apart, in points."""
    aside = max(0.0, line[0] - box[2], box[0] - line[2])
    return aside + max(0.0, line[1] - box[3], box[1] - line[3])
