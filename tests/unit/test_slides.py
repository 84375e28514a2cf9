"""Decks: their text in order, notes, pictures, hidden and damaged slides, and how they look."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Pt

from db.errors import BrokenDocument, BrokenPage, DocumentEncrypted
from db.fields import is_bad_text
from tests.unit import decks
from tests.unit.decks import Builder
from worker.demo_model import sample_deck
from worker.ingest import deck_archive, office, slides
from worker.ingest.pages import Figure, Page
from worker.ingest.slide_text import clean
from worker.ingest.slides import HIDDEN, MENDED, NOT_DRAWN, NOT_INSTALLED, Deck

needs_office = pytest.mark.skipif(not office.installed(), reason="LibreOffice is not installed")
BLUE = (20, 60, 220)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deck.pptx"


@pytest.fixture
def no_office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


@contextmanager
def opened(builder: Builder, path: Path) -> Iterator[Deck]:
    with Deck.open(builder.save(path)) as deck:
        yield deck


def only_page(builder: Builder, path: Path) -> Page:
    with opened(builder, path) as deck:
        assert deck.count == 1
        return deck.page(1)


pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def undrawn(request: pytest.FixtureRequest) -> None:
    """Most tests are of what is read; those that draw ask for it."""
    if "drawn" not in request.fixturenames:
        request.getfixturevalue("no_office")


@pytest.fixture
def drawn() -> None:
    """Let LibreOffice draw."""


def test_text_is_read_from_top_to_bottom_and_left_to_right(path: Path) -> None:
    builder = Builder()
    slide = builder.slide("The title")
    decks.write(slide.shapes, "right", 500, 203)
    decks.write(slide.shapes, "bottom", 10, 400)
    decks.write(slide.shapes, "left", 10, 210)
    decks.write(slide.shapes, "above the title", 10, 0)
    page = only_page(builder, path)
    assert page.title == "The title"
    assert page.text.split("\n") == ["The title", "above the title", "left", "right", "bottom"]
    assert (page.number, page.chunks, page.image) == (1, (), None)


def test_groups_are_read_as_one_and_to_any_depth(path: Path) -> None:
    builder = Builder()
    shapes: Any = builder.slide().shapes
    decks.write(shapes, "right", 500, 110)
    group = shapes.add_group_shape()
    inner = group.shapes.add_group_shape()
    decks.write(group.shapes, "left one", 10, 100)
    decks.write(inner.shapes, "left two", 10, 200)
    assert only_page(builder, path).text.split("\n") == ["left one", "left two", "right"]


def test_tables_come_row_by_row(path: Path) -> None:
    builder = Builder()
    shapes: Any = builder.slide("Prices").shapes
    table = shapes.add_table(3, 2, Pt(10), Pt(100), Pt(400), Pt(100)).table
    for row, cells in enumerate((("Edition", "Price"), ("Home", "249\nUSD"), ("All", ""))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    assert only_page(builder, path).text == "Prices\nEdition | Price\nHome | 249 USD\nAll"


def test_charts_tell_their_title_series_and_values(path: Path) -> None:
    builder = Builder()
    make_data: Any = CategoryChartData
    data = make_data()
    data.categories = ["2026", "2027"]
    data.add_series("Europe", (0.1, 1_234_567))
    shapes: Any = builder.slide().shapes
    frame = shapes.add_chart(XL_CHART_TYPE.PIE, Pt(0), Pt(0), Pt(300), Pt(300), data)
    frame.chart.has_title = True
    frame.chart.chart_title.text_frame.text = "Hubs"
    assert only_page(builder, path).text == "Hubs\nEurope: 2026 0.1, 2027 1234567"


def test_speaker_notes_come_last(path: Path) -> None:
    builder = Builder()
    slide = builder.slide("Title", "Body")
    slide.notes_slide.notes_text_frame.text = "Say this.\vAnd that."  # type: ignore[union-attr]
    assert only_page(builder, path).text == "Title\nBody\nNotes: Say this.\nAnd that."


def test_one_branch_of_a_choice_is_read(path: Path) -> None:
    """Newer shapes stand beside a fallback for older programs."""
    builder = Builder()
    shapes: Any = builder.slide().shapes
    new = decks.write(shapes, "new", 10, 10)._element
    old = decks.write(shapes, "old", 10, 10)._element
    space = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    choice = new.makeelement(f"{{{space}}}AlternateContent", {})
    new.addprevious(choice)
    for name, element in (("Choice", new), ("Fallback", old)):
        branch = new.makeelement(f"{{{space}}}{name}", {"Requires": "p14"})
        branch.append(element)
        choice.append(branch)
    assert only_page(builder, path).text == "new"


@given(st.text(st.characters()))
def test_any_text_becomes_one_that_can_be_stored(text: str) -> None:
    lines = clean(text)
    assert not is_bad_text(lines)
    assert "\v" not in lines and "\r" not in lines
    assert clean(lines) == lines
    assert all(line.strip() for line in lines.split("\n")) or not lines


def test_half_characters_and_nuls_are_left_out() -> None:
    assert clean("a\ud800b\0c\vd  \n\n e") == "abc\nd\ne"


def test_long_text_is_cut_with_a_note(path: Path) -> None:
    builder = Builder()
    builder.slide("Long", "word " * 10_000)
    page = only_page(builder, path)
    assert len(page.text) == slides.MAX_TEXT
    assert page.notes == (slides.CUT,)


def figures(builder: Builder, path: Path) -> tuple[Figure, ...]:
    return only_page(builder, path).figures


def test_pictures_are_figures_with_their_place_and_text(path: Path) -> None:
    builder = Builder()
    slide = builder.slide("Title", "Body")
    file = decks.picture()
    shape = decks.put(slide.shapes, file, 100, 150, 240, 160)
    decks.describe(shape, "A red boot.  Description automatically generated")
    (figure,) = figures(builder, path)
    assert figure.box == pytest.approx((100, 150, 340, 310))
    assert figure.image == file.getvalue()
    assert (figure.caption, figure.around) == ("A red boot.", "Title\nBody")


@pytest.mark.parametrize("text", ["", "image1.png", "Picture 3", "C:\\a\\b.png", "IMG_2041.JPG",
                                  "Bild 4", "https://example.org/a"])  # fmt: skip
def test_a_file_name_is_no_caption(path: Path, text: str) -> None:
    builder = Builder()
    decks.describe(decks.put(builder.slide().shapes, decks.picture(), 0, 0, 100, 100), text)
    assert figures(builder, path)[0].caption is None


def test_a_picture_in_a_stretched_group_has_its_place_on_the_slide(path: Path) -> None:
    builder = Builder()
    shapes: Any = builder.slide().shapes
    group = shapes.add_group_shape()
    decks.put(group.shapes, decks.picture(), 100, 100, 100, 100)
    decks.put(group.shapes, decks.picture(seed=2), 300, 100, 100, 100)
    group.left, group.top, group.width, group.height = Pt(0), Pt(50), Pt(600), Pt(200)
    boxes = [figure.box for figure in figures(builder, path)]
    assert boxes == [pytest.approx((0, 50, 200, 250)), pytest.approx((400, 50, 600, 250))]


def test_a_picture_in_a_placeholder_is_a_figure(path: Path) -> None:
    builder = Builder()
    slide = builder.deck.slides.add_slide(builder.deck.slide_layouts[8])
    slide.placeholders[1].insert_picture(decks.picture(400, 300))
    (figure,) = figures(builder, path)
    assert Image.open(BytesIO(figure.image)).format == "PNG"


def test_a_cropped_picture_is_cut_as_it_is_shown(path: Path) -> None:
    """What is cropped away is not on the slide, and may be nobody's business."""
    halves = Image.new("RGB", (200, 100), BLUE)
    halves.paste("white", (0, 0, 100, 100))
    file = BytesIO()
    halves.save(file, "PNG")
    builder = Builder()
    shape = decks.put(builder.slide().shapes, file, 0, 0, 100, 100)
    shape.crop_left = 0.5
    (figure,) = figures(builder, path)
    shown = Image.open(BytesIO(figure.image))
    assert shown.size == (100, 100)
    assert shown.getcolors() == [(10_000, BLUE)]


