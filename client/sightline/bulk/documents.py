"""Loading a PDF or a deck: sent unless the server has the same bytes under the same words."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sightline.bulk.report import Failure
from sightline.client import Sightline
from sightline.errors import NotFound
from sightline.importers.record import id_of
from sightline.types import Document, Job

ENDINGS = (".pdf", ".pptx")
LONGEST_ID = 200


@dataclass(frozen=True)
class Words:
    """What is said of a document; None and nothing is not said."""

    id: str | None = None
    title: str | None = None
    category: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class DocumentReport:
    """What became of a document."""

    source: str
    document_id: str
    unchanged: bool
    pages: int | None = None
    items: int = 0
    failed: int = 0
    job: str | None = None
    notes: Sequence[str] = ()
    failures: Sequence[Failure] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


def load_document(
    server: Sightline, catalog: str, path: Path, words: Words, again: bool,
    tell: Callable[[Job], None],
) -> DocumentReport:  # fmt: skip
    """Send a document and wait until it is read. Raises JobFailed when it cannot be read at all."""
    document_id = words.id or id_of(path.stem)[:LONGEST_ID]
    former = _former(server, catalog, document_id)
    if former is not None and not again and _is_same(former, path, words):
        return DocumentReport(str(path), document_id, True, former["pages"])
    job = server.add_document(
        catalog, path, id=document_id, title=words.title, category=words.category, tags=words.tags
    )
    job = server.wait(job, tell)
    result, counts = job["result"] or {}, job["counts"]
    failures = [
        Failure(task["item_id"], job["id"], task["error"]["code"], task["error"]["detail"])
        for task in (server.tasks(job, status="failed") if counts["failed"] else ())
        if task["error"]
    ]
    return DocumentReport(
        str(path), document_id, False, result.get("pages"), counts["total"], counts["failed"],
        job["id"], result.get("notes") or [], failures,
    )  # fmt: skip


def _former(server: Sightline, catalog: str, document_id: str) -> Document | None:
    try:
        return server.document(catalog, document_id)
    except NotFound:
        return None


def _is_same(former: Document, path: Path, words: Words) -> bool:
    """Whether it was read to its end before, with these bytes and words."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return (
        former["sha256"] == sha256
        and former["pages"] is not None
        and words.title in (None, former["title"])
        and words.category == former["category"]
        and list(words.tags) == former["tags"]
    )
