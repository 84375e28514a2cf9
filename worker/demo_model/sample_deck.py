"""Draws a sample deck, the launch plan of a made-up product, to be ingested and asked about."""

import argparse
import re
import sys
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.slide import Slide
from pptx.util import Pt

DATE = datetime(2027, 1, 11, 9, 0, tzinfo=UTC)
ZIP_DATE = (2027, 1, 11, 9, 0, 0)
FONT = "Arial"
_colour: Any = RGBColor.from_string
INK, GREY, BLUE, AMBER, MIST, WHITE = map(
    _colour, ("14213D", "5C677D", "2A6FDB", "F2A541", "EAF0F9", "FFFFFF")
)
PRICES = (
    ("Edition", "Price", "Rooms", "Storage", "Support"),
    ("Home", "249 USD", "up to 6", "64 GB", "e-mail, 2 years"),
    ("Pro", "399 USD", "up to 20", "256 GB", "phone, 3 years"),
    ("Studio", "649 USD", "no limit", "1 TB", "on site, 5 years"),
)
STEPS = (
    ("Sensors", "motion, light,\nair, energy"),
    ("Aurora hub", "radio for 250\ndevices"),
    ("Local models", "decide at home,\nin 40 ms"),
    ("App", "shows, explains,\nasks"),
)
DATES = (
    ("12 March", "Design freeze"),
    ("3 May", "Pilot production"),
    ("1 July", "Beta in 400 homes"),
    ("14 September", "Launch"),
)
SHIPMENTS = {"Europe": (6.1, 7.4, 8.9, 10.6, 12.7), "North America": (8.8, 10.1, 11.9, 14.2, 16.6)}
_EXAMPLES = """\
examples:
  python -m worker.demo_model.sample_deck aurora.pptx
      six slides with speaker notes, a chart, a table, drawings and a picture
Every run writes the same bytes.
"""


def write(path: Path) -> None:
    """Write the deck; every run writes the same bytes."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Pt(960), Pt(540)
    for add in (_cover, _market, _prices, _flow, _timeline, _device):
        add(deck.slides.add_slide(deck.slide_layouts[5]))
    core = deck.core_properties
    core.title, core.author, core.last_modified_by = "Aurora 3 launch plan", "Sightline", ""
    core.created = core.modified = DATE
    out = BytesIO()
    deck.save(out)
    path.write_bytes(_without_clock(out.getvalue()))


def _without_clock(data: bytes) -> bytes:
    """Pack a ZIP again, and the workbooks in it, as if it had been written at one fixed moment."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            inner = old.read(name)
            if name.endswith(".xlsx"):
                inner = _without_clock(inner)
            elif name == "docProps/core.xml":
                now = DATE.strftime(r"\g<1>%Y-%m-%dT%H:%M:%SZ").encode()
                inner = re.sub(rb"(<dcterms:\w+ [^>]*>)[^<]*", now, inner)
            new.writestr(entry, inner)
    return out.getvalue()


def _cover(slide: Slide) -> None:
    _background(slide, INK)
    for size, colour in ((430, BLUE), (320, INK), (210, AMBER)):
        _shape(slide, MSO_SHAPE.OVAL, 700 - size / 2, 270 - size / 2, size, size, colour)
    _title(slide, "Aurora 3 launch plan", WHITE, top=190)
    _text(slide, "The home hub that decides at home", 40, 250, 420, 34, 18, WHITE)
    _text(slide, "Product board, 11 January 2027", 40, 284, 420, 26, 13, MIST)
    _say(slide, "Welcome. The launch budget is 2.4 million USD; Mara Lindqvist owns the plan.")