@pytest.mark.parametrize(("kind", "given"), [("GIF", "PNG"), ("BMP", "PNG"), ("TIFF", "JPEG")])
def test_other_kinds_become_jpeg_or_png(path: Path, kind: str, given: str) -> None:
    builder = Builder()
    decks.put(builder.slide().shapes, decks.picture(kind=kind), 0, 0, 100, 100)
    (figure,) = figures(builder, path)
    assert Image.open(BytesIO(figure.image)).format == given


def test_small_pictures_are_no_figures(path: Path) -> None:
    builder = Builder()
    decks.put(builder.slide().shapes, decks.picture(), 0, 0, 59, 300)
    assert figures(builder, path) == ()


def test_a_picture_of_another_kind_is_left_out_and_said(path: Path, tmp_path: Path) -> None:
    builder = Builder()
    decks.put(builder.slide().shapes, decks.picture(), 0, 0, 100, 100)
    other = decks.rewritten(
        builder.save(path),
        tmp_path / "other.pptx",
        lambda name, data: b"\x01\0\0\0 EMF" if name.startswith("ppt/media/") else data,
    )
    with Deck.open(other) as deck:
        page = deck.page(1)
    assert page.figures == ()
    assert page.notes == ("Pictures of the slide that could not be taken: 1.",)


