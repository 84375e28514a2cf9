"""Opens a deck and reads it slide by slide: text, notes, pictures, and the slide as it looks."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pptx import Presentation
from pptx.presentation import Presentation as OpenedDeck
from pptx.slide import Slide

from db.errors import BrokenDocument, BrokenPage, DocumentTooLarge, SightlineError
from worker.ingest import deck_archive, office
from worker.ingest.deck_copy import write_drawable, write_mended
from worker.ingest.pages import Box, Page
from worker.ingest.slide_figures import Figures
from worker.ingest.slide_shapes import EMU, in_reading_order
from worker.ingest.slide_text import MAX_TITLE, body_of, notes_of, one_line, title_of

if TYPE_CHECKING:
    from worker.ingest.pdf import PdfFile

MAX_TEXT = 20_000
"""Characters of one slide: what an item's text may hold."""
MAX_SLIDES = 300
DRAWING_SECONDS = 120.0
PROGRAM_TITLES = ("PowerPoint Presentation", "PowerPoint-Präsentation", "Presentation")
"""What programs write where nobody gave a title."""

NOT_INSTALLED = ("LibreOffice is not installed here: slides were not drawn; "
                 "their text, notes and pictures are searchable.")  # fmt: skip
NOT_DRAWN = ("LibreOffice could not draw this deck: its slides' text, notes and pictures "
             "are searchable.")  # fmt: skip
MENDED = "The deck is damaged: the parts that cannot be read were left out."
HIDDEN = "The slide is hidden."
CUT = f"The text was cut at {MAX_TEXT} characters."
SLIDE_NOT_DRAWN = "The slide could not be drawn."


class Deck:
    """An opened deck; a `Source`. Hidden slides count like all others."""

    def __init__(self, opened: OpenedDeck, notes: tuple[str, ...]) -> None:
        self._opened = opened
        self._size: Box = (0.0, 0.0, _points(opened.slide_width), _points(opened.slide_height))
        self._keys = [entry.rId for entry in opened.element.xpath("./p:sldIdLst/p:sldId")]
        self._slides = [self._found(key) for key in self._keys]
        self._hidden = {n for n, slide in enumerate(self._slides, 1) if slide and _is_hidden(slide)}
        self._pdf: PdfFile | None = None
        self._held = ExitStack()
        self.notes = notes
        self.count = len(self._slides)
        self.title = self._title()

    @classmethod
    def open(cls, path: Path, max_slides: int = MAX_SLIDES) -> Self:
        """Check a deck, open it, and let LibreOffice draw it, which takes 1 to 120 seconds.

        Raises BrokenDocument, DocumentEncrypted, DocumentTooLarge or UnsupportedDocument.
        """
        deck_archive.check(path)
        opened, notes = _opened(path)
        try:
            deck = cls(opened, notes)
        except AttributeError as error:
            # The presentation part is well-formed, but no presentation.
            raise BrokenDocument("The deck cannot be opened.") from error
        if deck.count == 0:
            raise BrokenDocument("The deck has no slides.")
        if deck.count > max_slides:
            raise DocumentTooLarge(f"The deck has {deck.count} slides; the limit is {max_slides}.")
        deck._draw()
        return deck

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()

    def page(self, number: int) -> Page:
        """One slide, from 1, as one item without chunks. Raises BrokenPage."""
        slide = self._slides[number - 1] if 0 < number <= self.count else None
        if slide is None:
            raise BrokenPage(f"Slide {number} cannot be read.")
        try:
            return self._read(number, slide)
        except MemoryError:
            raise
        except Exception as error:
            # python-pptx meets a damaged part with whatever error the damage leads to.
            raise BrokenPage(f"Slide {number} cannot be read.") from error

    def _read(self, number: int, slide: Slide) -> Page:
        notes = [HIDDEN] if number in self._hidden else []
        title, shapes = title_of(slide), in_reading_order(slide)
        shown = "\n".join(filter(None, [title, body_of(slide, shapes)]))
        spoken = notes_of(slide)
        text = "\n".join(filter(None, [shown, spoken and f"Notes: {spoken}"]))
        if len(text) > MAX_TEXT:
            notes.append(CUT)
        image = self._image(number)
        if self._pdf and image is None:
            notes.append(SLIDE_NOT_DRAWN)
        figures = Figures(self._size, shown, drawn=image is not None)
        figures.collect(shapes)
        return Page(number, text[:MAX_TEXT], image=image, figures=tuple(figures.found),
                    title=title, notes=(*notes, *figures.notes()))  # fmt: skip

    def _found(self, key: str) -> Slide | None:
        try:
            return self._opened.part.related_slide(key)
        except (KeyError, AttributeError, ValueError):
            return None

    def _title(self) -> str | None:
        """The deck's own title, or that of its first slide."""
        given = one_line(self._opened.core_properties.title or "")[:MAX_TITLE]
        if given and given not in PROGRAM_TITLES:
            return given
        try:
            return title_of(self._slides[0]) if self._slides and self._slides[0] else None
        except (KeyError, AttributeError, ValueError):
            return None

    def _draw(self) -> None:
        if not office.installed():
            self.notes += (NOT_INSTALLED,)
            return
        try:
            # The open PDF is read on without its name: nothing is left when this process is killed.
            with TemporaryDirectory(prefix="deck-") as folder:
                self._pdf = self._drawn(Path(folder))
        except MemoryError:
            raise
        except Exception:
            # A deck that python-pptx cannot write again, or a PDF that cannot be read.
            self._pdf = None
        if self._pdf is None:
            self.notes += (NOT_DRAWN,)

    def _drawn(self, folder: Path) -> "PdfFile | None":
        """The deck as a PDF with one page for each slide that can be read."""
        from worker.ingest.pdf import PdfFile

        copy = folder / "deck.pptx"
        write_drawable(self._opened, map(bool, self._slides), copy)
        made = office.to_pdf(copy, folder, DRAWING_SECONDS)
        if made is None:
            return None
        pdf = self._held.enter_context(PdfFile.open(made, self.count))
        # With another number of pages nobody can tell which slide is which.
        return pdf if pdf.count == sum(map(bool, self._slides)) else None

    def _image(self, number: int) -> bytes | None:
        if self._pdf is None:
            return None
        try:
            return self._pdf.picture(sum(map(bool, self._slides[:number])))
        except SightlineError:
            return None


def _points(length: int | None) -> float:
    return (length or 0) / EMU


def _is_hidden(slide: Slide) -> bool:
    return slide._element.get("show") in ("0", "false")


def _opened(path: Path) -> tuple[OpenedDeck, tuple[str, ...]]:
    """The deck in memory; where it is damaged, what is left of it, and a note."""
    try:
        return Presentation(str(path)), ()
    except MemoryError:
        raise
    except Exception:
        with TemporaryDirectory(prefix="deck-") as folder:
            mended = Path(folder, "deck.pptx")
            return _mended(path, mended), (MENDED,)


def _mended(path: Path, mended: Path) -> OpenedDeck:
    try:
        write_mended(path, mended)
        return Presentation(str(mended))
    except MemoryError:
        raise
    except Exception as error:
        # Whatever python-pptx raises here, it is the deck's fault.
        raise BrokenDocument("The deck cannot be opened.") from error
