"""The words of a piece of HTML, as descriptions come from shops."""

import re
from html.parser import HTMLParser

SILENT = frozenset({"script", "style", "head", "template", "noscript", "iframe", "svg"})
BLOCKS = frozenset(
    "p div br li ul ol tr table h1 h2 h3 h4 h5 h6 section article header footer hr dt dd pre".split()
)
LONGEST = 200_000
"""Characters of HTML that are read."""


class _Words(HTMLParser):
    """Collects text; what blocks part stands on lines of its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """A tag opens."""
        self._silent += tag in SILENT
        if tag in BLOCKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """A tag closes."""
        self._silent = max(0, self._silent - (tag in SILENT))
        if tag in BLOCKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self._silent:
            self.said.append(re.sub(r"\s+", " ", data))


def plain_text(html: str | None) -> str | None:
    """The words, a line for each paragraph; None where there are none."""
    if not html:
        return None
    reader = _Words()
    reader.feed(html[:LONGEST])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.said).split("\n"))
    return "\n".join(line for line in lines if line) or None