def test_only_the_first_pictures_are_taken(path: Path) -> None:
    builder = Builder()
    slide = builder.slide()
    for n in range(23):
        decks.put(slide.shapes, decks.picture(), n, n, 100, 100)
    page = only_page(builder, path)
    assert len(page.figures) == 20
    assert page.notes == ("Pictures beyond the first 20 of the slide: 3.",)


def test_a_linked_picture_is_no_figure_and_never_fetched(path: Path) -> None:
    builder = Builder()
    slide = builder.slide("Linked")
    shape = decks.put(slide.shapes, decks.picture(), 100, 100, 200, 200)
    with decks.listening() as (port, heard):
        decks.link(slide.part, shape, f"http://127.0.0.1:{port}/a.png")
        page = only_page(builder, path)
    assert (page.text, page.figures, heard) == ("Linked", (), [])


def test_the_title_is_the_decks_own_or_the_first_slides(path: Path) -> None:
    builder = Builder()
    builder.slide("First slide")
    with opened(builder, path) as deck:
        assert deck.title == "First slide"
    builder.deck.core_properties.title = "A plan\nfor 2027"
    with opened(builder, path) as deck:
        assert deck.title == "A plan for 2027"


def test_without_libreoffice_the_deck_says_what_it_lacks(path: Path) -> None:
    builder = Builder()
    builder.slide("One")
    with opened(builder, path) as deck:
        assert deck.notes == (NOT_INSTALLED,)
        assert deck.page(1) == Page(1, "One", title="One")


def test_hidden_slides_count_and_are_said(path: Path) -> None:
    builder = Builder()
    builder.slide("One")
    builder.hidden("Two")
    builder.slide("Three")
    with opened(builder, path) as deck:
        assert deck.count == 3
        assert [deck.page(n).title for n in (1, 2, 3)] == ["One", "Two", "Three"]
        assert [deck.page(n).notes for n in (1, 2, 3)] == [(), (HIDDEN,), ()]


@pytest.mark.parametrize("number", [0, -1, 4])
def test_a_slide_that_is_not_there_is_broken(path: Path, number: int) -> None:
    with Deck.open(decks.plain(path)) as deck, pytest.raises(BrokenPage):
        deck.page(number)


