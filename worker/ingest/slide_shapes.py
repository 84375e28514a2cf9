"""Walks the shapes of a slide in reading order, through groups, with their places in points."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pptx.oxml.ns import qn
from pptx.shapes.base import BaseShape
from pptx.shapes.group import GroupShape
from pptx.slide import Slide

from worker.ingest.pages import Box

EMU = 12_700
"""Of the file's units in a point."""
SAME_ROW = 18.0
"""Points: shapes whose tops lie this close together are read from left to right."""
MARKUP = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"


@dataclass(frozen=True)
class Placed:
    """A shape that is no group, and where it stands on the slide."""

    shape: BaseShape
    box: Box


@dataclass(frozen=True)
class _Frame:
    """How lengths inside a group become points on the slide."""

    scale_x: float = 1 / EMU
    scale_y: float = 1 / EMU
    left: float = 0.0
    top: float = 0.0

    def box(self, shape: BaseShape) -> Box:
        """Where a shape stands; a shape without a place stands in the corner."""
        left = self.left + self.scale_x * (shape.left or 0)
        top = self.top + self.scale_y * (shape.top or 0)
        return (left, top, left + self.scale_x * (shape.width or 0),
                top + self.scale_y * (shape.height or 0))  # fmt: skip

    def inside(self, group: GroupShape) -> "_Frame":
        """The frame of a group's own shapes: its inner rectangle is stretched to its outer one."""
        left, top, right, bottom = self.box(group)
        transform = group._element.grpSpPr.find(qn("a:xfrm"))
        start = transform.find(qn("a:chOff")) if transform is not None else None
        size = transform.find(qn("a:chExt")) if transform is not None else None
        if start is None or size is None:
            return self
        scale_x = (right - left) / (int(size.get("cx")) or 1)
        scale_y = (bottom - top) / (int(size.get("cy")) or 1)
        return _Frame(scale_x, scale_y, left - scale_x * int(start.get("x")),
                      top - scale_y * int(start.get("y")))  # fmt: skip


def in_reading_order(slide: Slide) -> list[Placed]:
    """The shapes of a slide, top to bottom and left to right; a group is read as one."""
    _choose_alternatives(slide)
    return list(_walk(slide.shapes, _Frame()))


def _walk(shapes: Iterable[BaseShape], frame: _Frame) -> Iterator[Placed]:
    for placed in _ordered([Placed(shape, frame.box(shape)) for shape in shapes]):
        if isinstance(placed.shape, GroupShape):
            yield from _walk(placed.shape.shapes, frame.inside(placed.shape))
        else:
            yield placed


def _ordered(shapes: list[Placed]) -> list[Placed]:
    rows: list[list[Placed]] = []
    for placed in sorted(shapes, key=lambda placed: placed.box[1]):
        if rows and placed.box[1] - rows[-1][0].box[1] < SAME_ROW:
            rows[-1].append(placed)
        else:
            rows.append([placed])
    return [placed for row in rows for placed in sorted(row, key=lambda placed: placed.box[0])]


def _choose_alternatives(slide: Slide) -> None:
    """Put one branch in the place of each choice, which python-pptx passes over as a whole."""
    for choice in list(slide.shapes._spTree.iter(f"{MARKUP}AlternateContent")):
        if choice.getparent().tag not in (qn("p:spTree"), qn("p:grpSp")):
            continue
        branches = list(choice)
        with_text = (
            branch for branch in branches if next(branch.iter(qn("a:t")), None) is not None
        )
        for shape in list(next(with_text, branches[-1])) if branches else []:
            choice.addprevious(shape)
        choice.getparent().remove(choice)
