"""Shapes of what people play, carry and ride: music, bags and travel."""

import math
from collections.abc import Callable

from worker.demo_model.pen import GLASS, INK, PAPER, STEEL, WOOD, Pen, ring


def _guitar(pen: Pen) -> None:
    pen.box(46, 4, 54, 50, WOOD)
    pen.box(43, 2, 57, 12, INK)
    pen.oval(50, 48, 18, 14)
    pen.oval(50, 74, 27, 22)
    pen.oval(50, 51, 16, 9, pen.colour)
    pen.box(46, 10, 54, 50, WOOD)
    pen.oval(50, 58, 8, 8, INK)
    pen.box(40, 80, 60, 84, INK)
    for x in (48, 50, 52):
        pen.line([(x, 8), (x, 82)], 0.6, PAPER)


def _piano(pen: Pen) -> None:
    for x in (14, 86):
        pen.line([(x, 62), (x, 92)], 6, pen.dark)
    pen.box(6, 16, 94, 52)
    pen.box(4, 50, 96, 68, PAPER)
    for n in range(1, 13):
        pen.line([(4 + n * 7.08, 50), (4 + n * 7.08, 68)], 0.8, INK)
        if n % 7 not in (3, 0):
            pen.box(2.4 + n * 7.08, 50, 5.8 + n * 7.08, 61, INK)
    pen.box(4, 68, 96, 74, pen.dark)


def _drum(pen: Pen) -> None:
    pen.poly([(10, 36), (90, 36), (90, 74), *ring(50, 74, 40, 13, 0, 180), (10, 74)])
    pen.oval(50, 36, 40, 13, (244, 240, 228))
    pen.line(ring(50, 36, 40, 13), 3, STEEL)
    pen.line(ring(50, 76, 40, 13, 0, 180), 3, STEEL)
    pen.line([(22, 6), (52, 36)], 3.4, WOOD)
    pen.line([(84, 4), (56, 38)], 3.4, WOOD)


def _trumpet(pen: Pen) -> None:
    pen.line([(4, 42), (70, 42)], 5, pen.colour)
    pen.line(ring(46, 51, 20, 13), 5, pen.colour)
    pen.poly([(66, 40), (80, 36), (96, 20), (96, 66), (80, 50), (66, 45)])
    for x in (38, 47, 56):
        pen.line([(x, 24), (x, 64)], 5, pen.dark)
        pen.oval(x, 23, 3.4, 2.4, INK)


def _umbrella(pen: Pen) -> None:
    pen.line([(50, 6), (50, 84)], 3.4, INK)
    pen.line(ring(43, 84, 7, 8, 0, 180), 3.4, INK)
    scallops = [p for x in (83.5, 61, 39, 16.5) for p in ring(x, 52, 11, 6, 0, -180)]
    pen.poly([*ring(50, 52, 45, 42, 180, 360), *scallops])
    for x in (28, 50, 72):
        pen.line([(50, 10), (x, 47)], 1.4, pen.dark)


def _backpack(pen: Pen) -> None:
    pen.line(ring(50, 14, 11, 10, 180, 360), 4.5, INK)
    for x in (14, 86):
        pen.box(x - 7, 48, x + 7, 86, pen.dark, smooth=1)
    pen.poly([(20, 92), (20, 30), *ring(50, 32, 30, 22, 180, 360), (80, 92)])
    pen.box(29, 56, 71, 86, pen.light)
    pen.line([(29, 56), (71, 56), (71, 86), (29, 86), (29, 56)], 2, INK)
    pen.line([(26, 44), (74, 44)], 2.4, INK)


def _handbag(pen: Pen) -> None:
    pen.line(ring(50, 46, 24, 36, 180, 360), 5, pen.dark)
    pen.poly([(16, 42), (84, 42), (94, 90), (6, 90)])
    pen.poly([(16, 42), (84, 42), (50, 64)], pen.dark)
    pen.oval(50, 63, 4, 4, (226, 186, 80))


def _suitcase(pen: Pen) -> None:
    pen.line([(38, 26), (38, 6), (62, 6), (62, 26)], 4, INK)
    pen.box(16, 24, 84, 90)
    for x in (27, 73):
        pen.box(x - 3, 24, x + 3, 90, pen.dark)
    for x in (26, 74):
        pen.oval(x, 94, 5, 5, INK)


