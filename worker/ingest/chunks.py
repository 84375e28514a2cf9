"""Cuts a page's text into chunks that end where sentences end, each an exact span of the text."""

import re
from bisect import bisect_left, bisect_right

from worker.ingest.pages import Chunk

SIZE = 900
"""Characters that a chunk aims at."""
LEAST, MOST = 500, 1150
"""A chunk may end this early or this late, so that it ends with a sentence."""
OVERLAP = 150
"""Characters of a chunk that the next one aims to repeat."""
OVERLAP_MOST = 300

_END = re.compile(
    r"""[.!?…]+["'”’»)\]]*(?=\s|$)   # needs a space after it: "3.5" and "pump.example" do not end
      | [。！？｡]+[」』）】”’]*         # needs none
      | \n[^\S\n]*\n                   # a blank line
    """,
    re.VERBOSE,
)
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«]*$")
_ABBREVIATIONS = frozenset(
    "e.g i.e cf vs etc al fig figs eq eqs sec ch chap no nos vol pp p ed eds approx ca max min dr "
    "mr mrs ms prof st jr sr inc ltd co corp dept est tel ref abb bzw z.b d.h u.a vgl nr jan feb "
    "mar apr jun jul aug sep sept oct nov dec".split()
)
_WORDS_READ = 40
"""Characters before a full stop that are looked at; no abbreviation is longer."""


def chunks(text: str) -> tuple[Chunk, ...]:
    """Return chunks of about 900 characters that overlap by about 150, in their order.

    Every character that is no space is in a chunk; starts and ends strictly grow.
    """
    begin, last = _stripped(text, 0, len(text))
    ends = sentence_ends(text)
    found: list[Chunk] = []
    while begin < last:
        end = _end_of(text, begin, last, ends)
        chunk = Chunk(*_span(text, begin, end))
        # Before long white space there may be nothing that the last chunk does not have.
        if not found or chunk.end > found[-1].end:
            found.append(chunk)
        begin = last if end >= last else _next_start(text, begin, end, ends)
    return tuple(found)


def sentence_ends(text: str) -> list[int]:
    """Return the positions right after each sentence; a line's end alone ends none."""
    return [
        match.end() if match[0].strip() else match.start()
        for match in _END.finditer(text)
        if match[0] != "." or not _goes_on(text, match.start(), match.end())
    ]


def _goes_on(text: str, dot: int, after: int) -> bool:
    """Whether a lone full stop belongs to an abbreviation, an initial or a number."""
    follows = text[after : after + 8].lstrip()[:1]
    if follows.islower():
        return True
    match = _WORD_BEFORE.search(text, max(0, dot - _WORDS_READ), dot)
    word = match[0] if match else ""
    if word.isdigit():
        start = dot - len(word)
        opens_line = text[max(0, start - 8) : start].rstrip(" \t")[-1:] in ("", "\n")
        return len(word) <= 3 and (opens_line or follows.isdigit())
    if word == "etc":
        return False  # a capital after it opens a new sentence
    return (len(word) == 1 and word.isupper()) or word.lower() in _ABBREVIATIONS


def _end_of(text: str, begin: int, last: int, ends: list[int]) -> int:
    """Return where the chunk that starts at `begin` ends."""
    if last - begin <= MOST:
        return last
    low, high = bisect_left(ends, begin + LEAST), bisect_right(ends, begin + MOST)
    if low < high:
        return min(ends[low:high], key=lambda end: abs(end - begin - SIZE))
    for space in ("\n", " "):
        cut = text.rfind(space, begin + LEAST, begin + SIZE)
        if cut >= 0:
            return cut
    return begin + SIZE


def _next_start(text: str, begin: int, end: int, ends: list[int]) -> int:
    """Return the start of the next chunk: a sentence's, else a word's, else `OVERLAP` back."""
    earliest = max(begin + 1, end - OVERLAP_MOST)
    low, high = bisect_left(ends, earliest), bisect_left(ends, end)
    if low < high:
        start = min(ends[low:high], key=lambda place: abs(end - OVERLAP - place))
    else:
        start = max(earliest, end - OVERLAP)
        space = re.compile(r"\s").search(text, start, end)
        start = space.end() if space else start
    return _stripped(text, start, len(text))[0]


def _span(text: str, begin: int, end: int) -> tuple[int, int, str]:
    begin, end = _stripped(text, begin, end)
    return begin, end, text[begin:end]


def _stripped(text: str, begin: int, end: int) -> tuple[int, int]:
    """Move both ends inwards over white space."""
    piece = text[begin:end]
    return begin + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