def damage(path: Path, target: Path, part: str, data: bytes | None) -> Path:
    return decks.rewritten(path, target, lambda name, old: data if name == part else old)


@pytest.mark.parametrize("data", [b"<p:sld", b"<a><b></a>", b'<a xmlns="b"/>', None])
def test_a_bad_slide_fails_alone(path: Path, tmp_path: Path, data: bytes | None) -> None:
    if data == b"<p:sld":
        data = b"<p:sld xmlns:p='a'><"
    bad = damage(decks.plain(path), tmp_path / "bad.pptx", "ppt/slides/slide2.xml", data)
    with Deck.open(bad) as deck:
        assert deck.count == 3
        assert [deck.page(n).title for n in (1, 3)] == ["First", "Third"]
        with pytest.raises(BrokenPage, match="Slide 2"):
            deck.page(2)


def test_a_lost_picture_costs_only_itself(path: Path, tmp_path: Path) -> None:
    """Programs that lose a picture leave a link to nothing behind."""
    builder = Builder()
    decks.put(builder.slide("Pictures").shapes, decks.picture(), 0, 0, 100, 100)
    bad = damage(builder.save(path), tmp_path / "bad.pptx", "ppt/media/image1.png", None)
    with Deck.open(bad) as deck:
        page = deck.page(1)
    assert (page.text, page.figures) == ("Pictures", ())
    assert page.notes == ("Pictures of the slide that could not be taken: 1.",)


@pytest.mark.parametrize("part", ["docProps/core.xml", "ppt/notesSlides/notesSlide1.xml"])
def test_a_damaged_part_beside_the_slides_costs_only_itself(
    path: Path, tmp_path: Path, part: str
) -> None:
    builder = Builder()
    builder.slide("One").notes_slide.notes_text_frame.text = "Spoken"  # type: ignore[union-attr]
    bad = damage(builder.save(path), tmp_path / "bad.pptx", part, b"<a><b></a>")
    with Deck.open(bad) as deck:
        assert deck.page(1).text.startswith("One")
        assert deck.notes == (MENDED, NOT_INSTALLED)


@pytest.mark.parametrize("part", ["ppt/presentation.xml", "[Content_Types].xml", "_rels/.rels"])
def test_a_deck_whose_heart_is_damaged_is_broken(path: Path, tmp_path: Path, part: str) -> None:
    bad = damage(decks.plain(path), tmp_path / "bad.pptx", part, b"<a/>")
    with pytest.raises(BrokenDocument):
        Deck.open(bad)


def test_a_deck_without_slides_is_broken(path: Path) -> None:
    with pytest.raises(BrokenDocument, match="no slides"):
        Deck.open(Builder().save(path))


def test_nothing_is_opened_before_it_is_checked(path: Path) -> None:
    path.write_bytes(deck_archive.CFB + bytes(100))
    with pytest.raises(DocumentEncrypted):
        Deck.open(path)


