"""Shapes of what is on paper and film: charts, diagrams, slides and x-rays."""

import math
from collections.abc import Callable

from worker.demo_model.pen import INK, PAPER, STEEL, WOOD, Pen, Point, ring

_TITLES = ("Sales", "Pricing", "Results", "Our plan", "Growth", "Team", "Budget", "Roadmap")
_STEPS = ("Start", "Check", "Pack", "Ship", "Pay", "Stop", "Sort", "Test")


def _sheet(pen: Pen) -> None:
    pen.box(2, 8, 98, 92, PAPER)
    pen.line([(2, 8), (98, 8), (98, 92), (2, 92), (2, 8)], 1, STEEL)


def _axes(pen: Pen) -> None:
    _sheet(pen)
    pen.text(50, 15, pen.rng.choice(_TITLES), 8)
    pen.line([(13, 22), (13, 82), (92, 82)], 1.8, INK)


def _bar_chart(pen: Pen) -> None:
    _axes(pen)
    for n in range(4):
        left = 19 + n * 18
        pen.box(left, pen.rng.uniform(26, 66), left + 13, 82)
        pen.text(left + 6, 87, f"Q{n + 1}", 6)


def _pie_chart(pen: Pen) -> None:
    _sheet(pen)
    pen.oval(50, 52, 34, 34)
    at: float = pen.rng.uniform(0, 360)
    for ink, sweep in ((pen.light, pen.rng.uniform(50, 80)), (pen.dark, pen.rng.uniform(30, 60))):
        pen.poly([(50, 52), *ring(50, 52, 34, 34, at, at + sweep)], ink)
        at += sweep
    for turn in (0, 140, 220):
        a = math.radians(at + turn)
        pen.line([(50, 52), (50 + 34 * math.cos(a), 52 + 34 * math.sin(a))], 1.6, PAPER)
    pen.text(50, 13, pen.rng.choice(_TITLES), 7)


def _line_chart(pen: Pen) -> None:
    _axes(pen)
    for level in (37, 52, 67):
        pen.line([(13, level), (92, level)], 0.6, STEEL)
    spots: list[Point] = [(18 + n * 14, pen.rng.uniform(28, 76)) for n in range(6)]
    pen.line(spots, 4.5, pen.colour)
    for x, y in spots:
        pen.oval(x, y, 4, 4, pen.dark)


def _circuit(pen: Pen) -> None:
    _sheet(pen)
    zigzag: list[Point] = [(34 + n * 4, 24 + (5 if n % 2 else -5)) for n in range(8)]
    pen.line([(16, 24), *zigzag, (84, 24), (84, 78), (16, 78), (16, 24)], 3, pen.colour)
    pen.text(48, 35, "R1", 7)
    pen.box(12, 45, 20, 55, PAPER)
    pen.line([(7, 46), (25, 46)], 3, pen.colour)
    pen.line([(11, 54), (21, 54)], 4, pen.colour)
    pen.text(32, 50, "9V", 7)
    pen.oval(84, 50, 9, 9, PAPER)
    pen.line(ring(84, 50, 9, 9), 2.6, pen.colour)
    pen.line([(78, 44), (90, 56)], 2.2, pen.colour)
    pen.line([(90, 44), (78, 56)], 2.2, pen.colour)
    pen.box(44, 72, 58, 84, PAPER)
    pen.line([(45, 71), (45, 85)], 3, pen.colour)
    pen.line([(56, 71), (56, 85)], 3, pen.colour)
    pen.text(51, 66, "C1", 7)


def _flow_chart(pen: Pen) -> None:
    _sheet(pen)
    ink = PAPER if sum(pen.colour) < 380 else INK
    words = pen.rng.sample(_STEPS, 4)
    pen.line([(50, 20), (50, 82)], 1.8, INK)
    pen.line([(50, 51), (82, 51), (82, 72)], 1.8, INK)
    pen.box(34, 13, 66, 27)
    pen.poly([(50, 34), (70, 50), (50, 66), (30, 50)])
    pen.box(34, 74, 66, 87)
    pen.box(72, 70, 96, 83)
    for (x, y), word in zip(((50, 20), (50, 50), (50, 80), (84, 76)), words, strict=True):
        pen.text(x, y, word, 7 if x == 50 else 6, ink)


def _slide(pen: Pen) -> None:
    _sheet(pen)
    ink = PAPER if sum(pen.colour) < 380 else INK
    pen.box(2, 8, 98, 32)
    pen.text(50, 20, pen.rng.choice(_TITLES), 13, ink)
    for n, y in enumerate((46, 60, 74)):
        pen.oval(14, y, 3, 3, pen.colour)
        pen.line([(22, y), (pen.rng.uniform(44, 58) - n, y)], 3, (90, 90, 96))
    pen.box(66, 42, 90, 80)


def _x_ray(pen: Pen) -> None:
    bone = (222, 230, 236)
    pen.box(8, 2, 92, 98)
    pen.box(15, 9, 85, 91, (18, 24, 32))
    pen.box(47, 14, 53, 88, bone)
    for n in range(5):
        y, wide = 26 + n * 11, 25 - abs(n - 2) * 2
        for side in (-1, 1):
            pen.line(
                [(50, y - 3), (50 + side * wide * 0.7, y - 2), (50 + side * wide, y + 8)], 2.8, bone
            )
    pen.line([(22, 18), (46, 22)], 3, bone)
    pen.line([(78, 18), (54, 22)], 3, bone)


def _map(pen: Pen) -> None:
    pen.box(2, 8, 98, 92, (238, 232, 214))
    pen.poly([(2, 60), (22, 64), (44, 54), (60, 66), (66, 92), (2, 92)], (150, 200, 230))
    pen.line([(2, 30), (40, 38), (60, 26), (98, 34)], 3, (246, 246, 246))
    pen.line([(70, 8), (62, 40), (84, 70), (82, 92)], 3, (246, 246, 246))
    for x in (34, 66):
        pen.line([(x, 8), (x, 92)], 0.9, WOOD)
    pen.poly([(50, 66), *ring(50, 36, 17, 17, 150, 390)])
    pen.oval(50, 36, 6.5, 6.5, PAPER)


SHAPES: dict[str, Callable[[Pen], None]] = {
    "bar chart": _bar_chart,
    "pie chart": _pie_chart,
    "line chart": _line_chart,
    "circuit diagram": _circuit,
    "flow chart": _flow_chart,
    "slide": _slide,
    "x-ray": _x_ray,
    "map": _map,
}
