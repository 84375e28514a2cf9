"""Draws things as pictures: one kind in one colour and pattern, on one background, jittered."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from worker.demo_model import shapes_away, shapes_documents, shapes_home, shapes_worn
from worker.demo_model.pen import Pen, Pose, Rgb, mix

COLOURS: dict[str, Rgb] = {
    "red": (208, 32, 38),
    "orange": (244, 130, 24),
    "yellow": (250, 214, 36),
    "green": (44, 152, 62),
    "turquoise": (30, 188, 184),
    "blue": (36, 84, 206),
    "purple": (124, 48, 164),
    "pink": (248, 142, 184),
    "brown": (116, 70, 36),
    "black": (28, 28, 32),
    "white": (250, 250, 250),
    "grey": (136, 138, 142),
}
PATTERNS = ("plain", "striped", "dotted", "checked")
BACKGROUNDS = ("white", "studio", "wood", "outdoors")
DOCUMENTS = tuple(shapes_documents.SHAPES)
# Too thin, or too full of detail, for a pattern to show at 96 pixels.
UNPATTERNED = frozenset(DOCUMENTS) | {
    "bicycle",
    "glasses",
    "trumpet",
    "camera",
    "clock",
    "high heel",
    "sandal",
    "bookcase",
    "guitar",
    "frying pan",
    "bed",
    "piano",
    "boat",
    "hat",
}

_SHAPES: dict[str, Callable[[Pen], None]] = {
    **shapes_worn.SHAPES,
    **shapes_home.SHAPES,
    **shapes_away.SHAPES,
    **shapes_documents.SHAPES,
}
KINDS = tuple(_SHAPES)


@dataclass(frozen=True)
class Thing:
    """What a picture shows, in words of `KINDS`, `COLOURS`, `PATTERNS` and `BACKGROUNDS`."""

    kind: str
    colour: str
    pattern: str
    background: str


def colours_of(kind: str) -> tuple[str, ...]:
    """The colours a kind comes in; white and grey would vanish on a document's paper."""
    if kind in DOCUMENTS:
        return tuple(colour for colour in COLOURS if colour not in ("white", "grey"))
    return tuple(COLOURS)


def patterns_of(kind: str) -> tuple[str, ...]:
    """The patterns a kind comes in."""
    return ("plain",) if kind in UNPATTERNED else PATTERNS


def all_things() -> list[Thing]:
    """Every drawable combination, in a fixed order."""
    return [
        Thing(kind, colour, pattern, background)
        for kind in KINDS
        for colour in colours_of(kind)
        for pattern in patterns_of(kind)
        for background in BACKGROUNDS
    ]


def draw(thing: Thing, rng: random.Random, size: int) -> Image.Image:
    """Draw a thing as an RGB picture of `size` x `size` pixels; the same `rng` draws the same."""
    factor = 3 if size <= 160 else 2
    side = size * factor
    colour = _jitter(COLOURS[thing.colour], rng)
    canvas = _background(thing.background, rng, side)
    document = thing.kind in DOCUMENTS
    pose = Pose(
        x=side * (0.5 + rng.uniform(-0.05, 0.05)),
        y=side * (0.5 + rng.uniform(-0.05, 0.05)),
        scale=side * rng.uniform(0.72, 0.9),
        turn=math.radians(rng.uniform(-2, 2) if document else rng.uniform(-12, 12)),
        mirrored=not document and rng.random() < 0.5,
    )
    _shadow(canvas, pose)
    fill = _pattern(thing.pattern, colour, rng, side, pose.scale / 100)
    _SHAPES[thing.kind](Pen(canvas, fill, colour, pose, rng))
    return _light(canvas.reduce(factor), rng)


def _jitter(colour: Rgb, rng: random.Random) -> Rgb:
    red, green, blue = (min(255, max(0, part + rng.randint(-9, 9))) for part in colour)
    return red, green, blue