def test_wrong_bytes_in_a_slide_cost_that_slide_at_most(path: Path) -> None:
    plain = decks.plain(path)
    with zipfile.ZipFile(plain) as archive:
        xml = archive.read("ppt/slides/slide1.xml")
    for at in range(xml.index(b"<p:cSld"), len(xml), max(1, len(xml) // 40)):
        bad = damage(plain, path.parent / "bad.pptx", "ppt/slides/slide1.xml",
                     xml[:at] + b"\x3e" + xml[at + 1 :])  # fmt: skip
        with Deck.open(bad) as deck:
            assert deck.page(2).title == "Second"
            try:
                assert deck.page(1).number == 1
            except BrokenPage as error:
                assert "Slide 1" in error.detail


def average(image: bytes | None) -> tuple[int, ...]:
    assert image is not None
    pixel = Image.open(BytesIO(image)).convert("RGB").resize((1, 1), Image.Resampling.BOX)
    return tuple(pixel.tobytes())


def coloured(
    builder: Builder, title: str, colour: tuple[int, int, int], hidden: bool = False
) -> None:
    slide: Any = builder.hidden(title) if hidden else builder.slide(title)
    file = BytesIO()
    Image.new("RGB", (96, 54), colour).save(file, "PNG")
    decks.put(slide.shapes, file, 0, 0, 960, 540)


@needs_office
def test_every_slide_gets_its_own_picture_hidden_ones_too(path: Path, drawn: None) -> None:
    colours = [(220, 30, 30), (30, 200, 30), (30, 30, 220), (220, 220, 30)]
    builder = Builder()
    for n, colour in enumerate(colours):
        coloured(builder, f"Slide {n + 1}", colour, hidden=n in (0, 2))
    with opened(builder, path) as deck:
        assert deck.notes == ()
        pages = [deck.page(n) for n in (4, 3, 2, 1)]
    for page, colour in zip(pages, reversed(colours), strict=True):
        assert average(page.image) == pytest.approx(colour, abs=12)
        assert Image.open(BytesIO(page.image or b"")).format == "JPEG"
        assert page.figures == ()


@needs_office
def test_a_broken_slide_shifts_no_other_ones_picture(
    path: Path, tmp_path: Path, drawn: None
) -> None:
    builder = Builder()
    for n, colour in enumerate([(220, 30, 30), (30, 200, 30), (30, 30, 220)]):
        coloured(builder, str(n), colour)
    bad = damage(builder.save(path), tmp_path / "bad.pptx", "ppt/slides/slide2.xml", b"<a><b></a>")
    with Deck.open(bad) as deck:
        assert deck.notes == (MENDED,)
        assert average(deck.page(1).image) == pytest.approx((220, 30, 30), abs=12)
        assert average(deck.page(3).image) == pytest.approx((30, 30, 220), abs=12)


def test_a_background_is_a_figure_only_where_the_slide_has_no_picture(path: Path) -> None:
    builder = Builder()
    coloured(builder, "One", BLUE)
    assert len(figures(builder, path)) == 1


@needs_office
def test_drawing_follows_no_link(path: Path, drawn: None) -> None:
    builder = Builder()
    slide = builder.slide("Linked")
    shape = decks.put(slide.shapes, decks.picture(), 100, 100, 200, 200)
    with decks.listening() as (port, heard):
        decks.link(slide.part, shape, f"http://127.0.0.1:{port}/a.png")
        page = only_page(builder, path)
    assert page.image is not None
    assert heard == []


def test_a_deck_that_cannot_be_drawn_is_read_all_the_same(
    path: Path, tmp_path: Path, drawn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "soffice"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with Deck.open(decks.plain(path)) as deck:
        assert deck.notes == (NOT_DRAWN,)
        assert deck.page(2) == Page(2, "Second", title="Second")


@needs_office
def test_nothing_is_left_in_the_temporary_folder(
    path: Path, tmp_path: Path, drawn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with Deck.open(decks.plain(path)) as deck:
        assert list(scratch.iterdir()) == []
        assert deck.page(1).image is not None


def test_the_sample_deck_is_the_same_every_time_and_full_of_facts(path: Path) -> None:
    sample_deck.write(path)
    first = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {sample_deck.ZIP_DATE}
    sample_deck.write(path)
    assert path.read_bytes() == first
    with Deck.open(path) as deck:
        pages = [deck.page(n) for n in range(1, deck.count + 1)]
    assert (deck.title, deck.count) == ("Aurora 3 launch plan", 6)
    assert all(page.title and re.search("Notes: .", page.text) for page in pages)
    assert "Pro | 399 USD" in pages[2].text
    assert "Europe: 2023 6.1" in pages[1].text
    assert [figure.caption for figure in pages[5].figures] == [
        "Round white Aurora 3 hub with a glowing blue ring on a wooden shelf"
    ]
