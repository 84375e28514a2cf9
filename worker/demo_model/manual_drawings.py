"""Draws the figures of the sample manual: parts, water's way, circuit, impeller, pump curve."""

import math
from io import BytesIO
from random import Random

from PIL import Image, ImageDraw
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

INK = HexColor("#1f2d3d")
TEAL = HexColor("#0f8b8d")
PALE = HexColor("#dff1f1")
STEEL = HexColor("#b8c4cf")
LIGHT = HexColor("#eef2f5")
ORANGE = HexColor("#e07a2f")
BLUE = HexColor("#3a7bd5")


def parts(c: Canvas) -> None:
    """Figure 1, 450 x 190: the pump's parts along one axis, pulled apart and numbered."""
    _line(c, STEEL, 0.8, (14, 95), (436, 95), dash=(6, 3))
    c.setStrokeColor(INK)
    c.setLineWidth(1.1)
    _part(c, 20, 55, 84, 80, TEAL)
    for x in range(30, 100, 10):
        _line(c, PALE, 1.2, (x, 60), (x, 130))
    _part(c, 46, 135, 34, 14, STEEL)
    _part(c, 122, 72, 16, 46, STEEL)
    c.setFillColor(ORANGE)
    c.circle(178, 95, 15, fill=1)
    c.setFillColor(white)
    c.circle(178, 95, 8, fill=1)
    impeller(c, 250, 95, 34)
    _part(c, 308, 50, 20, 90, LIGHT)
    _part(c, 328, 64, 66, 62, PALE)
    _part(c, 346, 126, 24, 32, PALE)
    _part(c, 394, 82, 28, 26, PALE)
    places = [(62, 55), (130, 72), (178, 80), (250, 61), (318, 50), (361, 64)]
    for number, (x, y) in enumerate(places, start=1):
        _line(c, INK, 0.7, (x, y), (x, 30))
        _balloon(c, x, 22, str(number))


def impeller(c: Canvas, x: float, y: float, radius: float) -> None:
    """A wheel with seven swept blades."""
    c.setFillColor(PALE)
    c.setStrokeColor(INK)
    c.circle(x, y, radius, fill=1)
    c.setLineWidth(1.8)
    for blade in range(7):
        turn = 2 * math.pi * blade / 7
        spots = [
            (x + r * radius * math.cos(turn + a), y + r * radius * math.sin(turn + a))
            for r, a in ((0.25, 0.0), (0.5, 0.25), (0.75, 0.6), (0.96, 1.1))
        ]
        c.bezier(*(place for spot in spots for place in spot))
    c.setLineWidth(1.1)
    c.setFillColor(STEEL)
    c.circle(x, y, radius * 0.24, fill=1)


def water_way(c: Canvas) -> None:
    """Figure 2, 450 x 170: from the well through the pump to the house."""
    c.setFillColor(HexColor("#d9c7a8"))
    c.rect(0, 20, 450, 34, stroke=0, fill=1)
    c.setFillColor(LIGHT)
    c.rect(18, 6, 46, 62, stroke=0, fill=1)
    c.setFillColor(BLUE)
    c.rect(18, 6, 46, 34, stroke=0, fill=1)
    for x in (18, 64):
        _line(c, INK, 1.4, (x, 6), (x, 72))
    stations = [(120, "check valve"), (200, "Aurora 3"), (372, "filter")]
    _line(c, BLUE, 4, (41, 18), (41, 100), (430, 100))
    for x in (78, 160, 246, 330):
        _arrow(c, x, 100)
    for x, name in stations:
        _part(c, x - 24, 80, 48, 40, PALE if name == "Aurora 3" else LIGHT)
        _label(c, x, 128, name)
    impeller(c, 200, 100, 15)
    _part(c, 274, 78, 32, 62, TEAL)
    _label(c, 290, 146, "pressure tank")
    c.line(364, 84, 380, 116)
    c.line(364, 116, 380, 84)
    c.line(112, 88, 128, 100)
    c.line(112, 112, 128, 100)
    roof = c.beginPath()
    for step, (x, y) in enumerate([(408, 128), (428, 148), (448, 128)]):
        (roof.lineTo if step else roof.moveTo)(x, y)
    roof.close()
    c.setFillColor(ORANGE)
    c.drawPath(roof, fill=1)
    _part(c, 412, 84, 32, 44, white)
    _label(c, 428, 153, "house")
    _label(c, 41, 110, "well")


