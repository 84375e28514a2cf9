"""Which parts of a PDF page are figures: clusters of what is drawn, without tables and rules."""

from collections.abc import Callable
from dataclasses import dataclass

from worker.ingest.layout import Frame, Line, area, around, meet, middle_in, padded, shared
from worker.ingest.marks import Kind, Mark, draw_mode, edges
from worker.ingest.pages import Box

GAP = 12.0
"""Points between two objects of one figure."""
SIDE = 60.0
"""A figure's sides are at least this long."""
PAD = 6.0
MOST = 20
"""Figures of one page."""
WHOLE_PAGE = 0.9
"""A cluster that covers this share is the page, which has its picture already."""
MARGIN = 0.1
"""The share of the page's height at its top and its bottom where rules belong to no figure."""
EDGE_TO_EDGE = 0.97
LABEL_CHARACTERS = 40
LABEL_GAP = 8.0
BOX_CHARACTERS = 60
"""A frame with more text than this, and nothing else, is a box of text."""
ROW = 30.0
"""Points; filled bars lower than this are rows of a table, or mark words."""
SPANS = 0.85
"""A table's rules span this share of its width or height."""
MAX_GROUPS = 600
MAX_INSPECTED = 1500
"""Paths of one cluster whose edges are looked at: 10 microseconds each."""


@dataclass
class _Cluster:
    """Marks near each other, and the box around them."""

    box: Box
    marks: list[Mark]

    def take(self, other: "_Cluster") -> None:
        self.box = around([self.box, other.box])
        self.marks += other.marks


def figure_boxes(
    marks: list[Mark], lines: list[Line], frame: Frame, is_caption: Callable[[Line], bool]
) -> list[Box]:
    """Return the boxes of a page's figures, from its top to its bottom, none overlapping."""
    drawn = [mark for mark in marks if not _is_furniture(mark, frame)]
    rulers = _underlines(drawn, lines)
    clusters = _clustered([mark for mark in drawn if id(mark) not in rulers])
    labels = [line for line in lines if len(line.text) <= LABEL_CHARACTERS and not is_caption(line)]
    boxes = [
        shared(padded(_with_labels(cluster.box, labels), PAD), frame.page)
        for cluster in clusters
        if _is_figure(cluster, lines, frame)
    ]
    largest = sorted(_disjoint(boxes), key=area, reverse=True)[:MOST]
    return sorted(largest, key=lambda box: (box[1], box[0]))


def _is_furniture(mark: Mark, frame: Frame) -> bool:
    """Whether it is a rule across a page's head or foot, or a panel from one side to the other."""
    if mark.kind is not Kind.PATH:
        return False
    width, height = frame.size
    wide, high = mark.box[2] - mark.box[0], mark.box[3] - mark.box[1]
    low = mark.box[3] <= MARGIN * height or mark.box[1] >= (1 - MARGIN) * height
    rule = low and wide >= 0.6 * width and high <= MARGIN * height
    return rule or wide >= EDGE_TO_EDGE * width or high >= EDGE_TO_EDGE * height


def _underlines(marks: list[Mark], lines: list[Line]) -> set[int]:
    """Return the ids of flat marks that lie under, or in, a line of text as long as they."""
    found = set()
    for mark in marks:
        left, top, right, bottom = mark.box
        if mark.kind is Kind.PATH and bottom - top <= 3 and right - left > bottom - top:
            for line in lines:
                near = line.box[1] < top <= line.box[3] + 4
                overlap = min(right, line.box[2]) - max(left, line.box[0])
                if near and overlap >= 0.8 * (right - left):
                    found.add(id(mark))
                    break
    return found


