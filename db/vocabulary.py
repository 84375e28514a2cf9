"""The words of the domain as values: lanes, kinds, states and priorities."""

from enum import StrEnum


class Lane(StrEnum):
    """The kind of worker that a task needs; one Celery queue each."""

    INGEST = "ingest"
    EMBED = "embed"
    ANSWER = "answer"
    UPKEEP = "upkeep"


class JobKind(StrEnum):
    """What a client asked for."""

    ITEM = "item"
    IMPORT = "import"
    DOCUMENT = "document"
    SEARCH = "search"
    ANSWER = "answer"
    CAPTION = "caption"
    EVALUATION = "evaluation"
    EMBEDDING = "embedding"
    REEMBEDDING = "reembedding"


class JobStatus(StrEnum):
    """queued → running → succeeded | failed | canceled | expired."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class TaskStatus(StrEnum):
    """queued → running → succeeded | unchanged | failed | canceled."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELED = "canceled"


class ItemKind(StrEnum):
    """What an item is."""

    IMAGE = "image"
    PAGE = "page"
    SLIDE = "slide"
    FIGURE = "figure"
    TEXT = "text"


PRIORITY = {
    JobKind.SEARCH: 0,
    JobKind.EMBEDDING: 0,
    JobKind.ANSWER: 0,
    JobKind.ITEM: 1,
    JobKind.IMPORT: 5,
    JobKind.DOCUMENT: 5,
    JobKind.CAPTION: 7,
    JobKind.EVALUATION: 7,
    JobKind.REEMBEDDING: 8,
}
"""Claims take the smallest first: a search never waits behind a bulk import."""

BULK_KINDS = (JobKind.IMPORT, JobKind.DOCUMENT, JobKind.CAPTION, JobKind.EVALUATION,
              JobKind.REEMBEDDING)  # fmt: skip
"""Jobs that succeed when their processing ended, however many of their tasks failed."""

NO_MODEL = "none"
"""The text model of a catalog whose words are found by full text alone."""
OPENAI_PREFIX = "openai:"
"""What the name of a text model begins with whose vectors OpenAI makes."""

PDF = "application/pdf"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
"""The media types of documents."""

MAX_ATTEMPTS = 3
DEFAULT_TENANT = 1
