"""Shapes of what stands in a home: kitchen things, furniture and ornaments."""

import math
from collections.abc import Callable

from worker.demo_model.pen import INK, PAPER, STEEL, WOOD, Pen, ring


def _mug(pen: Pen) -> None:
    pen.line(ring(70, 52, 20, 19, -80, 80), 7, pen.dark)
    pen.poly([(18, 20), (70, 20), (68, 86), (20, 86)])
    pen.oval(44, 20, 26, 7, pen.dark)
    pen.oval(44, 21, 21, 4.5, (70, 44, 28))


def _teapot(pen: Pen) -> None:
    pen.line(ring(76, 52, 18, 20, -100, 100), 6, pen.dark)
    pen.poly([(28, 62), (2, 30), (12, 26), (36, 46)])
    pen.oval(50, 58, 32, 28)
    pen.poly(ring(50, 34, 20, 9, 180, 360), pen.dark)
    pen.oval(50, 21, 5, 5, pen.dark)


def _bowl(pen: Pen) -> None:
    pen.poly([*ring(50, 40, 44, 44, 0, 180)])
    pen.oval(50, 40, 44, 10, pen.dark)
    pen.oval(50, 41, 38, 7, pen.light)
    pen.box(34, 82, 66, 90, pen.dark)


def _bottle(pen: Pen) -> None:
    pen.poly([(42, 12), (58, 12), (58, 30), (70, 44), (70, 95), (30, 95), (30, 44), (42, 30)])
    pen.box(40, 4, 60, 14, INK)
    pen.box(36, 62, 64, 80, PAPER)
    pen.line([(41, 68), (59, 68)], 1.6, INK)
    pen.line([(41, 74), (55, 74)], 1.6, INK)


def _frying_pan(pen: Pen) -> None:
    pen.line([(60, 46), (96, 14)], 8, INK)
    pen.oval(38, 60, 36, 32)
    pen.oval(38, 60, 27, 24, pen.dark)
    pen.oval(36, 60, 13, 11, PAPER)
    pen.oval(36, 60, 5.5, 5.5, (246, 186, 40))


def _chair(pen: Pen) -> None:
    for x in (26, 74):
        pen.line([(x, 60), (x - 3 if x < 50 else x + 3, 96)], 5, WOOD)
    for x in (36, 64):
        pen.line([(x, 60), (x, 86)], 4, WOOD)
    pen.poly([(28, 6), (72, 6), (74, 48), (26, 48)])
    pen.poly([(26, 50), (74, 50), (82, 66), (18, 66)])


def _table(pen: Pen) -> None:
    for a, b in ((14, 8), (86, 92), (30, 30), (70, 70)):
        pen.line([(a, 48), (b, 90 if a in (14, 86) else 76)], 5, WOOD)
    pen.poly([(22, 28), (78, 28), (98, 48), (2, 48)])
    pen.box(2, 48, 98, 54, pen.dark)


def _sofa(pen: Pen) -> None:
    for x in (14, 86):
        pen.line([(x, 78), (x, 88)], 5, WOOD)
    pen.box(14, 24, 86, 60, smooth=1)
    pen.box(12, 54, 88, 78)
    pen.box(2, 40, 18, 80, smooth=1)
    pen.box(82, 40, 98, 80, smooth=1)
    pen.line([(50, 26), (50, 77)], 2, pen.dark)


def _lamp(pen: Pen) -> None:
    pen.line([(50, 44), (50, 90)], 4, STEEL)
    pen.poly([(36, 8), (64, 8), (84, 50), (16, 50)])
    pen.poly(ring(50, 94, 22, 10, 180, 360), STEEL)
    pen.poly([(20, 51), (80, 51), (76, 55), (24, 55)], (255, 226, 120))


def _bed(pen: Pen) -> None:
    pen.box(3, 24, 10, 88, WOOD)
    pen.box(90, 46, 97, 88, WOOD)
    pen.poly([(10, 56), (90, 56), (90, 78), (10, 78)])
    pen.poly([(34, 46), (88, 50), (91, 70), (34, 68)], smooth=1)
    pen.box(11, 40, 34, 58, PAPER, smooth=1)
    pen.line([(12, 58), (33, 58)], 1.5, STEEL)


def _bookcase(pen: Pen) -> None:
    pen.box(18, 4, 82, 96)
    spines = ((60, 90, 150), (180, 70, 60), (210, 170, 70), (70, 130, 90), (120, 80, 140))
    for shelf in range(3):
        top = 10 + shelf * 29
        pen.box(25, top, 75, top + 24, (232, 226, 214))
        for n in range(6):
            high = pen.rng.uniform(2, 8)
            ink = spines[pen.rng.randrange(len(spines))]
            pen.box(27 + n * 7, top + high, 32.5 + n * 7, top + 24, ink)


def _clock(pen: Pen) -> None:
    pen.oval(50, 50, 44, 44)
    pen.oval(50, 50, 31, 31, PAPER)
    for n in range(12):
        a = math.radians(n * 30)
        pen.line(
            [
                (50 + 25 * math.cos(a), 50 + 25 * math.sin(a)),
                (50 + 29 * math.cos(a), 50 + 29 * math.sin(a)),
            ],
            2,
            INK,
        )
    for long, wide in ((15, 3.6), (23, 2.4)):
        a = pen.rng.uniform(0, math.tau)
        pen.line([(50, 50), (50 + long * math.cos(a), 50 + long * math.sin(a))], wide, INK)


def _vase(pen: Pen) -> None:
    for x, y, ink in ((30, 10, (226, 90, 120)), (50, 5, (240, 190, 60)), (70, 11, (150, 110, 200))):
        pen.line([(50, 44), (x, y)], 2.2, (70, 130, 70))
        pen.oval(x, y, 7, 7, ink)
        pen.oval(x, y, 2.5, 2.5, (90, 60, 40))
    pen.poly(
        [(40, 34), (60, 34), (58, 46), (78, 66), (64, 96), (36, 96), (22, 66), (42, 46)], smooth=1
    )


def _cushion(pen: Pen) -> None:
    pen.poly(
        [(8, 10), (50, 18), (92, 10), (84, 50), (92, 90), (50, 82), (8, 90), (16, 50)], smooth=1
    )
    for x, y in ((14, 15), (86, 15), (14, 85), (86, 85)):
        pen.oval(x, y, 4, 4, pen.dark)


SHAPES: dict[str, Callable[[Pen], None]] = {
    "mug": _mug,
    "teapot": _teapot,
    "bowl": _bowl,
    "bottle": _bottle,
    "frying pan": _frying_pan,
    "chair": _chair,
    "table": _table,
    "sofa": _sofa,
    "lamp": _lamp,
    "bed": _bed,
    "bookcase": _bookcase,
    "clock": _clock,
    "vase": _vase,
    "cushion": _cushion,
}
