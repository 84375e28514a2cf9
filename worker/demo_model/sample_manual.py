"""Draws the sample document: a six-page manual of a water pump, with figures and tables."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from worker.demo_model import manual_drawings as drawings
from worker.demo_model.manual_drawings import INK, LIGHT, PALE, STEEL, TEAL
from worker.demo_model.manual_words import (
    CONTENTS,
    ELECTRICS,
    FAULTS,
    FUSES,
    INSTALLATION,
    INTRODUCTION,
    MAINTENANCE,
    OVERVIEW,
    PARTS,
    PERFORMANCE,
    SCHEDULE,
    SUBTITLE,
    TITLE,
    TROUBLE,
    WARRANTY,
)

WIDTH, HEIGHT = A4
MARGIN = 64
TEXT_WIDTH = WIDTH - 2 * MARGIN

_BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=15, textColor=INK,
                       spaceAfter=7)  # fmt: skip
_HEADING = ParagraphStyle("heading", _BODY, fontName="Helvetica-Bold", fontSize=17, leading=21,
                          textColor=TEAL, spaceAfter=10)  # fmt: skip
_CAPTION = ParagraphStyle("caption", _BODY, fontName="Helvetica-Oblique", fontSize=9.5, leading=12,
                          spaceBefore=4, spaceAfter=12)  # fmt: skip
_CELL = ParagraphStyle("cell", _BODY, fontSize=9.5, leading=12.5, spaceAfter=0)
_HEAD = ParagraphStyle("head", _CELL, fontName="Helvetica-Bold")


def _drawing(height: float, draw: Callable[[Canvas], None]) -> Flowable:
    """A figure drawn on the page, 450 points wide."""
    figure = Flowable()
    figure.width, figure.height, figure.hAlign = 450.0, height, "CENTER"
    figure.draw = lambda: draw(figure.canv)
    return figure


def write(path: Path) -> None:
    """Write the manual; the same bytes each time."""
    document = BaseDocTemplate(
        str(path), pagesize=A4, title=f"{TITLE}: {SUBTITLE}", author="Aurora Pumps",
        subject="Installation, maintenance and troubleshooting", invariant=1,
    )  # fmt: skip
    cover = Frame(MARGIN, 60, TEXT_WIDTH, 400, 0, 0, 0, 0)
    inner = Frame(MARGIN, 66, TEXT_WIDTH, HEIGHT - 136, 0, 0, 0, 0)
    document.addPageTemplates(
        [
            PageTemplate("cover", [cover], onPage=_cover, autoNextPageTemplate="inner"),
            PageTemplate("inner", [inner], onPage=_inner),
        ]
    )
    document.build(_story())


def _story() -> list[Flowable]:
    wear = Image(drawings.wear().fp, 420, 168)
    return [
        *_section("Welcome", INTRODUCTION),
        _table(CONTENTS, [TEXT_WIDTH - 60, 60]),
        PageBreak(),
        *_section("1  The pump and its parts", OVERVIEW),
        _figure(
            _drawing(190, drawings.parts), "Figure 1: The parts of the Aurora 3, pulled apart."
        ),
        _table(PARTS, [34, 110, TEXT_WIDTH - 144]),
        PageBreak(),
        *_section("2  Installation", INSTALLATION[:2]),
        _figure(
            _drawing(170, drawings.water_way),
            "Figure 2: The way of the water from the well to the house.",
        ),
        *_section("", INSTALLATION[2:]),
        PageBreak(),
        *_section("3  Electrical connection", ELECTRICS[:2]),
        _figure(_drawing(205, drawings.circuit), "Figure 3: Circuit diagram of the Aurora 3."),
        *_section("", ELECTRICS[2:]),
        _table(FUSES, [60, 70, TEXT_WIDTH - 130]),
        PageBreak(),
        *_section("4  Maintenance", MAINTENANCE),
        _table(SCHEDULE, [130, TEXT_WIDTH - 130]),
        Spacer(0, 16),
        _figure(wear, "Figure 4: A new impeller (left) and a worn one (right)."),
        PageBreak(),
        *_section("5  Troubleshooting", TROUBLE),
        _table(FAULTS, [120, 130, TEXT_WIDTH - 250]),
        Spacer(0, 14),
        *_section("6  Performance and warranty", PERFORMANCE),
        _figure(_drawing(165, drawings.curve), "Figure 5: Head against flow, at both speeds."),
        *_section("", WARRANTY),
    ]


def _section(heading: str, paragraphs: list[str]) -> list[Flowable]:
    title = [Paragraph(heading, _HEADING)] if heading else []
    return [*title, *(Paragraph(text, _BODY) for text in paragraphs)]


def _figure(picture: Flowable, caption: str) -> Flowable:
    return KeepTogether([Spacer(0, 8), picture, Paragraph(caption, _CAPTION)])


def _table(rows: Sequence[tuple[str, ...]], widths: list[float]) -> Flowable:
    """The first row is the head."""
    cells = [
        [Paragraph(text, _CELL if number else _HEAD) for text in row]
        for number, row in enumerate(rows)
    ]
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.6, STEEL),
            ("BACKGROUND", (0, 0), (-1, 0), PALE),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [None, LIGHT]),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    return Table(cells, widths, style=style, spaceBefore=6, spaceAfter=6)


def _cover(c: Canvas, _: BaseDocTemplate) -> None:
    c.saveState()
    c.setFillColor(TEAL)
    c.rect(0, HEIGHT - 330, WIDTH, 330, stroke=0, fill=1)
    c.setFillColor(PALE)
    c.setFont("Helvetica-Bold", 40)
    c.drawString(MARGIN, HEIGHT - 120, "Aurora 3")
    c.setFont("Helvetica", 20)
    c.drawString(MARGIN, HEIGHT - 152, "Water pump")
    c.setFont("Helvetica", 12)
    c.drawString(MARGIN, HEIGHT - 182, SUBTITLE.capitalize())
    c.setLineWidth(1.1)
    drawings.impeller(c, WIDTH - 150, HEIGHT - 190, 92)
    c.restoreState()


def _inner(c: Canvas, _: BaseDocTemplate) -> None:
    c.saveState()
    c.setStrokeColor(STEEL)
    c.setLineWidth(0.6)
    c.line(MARGIN, HEIGHT - 50, WIDTH - MARGIN, HEIGHT - 50)
    c.setFillColor(INK)
    c.setFont("Helvetica", 8.5)
    c.drawString(MARGIN, HEIGHT - 44, TITLE)
    c.drawRightString(WIDTH - MARGIN, HEIGHT - 44, SUBTITLE)
    c.drawCentredString(WIDTH / 2, 36, str(c.getPageNumber()))
    c.restoreState()


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.demo_model.sample_manual", description=__doc__
    )
    parser.add_argument("out", metavar="OUT.pdf", type=Path, help="the file to write")
    options = parser.parse_args()
    write(options.out)
    sys.stdout.write(f"{options.out}: {options.out.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