def _tent(pen: Pen) -> None:
    pen.poly([(36, 18), (72, 18), (98, 82), (62, 82)], pen.dark)
    pen.poly([(36, 18), (68, 84), (2, 84)])
    pen.poly([(36, 42), (50, 84), (22, 84)], INK)


def _bicycle(pen: Pen) -> None:
    for x in (22, 78):
        pen.line(ring(x, 66, 20, 20), 3.6, INK)
        for n in range(4):
            a = n * math.pi / 4
            pen.line(
                [
                    (x - 19 * math.cos(a), 66 - 19 * math.sin(a)),
                    (x + 19 * math.cos(a), 66 + 19 * math.sin(a)),
                ],
                0.6,
                STEEL,
            )
    frame = [(22, 66), (38, 36), (68, 36), (48, 66), (22, 66)]
    pen.line(frame, 6, pen.colour)
    pen.line([(48, 66), (34, 28)], 6, pen.colour)
    pen.line([(78, 66), (66, 26)], 6, pen.colour)
    pen.line([(26, 27), (42, 27)], 5, INK)
    pen.line([(66, 25), (78, 22)], 3.6, INK)
    pen.oval(48, 66, 5, 5, INK)


def _car(pen: Pen) -> None:
    pen.poly([(4, 72), (4, 54), (20, 48), (32, 28), (66, 28), (80, 48), (96, 54), (96, 72)])
    pen.poly([(26, 48), (36, 33), (47, 33), (47, 48)], GLASS)
    pen.poly([(51, 48), (51, 33), (64, 33), (73, 48)], GLASS)
    for x in (24, 76):
        pen.oval(x, 72, 11, 11, INK)
        pen.oval(x, 72, 5, 5, STEEL)
    pen.oval(93, 58, 3, 3, (255, 230, 140))


def _boat(pen: Pen) -> None:
    pen.line([(46, 4), (46, 70)], 3, WOOD)
    pen.poly([(50, 8), (50, 62), (88, 62)])
    pen.poly([(42, 16), (42, 62), (14, 62)], PAPER)
    pen.line([(42, 16), (42, 62), (14, 62), (42, 16)], 1.4, STEEL)
    pen.poly([(6, 68), (94, 68), (78, 90), (20, 90)])


def _ball(pen: Pen) -> None:
    pen.oval(50, 50, 42, 42)
    pen.line(ring(50, 50, 33, 33, 200, 250), 4, (255, 255, 255))


def _book(pen: Pen) -> None:
    pen.box(24, 12, 86, 92, (236, 230, 214))
    pen.line([(84, 14), (84, 90)], 1, STEEL)
    pen.box(16, 8, 80, 88)
    pen.box(16, 8, 24, 88, pen.dark)
    pen.box(34, 20, 70, 36, PAPER)
    pen.line([(39, 26), (65, 26)], 1.8, INK)
    pen.line([(44, 31), (60, 31)], 1.8, INK)


def _camera(pen: Pen) -> None:
    pen.poly([(36, 28), (42, 16), (62, 16), (68, 28)], pen.dark)
    pen.box(6, 26, 94, 82)
    pen.oval(52, 55, 23, 23, INK)
    pen.oval(52, 55, 16, 16, (74, 96, 130))
    pen.oval(46, 49, 4, 4, PAPER)
    pen.box(12, 32, 24, 39, PAPER)
    pen.oval(84, 34, 3.4, 3.4, (230, 60, 50))


def _glasses(pen: Pen) -> None:
    for x in (25, 75):
        pen.oval(x, 54, 20, 17, GLASS)
        pen.line(ring(x, 54, 20, 17), 6.5, pen.colour)
        pen.line(ring(x, 54, 23.5, 20.5), 1, pen.dark)
    pen.line(ring(50, 52, 7, 6, 180, 360), 6, pen.colour)
    pen.line([(6, 48), (2, 36)], 5, pen.colour)
    pen.line([(94, 48), (98, 36)], 5, pen.colour)


SHAPES: dict[str, Callable[[Pen], None]] = {
    "guitar": _guitar,
    "piano": _piano,
    "drum": _drum,
    "trumpet": _trumpet,
    "umbrella": _umbrella,
    "backpack": _backpack,
    "handbag": _handbag,
    "suitcase": _suitcase,
    "tent": _tent,
    "bicycle": _bicycle,
    "car": _car,
    "boat": _boat,
    "ball": _ball,
    "book": _book,
    "camera": _camera,
    "glasses": _glasses,
}
