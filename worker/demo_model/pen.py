"""The pen that shapes are drawn with: a 100 x 100 sheet, posed on a canvas, filled with a pattern."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Rgb = tuple[int, int, int]

PAPER: Rgb = (250, 250, 248)
INK: Rgb = (38, 38, 42)
STEEL: Rgb = (150, 154, 160)
WOOD: Rgb = (150, 104, 62)
GLASS: Rgb = (205, 226, 236)


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """The colour `share` of the way from `one` to `other`."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


@dataclass(frozen=True)
class Pose:
    """Where the sheet lies on the canvas: centre and scale in pixels, turn in radians, mirrored or not."""

    x: float
    y: float
    scale: float
    turn: float
    mirrored: bool


@lru_cache(maxsize=16)
def _font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(pixels)


def rounded(points: Sequence[Point], times: int = 2) -> list[Point]:
    """Cut the corners of a closed outline `times` times (Chaikin's rule)."""
    outline = list(points)
    for _ in range(times):
        cut: list[Point] = []
        for (ax, ay), (bx, by) in zip(outline, outline[1:] + outline[:1], strict=True):
            cut.append((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by))
            cut.append((0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
        outline = cut
    return outline


def ring(
    x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360
) -> list[Point]:
    """Points along an ellipse, from `start` to `end` degrees, clockwise from three o'clock."""
    steps = max(6, round(abs(end - start) / 12))
    angles = [math.radians(start + (end - start) * n / steps) for n in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


class Pen:
    """Draws in sheet units; the ink `body` is the thing's own colour and pattern."""

    def __init__(
        self, canvas: Image.Image, fill: Image.Image, colour: Rgb, pose: Pose, rng: random.Random
    ) -> None:
        self.rng = rng
        self.colour = colour
        self.dark = mix(colour, (0, 0, 0), 0.4) if sum(colour) > 150 else (88, 88, 94)
        self.light = mix(colour, (255, 255, 255), 0.55)
        self._canvas = canvas
        self._fill = fill
        self._draw = ImageDraw.Draw(canvas)
        self._pose = pose
        self._cos = math.cos(pose.turn) * pose.scale / 100
        self._sin = math.sin(pose.turn) * pose.scale / 100

    def poly(self, points: Sequence[Point], ink: Rgb | None = None, smooth: int = 0) -> None:
        """Fill an outline; without `ink`, with the thing's own colour and pattern, and a dark rim."""
        spots = self._place(rounded(points, smooth) if smooth else points)
        if ink is not None:
            self._draw.polygon(spots, fill=ink)
            return
        xs, ys = [x for x, _ in spots], [y for _, y in spots]
        left, top = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
        right = min(self._canvas.width, math.ceil(max(xs)) + 1)
        bottom = min(self._canvas.height, math.ceil(max(ys)) + 1)
        if right <= left or bottom <= top:
            return
        mask = Image.new("1", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in spots], fill=1)
        self._canvas.paste(self._fill.crop((left, top, right, bottom)), (left, top), mask)
        self._draw.line([*spots, spots[0]], fill=self.dark, width=self._width(1.3), joint="curve")

    def oval(self, x: float, y: float, rx: float, ry: float, ink: Rgb | None = None) -> None:
        """Fill an ellipse."""
        self.poly(ring(x, y, rx, ry), ink)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        ink: Rgb | None = None,
        smooth: int = 0,
    ) -> None:
        """Fill a rectangle."""
        self.poly([(left, top), (right, top), (right, bottom), (left, bottom)], ink, smooth)

    def line(self, points: Sequence[Point], width: float, ink: Rgb) -> None:
        """Draw an open line with round ends."""
        spots, pixels = self._place(points), self._width(width)
        self._draw.line(spots, fill=ink, width=pixels, joint="curve")
        for x, y in (spots[0], spots[-1]):
            half = pixels / 2
            self._draw.ellipse((x - half, y - half, x + half, y + half), fill=ink)

    def text(self, x: float, y: float, words: str, height: float, ink: Rgb = INK) -> None:
        """Write level words centred on a point."""
        ((px, py),) = self._place([(x, y)])
        self._draw.text((px, py), words, fill=ink, font=_font(self._width(height)), anchor="mm")

    def _width(self, units: float) -> int:
        return max(1, round(units * self._pose.scale / 100))

    def _place(self, points: Sequence[Point]) -> list[Point]:
        pose, flip = self._pose, -1 if self._pose.mirrored else 1
        cos, sin = self._cos, self._sin
        return [
            (
                pose.x + (x - 50) * flip * cos - (y - 50) * sin,
                pose.y + (x - 50) * flip * sin + (y - 50) * cos,
            )
            for x, y in points
        ]