def circuit(c: Canvas) -> None:
    """Figure 3, 450 x 200: mains, fuses, pressure switch, capacitor and motor."""
    wire = INK
    _line(c, wire, 1.3, (30, 160), (430, 160), (430, 128))
    _line(c, wire, 1.3, (30, 40), (430, 40), (430, 72))
    _line(c, wire, 1.3, (250, 160), (250, 40))
    _line(c, wire, 1.3, (340, 160), (340, 106))
    _line(c, wire, 1.3, (340, 98), (340, 40))
    for y, name in ((160, "L"), (40, "N")):
        c.setFillColor(white)
        c.circle(26, y, 5, fill=1)
        _label(c, 12, y - 3, name)
    _part(c, 62, 152, 44, 16, white)
    _line(c, wire, 1.3, (62, 160), (106, 160))
    _label(c, 84, 174, "F1  16 A")
    c.setFillColor(white)
    c.setStrokeColor(white)
    c.rect(152, 156, 38, 8, fill=1)
    _line(c, ORANGE, 1.8, (152, 160), (186, 174))
    _line(c, INK, 1.0, (169, 168), (169, 186), dash=(2, 2))
    c.circle(152, 160, 2.4, fill=1)
    c.circle(190, 160, 2.4, fill=1)
    _label(c, 169, 190, "S1 pressure switch")
    _part(c, 242, 114, 16, 32, white)
    _line(c, wire, 1.3, (250, 114), (250, 146))
    _label(c, 234, 127, "F2  5 A", right=True)
    _part(c, 216, 60, 68, 32, PALE)
    _label(c, 250, 73, "control board")
    for y in (106, 98):
        _line(c, wire, 2.2, (324, y), (356, y))
    _label(c, 318, 99, "C1  20 µF", right=True)
    c.setFillColor(PALE)
    c.circle(430, 100, 28, fill=1)
    c.setFillColor(INK)
    c.setFont("Helvetica-Bold", 18)
    c.drawCentredString(430, 97, "M")
    _label(c, 430, 83, "1~")
    for x in (250, 340):
        for y in (40, 160):
            c.circle(x, y, 2.2, fill=1)
    _label(c, 230, 20, "230 V  50 Hz")


def curve(c: Canvas) -> None:
    """Figure 5, 450 x 165: the head that the pump reaches against its flow."""
    left, bottom, width, height = 44, 30, 380, 120
    for step in range(7):
        x, y = left + width * step / 6, bottom + height * step / 6
        _line(c, LIGHT, 0.8, (x, bottom), (x, bottom + height))
        _line(c, LIGHT, 0.8, (left, y), (left + width, y))
        _label(c, x, bottom - 12, str(step * 10))
        _label(c, left - 6, y - 3, str(step * 8), right=True)
    _line(c, INK, 1.2, (left, bottom + height), (left, bottom), (left + width, bottom))
    for top, colour in ((1.0, TEAL), (0.7, ORANGE)):
        path = c.beginPath()
        for step in range(41):
            flow = step / 40
            spot = left + width * flow * 0.95, bottom + height * 0.9 * top * (1 - flow**2.2)
            (path.lineTo if step else path.moveTo)(*spot)
        c.setStrokeColor(colour)
        c.setLineWidth(2.2)
        c.drawPath(path)
    _label(c, left + width / 2, 4, "flow in litres a minute")
    _label(c, left + 210, bottom + 102, "full speed")
    _label(c, left + 60, bottom + 56, "eco")
    _label(c, left + 22, bottom + height + 6, "head in metres")


