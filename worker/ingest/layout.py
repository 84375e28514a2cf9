"""Where things lie on a PDF page: lines of text, and boxes as a reader of the page sees them."""

import ctypes
import re
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from worker.ingest.pages import Box

LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl",
             0xFB05: "st", 0xFB06: "st"}  # fmt: skip
SPACES = dict.fromkeys((0x09, 0xA0, 0x2007, 0x202F), " ")
DROPPED = dict.fromkeys([*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0xAD, 0x200B,
                         0xFEFF, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)], "")  # fmt: skip
PLAIN = DROPPED | SPACES | LIGATURES
"""What each character of a page becomes; nothing that Postgres cannot hold is left."""

_BROKEN_WORD = re.compile("(?:\ufffe|\xad)(?:\r?\n)?(?=[^\\W\\d_])")
_LINE_END = re.compile("\r\n?|\n|\ufffe")


def clean(text: str) -> str:
    """Return text as it is stored: words joined over line ends, no control characters."""
    text = _BROKEN_WORD.sub(_joined, text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "-\n")
    text = text.translate(PLAIN)
    text = re.sub(r" {2,}", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _joined(match: re.Match[str]) -> str:
    """PDFium marks a hyphen that ends a line; before a capital it belongs to the word."""
    return "" if match.string[match.end()].islower() else "-"


@dataclass(frozen=True)
class Frame:
    """A page's visible part and its turn; `box` takes PDF coordinates to the reader's."""

    left: float
    bottom: float
    right: float
    top: float
    turn: int
    """Degrees clockwise: 0, 90, 180 or 270."""

    @classmethod
    def of(cls, page: pdfium.PdfPage) -> "Frame":
        """Raises PdfiumError."""
        left, bottom, right, top = page.get_bbox()
        return cls(left, bottom, right, top, page.get_rotation())

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points, as the reader sees the page."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.turn in (90, 270) else (width, height)

    @property
    def page(self) -> Box:
        """The whole page as a box."""
        return (0.0, 0.0, *self.size)

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Return points from the top left corner of the page as it is shown."""
        if self.turn == 90:
            return bottom - self.bottom, left - self.left, top - self.bottom, right - self.left
        if self.turn == 180:
            return self.right - right, bottom - self.bottom, self.right - left, top - self.bottom
        if self.turn == 270:
            return self.top - top, self.right - right, self.top - bottom, self.right - left
        return left - self.left, self.top - top, right - self.left, self.top - bottom


@dataclass(frozen=True)
class Line:
    """A line of a page's text, cleaned, and where it stands."""

    text: str
    box: Box


MAX_LINES = 2000
COLUMN_GAP = 14.0
"""Points between two pieces of text at one height that are two lines, side by side."""

_Run = tuple[Box, Box]
"""A stretch of text: its box on the page, and in PDF coordinates (left, bottom, right, top)."""


def lines(textpage: pdfium.PdfTextPage, text: str, frame: Frame) -> list[Line]:
    """Return the lines of `text`, which is the text page's whole text as PDFium gave it."""
    found: list[Line] = []
    begin = 0
    # The last piece has no end of line of its own.
    for end, after in [m.span() for m in _LINE_END.finditer(text)] + [(len(text), len(text))]:
        words = clean(text[begin:end])
        pieces = _pieces(_runs(textpage, frame, begin, end)) if words else []
        if len(pieces) == 1:
            found.append(Line(words, around([box for box, _ in pieces[0]])))
        elif len(pieces) > 1:
            found += [_line(textpage, piece) for piece in pieces]
        begin = after
        if len(found) >= MAX_LINES:
            break
    return found


def _runs(textpage: pdfium.PdfTextPage, frame: Frame, begin: int, end: int) -> list[_Run]:
    """Return where the characters stand, from left to right; none where PDFium knows nothing."""
    first = raw.FPDFText_GetCharIndexFromTextIndex(textpage, begin)
    last = raw.FPDFText_GetCharIndexFromTextIndex(textpage, end - 1)
    if first < 0 or last < first:
        return []
    sides = [ctypes.c_double() for _ in range(4)]
    left, top, right, bottom = sides
    runs = []
    for index in range(raw.FPDFText_CountRects(textpage, first, last - first + 1)):
        if raw.FPDFText_GetRect(textpage, index, *sides):
            place = (left.value, bottom.value, right.value, top.value)
            runs.append((frame.box(*place), place))
    return sorted(runs)


def _pieces(runs: list[_Run]) -> list[list[_Run]]:
    """Split a line where a wide gap is: PDFium reads two captions side by side as one line."""
    pieces: list[list[_Run]] = []
    reached = float("-inf")
    for run in runs:
        if not pieces or run[0][0] - reached > COLUMN_GAP:
            pieces.append([])
        pieces[-1].append(run)
        reached = max(reached, run[0][2])
    return pieces


def _line(textpage: pdfium.PdfTextPage, piece: list[_Run]) -> Line:
    place = around([place for _, place in piece])
    return Line(clean(textpage.get_text_bounded(*place)), around([box for box, _ in piece]))


def around(boxes: list[Box]) -> Box:
    """Return the smallest box that holds all of them (one or more)."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def padded(box: Box, by: float) -> Box:
    """Return the box with every side moved outwards."""
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def shared(one: Box, other: Box) -> Box:
    """Return the part that both cover; its sides cross where there is none."""
    return (max(one[0], other[0]), max(one[1], other[1]),
            min(one[2], other[2]), min(one[3], other[3]))  # fmt: skip


def meet(one: Box, other: Box) -> bool:
    """Whether two boxes overlap or touch."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def area(box: Box) -> float:
    """Return the area in square points; 0 for a box whose sides cross."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def middle_in(box: Box, inside: Box) -> bool:
    """Whether the middle of `box` lies in `inside`."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return inside[0] <= x <= inside[2] and inside[1] <= y <= inside[3]
