"""The pictures inside a slide, as figures: cut as they are shown, with their alternative text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO

from pptx.shapes.picture import Picture
from pptx.shapes.placeholder import PlaceholderPicture

from db import images
from db.errors import SightlineError
from worker.ingest.pages import Box, Figure
from worker.ingest.slide_shapes import Placed
from worker.ingest.slide_text import one_line

MAX_FIGURES = 20
MIN_SIDE = 60.0
"""Points: anything smaller is an icon, a bullet or a rule."""
BACKGROUND = 0.9
"""A picture that covers this share of a drawn slide is that slide once more."""
AROUND = 600
"""Characters of the slide's text that go with a figure."""
MAX_CAPTION = 1_000
AS_THEY_ARE = ("image/jpeg", "image/png")
LOSSLESS = ("image/png", "image/gif", "image/bmp")

GENERATED = re.compile(r"\s*(Description|Beschreibung) automatically generated.*", re.S)
NO_CAPTION = re.compile(
    r"(picture|image|img|photo|graphic|content placeholder|grafik|bild|dsc|screenshot)?"
    r"[\s_#-]*[\d\s_.:-]*(\.\w{2,4})?|\S*[\\/]\S*|\S+\.(jpe?g|png|gif|bmp|tiff?|webp|emf|wmf|svg)",
    re.IGNORECASE,
)
"""What programs put in the place of a description: numbered names, file names and paths."""


@dataclass
class Figures:
    """The figures of one slide, and what is left out of them."""

    slide: Box
    text: str
    drawn: bool
    """Whether the slide as a whole has a picture."""
    found: list[Figure] = field(default_factory=list)
    refused: int = 0
    over: int = 0

    def collect(self, shapes: Iterable[Placed]) -> None:
        """Take every picture among the shapes that is one to find by itself."""
        for placed in shapes:
            if isinstance(placed.shape, Picture | PlaceholderPicture) and self._counts(placed.box):
                self._take(placed.shape, placed.box)

    def notes(self) -> list[str]:
        """What was left out, in plain words."""
        notes = []
        if self.refused:
            notes.append(f"Pictures of the slide that could not be taken: {self.refused}.")
        if self.over:
            notes.append(f"Pictures beyond the first {MAX_FIGURES} of the slide: {self.over}.")
        return notes

    def _counts(self, box: Box) -> bool:
        left, top, right, bottom = box
        if min(right - left, bottom - top) < MIN_SIDE:
            return False
        return not (self.drawn and _covered(self.slide, box) >= BACKGROUND)

    def _take(self, picture: Picture | PlaceholderPicture, box: Box) -> None:
        link = picture._element.blip_rId
        if link is None:
            # It is kept elsewhere, at an address that nobody here opens.
            return
        if len(self.found) == MAX_FIGURES:
            self.over += 1
            return
        try:
            image = _as_shown(picture.part.related_part(link).blob, picture)
        except (SightlineError, KeyError, ValueError):
            self.refused += 1
            return
        self.found.append(Figure(box, image, _caption_of(picture), self.text[:AROUND].strip()))


def _covered(slide: Box, box: Box) -> float:
    """The share of the slide that a box covers."""
    width = min(slide[2], box[2]) - max(slide[0], box[0])
    height = min(slide[3], box[3]) - max(slide[1], box[1])
    return max(0.0, width) * max(0.0, height) / ((slide[2] * slide[3]) or 1.0)


def _as_shown(data: bytes, picture: Picture | PlaceholderPicture) -> bytes:
    """A JPEG or PNG of what the slide shows. Raises SightlineError, or ValueError for nothing."""
    kind = images.check(data)
    crop = (picture.crop_left, picture.crop_top, picture.crop_right, picture.crop_bottom)
    if kind in AS_THEY_ARE and max(crop) < 0.001:
        return data
    image = images.decode(data)
    width, height = image.size
    left, top, right, bottom = (min(max(side, 0.0), 1.0) for side in crop)
    shown = image.crop((round(left * width), round(top * height),
                        round((1 - right) * width), round((1 - bottom) * height)))  # fmt: skip
    out = BytesIO()
    shown.save(out, "PNG" if kind in LOSSLESS else "JPEG", quality=90)
    return out.getvalue()


def _caption_of(picture: Picture | PlaceholderPicture) -> str | None:
    """The alternative text, where a person or a model described the picture in it."""
    described = one_line("".join(picture._element.xpath("./p:nvPicPr/p:cNvPr/@descr")))
    described = GENERATED.sub("", described)[:MAX_CAPTION].strip()
    return described if described and not NO_CAPTION.fullmatch(described) else None