def wear(width: int = 900, height: int = 360) -> ImageReader:
    """Figure 4, a raster picture: a new impeller beside one with blunt, pitted blades."""
    sheet = Image.new("RGB", (width * 2, height * 2), (226, 232, 236))
    draw = ImageDraw.Draw(sheet)
    for y in range(height * 2):
        shade = 236 - y // 12
        draw.line((0, y, width * 2, y), fill=(shade, shade + 3, shade + 6))
    for centre, worn in ((width // 2, False), (width * 3 // 2, True)):
        _photo_wheel(draw, centre, height, int(height * 0.86), worn)
    out = BytesIO()
    sheet.resize((width, height), Image.Resampling.LANCZOS).save(out, "PNG")
    return ImageReader(BytesIO(out.getvalue()))


def _photo_wheel(draw: ImageDraw.ImageDraw, x: int, y: int, radius: int, worn: bool) -> None:
    base, blade = (
        ((196, 202, 206), (92, 118, 140)) if not worn else ((190, 170, 146), (112, 84, 60))
    )
    draw.ellipse(
        (x - radius + 14, y - radius + 20, x + radius + 14, y + radius + 20), (176, 180, 184)
    )
    for step in range(24):
        r = radius - step * 4
        light = tuple(min(255, value + step * 2) for value in base)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=light)
    reach, half = (0.72, 17) if worn else (0.92, 13)
    for step in range(7 * 120):
        number, along = divmod(step, 120)
        share = 0.22 + (reach - 0.22) * along / 119
        _dot(draw, x, y, radius * share, 2 * math.pi * number / 7 + 1.2 * share**1.5, half, blade)
    random = Random(4)
    for _ in range(70 if worn else 0):
        share, turn = random.uniform(0.3, 0.95), random.uniform(0, 2 * math.pi)
        _dot(draw, x, y, radius * share, turn, random.randint(3, 10), (104, 78, 54))
    hub = int(radius * 0.2)
    draw.ellipse((x - hub, y - hub, x + hub, y + hub), fill=(120, 126, 132))
    draw.ellipse((x - hub // 2, y - hub // 2, x + hub // 2, y + hub // 2), fill=(40, 44, 50))


def _dot(
    draw: ImageDraw.ImageDraw, x: int, y: int, reach: float, turn: float, half: int,
    colour: tuple[int, int, int],
) -> None:  # fmt: skip
    px, py = x + reach * math.cos(turn), y + reach * math.sin(turn)
    draw.ellipse((px - half, py - half, px + half, py + half), fill=colour)


def _part(c: Canvas, x: float, y: float, width: float, height: float, colour: Color) -> None:
    c.setFillColor(colour)
    c.setStrokeColor(INK)
    c.roundRect(x, y, width, height, 4, fill=1)


def _line(
    c: Canvas, colour: Color, width: float, *spots: tuple[float, float],
    dash: tuple[int, int] | None = None,
) -> None:  # fmt: skip
    c.saveState()
    c.setStrokeColor(colour)
    c.setLineWidth(width)
    if dash:
        c.setDash(*dash)
    path = c.beginPath()
    path.moveTo(*spots[0])
    for spot in spots[1:]:
        path.lineTo(*spot)
    c.drawPath(path)
    c.restoreState()
    c.setStrokeColor(INK)
    c.setFillColor(INK)


def _arrow(c: Canvas, x: float, y: float) -> None:
    head = c.beginPath()
    head.moveTo(x + 8, y)
    head.lineTo(x - 5, y + 7)
    head.lineTo(x - 5, y - 7)
    head.close()
    c.setFillColor(BLUE)
    c.drawPath(head, stroke=0, fill=1)


def _label(c: Canvas, x: float, y: float, text: str, right: bool = False) -> None:
    c.setFillColor(INK)
    c.setFont("Helvetica", 9)
    (c.drawRightString if right else c.drawCentredString)(x, y, text)


def _balloon(c: Canvas, x: float, y: float, text: str) -> None:
    c.setFillColor(white)
    c.circle(x, y, 9, fill=1)
    c.setFillColor(INK)
    c.setFont("Helvetica-Bold", 10)
    c.drawCentredString(x, y - 3.5, text)
