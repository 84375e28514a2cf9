"""What is drawn on a PDF page besides text: each object's box, its kind, and a path's edges."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from worker.ingest.layout import Frame, area, around, shared
from worker.ingest.pages import Box

MAX_OBJECTS = 20_000
"""Objects of one page that are looked at: 2 microseconds each."""
MAX_DEPTH = 6
"""Forms within forms that are looked into."""
MAX_SEGMENTS = 200
"""A path of more pieces is a drawing, whatever its pieces are."""
THIN = 3.0
"""Points; what is thinner is a line."""
BACKGROUND = 0.8
"""An object that covers this share of the page is its background."""

Spot = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class Kind(Enum):
    """What an object is."""

    PATH = "path"
    PICTURE = "picture"
    """An image, or a shading."""


@dataclass(frozen=True)
class Mark:
    """One drawn object, in points from the page's top left corner."""

    kind: Kind
    box: Box
    extent: Box
    """The box of the form that it belongs to; its own where it belongs to none."""
    handle: Any
    matrix: Matrix
    """From the coordinates of the object's form to those of the page."""

    @property
    def flat(self) -> bool:
        """Whether it is no thicker than a line."""
        return min(self.box[2] - self.box[0], self.box[3] - self.box[1]) <= THIN


def marks(page: pdfium.PdfPage, frame: Frame) -> list[Mark]:
    """Return the page's images, shadings and visible paths in drawing order, also within forms."""
    reader = _Reader(page, frame)
    return list(reader.read(page, raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject, IDENTITY))


class _Reader:
    """Walks a page's objects; the bounds of an object in a form are in the form's coordinates."""

    def __init__(self, page: pdfium.PdfPage, frame: Frame) -> None:
        self._page, self._frame = page, frame
        self._sheet = frame.page
        self._left = MAX_OBJECTS
        self._sides = [ctypes.c_float() for _ in range(4)]
        self._pointers = [ctypes.byref(side) for side in self._sides]

    def read(
        self, parent: Any, count: Any, get: Any, matrix: Matrix,
        extent: Box | None = None, depth: int = 0,
    ) -> Iterator[Mark]:  # fmt: skip
        for index in range(count(parent)):
            self._left -= 1
            if self._left < 0:
                return
            handle = get(parent, index)
            kind = raw.FPDFPageObj_GetType(handle)
            if kind == raw.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
                yield from self._form(handle, matrix, extent, depth + 1)
            elif kind in _KINDS:
                yield from self._mark(handle, kind, matrix, extent)

    def _form(self, form: Any, matrix: Matrix, extent: Box | None, depth: int) -> Iterator[Mark]:
        box = self._box(form, matrix)
        if box is None:
            return
        if extent is None and not self._is_background(box):
            extent = box
        within = FS_MATRIX()
        if raw.FPDFPageObj_GetMatrix(form, within):
            inner = (within.a, within.b, within.c, within.d, within.e, within.f)
            matrix = _product(inner, matrix)
        yield from self.read(
            form, raw.FPDFFormObj_CountObjects, raw.FPDFFormObj_GetObject, matrix, extent, depth
        )

    def _mark(self, handle: Any, kind: int, matrix: Matrix, extent: Box | None) -> Iterator[Mark]:
        if kind == raw.FPDF_PAGEOBJ_PATH and not _is_seen(handle):
            return
        box = self._box(handle, matrix)
        if box is not None and kind == raw.FPDF_PAGEOBJ_IMAGE:
            box = self._clipped(handle, box, matrix)
        if box is not None and not self._is_background(box):
            yield Mark(_KINDS[kind], box, extent or box, handle, matrix)

    def _box(self, handle: Any, matrix: Matrix) -> Box | None:
        """Return where an object stands on the visible page, None where it does not."""
        if not raw.FPDFPageObj_GetBounds(handle, *self._pointers):
            return None
        left, bottom, right, top = (side.value for side in self._sides)
        return self._visible(left, bottom, right, top, matrix)

    def _visible(
        self, left: float, bottom: float, right: float, top: float, matrix: Matrix
    ) -> Box | None:
        if matrix is not IDENTITY:
            corners = [_moved(matrix, x, y) for x in (left, right) for y in (bottom, top)]
            left, bottom, right, top = around([(x, y, x, y) for x, y in corners])
        box = shared(self._frame.box(left, bottom, right, top), self._sheet)
        # Written so that a box of NaN is none either.
        return box if box[0] <= box[2] and box[1] <= box[3] else None

    def _clipped(self, handle: Any, box: Box, matrix: Matrix) -> Box | None:
        """Return what an image's clip path leaves of it."""
        clip = raw.FPDFPageObj_GetClipPath(handle)
        for path in range(raw.FPDFClipPath_CountPaths(clip) if clip else 0):
            count = min(raw.FPDFClipPath_CountPathSegments(clip, path), MAX_SEGMENTS)
            points = [_point(raw.FPDFClipPath_GetPathSegment(clip, path, n)) for n in range(count)]
            if not points:
                continue
            hole = self._visible(*around([(x, y, x, y) for x, y in points]), matrix)
            if hole is None:
                return None
            box = shared(box, hole)
        return box if box[0] < box[2] and box[1] < box[3] else None

    def _is_background(self, box: Box) -> bool:
        return area(box) >= BACKGROUND * area(self._sheet)


