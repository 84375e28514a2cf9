"""A manual as heavy as real ones can be: photos of 3 megapixels, dense plots, scanned pages."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.unit import documents as made
from tests.unit.pictures import photo


def write(path: Path, pages: int) -> Path:
    """Write a PDF whose pages take turns: a photo, a plot, a scan, each with prose but the scan."""
    kinds = (_photo, _plot, _scan)
    return made.pdf(path, *(kinds[number % 3](number) for number in range(pages)))


def _photo(number: int) -> made.Draw:
    picture = _jpeg(photo(2048, 1536, seed=number))

    def draw(canvas: Canvas) -> None:
        made.words(canvas, lines=20)
        canvas.drawImage(picture, 80, 150, 420, 315)
        made.caption(canvas, f"Figure {number}: A photo of step {number}.", 100, 130)

    return draw


def _plot(number: int) -> made.Draw:
    heights = np.random.default_rng(number).normal(size=(40, 150)).cumsum(axis=1)

    def draw(canvas: Canvas) -> None:
        made.words(canvas, lines=20)
        for row, values in enumerate(heights):
            line = canvas.beginPath()
            line.moveTo(80, 300)
            for place, value in enumerate(values):
                line.lineTo(80 + 2.8 * place, 300 + 5 * value)
            canvas.setStrokeColorRGB(row / 40, 0.3, 1 - row / 40)
            canvas.drawPath(line)
        made.caption(canvas, f"Figure {number}: Forty measurements.", 100, 130)

    return draw


def _scan(number: int) -> made.Draw:
    scanned = _jpeg(photo(1654, 2339, seed=number).convert("L"))

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(scanned, 0, 0, made.WIDTH, made.HEIGHT)

    return draw


def _jpeg(picture: Image.Image) -> ImageReader:
    """As cameras and scanners give them; reportlab passes a JPEG through as it is."""
    out = BytesIO()
    picture.save(out, "JPEG", quality=85)
    return ImageReader(out)
