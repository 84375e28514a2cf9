"""What the child that reads a document tells its parent: a JSON header, then raw bytes.

Never pickle: the child handles bytes of strangers, and what it says is checked like theirs.
"""

import json
import struct
from typing import Any, BinaryIO

from db.vocabulary import PDF
from worker.ingest.pages import Page

LENGTHS = struct.Struct(">II")
"""Bytes of the header, then bytes of all parts together."""
MAX_HEADER = 8 * 1024**2
MAX_PARTS = 64 * 1024**2

OPENED, REFUSED, PAGE, FAILED = "opened", "refused", "page", "failed"
"""What a message's `kind` may be."""

WORTH = 12
"""Pages for which a second child is worth its start, which takes as long as 10 pages."""


def step(media_type: str, count: int, begin: int, readers: int) -> int:
    """Return how many children share the pages from `begin` on, each taking every such page.

    Parent and child both ask this. A deck is read by one: it is drawn at opening.
    """
    return readers if media_type == PDF and count - begin + 1 >= WORTH else 1


def send(stream: BinaryIO, header: dict[str, Any], *parts: bytes) -> None:
    """Write one message; waits while the parent is more than a pipe's filling behind."""
    head = json.dumps(header).encode()
    stream.write(LENGTHS.pack(len(head), sum(map(len, parts))))
    stream.write(head)
    for part in parts:
        stream.write(part)
    stream.flush()


def page_message(page: Page) -> tuple[dict[str, Any], list[bytes]]:
    """Return a page as header and parts: its picture, then its figures."""
    header = {
        "kind": PAGE,
        "number": page.number,
        "text": page.text,
        "spans": [(chunk.start, chunk.end) for chunk in page.chunks],
        "image": None if page.image is None else len(page.image),
        "figures": [
            {"box": one.box, "size": len(one.image), "caption": one.caption, "around": one.around}
            for one in page.figures
        ],
        "title": page.title,
        "notes": page.notes,
    }
    return header, [page.image or b"", *(figure.image for figure in page.figures)]
