"""The Python client of Sightline."""

from sightline.client import Sightline
from sightline.errors import (
    Conflict,
    InvalidRequest,
    JobFailed,
    NotAllowed,
    NotFound,
    ServerFailed,
    SightlineError,
    SightlineProblem,
    TooManyRequests,
    Unavailable,
    Unreachable,
)
from sightline.types import Catalog, Document, Item, Job, Task

__all__ = [
    "Catalog",
    "Conflict",
    "Document",
    "InvalidRequest",
    "Item",
    "Job",
    "JobFailed",
    "NotAllowed",
    "NotFound",
    "ServerFailed",
    "Sightline",
    "SightlineError",
    "SightlineProblem",
    "Task",
    "TooManyRequests",
    "Unavailable",
    "Unreachable",
]
