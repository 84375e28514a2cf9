"""Charts as SVG, of lines and of bars: enough to see how things grow and compare, without a library."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 420, 70, 40, 170, 50
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Okabe and Ito's, which nearly everybody can tell apart."""
TICKS = 5
MIDDLE, BARS = 580, 480
"""Where a bar of 1 would end, and the width of the longest to both sides."""
Points = Sequence[tuple[float, float]]


def lines(path: Path, title: str, across: str, up: str, series: Mapping[str, Points]) -> None:
    """Write one line a series, of (x, y) points, from 0 on; the axes are named `across` and `up`."""
    most_x = max((x for points in series.values() for x, _ in points), default=1) or 1
    most_y = max((y for points in series.values() for _, y in points), default=1) or 1
    parts = [_text(LEFT, 24, title, size=16), *_axes(most_x, most_y, across, up)]
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        spots = " ".join(f"{_x(x, most_x):.1f},{_y(y, most_y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{spots}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - RIGHT + 12, TOP + 18 * (number + 1), name, fill=colour))
    _write(path, parts)


def bars(path: Path, title: str, values: Mapping[str, float]) -> None:
    """Write one bar a value, above 0, on a logarithmic scale; those below 1 point left from it."""
    reach = max(abs(math.log10(value)) for value in values.values()) or 1
    parts = [_text(LEFT, 24, title, size=16)]
    step = (HEIGHT - TOP - 20) / len(values)
    for number, (name, value) in enumerate(values.items()):
        level, length = TOP + step * number, math.log10(value) / reach * BARS / 2
        colour = COLOURS[2 if value >= 1 else 1]
        parts.append(_text(MIDDLE - BARS / 2 - 12, level + 16, name, anchor="end"))
        parts.append(f'<rect x="{MIDDLE + min(0, length):.1f}" y="{level:.1f}" '
                     f'width="{abs(length):.1f}" height="{step * 0.7:.1f}" fill="{colour}"/>')  # fmt: skip
        beside, anchor = (6, "start") if length >= 0 else (-6, "end")
        parts.append(_text(MIDDLE + length + beside, level + 16, f"{value:.3g}", anchor=anchor))
    parts.append(f'<line x1="{MIDDLE}" x2="{MIDDLE}" y1="{TOP}" y2="{HEIGHT - 20}" stroke="#333"/>')
    _write(path, parts)


def _write(path: Path, parts: Sequence[str]) -> None:
    body = "\n".join(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _x(value: float, most: float) -> float:
    return LEFT + value / most * (WIDTH - LEFT - RIGHT)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)


def _axes(most_x: float, most_y: float, across: str, up: str) -> list[str]:
    parts = [_text(LEFT, HEIGHT - 10, across), _text(8, TOP - 8, up)]
    for tick in range(TICKS + 1):
        x, y = most_x * tick / TICKS, most_y * tick / TICKS
        level = _y(y, most_y)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}" stroke="#ddd"/>'
        )
        parts.append(_text(LEFT - 8, level + 4, f"{y:,.0f}", anchor="end"))
        parts.append(_text(_x(x, most_x), HEIGHT - BOTTOM + 18, f"{x:,.0f}", anchor="middle"))
    return parts


def _text(
    x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", fill: str = "#333"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">'
        f"{escape(words)}</text>"
    )