def _market(slide: Slide) -> None:
    _title(slide, "The market grows by 18 % a year")
    make_data: Any = CategoryChartData
    data = make_data()
    data.categories = [str(year) for year in range(2023, 2028)]
    for region, millions in SHIPMENTS.items():
        data.add_series(region, millions)
    frame: Any = slide.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Pt(48), Pt(110), Pt(620), Pt(380), data
    )
    chart = frame.chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Home hubs sold, in millions"
    chart.has_legend, chart.legend.include_in_layout = True, False
    chart.legend.position = XL_LEGEND_POSITION.BOTTOM
    chart.font.size, chart.font.name = Pt(12), FONT
    for series, colour in zip(chart.plots[0].series, (BLUE, AMBER), strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = colour
    _card(slide, "29.3 million", "hubs in 2027, Europe and North America", 700, 150)
    _card(slide, "9 %", "of them can be ours by 2029", 700, 300)
    _say(slide, "The forecast is our own model of October; the 9 % assume that Pro ships on time.")


def _prices(slide: Slide) -> None:
    _title(slide, "Three editions, one hub")
    frame: Any = slide.shapes.add_table(4, 5, Pt(47), Pt(130), Pt(864), Pt(240))
    for row, cells in enumerate(PRICES):
        for column, text in enumerate(cells):
            cell = frame.table.cell(row, column)
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            cell.fill.solid()
            cell.fill.fore_color.rgb = BLUE if row == 0 else MIST if row % 2 else WHITE
            bold = row == 0 or column < 2
            _write(cell.text_frame, text, 18, WHITE if row == 0 else INK, bold)
    _text(slide, "Prices without tax. Every edition gets updates for seven years.",
          40, 400, 872, 30, 14, GREY)  # fmt: skip
    _say(slide, "Resellers get 22 % off; the early price of Pro, 349 USD, ends on 30 November.")


def _flow(slide: Slide) -> None:
    _title(slide, "How Aurora 3 works")
    boxes = []
    for n, (name, detail) in enumerate(STEPS):
        left, colour = 48 + n * 224, AMBER if name == "Local models" else BLUE
        boxes.append(_shape(slide, MSO_SHAPE.ROUNDED_RECTANGLE, left, 190, 160, 76, colour))
        _write(boxes[-1].text_frame, name, 17, WHITE, True, PP_ALIGN.CENTER)
        _text(slide, detail, left, 278, 160, 50, 13, GREY, PP_ALIGN.CENTER)
    for left, right in pairwise(boxes):
        _arrow(slide, left, right)
    _shape(slide, MSO_SHAPE.RECTANGLE, 48, 390, 864, 3, MIST)
    _text(slide, "No picture, sound or position leaves the house; the cloud sees counts only.",
          40, 406, 872, 30, 16, INK)  # fmt: skip
    _say(slide, "The models run on a chip with 6 TOPS; without the internet everything but the "
                "weather goes on.")  # fmt: skip


def _timeline(slide: Slide) -> None:
    _title(slide, "Timeline to the launch")
    _shape(slide, MSO_SHAPE.RECTANGLE, 90, 268, 780, 4, GREY)
    for n, (date, name) in enumerate(DATES):
        middle, last = 120 + n * 240, n == len(DATES) - 1
        size = 34 if last else 24
        _shape(slide, MSO_SHAPE.OVAL, middle - size / 2, 270 - size / 2, size, size,
               AMBER if last else BLUE)  # fmt: skip
        _text(slide, date, middle - 100, 206, 200, 30, 17, INK, PP_ALIGN.CENTER, bold=True)
        _text(slide, name, middle - 100, 300, 200, 30, 14, GREY, PP_ALIGN.CENTER)
    _say(slide, "The riskiest date is 3 May: the radio module has one supplier, Nordwell. "
                "The fallback costs 11 USD more for each hub.")  # fmt: skip


def _device(slide: Slide) -> None:
    _title(slide, "Meet the device")
    picture: Any = slide.shapes.add_picture(_picture(), Pt(48), Pt(120), Pt(480), Pt(360))
    picture.name = "Aurora 3 hub"
    picture._element.nvPicPr.cNvPr.set(
        "descr", "Round white Aurora 3 hub with a glowing blue ring on a wooden shelf"
    )
    facts = ("14 cm wide, 410 grams", "Ring of 48 lights, dims at night",
             "Battery for 6 hours", "Shell of recycled aluminium")  # fmt: skip
    for n, fact in enumerate(facts):
        top = 150 + n * 76
        _shape(slide, MSO_SHAPE.OVAL, 570, top + 8, 14, 14, AMBER)
        _text(slide, fact, 600, top, 320, 30, 17, INK)
    _say(slide, "The ring turns amber when a window is open and the heating runs.")


def _picture() -> BytesIO:
    """The product as a photographer might show it, 960 x 720 pixels."""
    image = Image.linear_gradient("L").resize((960, 720))
    image = Image.merge("RGB", [image.point(lambda v, c=c: c - v // 3) for c in (246, 236, 226)])
    draw = ImageDraw.Draw(image)
    for n in range(10):
        draw.rectangle((0, 520 + 20 * n, 960, 540 + 20 * n), (150 - 5 * n, 104 - 4 * n, 66 - 3 * n))
    shadow = Image.new("L", image.size)
    ImageDraw.Draw(shadow).ellipse((230, 520, 750, 610), 150)
    image.paste((50, 34, 22), mask=shadow.filter(ImageFilter.GaussianBlur(18)))
    glow = Image.new("L", image.size)
    ImageDraw.Draw(glow).ellipse((290, 210, 670, 470), outline=255, width=26)
    draw.ellipse((220, 150, 740, 580), (206, 210, 216))
    draw.ellipse((220, 140, 740, 550), (248, 249, 251))
    image.paste((42, 130, 255), mask=glow.filter(ImageFilter.GaussianBlur(14)))
    draw.ellipse((290, 210, 670, 470), outline=(120, 190, 255), width=8)
    out = BytesIO()
    image.save(out, "JPEG", quality=88)
    out.seek(0)
    return out


def _background(slide: Slide, colour: RGBColor) -> None:
    slide.background.fill.solid()
    slide.background.fill.fore_color.rgb = colour


def _title(slide: Slide, text: str, colour: RGBColor = INK, top: float = 40) -> None:
    title: Any = slide.shapes.title
    title.left, title.top, title.width, title.height = Pt(40), Pt(top), Pt(872), Pt(56)
    _write(title.text_frame, text, 32, colour, True, PP_ALIGN.LEFT)


def _shape(slide: Slide, kind: MSO_SHAPE, left: float, top: float, width: float, height: float,
           colour: RGBColor) -> Any:  # fmt: skip
    shape = slide.shapes.add_shape(kind, Pt(left), Pt(top), Pt(width), Pt(height))
    shape.fill.solid()
    shape.fill.fore_color.rgb = colour
    shape.line.fill.background()
    # The style of the theme would add a shadow.
    shape._element.remove(shape._element.find(qn("p:style")))
    return shape


def _arrow(slide: Slide, left: Any, right: Any) -> None:
    arrow: Any = slide.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, Pt(0), Pt(0), Pt(0), Pt(0))
    arrow.begin_connect(left, 3)
    arrow.end_connect(right, 1)
    arrow.line.width, arrow.line.color.rgb = Pt(2.5), GREY
    line = arrow.line._get_or_add_ln()
    line.append(line.makeelement(qn("a:tailEnd"), {"type": "triangle"}))


def _card(slide: Slide, number: str, meaning: str, left: float, top: float) -> None:
    _shape(slide, MSO_SHAPE.ROUNDED_RECTANGLE, left, top, 212, 120, MIST)
    _text(slide, number, left + 12, top + 14, 188, 40, 22, BLUE, bold=True)
    _text(slide, meaning, left + 12, top + 56, 188, 50, 13, GREY)


def _text(slide: Slide, text: str, left: float, top: float, width: float, height: float,
          size: float, colour: RGBColor, align: PP_ALIGN = PP_ALIGN.LEFT,
          bold: bool = False) -> None:  # fmt: skip
    box = slide.shapes.add_textbox(Pt(left), Pt(top), Pt(width), Pt(height))
    _write(box.text_frame, text, size, colour, bold, align)


def _write(frame: Any, text: str, size: float, colour: RGBColor, bold: bool = False,
           align: PP_ALIGN = PP_ALIGN.LEFT) -> None:  # fmt: skip
    frame.text, frame.word_wrap = text, True
    for paragraph in frame.paragraphs:
        paragraph.alignment = align
        font = paragraph.font
        font.size, font.name, font.bold, font.color.rgb = Pt(size), FONT, bold, colour


def _say(slide: Slide, notes: str) -> None:
    frame: Any = slide.notes_slide.notes_text_frame
    frame.text = notes


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.demo_model.sample_deck",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", metavar="OUT.pptx", type=Path, help="file to write")
    options = parser.parse_args()
    write(options.out)
    sys.stdout.write(f"6 slides: {options.out}\n")


if __name__ == "__main__":
    main()