FS_MATRIX = raw.FS_MATRIX
_KINDS = {
    raw.FPDF_PAGEOBJ_PATH: Kind.PATH,
    raw.FPDF_PAGEOBJ_IMAGE: Kind.PICTURE,
    raw.FPDF_PAGEOBJ_SHADING: Kind.PICTURE,
}


def _is_seen(path: Any) -> bool:
    """Whether a path is filled or stroked at all."""
    return any(draw_mode(path))


def draw_mode(path: Any) -> tuple[bool, bool]:
    """Return whether a path is filled, and whether it is stroked."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not raw.FPDFPath_GetDrawMode(path, ctypes.byref(fill), ctypes.byref(stroke)):
        return False, False
    return bool(fill.value), bool(stroke.value)


def edges(mark: Mark, frame: Frame) -> list[Box] | None:
    """Return a path's edges, each a flat box; None for one with a curve or a slanted edge."""
    count = raw.FPDFPath_CountSegments(mark.handle)
    if not 0 < count <= MAX_SEGMENTS:
        return None
    own = FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(mark.handle, own)
    matrix = _product((own.a, own.b, own.c, own.d, own.e, own.f), mark.matrix)
    found: list[tuple[Spot, Spot]] = []
    start = here = (0.0, 0.0)
    for number in range(count):
        segment = raw.FPDFPath_GetPathSegment(mark.handle, number)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            return None
        x, y = _moved(matrix, *_point(segment))
        left, top, _, _ = frame.box(x, y, x, y)
        before, here = here, (left, top)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = here
        else:
            found.append((before, here))
        if raw.FPDFPathSegment_GetClose(segment):
            found.append((here, start))
    boxes = [around([(*one, *one), (*other, *other)]) for one, other in found]
    return boxes if all(_is_upright(box) for box in boxes) else None


def _is_upright(edge: Box) -> bool:
    """Whether an edge runs along the page's sides, within half a point."""
    return min(edge[2] - edge[0], edge[3] - edge[1]) <= 0.5


def _point(segment: Any) -> Spot:
    x, y = ctypes.c_float(), ctypes.c_float()
    raw.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
    return x.value, y.value


def _moved(matrix: Matrix, x: float, y: float) -> Spot:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _product(inner: Matrix, outer: Matrix) -> Matrix:
    """Return the matrix that applies `inner` first."""
    a, b, c, d, e, f = inner
    return (*_linear(outer, a, b), *_linear(outer, c, d), *_moved(outer, e, f))


def _linear(matrix: Matrix, x: float, y: float) -> Spot:
    a, b, c, d, _, _ = matrix
    return a * x + c * y, b * x + d * y
