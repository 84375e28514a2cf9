"""Makes PDFs for tests: whole manuals, pages with one known figure, and hostile ones by hand."""

import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pypdfium2 as pdfium
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.unit.pictures import photo
from worker.ingest.pages import Page
from worker.ingest.pdf import PdfFile

WIDTH, HEIGHT = A4
SENTENCES = (
    "The impeller is replaced every 18 months.",
    "Close the valve before you open the pump chamber, e.g. with the small key of Fig. 3.",
    "Fuse F2 is 5 A, and it protects the control board alone.",
    "A pressure of 3.5 bar is never passed.",
    "Ask Dr. Lind for the list of parts.",
)

Draw = Callable[[Canvas], None]
Write = Callable[[Path], object]


def pdf(path: Path, *pages: Draw, size: tuple[float, float] = A4, **options: object) -> Path:
    """Write a PDF with a page for each drawing."""
    canvas = Canvas(str(path), pagesize=size, invariant=1, **options)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return path


def words(canvas: Canvas, top: float = 780, lines: int = 20, left: float = 60) -> None:
    """Lines of prose, 13 points apart."""
    canvas.setFont("Helvetica", 10)
    canvas.setFillGray(0)
    for number in range(lines):
        sentence = SENTENCES[number % len(SENTENCES)]
        canvas.drawString(left, top - 13 * number, sentence)


def diagram(canvas: Canvas, left: float, bottom: float, width: float, height: float) -> None:
    """A vector drawing that fills its box: a ring, two boxes, and slanted wires."""
    canvas.setLineWidth(1)
    canvas.setStrokeColorRGB(0.1, 0.2, 0.4)
    canvas.setFillColorRGB(0.8, 0.9, 1)
    canvas.rect(left, bottom, width * 0.3, height * 0.4, fill=1)
    canvas.rect(left + width * 0.7, bottom + height * 0.6, width * 0.3, height * 0.4, fill=1)
    canvas.circle(left + width / 2, bottom + height / 2, min(width, height) * 0.15, fill=1)
    canvas.line(left + width * 0.3, bottom, left + width * 0.7, bottom + height)
    canvas.line(left, bottom + height * 0.4, left + width * 0.7, bottom + height * 0.8)


def caption(canvas: Canvas, text: str, left: float, bottom: float) -> None:
    canvas.setFont("Helvetica-Oblique", 9)
    canvas.setFillGray(0)
    canvas.drawString(left, bottom, text)


def raster(canvas: Canvas, left: float, bottom: float, width: float, height: float) -> None:
    """A photo of twice as many pixels as it is points wide."""
    picture = photo(round(width * 2), round(height * 2), seed=round(left + bottom))
    canvas.drawImage(ImageReader(picture), left, bottom, width, height)


def table(canvas: Canvas, left: float, bottom: float, columns: int = 4, rows: int = 6) -> None:
    """A ruled table with words in each cell, 90 by 20 points."""
    canvas.setLineWidth(0.6)
    canvas.setStrokeGray(0.4)
    canvas.grid(
        [left + 90 * column for column in range(columns + 1)],
        [bottom + 20 * row for row in range(rows + 1)],
    )
    canvas.setFont("Helvetica", 9)
    canvas.setFillGray(0)
    for column in range(columns):
        for row in range(rows):
            canvas.drawString(left + 90 * column + 5, bottom + 20 * row + 6, f"cell {row}.{column}")


def manual(path: Path, pages: int = 40) -> Path:
    """Write a manual as they are: prose, every second page a diagram, every fourth a photo."""

    def page(number: int) -> Draw:
        def draw(canvas: Canvas) -> None:
            words(canvas, lines=24)
            if number % 2:
                diagram(canvas, 100, 240, 320, 180)
                caption(canvas, f"Figure {number}: The pump, step {number}.", 100, 222)
            elif number % 4 == 0:
                raster(canvas, 100, 240, 300, 200)
                caption(canvas, f"Figure {number}: A photo of step {number}.", 100, 222)
            else:
                table(canvas, 100, 260)
            words(canvas, top=200, lines=8)
            canvas.drawString(290, 40, str(number))

        return draw

    return pdf(path, *(page(number) for number in range(1, pages + 1)))


def locked(path: Path) -> Path:
    """Write a PDF that asks for a password."""
    return pdf(path, words, encrypt=StandardEncryption("secret", ownerPassword="owner"))


def by_hand(
    content: bytes,
    box: str = "0 0 612 792",
    more: str = "",
    title: bytes = b"",
    font: bytes = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    extra: tuple[bytes, ...] = (),
) -> bytes:
    """Return a one-page PDF; `more` goes into the page, `extra` objects count from 7."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R{more}"
        "/Resources<</Font<</F 5 0 R>>/XObject<</X 7 0 R>>>>>>".encode(),
        stream(content),
        font,
        b"<</Title(%s)>>" % title,
        *extra,
    ]
    out, places = BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, 2)
    for number, part in enumerate(parts, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, part))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer<</Size %d/Root 1 0 R/Info 6 0 R>>\n" % (len(parts) + 1))
    out.write(b"startxref\n%d\n%%%%EOF" % start)
    return out.getvalue()


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return a stream object."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def endless(depth: int = 12, width: int = 10) -> bytes:
    """Return a PDF of 4 kB whose page draws 10^12 circles: each form draws the next ten times."""
    circle = b"0 0 m 50 90 100 90 150 0 c S "
    forms = []
    for level in range(depth):
        last = level == depth - 1
        inner = b"" if last else b"/Resources<</XObject<</X %d 0 R>>>>" % (8 + level)
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 600 600]" + inner
        forms.append(stream((circle if last else b"/X Do ") * width, entries))
    return by_hand(b"/X Do", extra=tuple(forms))


def flood(strokes: int = 8_000_000) -> bytes:
    """Return a PDF of some 100 kB whose page holds so many lines that 1.5 GB do not hold them."""
    packed = zlib.compress(b"0 0 m 9 9 l S\n" * strokes)
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 600 600]/Filter/FlateDecode"
    return by_hand(b"/X Do", extra=(stream(packed, entries),))


def bound(path: Path, *parts: bytes) -> Path:
    """Bind the pages of several PDFs into one file."""
    with pdfium.PdfDocument.new() as book:
        for part in parts:
            with pdfium.PdfDocument(part) as document:
                book.import_pages(document)
        book.save(str(path))
    return path


def turned(path: Path, degrees: int, crop: tuple[float, float, float, float] | None = None) -> Path:
    """Turn a PDF's pages, and crop them (left, bottom, right, top in their own coordinates)."""
    with pdfium.PdfDocument(path) as document:
        for page in document:
            page.set_rotation(degrees)
            if crop:
                page.set_cropbox(*crop)
        document.save(str(path.with_suffix(".turned.pdf")))
    return path.with_suffix(".turned.pdf")


def no_ocr(_: bytes) -> None:
    """Stand in for a machine without tesseract."""
    return None


def first_page(path: Path) -> Page:
    """Read a PDF's first page."""
    with PdfFile.open(path, recognise=no_ocr) as source:
        return source.page(1)


def drawn(tmp_path: Path, *draw: Draw, size: tuple[float, float] = (595, 842)) -> Page:
    """Read a page on which these were drawn one after the other."""

    def page(canvas: Canvas) -> None:
        for step in draw:
            step(canvas)

    return first_page(pdf(tmp_path / "page.pdf", page, size=size))