def _clustered(marks: list[Mark]) -> list[_Cluster]:
    """Join marks whose boxes are within GAP, until none is near another."""
    clusters: list[_Cluster] = []
    # What is drawn in a row mostly lies together: this leaves few for the slow part below.
    for mark in marks:
        fresh = _Cluster(mark.extent, [mark])
        if clusters and meet(padded(clusters[-1].box, GAP), mark.extent):
            clusters[-1].take(fresh)
        else:
            clusters.append(fresh)
    clusters = sorted(clusters, key=lambda one: area(one.box), reverse=True)[:MAX_GROUPS]
    done = False
    while not done:
        done = True
        joined: list[_Cluster] = []
        for cluster in clusters:
            near = next((o for o in joined if meet(padded(o.box, GAP), cluster.box)), None)
            if near is None:
                joined.append(cluster)
            else:
                near.take(cluster)
                done = False
        clusters = joined
    return clusters


def _is_figure(cluster: _Cluster, lines: list[Line], frame: Frame) -> bool:
    left, top, right, bottom = cluster.box
    if min(right - left, bottom - top) < SIDE:
        return False
    if area(cluster.box) >= WHOLE_PAGE * area(frame.page):
        return False
    if any(mark.kind is Kind.PICTURE for mark in cluster.marks):
        return True
    return not _is_text_box(cluster, lines) and _is_drawing(cluster, frame)


def _is_text_box(cluster: _Cluster, lines: list[Line]) -> bool:
    """Whether it is a frame or a panel around text."""
    words = sum(len(line.text) for line in lines if middle_in(line.box, cluster.box))
    return len(cluster.marks) <= 3 and words >= BOX_CHARACTERS


def _is_drawing(cluster: _Cluster, frame: Frame) -> bool:
    """Whether some edges are curved or slanted, or do not lie as a table's or a list's rules do."""
    if len(cluster.marks) > MAX_INSPECTED:
        return True
    across: list[Box] = []
    upright: list[Box] = []
    for mark in cluster.marks:
        found = edges(mark, frame)
        if found is None:
            # A bullet or a tick in a table is no drawing.
            if max(mark.box[2] - mark.box[0], mark.box[3] - mark.box[1]) > GAP:
                return True
            continue
        if mark.flat:
            found = [mark.box]
        elif _is_row(mark):
            left, top, right, bottom = mark.box
            found = [(left, top, right, top), (left, bottom, right, bottom)]
        for edge in found:
            (across if edge[2] - edge[0] >= edge[3] - edge[1] else upright).append(edge)
    if not upright:
        return False
    left, top, right, bottom = cluster.box
    turned = [(edge[1], edge[0], edge[3], edge[2]) for edge in upright]
    return not (_span(across, left, right) and _span(turned, top, bottom))


def _is_row(mark: Mark) -> bool:
    """Whether it is a low filled bar without an outline."""
    fill, stroke = draw_mode(mark.handle)
    return fill and not stroke and mark.box[3] - mark.box[1] <= ROW


def _span(edges: list[Box], low: float, high: float) -> bool:
    """Whether nearly all edges, those at one height taken together, run from `low` to `high`."""
    rows: dict[int, list[tuple[float, float]]] = {}
    for edge in edges:
        rows.setdefault(round((edge[1] + edge[3]) / 4), []).append((edge[0], edge[2]))
    full = sum(_covered(row) >= SPANS * (high - low) for row in rows.values())
    return full >= 0.8 * len(rows)


def _covered(intervals: list[tuple[float, float]]) -> float:
    """Return the length that intervals cover together."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def _with_labels(box: Box, labels: list[Line]) -> Box:
    """Grow a figure's box by the short lines in it and at its edges.

    Twice: an axis has its numbers beside it, and its name beside those.
    """
    for _ in range(2):
        reach = padded(box, LABEL_GAP)
        box = around([box, *(line.box for line in labels if meet(reach, line.box))])
    return box


def _disjoint(boxes: list[Box]) -> list[Box]:
    """Join boxes that overlap, until none does."""
    joined: list[Box] = []
    for box in boxes:
        grown = box
        while near := next((one for one in joined if area(shared(one, grown)) > 0), None):
            joined.remove(near)
            grown = around([grown, near])
        joined.append(grown)
    return joined
