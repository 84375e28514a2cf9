"""PDFs: text as a database holds it, pages at a bounded size, figures where a reader sees them."""

import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from db.errors import BrokenDocument, BrokenPage, DocumentEncrypted, DocumentTooLarge
from db.fields import is_bad_text
from tests.unit import documents
from tests.unit.documents import drawn, first_page, words
from tests.unit.pictures import photo
from worker.ingest import ocr, pdf
from worker.ingest.layout import clean
from worker.ingest.pages import Page
from worker.ingest.pdf import PdfFile, title_of


def by_hand(tmp_path: Path, data: bytes) -> Page:
    file = tmp_path / "hand.pdf"
    file.write_bytes(data)
    return first_page(file)


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(BytesIO(data))


# Text


def test_a_page_gives_its_text_and_its_chunks(tmp_path: Path) -> None:
    page = drawn(tmp_path, lambda c: words(c, lines=50))
    assert page.text.startswith("The impeller is replaced every 18 months.\nClose the valve")
    assert len(page.chunks) > 1
    assert all(page.text[one.start : one.end] == one.text for one in page.chunks)
    assert page.notes == ()


def test_words_broken_at_a_line_end_are_joined(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Never touch the capa-")
        canvas.drawString(60, 686, "citor of the well-")
        canvas.drawString(60, 672, "Known pump.")

    assert drawn(tmp_path, draw).text == "Never touch the capacitor of the well-Known pump."


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\0b\x08c\x7f\ud800d", "abcd"),
        ("e\ufb03cient \ufb01lter", "efficient filter"),
        ("exam\ufffeple", "example"),
        ("well-\nmade", "well-\nmade"),
        ("soft\xadware", "software"),
        ("1\xa0000\u202fkg \t x", "1 000 kg x"),
        ("a  \n\n\n\n  b", "a\n\nb"),
        ("\U0001f600 日本", "\U0001f600 日本"),
    ],
)
def test_text_is_cleaned(raw: str, stored: str) -> None:
    assert clean(raw) == stored
    assert not is_bad_text(clean(raw))


def test_characters_that_no_text_can_hold_are_dropped(tmp_path: Path) -> None:
    codes = b"4 beginbfchar <41> <D83DDE00> <42> <D800> <43> <0000> <44> <0008> endbfchar"
    table = documents.stream(
        b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange %s endcmap" % codes
    )
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>"
    content = b"BT /F 20 Tf 50 100 Td (xAyBzCwDq) Tj ET"
    text = by_hand(tmp_path, documents.by_hand(content, font=font, extra=(table,))).text
    assert text == "x\U0001f600yzwq"


def test_a_flood_of_text_is_cut_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_CHARACTERS", 500)
    page = drawn(tmp_path, lambda c: words(c, lines=50))
    assert len(page.text) <= 500
    assert page.notes == (pdf.CUT,)


# A page's picture


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ("0 0 595 842", (1108, 1568)),
        ("0 0 842 595", (1568, 1108)),
        ("0 0 100 50", (200, 100)),
        ("0 0 2147483647 2147483647", (1568, 1568)),
        ("0 0 2147483647 1", (1568, 1)),
        ("0 0 14400 3", (1568, 1)),
        ("-300 -300 300 300", (1200, 1200)),
    ],
)
def test_a_page_is_drawn_within_1568_pixels_whatever_it_claims(
    box: str, size: tuple[int, int], tmp_path: Path
) -> None:
    page = by_hand(tmp_path, documents.by_hand(b"0 0 m 9 9 l S", box=box))
    image = opened(page.image)
    assert image.format == "JPEG"
    assert image.size == size
    image.load()