def _background(name: str, rng: random.Random, side: int) -> Image.Image:
    if name == "white":
        tone = rng.randint(238, 255)
        return Image.new("RGB", (side, side), (tone, tone, tone))
    if name == "studio":
        top, low = rng.randint(196, 216), rng.randint(168, 190)
        return _gradient((top, top, top + 6), (low, low, low + 6), side)
    if name == "wood":
        return _planks(rng, side)
    sky, grass = (176, 214, 244), (142, 190, 112)
    canvas = _gradient(sky, (226, 240, 250), side)
    horizon = round(side * rng.uniform(0.55, 0.72))
    canvas.paste(_jitter(grass, rng), (0, horizon, side, side))
    return canvas


def _gradient(top: Rgb, low: Rgb, side: int) -> Image.Image:
    strip = Image.new("RGB", (1, 8))
    strip.putdata([mix(top, low, n / 7) for n in range(8)])
    return strip.resize((side, side), Image.Resampling.BILINEAR)


def _planks(rng: random.Random, side: int) -> Image.Image:
    base = _jitter((222, 190, 148), rng)
    canvas = Image.new("RGB", (side, side), base)
    pencil, high = ImageDraw.Draw(canvas), side // 5
    for n in range(6):
        tone = mix(base, (150, 104, 62), rng.uniform(0, 0.22))
        pencil.rectangle((0, n * high, side, (n + 1) * high), fill=tone)
        pencil.line((0, n * high, side, n * high), fill=(176, 138, 98), width=max(1, side // 160))
    return canvas


def _shadow(canvas: Image.Image, pose: Pose) -> None:
    half, y = pose.scale * 0.42, pose.y + pose.scale * 0.45
    spot = (
        round(pose.x - half),
        round(y - half * 0.12),
        round(pose.x + half),
        round(y + half * 0.12),
    )
    under = canvas.getpixel((round(pose.x) % canvas.width, min(canvas.height - 1, round(y))))
    assert isinstance(under, tuple)
    ImageDraw.Draw(canvas).ellipse(
        spot, fill=mix((under[0], under[1], under[2]), (60, 60, 60), 0.22)
    )


def _pattern(name: str, colour: Rgb, rng: random.Random, side: int, unit: float) -> Image.Image:
    """A sheet of the thing's colour; the second colour keeps to under a third of the area."""
    sheet = Image.new("RGB", (side, side), colour)
    if name == "plain":
        return sheet
    second = (246, 246, 242) if sum(colour) < 520 else (52, 54, 66)
    step = rng.uniform(11, 14) * unit
    start = rng.uniform(-step, 0)
    marks = [start + n * step for n in range(int(side / step) + 2)]
    pencil = ImageDraw.Draw(sheet)
    if name == "dotted":
        _dots(pencil, marks, step, second)
    elif name == "striped":
        slant, upright = rng.uniform(-0.25, 0.25) * side, rng.random() < 0.5
        for mark in [m + shift for shift in (-side, 0, side) for m in marks]:
            _band(pencil, mark, step * 0.34, side, slant, upright, second)
    else:
        for mark in marks:
            _band(pencil, mark, step * 0.2, side, 0, False, second)
            _band(pencil, mark, step * 0.2, side, 0, True, second)
    return sheet


def _dots(pencil: ImageDraw.ImageDraw, marks: list[float], step: float, ink: Rgb) -> None:
    radius = step * 0.25
    for row, y in enumerate(marks):
        for mark in marks:
            x = mark + (step / 2 if row % 2 else 0)
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def _band(
    pencil: ImageDraw.ImageDraw,
    mark: float,
    width: float,
    side: int,
    slant: float,
    upright: bool,
    ink: Rgb,
) -> None:
    corners = [(0.0, mark), (side, mark + slant), (side, mark + slant + width), (0.0, mark + width)]
    pencil.polygon([(y, x) for x, y in corners] if upright else corners, fill=ink)


def _light(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Dim or brighten the whole picture, a little warmer or colder."""
    level, warmth = rng.uniform(0.88, 1.04), rng.uniform(-0.03, 0.03)
    gains = (level + warmth, level, level - warmth)
    return picture.point([min(255, round(value * gain)) for gain in gains for value in range(256)])
