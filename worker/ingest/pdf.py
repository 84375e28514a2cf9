"""Reads a PDF through PDFium: text, chunks, the page's picture and figures, page by page."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from db.errors import BrokenDocument, BrokenPage, DocumentEncrypted, DocumentTooLarge
from worker.ingest import ocr
from worker.ingest.chunks import chunks
from worker.ingest.figures import figures
from worker.ingest.layout import Frame, clean
from worker.ingest.pages import Page
from worker.ingest.render import Painter

MAX_PAGES = 300
MAX_CHARACTERS = 100_000
"""Of one page; a page of small print has 10,000."""
MAX_TITLE = 300

Recognise = Callable[[bytes], str | None]

READ_FROM_PICTURE = "The page holds no text; what is here was read from its picture."
PICTURE_ALONE = "The page holds no text; its picture alone is kept."
EMPTY = "The page is empty."
CUT = f"The page's text was cut after {MAX_CHARACTERS} characters."

_NO_TITLES = frozenset(
    ("", "untitled", "title", "no title", "unknown", "none", "document", "document1",
     "presentation", "powerpoint presentation", "print", "unspecified")
)  # fmt: skip
_PROGRAM = re.compile(
    r"^(?:Microsoft (?:Office )?(?:Word|PowerPoint|Excel)|OpenOffice\S*) - ", re.I
)
_SUFFIX = re.compile(r"\.(?:docx?|docm|rtf|odt|pptx?|odp|xlsx?|pdf|tex|dvi|indd|qxd|fm|pub)$", re.I)


class PdfFile:
    """An opened PDF; a Source. Not for two threads at once: PDFium is not thread-safe."""

    def __init__(self, document: pdfium.PdfDocument, recognise: Recognise = ocr.text_of) -> None:
        self._document = document
        self._recognise = recognise
        self._painter = Painter()
        self.count = len(document)
        self.title = title_of(document.get_metadata_value("Title"))
        self.notes: tuple[str, ...] = ()

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, max_pages: int = MAX_PAGES, recognise: Recognise = ocr.text_of
    ) -> Iterator["PdfFile"]:
        """Yield the PDF; `recognise` reads the text of a JPEG where a page has none of its own.

        Raises DocumentEncrypted, BrokenDocument or DocumentTooLarge.
        """
        document = _opened(path)
        try:
            count = len(document)
            if count < 1:
                raise BrokenDocument("The PDF has no pages.")
            if count > max_pages:
                raise DocumentTooLarge(f"The PDF has {count} pages; the limit is {max_pages}.")
            yield cls(document, recognise)
        finally:
            document.close()

    def page(self, number: int) -> Page:
        """Read one page, from 1. Raises BrokenPage."""
        with self._loaded(number) as page:
            return self._read(page, number)

    def picture(self, number: int) -> bytes:
        """Return one page's JPEG alone. Raises BrokenPage."""
        with self._loaded(number) as page:
            return self._painter.page(page, Frame.of(page))

    @contextmanager
    def _loaded(self, number: int) -> Iterator[pdfium.PdfPage]:
        try:
            page = self._document[number - 1]
            try:
                yield page
            finally:
                page.close()
        except (pdfium.PdfiumError, ValueError, OverflowError, MemoryError, OSError) as error:
            raise BrokenPage(f"Page {number} cannot be read.") from error

    def _read(self, page: pdfium.PdfPage, number: int) -> Page:
        frame = Frame.of(page)
        image = self._painter.page(page, frame)
        textpage = page.get_textpage()
        # Half a character is dropped: no text can hold it.
        found = textpage.get_text_range(errors="ignore")
        cut = figures(page, textpage, found, frame, self._painter)
        textpage.close()
        text, notes = self._text(page, found, image)
        return Page(number, text, chunks(text), image, cut, None, notes)

    def _text(self, page: pdfium.PdfPage, found: str, image: bytes) -> tuple[str, tuple[str, ...]]:
        """Return the page's text and what is to be said of it."""
        text = clean(found[: 2 * MAX_CHARACTERS])
        if len(text) > MAX_CHARACTERS:
            return text[:MAX_CHARACTERS].rstrip(), (CUT,)
        if text:
            return text, ()
        if raw.FPDFPage_CountObjects(page) <= 0:
            return "", (EMPTY,)
        text = clean(self._recognise(image) or "")[:MAX_CHARACTERS].rstrip()
        return text, (READ_FROM_PICTURE if text else PICTURE_ALONE,)


def _opened(path: Path) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise DocumentEncrypted("The PDF opens with a password only.") from error
        raise BrokenDocument("The PDF cannot be opened; it may be cut off.") from error
    try:
        document.init_forms()
    except pdfium.PdfiumError as error:
        document.close()
        raise BrokenDocument("The PDF's form cannot be opened.") from error
    return document


def title_of(written: str) -> str | None:
    """Return a title from a PDF's metadata as people would say it; None for what is none."""
    title = " ".join(clean(written[: 2 * MAX_TITLE]).split())
    title = _SUFFIX.sub("", _PROGRAM.sub("", title)).strip()
    return None if title.lower() in _NO_TITLES else title[:MAX_TITLE].rstrip()
