"""Makes decks for the tests: real ones by python-pptx, hostile ones by hand."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from socket import create_server
from threading import Thread
from typing import Any

from pptx import Presentation
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.oxml.ns import qn
from pptx.slide import Slide
from pptx.util import Pt

from tests.unit.pictures import photo, saved

Change = Callable[[str, bytes], bytes | None]


class Builder:
    """A deck in the making; every slide is 960 x 540 points."""

    def __init__(self) -> None:
        self.deck = Presentation()
        self.deck.slide_width, self.deck.slide_height = Pt(960), Pt(540)

    def slide(self, title: str | None = None, body: str | None = None) -> Slide:
        """One more slide, with a title and a body unless they are None."""
        layout = 6 if title is None else 5 if body is None else 1
        slide: Slide = self.deck.slides.add_slide(self.deck.slide_layouts[layout])
        if title is not None:
            _frame_of(slide.shapes.title).text = title
        if body is not None:
            _frame_of(slide.placeholders[1]).text = body
        return slide

    def hidden(self, title: str) -> Slide:
        """One more slide, hidden."""
        slide = self.slide(title)
        slide._element.set("show", "0")
        return slide

    def save(self, path: Path) -> Path:
        """Write it and return the path."""
        self.deck.save(str(path))
        return path


def _frame_of(shape: Any) -> Any:
    return shape.text_frame


def picture(width: int = 240, height: int = 160, seed: int = 1, kind: str = "PNG") -> BytesIO:
    """A picture as a file."""
    return BytesIO(saved(photo(width, height, seed), kind))


def put(shapes: Any, file: BytesIO, left: float, top: float, width: float, height: float) -> Any:
    """Add a picture to a slide's or group's shapes, in points."""
    return shapes.add_picture(file, Pt(left), Pt(top), Pt(width), Pt(height))


def write(shapes: Any, text: str, left: float, top: float) -> Any:
    """Add a box of text to a slide's or group's shapes, in points."""
    box = shapes.add_textbox(Pt(left), Pt(top), Pt(200), Pt(30))
    box.text_frame.text = text
    return box


def describe(shape: Any, text: str) -> None:
    """Give a picture its alternative text."""
    shape._element.xpath("./p:nvPicPr/p:cNvPr")[0].set("descr", text)


def link(part: Part, shape: Any, url: str) -> None:
    """Make a picture one that lies elsewhere."""
    key = part.rels.get_or_add_ext_rel(RELATIONSHIP_TYPE.IMAGE, url)
    blip = shape._element.xpath(".//a:blip")[0]
    del blip.attrib[qn("r:embed")]
    blip.set(qn("r:link"), key)


def plain(path: Path, titles: tuple[str, ...] = ("First", "Second", "Third")) -> Path:
    """A deck of titles."""
    builder = Builder()
    for title in titles:
        builder.slide(title)
    return builder.save(path)


def rewritten(path: Path, target: Path, change: Change) -> Path:
    """Copy a deck with every entry changed; an entry of None is left out."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name in source.namelist():
            data = change(name, source.read(name))
            if data is not None:
                out.writestr(name, data)
    return target


def added(path: Path, name: str, data: bytes, how: int = zipfile.ZIP_DEFLATED) -> Path:
    """Put one more entry into a deck."""
    with zipfile.ZipFile(path, "a", how) as archive:
        archive.writestr(name, data)
    return path


@contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """A port of this machine, and what anybody sent to it."""
    heard: list[bytes] = []
    server = create_server(("127.0.0.1", 0))

    def listen() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(2)
                    heard.append(connection.recv(200))

    thread = Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], heard
    finally:
        server.shutdown(2)
        server.close()
        thread.join()
