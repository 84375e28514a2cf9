"""Figures: each kind is found where a reader sees it, with its caption; tables and rules are not."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.unit import documents
from tests.unit.documents import (
    Draw,
    caption,
    diagram,
    drawn,
    first_page,
    no_ocr,
    raster,
    table,
    words,
)
from tests.unit.pictures import photo
from worker.demo_model import sample_manual
from worker.ingest.figures import is_caption
from worker.ingest.pages import Box
from worker.ingest.pdf import PdfFile

HEIGHT = documents.HEIGHT
# PDF coordinates count from the bottom, boxes of figures from the top.
PLACE = (120.0, 300.0, 260.0, 160.0)
WHERE: Box = (120, HEIGHT - 460, 380, HEIGHT - 300)


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(BytesIO(data))


def near(box: Box, expected: Box, within: float = 10) -> bool:
    return all(abs(one - other) <= within for one, other in zip(box, expected, strict=True))


def form(canvas: Canvas) -> None:
    canvas.beginForm("pump")
    diagram(canvas, 0, 0, 130, 80)
    canvas.endForm()
    canvas.saveState()
    canvas.translate(120, 300)
    canvas.scale(2, 2)
    canvas.doForm("pump")
    canvas.restoreState()


def clipped(canvas: Canvas) -> None:
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(*PLACE)
    canvas.clipPath(path, stroke=0)
    canvas.drawImage(ImageReader(photo(500, 500)), 20, 60, 500, 500)
    canvas.restoreState()


def shaded(canvas: Canvas) -> None:
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(*PLACE)
    canvas.clipPath(path, stroke=0)
    canvas.linearGradient(120, 300, 380, 460, ((1, 0, 0), (0, 0, 1)))
    canvas.restoreState()


@pytest.mark.parametrize(
    "draw",
    [lambda c: diagram(c, *PLACE), lambda c: raster(c, *PLACE), form, clipped, shaded],
    ids=["vector", "raster", "form", "clipped", "shaded"],
)
def test_each_kind_of_figure_is_found_where_it_stands(draw: Draw, tmp_path: Path) -> None:
    page = drawn(tmp_path, words, draw, lambda c: caption(c, "Figure 3: The pump.", 120, 280))
    (figure,) = page.figures
    assert near(figure.box, WHERE)
    assert figure.caption == "Figure 3: The pump."
    image = opened(figure.image)
    assert max(image.size) <= 1024
    assert image.width / image.height == pytest.approx(
        (figure.box[2] - figure.box[0]) / (figure.box[3] - figure.box[1]), rel=0.02
    )


def test_plain_pages_have_no_figures(tmp_path: Path) -> None:
    def underlined(canvas: Canvas) -> None:
        for row in range(20):
            canvas.line(60, 778 - 13 * row, 120 + 9 * row, 778 - 13 * row)

    def ruled(canvas: Canvas) -> None:
        canvas.line(60, 800, 535, 800)
        canvas.line(300, 100, 300, 450)
        table(canvas, 60, 330)

    def panel(canvas: Canvas) -> None:
        canvas.setFillGray(0.9)
        canvas.roundRect(50, 80, 500, 100, 8, stroke=0, fill=1)
        words(canvas, top=160, lines=5)

    def striped(canvas: Canvas) -> None:
        canvas.setFillGray(0.9)
        for row in range(0, 8, 2):
            canvas.rect(60, 200 + 15 * row, 400, 15, stroke=0, fill=1)

    def background(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 1, 0.9)
        canvas.rect(0, 0, 595, 842, stroke=0, fill=1)
        canvas.rect(0, 700, 595, 142, stroke=0, fill=1)

    for draw in (words, underlined, ruled, panel, striped, background):
        page = drawn(tmp_path, *((draw, words) if draw is not words else (words,)))
        assert page.figures == (), draw.__name__
    assert drawn(tmp_path, background, words, underlined, ruled, panel).figures == ()


def blocks(canvas: Canvas) -> None:
    for x, y in ((120, 400), (300, 400), (300, 300)):
        canvas.rect(x, y, 80, 50)
    canvas.line(200, 425, 300, 425)
    canvas.line(340, 400, 340, 350)


def bars(canvas: Canvas) -> None:
    for number, height in enumerate((40, 90, 60, 110)):
        canvas.rect(130 + 40 * number, 300, 26, height, stroke=0, fill=1)
        canvas.drawCentredString(143 + 40 * number, 289, f"Q{number}")
    canvas.line(120, 300, 300, 300)
    canvas.line(120, 300, 120, 420)


@pytest.mark.parametrize("draw", [blocks, bars])
def test_drawings_of_straight_lines_alone_are_no_tables(draw: Draw, tmp_path: Path) -> None:
    assert len(drawn(tmp_path, words, draw).figures) == 1


def test_a_table_of_single_cell_borders_is_no_figure(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for cell in range(24):
            x, y = 80 + 100 * (cell % 4), 600 - 20 * (cell // 4)
            canvas.rect(x, y, 100, 0.5, stroke=0, fill=1)
            canvas.rect(x, y, 0.5, 20, stroke=0, fill=1)
            canvas.rect(x + 100, y, 0.5, 20, stroke=0, fill=1)
            canvas.drawString(x + 4, y + 6, "value")

    assert drawn(tmp_path, draw).figures == ()


def test_small_things_are_no_figures(tmp_path: Path) -> None:
    page = drawn(tmp_path, words, lambda c: raster(c, 300, 300, 50, 200))
    assert page.figures == ()


def test_two_figures_keep_their_own_captions(tmp_path: Path) -> None:
    page = drawn(
        tmp_path,
        lambda c: words(c, lines=6),
        lambda c: diagram(c, 80, 520, 200, 120),
        lambda c: caption(c, "Figure 1. A diagram.", 80, 500),
        lambda c: raster(c, 330, 520, 180, 120),
        lambda c: caption(c, "Fig. 2 A photo", 330, 500),
        lambda c: caption(c, "Abb. 3: Darueber", 80, 400),
        lambda c: diagram(c, 80, 250, 300, 140),
        lambda c: words(c, top=180, lines=4),
    )
    assert [(f.caption, round(f.box[0], -2)) for f in page.figures] == [
        ("Figure 1. A diagram.", 100),
        ("Fig. 2 A photo", 300),
        ("Abb. 3: Darueber", 100),
    ]


def test_the_text_around_is_the_nearest(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        words(canvas, lines=30)
        diagram(canvas, 120, 200, 260, 130)
        caption(canvas, "Figure 3: The pump.", 120, 180)
        canvas.drawString(60, 350, "Right above stands this sentence.")
        canvas.drawString(200, 262, "fuse F2")

    (figure,) = drawn(tmp_path, draw).figures
    assert "Right above stands this sentence." in figure.around
    assert figure.around.endswith("fuse F2")
    assert "Figure 3" not in figure.around
    assert len(figure.around) <= 600


def test_labels_at_the_edge_of_a_figure_belong_to_it(tmp_path: Path) -> None:
    page = drawn(tmp_path, lambda c: diagram(c, *PLACE), lambda c: c.drawString(384, 380, "outlet"))
    (figure,) = page.figures
    assert figure.box[2] > 384 + 30


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (40.0, 60.0, 520.0, 700.0)])
def test_turned_and_cropped_pages_come_out_as_a_reader_sees_them(
    degrees: int, crop: tuple[float, float, float, float] | None, tmp_path: Path
) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 0, 0)
        canvas.ellipse(100, 500, 300, 600, stroke=0, fill=1)

    straight = documents.pdf(tmp_path / "a.pdf", draw)
    page = first_page(documents.turned(straight, degrees, crop))
    left, bottom, right, top = crop or (0, 0, *A4)
    wide, high = right - left, top - bottom
    x0, x1, y0, y1 = 100 - left, 300 - left, top - 600, top - 500
    expected: dict[int, Box] = {
        0: (x0, y0, x1, y1),
        90: (high - y1, x0, high - y0, x1),
        180: (wide - x1, high - y1, wide - x0, high - y0),
        270: (y0, wide - x1, y1, wide - x0),
    }
    (figure,) = page.figures
    assert near(figure.box, expected[degrees], within=7)
    crop_of_page = reds(opened(page.image), figure.box, wide if degrees % 180 == 0 else high)
    assert crop_of_page > 0.6
    assert reds(opened(figure.image)) == pytest.approx(crop_of_page, abs=0.03)


def reds(image: Image.Image, box: Box | None = None, width: float = 0) -> float:
    """The share of red in a picture, or in a box of it, in points of a page of this width."""
    if box:
        scale = image.width / width
        image = image.crop(tuple(round(side * scale) for side in box))  # type: ignore[arg-type]
    green = image.convert("RGB").getchannel("G").histogram()
    return sum(green[:100]) / (image.width * image.height)


def test_a_flat_drawing_is_a_png_and_a_photo_a_jpeg(tmp_path: Path) -> None:
    def flat(canvas: Canvas) -> None:
        canvas.setFillColorRGB(0, 0.4, 0.4)
        canvas.circle(200, 600, 50, stroke=0, fill=1)

    page = drawn(tmp_path, flat, lambda c: raster(c, 100, 200, 100, 100))
    assert [opened(figure.image).format for figure in page.figures] == ["PNG", "JPEG"]


@pytest.mark.parametrize("degrees", [0, 90])
def test_a_large_figure_is_cut_from_the_page_and_a_small_one_drawn_sharper(
    degrees: int, tmp_path: Path
) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 0, 0)
        canvas.ellipse(100, 400, 400, 600, stroke=0, fill=1)
        canvas.circle(200, 200, 50, stroke=0, fill=1)

    page = first_page(documents.turned(documents.pdf(tmp_path / "a.pdf", draw), degrees, None))
    sharpness = 1568 / A4[1]
    for figure in page.figures:
        sides = figure.box[2] - figure.box[0], figure.box[3] - figure.box[1]
        scale = sharpness if max(sides) > 200 else 2.5
        size = opened(figure.image).size
        assert size == pytest.approx([side * scale for side in sides], abs=2)
        assert reds(opened(figure.image)) > 0.6
    assert len(page.figures) == 2


def test_no_page_gives_more_than_20_figures(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for number in range(30):
            raster(canvas, 20 + 90 * (number % 6), 60 + 90 * (number // 6), 64, 64)

    assert len(drawn(tmp_path, draw).figures) == 20


@pytest.mark.parametrize(
    ("line", "opens"),
    [
        ("Figure 3: The pump", True), ("Fig. 3.", True), ("FIGURE 12 - Wiring", True),
        ("Abb. 2 Pumpe", True), ("Figure 1.2 Overview", True), ("Figure A3: Plan", True),
        ("図 3", True), ("Figure 3 shows the pump", False), ("Figure out why", False),
        ("Table 3: Fuses", False), ("see Figure 3: it", False), ("Fig. 3 and 4 show", False),
    ],
)  # fmt: skip
def test_captions_are_told_from_running_text(line: str, opens: bool) -> None:
    assert is_caption(line) is opens


def test_the_sample_manual_is_the_same_each_time(tmp_path: Path) -> None:
    sample_manual.write(tmp_path / "a.pdf")
    sample_manual.write(tmp_path / "b.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_the_sample_manual_reads_well(tmp_path: Path) -> None:
    sample_manual.write(tmp_path / "manual.pdf")
    with PdfFile.open(tmp_path / "manual.pdf", recognise=no_ocr) as source:
        assert source.title == "Aurora 3 water pump: owner's manual"
        pages = [source.page(number + 1) for number in range(source.count)]
    assert [len(page.figures) for page in pages] == [1, 1, 1, 1, 1, 1]
    captions = [figure.caption or "" for page in pages[1:] for figure in page.figures]
    assert [text.partition(":")[0] for text in captions] == [f"Figure {n}" for n in range(1, 6)]
    assert "The impeller is replaced every 18 months" in " ".join(pages[4].text.split())
    assert all(page.notes == () for page in pages)
