"""Draws PDF pages and parts of them as JPEG or PNG, however large the page claims to be."""

import ctypes
import math
from io import BytesIO

import pypdfium2 as pdfium
from PIL import Image
from pypdfium2 import raw

from worker.ingest.layout import Frame
from worker.ingest.pages import Box

PAGE_EDGE = 1568
"""Pixels of a page's long edge, at most: 2.5 megapixels for a square."""
PAGE_SCALE = 2.0
"""Pixels for a point, at most: a business card is not blown up."""
FIGURE_EDGE = 1024
FIGURE_SCALE = 2.5
"""A figure is drawn at up to 180 dots an inch; the page has about 134."""
SHARP = 512
"""Pixels of a figure's long edge from which it is cut out of the page's picture: drawing the page
once more for it costs 2 ms of 11, and models see no more than this edge at the page's own 134 dots
an inch shows."""
MAX_CANVAS = 30_000
"""Pixels of the whole page that a figure is cut from; PDFium counts them in 32 bits."""
QUALITY = 85
FLAT_PIXELS = 120_000
"""Up to this size a drawing of few colours is a PNG: sharper, and no larger than a JPEG."""
WHITE = (255, 255, 255, 255)
DEPTH = 4
"""Bytes of a pixel: Pillow takes PDFium's memory as it is, and no copy is made."""

Size = tuple[int, int]
Place = tuple[int, int, int, int]
"""Pixels: where the whole page lies on the paper (left, top, width, height), or a part of it
(left, top, right, bottom)."""


class Painter:
    """Draws one page after the other onto the same memory, which saves 1 ms of 6 a page."""

    def __init__(self) -> None:
        self._page = (ctypes.c_ubyte * (PAGE_EDGE * PAGE_EDGE * DEPTH))()
        self._figure = (ctypes.c_ubyte * (FIGURE_EDGE * FIGURE_EDGE * DEPTH))()
        self._sheet = Image.new("RGBX", (1, 1))

    def page(self, page: pdfium.PdfPage, frame: Frame) -> bytes:
        """Return the whole page as a JPEG."""
        size = page_pixels(frame)
        self._sheet = _drawn(page, (0, 0, *size), size, self._page)
        return _jpeg(self._sheet)

    def figure(self, page: pdfium.PdfPage, frame: Frame, box: Box) -> bytes:
        """Return a part of the page that was drawn last: a JPEG, or a PNG.

        A small part is drawn again, at its own scale.
        """
        place = cut_pixels(frame, box, self._sheet.size)
        if max(place[2] - place[0], place[3] - place[1]) >= SHARP:
            return _jpeg(self._sheet.crop(place))
        place, size = figure_pixels(frame, box)
        image = _drawn(page, place, size, self._figure)
        small = size[0] * size[1] <= FLAT_PIXELS
        if small and image.convert("RGB").getcolors(256) is not None:
            return _png(image)
        return _jpeg(image)


def page_pixels(frame: Frame) -> Size:
    """Return the width and height in pixels that a page is drawn at."""
    edge = max(frame.size)
    scale = min(PAGE_SCALE, PAGE_EDGE / edge) if edge > 0 else 1.0
    width, height = (min(PAGE_EDGE, max(1, round(side * scale))) for side in frame.size)
    return width, height


def figure_pixels(frame: Frame, box: Box) -> tuple[Place, Size]:
    """Return where the page lies so that the box is on the paper, and the paper's size."""
    sides = box[2] - box[0], box[3] - box[1]
    scale = min(FIGURE_SCALE, FIGURE_EDGE / max(sides), MAX_CANVAS / max(frame.size))
    across, down = (max(1, round(side * scale)) for side in frame.size)
    width, height = (min(FIGURE_EDGE, max(1, round(side * scale))) for side in sides)
    return (-int(box[0] * scale), -int(box[1] * scale), across, down), (width, height)


def cut_pixels(frame: Frame, box: Box, sheet: Size) -> Place:
    """Return where a box lies on the page's picture: left, top, right, bottom in pixels."""
    across, down = (pixels / side for pixels, side in zip(sheet, frame.size, strict=True))
    return (
        max(0, int(box[0] * across)), max(0, int(box[1] * down)),
        min(sheet[0], math.ceil(box[2] * across)), min(sheet[1], math.ceil(box[3] * down)),
    )  # fmt: skip


def _drawn(
    page: pdfium.PdfPage, place: Place, size: Size, memory: "ctypes.Array[ctypes.c_ubyte]"
) -> Image.Image:
    """Draw the page onto white paper; the picture lies in `memory` until that is used again."""
    bitmap = pdfium.PdfBitmap.new_native(
        *size, raw.FPDFBitmap_BGRx, rev_byteorder=True,
        buffer=memory, stride=size[0] * DEPTH,
    )  # fmt: skip
    bitmap.fill_rect(WHITE, 0, 0, *size)
    flags = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
    raw.FPDF_RenderPageBitmap(bitmap, page, *place, 0, flags)
    if page.formenv:
        raw.FPDF_FFLDraw(page.formenv, bitmap, page, *place, 0, flags)
    image: Image.Image = bitmap.to_pil()
    return image


def _jpeg(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.convert("RGB").save(out, "PNG", compress_level=4)
    return out.getvalue()
