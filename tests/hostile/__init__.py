"""Files that mean harm: made the same way every time, each with what may come of it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

FINE = "succeeded"
PICTURE_CODES = frozenset({"image_too_large", "broken_image", "unsupported_image"})
DOCUMENT_CODES = frozenset(
    {"document_too_large", "document_encrypted", "broken_document", "broken_page",
     "unsupported_document"}
)  # fmt: skip
LINE_CODES = frozenset(
    {"invalid_manifest_line", "unsafe_name", "duplicate_id", "file_missing", "broken_upload",
     "empty_upload", "url_refused", "fetch_failed"}
)  # fmt: skip

Make = Callable[[], bytes]


@dataclass(frozen=True)
class Hostile:
    """One file: `make` gives its bytes, `kind` says at which door it is handed in.

    `kind` is one of `picture`, `pdf`, `deck`, `zip`, `jsonl`, `csv`. `allowed` holds the codes of
    errors that may come of it, its items' too, and `succeeded`.
    """

    name: str
    kind: str
    make: Make
    allowed: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def truncated(name: str, kind: str, data: bytes, allowed: frozenset[str]) -> Iterator[Hostile]:
    """The file cut off behind every tenth of it."""
    for tenth in range(1, 10):
        cut = data[: len(data) * tenth // 10]
        yield Hostile(f"{name}, {tenth} tenths", kind, lambda cut=cut: cut, allowed)  # type: ignore[misc]


def mutants(
    name: str, kind: str, data: bytes, allowed: frozenset[str], count: int, seed: int = 1
) -> Iterator[Hostile]:
    """The file with one to forty bits flipped, half of them near its beginning."""
    for number in range(count):
        picked = random.Random(f"{seed} {name} {number}")
        flipped = bytearray(data)
        for _ in range(picked.choice((1, 4, 12, 40))):
            reach = len(data) if picked.random() < 0.5 else min(len(data), 400)
            flipped[picked.randrange(min(12, reach - 1), reach)] ^= 1 << picked.randrange(8)
        made = bytes(flipped)
        yield Hostile(f"{name}, mutant {number}", kind, lambda made=made: made, allowed)  # type: ignore[misc]