def test_a_page_is_drawn_in_its_colours(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 0, 0)
        canvas.rect(0, 421, 595, 421, stroke=0, fill=1)
        canvas.setFillColorRGB(0, 0, 1)
        canvas.rect(0, 0, 595, 421, stroke=0, fill=1)

    image = opened(drawn(tmp_path, draw).image)
    top, bottom = image.getpixel((500, 300)), image.getpixel((500, 1300))
    assert isinstance(top, tuple) and top[0] > 240 and max(top[1:]) < 15
    assert isinstance(bottom, tuple) and bottom[2] > 240 and max(bottom[:2]) < 15


def test_every_page_has_its_own_picture(tmp_path: Path) -> None:
    path = documents.manual(tmp_path / "book.pdf", pages=6)
    with PdfFile.open(path) as source:
        pages = [source.page(number) for number in (1, 2, 3, 4, 5, 6)]
        again = source.page(1)
        assert source.picture(3) == pages[2].image
    assert len({page.image for page in pages}) == 6
    assert again == pages[0]


# Pages without text


def scan(canvas: Canvas) -> None:
    canvas.drawImage(ImageReader(photo(400, 560, seed=3)), 0, 0, 595, 842)


def test_a_page_without_text_is_read_from_its_picture(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def recognise(image: bytes) -> str:
        seen.append(image)
        return "The  text\0 that was seen.\x0c"

    with PdfFile.open(documents.pdf(tmp_path / "a.pdf", scan), recognise=recognise) as source:
        page = source.page(1)
    assert seen == [page.image]
    assert page.text == page.chunks[0].text == "The text that was seen."
    assert page.notes == (pdf.READ_FROM_PICTURE,)


def test_a_page_that_nobody_can_read_has_its_picture(tmp_path: Path) -> None:
    page = drawn(tmp_path, scan)
    assert (page.text, page.chunks, page.figures) == ("", (), ())
    assert page.notes == (pdf.PICTURE_ALONE,)
    assert opened(page.image).size == (1108, 1568)


def test_an_empty_page_says_so(tmp_path: Path) -> None:
    assert drawn(tmp_path).notes == (pdf.EMPTY,)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program named tesseract on the PATH."""
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_tesseract_reads_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, 'echo "$1 to $2: $(wc -c) bytes"')
    assert ocr.text_of(b"12345") == "stdin to stdout: 5 bytes\n"


@pytest.mark.parametrize("script", ["exec sleep 60", "exit 3", "kill -9 $$"])
def test_tesseract_that_fails_or_takes_too_long_gives_no_text(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, script)
    began = time.monotonic()
    assert ocr.text_of(b"12345", seconds=0.5) is None
    assert time.monotonic() - began < 5


def test_without_tesseract_there_is_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ocr.text_of(b"12345") is None


# Opening


def test_documents_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>")
    with pytest.raises(BrokenDocument), PdfFile.open(broken):
        pass
    with pytest.raises(DocumentEncrypted), PdfFile.open(documents.locked(tmp_path / "l.pdf")):
        pass
    book = documents.manual(tmp_path / "book.pdf", pages=4)
    wanted = pytest.raises(DocumentTooLarge, match="4 pages; the limit is 3")
    with wanted, PdfFile.open(book, max_pages=3):
        pass


def test_a_page_that_is_not_there_is_broken(tmp_path: Path) -> None:
    with PdfFile.open(documents.pdf(tmp_path / "a.pdf", words)) as source:
        for number in (0, 2, 10**12):
            with pytest.raises(BrokenPage):
                source.page(number)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Aurora 3: owner's manual", "Aurora 3: owner's manual"),
        ("  two\r\n lines ", "two lines"),
        ("Microsoft Word - Report 7.docx", "Report 7"),
        ("Microsoft PowerPoint - Plan.ppt", "Plan"),
        ("paper.tex", "paper"),
        ("Version 2.5", "Version 2.5"),
        ("Untitled", None),
        ("Microsoft Word - Document1", None),
        ("", None),
        ("a\0b", "ab"),
        ("x" * 5000, "x" * 300),
    ],
)
def test_titles_are_what_people_would_say(written: str, title: str | None) -> None:
    assert title_of(written) == title
