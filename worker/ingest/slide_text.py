"""The text of a slide: title, shapes, tables, charts, diagrams and speaker notes, in plain lines."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.shapes.autoshape import Shape
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.slide import Slide
from pptx.table import Table

from worker.ingest.slide_shapes import Placed

MAX_TITLE = 300
MAX_POINTS = 50
"""Points of one series of a chart that are written out."""
REPEATED = (PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER)
"""What stands on every slide tells nothing of one."""
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
UNFIT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """Text that Postgres can hold, in trimmed lines, none of them empty."""
    whole = UNFIT.sub("", BREAKS.sub("\n", text))
    return "\n".join(line.strip() for line in whole.split("\n") if line.strip())


def one_line(text: str) -> str:
    """The same as one line."""
    return " ".join(clean(text).split())


def title_of(slide: Slide) -> str | None:
    """What stands in the slide's title placeholder."""
    shape = slide.shapes.title
    return (one_line(shape.text_frame.text)[:MAX_TITLE].strip() or None) if shape else None


def body_of(slide: Slide, shapes: Iterable[Placed]) -> str:
    """All text of a slide but its title and its notes, in reading order."""
    title = slide.shapes.title
    texts = (
        "\n".join(_lines(placed.shape))
        for placed in shapes
        if not (title and placed.shape.shape_id == title.shape_id)
        and not _is_repeated(placed.shape)
    )
    return clean("\n".join(texts))


def notes_of(slide: Slide) -> str:
    """The speaker notes, empty when there are none."""
    if not slide.has_notes_slide:
        return ""
    frame = slide.notes_slide.notes_text_frame
    return clean(frame.text) if frame is not None else ""


def _is_repeated(shape: BaseShape) -> bool:
    return shape.is_placeholder and shape.placeholder_format.type in REPEATED


def _lines(shape: BaseShape) -> Iterator[str]:
    if isinstance(shape, Shape):
        yield shape.text_frame.text
    elif isinstance(shape, GraphicFrame):
        if shape.has_table:
            yield from _of_table(shape.table)
        elif shape.has_chart:
            yield from _of_chart(shape)
        else:
            yield from _of_diagram(shape)


def _of_table(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells = [one_line(cell.text) for cell in row.cells if not cell.is_spanned]
        if any(cells):
            yield " | ".join(cells)


def _of_chart(frame: GraphicFrame) -> Iterator[str]:
    """A chart's title and each series with its values, read from what the chart keeps of them."""
    root = parse_xml(frame.chart_part.blob)
    title = root.find(f"{CHART}chart/{CHART}title")
    if title is not None:
        yield "".join(text.text or "" for text in title.iter(qn("a:t")))
    for series in root.iter(f"{CHART}ser"):
        name = next(iter(_points(series.find(f"{CHART}tx")).values()), "Values")
        labels = _points(_first(series, "cat", "xVal"))
        values = _points(_first(series, "val", "yVal"))
        points = [f"{labels.get(at, '')} {_number(values[at])}".strip() for at in values]
        yield f"{name}: {', '.join(points[:MAX_POINTS])}"


def _first(series: Any, *names: str) -> Any:
    found = (series.find(CHART + name) for name in names)
    return next((element for element in found if element is not None), None)


def _points(element: Any) -> dict[str, str]:
    """The cached texts or numbers below an element, by their position in the series."""
    if element is None:
        return {}
    points = element.iter(f"{CHART}pt")
    return {point.get("idx"): one_line(point.findtext(f"{CHART}v") or "") for point in points}


def _number(text: str) -> str:
    """Spreadsheets keep 0.1 as 0.10000000000000001."""
    try:
        return format(float(text), ".10g")
    except ValueError:
        return text


def _of_diagram(frame: GraphicFrame) -> Iterator[str]:
    """The texts of a SmartArt diagram, which stand in a part of their own."""
    for ids in frame._element.iter(f"{DIAGRAM}relIds"):
        data = parse_xml(frame.part.related_part(ids.get(qn("r:dm"))).blob)
        for paragraph in data.iter(qn("a:p")):
            yield "".join(text.text or "" for text in paragraph.iter(qn("a:t")))
