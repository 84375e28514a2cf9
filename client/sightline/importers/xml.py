"""Products in XML, one at a time; a document type is refused, and so there are no entities.

The standard library's expat is used bare: without a DOCTYPE no entity can be declared, which is
what every known attack on XML readers needs ("billion laughs", external files).
"""

from collections.abc import Collection, Iterator
from typing import IO
from xml.parsers import expat

PIECE = 64 * 1024
GOOGLE = "http://base.google.com/ns/1.0"
LONGEST_ELEMENT = 1024**2
"""Characters of one product."""
DEEPEST = 64
BETWEEN = "\n"
"""Parts a namespace from a name: it can stand in neither."""

Element = dict[str, list[str]]
"""The texts of a product's direct children, by their names without a namespace."""


class RefusedXml(Exception):
    """Raised for what is no XML, has a document type, or is nested or long beyond any product."""


class _Reader:
    """Collects the elements that are asked for, as expat tells of them."""

    def __init__(self, names: Collection[str]) -> None:
        self.found: list[Element] = []
        self._names = names
        self._depth = 0
        self._since: int | None = None
        self._element: Element = {}
        self._google: Element = {}
        self._child: list[str] = []
        self._length = 0

    def start(self, name: str, _: object) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise RefusedXml("It is nested too deep.")
        if self._since is None:
            if name.rpartition(BETWEEN)[2] in self._names:
                self._since, self._element, self._google = self._depth, {}, {}
                self._length = 0
        elif self._depth == self._since + 1:
            self._child = []

    def end(self, name: str) -> None:
        space, _, local = name.rpartition(BETWEEN)
        if self._since is not None and self._depth == self._since + 1:
            kept = self._google if space == GOOGLE else self._element
            kept.setdefault(local, []).append("".join(self._child).strip())
        elif self._depth == self._since:
            self.found.append(self._element | self._google)  # Google's own words win
            self._since = None
        self._depth -= 1

    def text(self, words: str) -> None:
        if self._since is None:
            return
        self._length += len(words)
        if self._length > LONGEST_ELEMENT:
            raise RefusedXml("A product is longer than a million characters.")
        if self._depth == self._since + 1:  # what is nested deeper belongs to shipping and the like
            self._child.append(words)

    def doctype(self, *_: object) -> None:
        raise RefusedXml("It has a document type (<!DOCTYPE …>), which feeds have not.")


def elements(stream: IO[bytes], names: Collection[str]) -> Iterator[Element]:
    """The elements so named, as the stream is read. Raises RefusedXml."""
    reader = _Reader(names)
    parser = expat.ParserCreate(namespace_separator=BETWEEN)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    while True:
        piece = stream.read(PIECE)
        try:
            parser.Parse(piece, not piece)
        except expat.ExpatError as error:
            raise RefusedXml(f"It is no XML that can be read: {error}.") from error
        yield from reader.found
        reader.found.clear()
        if not piece:
            return
