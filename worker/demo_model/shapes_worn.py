"""Shapes of what people wear: shoes and clothing."""

from collections.abc import Callable

from worker.demo_model.pen import INK, PAPER, Pen, ring


def _shoe(pen: Pen) -> None:
    pen.poly(
        [(8, 40), (26, 36), (34, 42), (46, 38), (62, 54), (84, 60), (94, 68), (94, 76), (8, 76)]
    )
    pen.box(7, 76, 96, 84, PAPER if pen.colour != PAPER else INK)
    pen.line([(7, 84), (96, 84)], 2, INK)
    for x in (46, 53, 60):
        pen.line([(x - 4, x + 4), (x + 5, x - 4)], 2.4, PAPER if sum(pen.colour) < 600 else INK)


def _boot(pen: Pen) -> None:
    pen.poly([(24, 8), (58, 8), (57, 54), (84, 62), (92, 74), (92, 82), (24, 82)])
    pen.box(22, 82, 94, 89, INK)
    pen.box(22, 82, 42, 95, INK)
    pen.line([(25, 18), (57, 18)], 3, pen.dark)


def _sandal(pen: Pen) -> None:
    pen.poly([(4, 70), (30, 66), (60, 72), (94, 72), (96, 82), (4, 82)])
    pen.poly([(54, 72), (62, 46), (74, 46), (88, 72), (78, 72), (68, 56), (64, 72)])
    pen.poly([(6, 70), (8, 40), (28, 42), (40, 70), (32, 70), (22, 52), (14, 52), (13, 70)])
    pen.line([(4, 84), (96, 84)], 3.5, INK)


def _heel(pen: Pen) -> None:
    pen.poly(
        [(10, 22), (22, 20), (40, 46), (66, 72), (92, 78), (94, 86), (64, 86), (36, 66), (18, 56)]
    )
    pen.poly([(11, 30), (24, 58), (18, 88), (12, 88)])


def _jacket(pen: Pen) -> None:
    for a, b, c, d in ((30, 6, 4, 18), (70, 94, 96, 82)):
        pen.poly([(a, 14), (b, 28), (c, 82), (d, 84), (a + (d - a) / 8, 44)])
    pen.poly([(30, 12), (42, 8), (50, 20), (58, 8), (70, 12), (76, 88), (24, 88)])
    pen.poly([(40, 8), (60, 8), (50, 36)], PAPER if sum(pen.colour) < 600 else INK)
    pen.line([(50, 34), (50, 88)], 2.4, INK)
    for x in (30, 58):
        pen.line([(x, 66), (x + 12, 66)], 2.4, INK)
    for y in (46, 58, 70):
        pen.oval(53.5, y, 1.8, 1.8, INK)


def _t_shirt(pen: Pen) -> None:
    pen.poly(
        [
            (32, 14),
            (42, 20),
            (58, 20),
            (68, 14),
            (97, 32),
            (86, 50),
            (74, 42),
            (74, 88),
            (26, 88),
            (26, 42),
            (14, 50),
            (3, 32),
        ]
    )
    pen.line(ring(50, 14, 15, 9, 25, 155), 3, pen.dark)


def _trousers(pen: Pen) -> None:
    pen.poly([(28, 6), (72, 6), (80, 95), (57, 95), (50, 38), (43, 95), (20, 95)])
    pen.line([(28, 13), (72, 13)], 2.4, INK)
    pen.line([(50, 13), (50, 36)], 1.6, INK)


def _dress(pen: Pen) -> None:
    pen.poly([(36, 16), (50, 24), (64, 16), (62, 42), (92, 94), (8, 94), (38, 42)])
    pen.line([(37, 18), (39, 4)], 3, pen.dark)
    pen.line([(63, 18), (61, 4)], 3, pen.dark)
    pen.line([(38, 43), (62, 43)], 4, INK)


def _hat(pen: Pen) -> None:
    pen.oval(50, 70, 48, 12)
    pen.poly([(26, 68), (29, 32), (38, 24), (62, 24), (71, 32), (74, 68), (50, 74)])
    pen.poly([(26, 68), (27, 57), (50, 62), (73, 57), (74, 68), (50, 74)], INK)


def _scarf(pen: Pen) -> None:
    pen.poly([(52, 24), (72, 24), (82, 90), (60, 92)])
    pen.poly([(30, 24), (50, 24), (40, 78), (18, 74)])
    pen.poly([(20, 10), (50, 18), (80, 10), (84, 26), (50, 38), (16, 26)], smooth=2)
    for n in range(5):
        pen.line([(62 + n * 4.5, 91), (62 + n * 4.5, 98)], 1.6, pen.dark)
        pen.line([(19 + n * 4.5, 76), (18 + n * 4.5, 83)], 1.6, pen.dark)


def _sock(pen: Pen) -> None:
    pen.poly(
        [(34, 6), (62, 6), (62, 52), (88, 74), (86, 90), (68, 94), (36, 74), (32, 60)], smooth=1
    )
    pen.box(32, 5, 64, 17, pen.light)
    pen.line([(32, 17), (64, 17)], 2, pen.dark)
    pen.poly([(74, 64), (90, 78), (86, 91), (70, 94)], pen.dark, smooth=1)


def _tie(pen: Pen) -> None:
    pen.poly([(44, 18), (56, 18), (68, 76), (50, 97), (32, 76)])
    pen.poly([(38, 4), (62, 4), (56, 20), (44, 20)])


SHAPES: dict[str, Callable[[Pen], None]] = {
    "shoe": _shoe,
    "boot": _boot,
    "sandal": _sandal,
    "high heel": _heel,
    "jacket": _jacket,
    "t-shirt": _t_shirt,
    "trousers": _trousers,
    "dress": _dress,
    "hat": _hat,
    "scarf": _scarf,
    "sock": _sock,
    "tie": _tie,
}
