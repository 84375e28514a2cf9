"""One claimed batch on its way through the pipeline: what it wants, what was found, what failed."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from db import tracing
from db.errors import BrokenImage, SightlineError
from db.queue import Claim, Task
from db.search import query_sha
from db.vocabulary import JobKind
from worker.runtime import Lease

Vector = np.ndarray[Any, np.dtype[np.float32]]
Vectors = np.ndarray[Any, np.dtype[np.float32]]
"""float32 (n, dimensions)"""
Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Picture = tuple[str, int, bytes]
"""(model, tenant, sha256): the same bytes are decoded and encoded once in a batch."""
Words = tuple[str, bool, str]
"""(model, whether it is a query, text): some text models encode a query in another way."""
WantedPictures = dict[str, set[tuple[int, bytes]]]
"""(tenant, sha256) by model"""


@dataclass(frozen=True)
class Outcomes:
    """What came of a batch, for `writing` to write."""

    embedded: list[tuple[Task, Vector]]
    searched: list[tuple[Task, Vector]]
    """Searches whose last vector this is: they end when it was searched with."""
    failed: list[tuple[Task, SightlineError]]
    canceled: list[Task]

    def written(self) -> list[Task]:
        """The tasks that are written together: all but the searches."""
        return [task for task, _ in (*self.embedded, *self.failed)] + self.canceled


@dataclass
class Batch:
    """Tasks leased together. Vectors are kept by what they are of, not by task."""

    claim: Claim
    lease: Lease
    full: bool
    wanted: list[Task] = field(default_factory=list)
    pixels: dict[Picture, "Future[Pixels]"] = field(default_factory=dict)
    vectors: dict[Picture | Words, Vector | SightlineError] = field(default_factory=dict)
    failed: list[tuple[Task, SightlineError]] = field(default_factory=list)
    canceled: list[Task] = field(default_factory=list)
    decoding: tracing.Stage = field(default_factory=tracing.Stage)
    forwarding: tracing.Stage = field(default_factory=tracing.Stage)

    @property
    def about(self) -> tracing.About:
        """What the spans of its stages tell of it."""
        return {"sightline.batch_size": len(self.claim.tasks)}

    def want(self, task: Task) -> None:
        """Embed this task's input."""
        self.wanted.append(task)

    def fail(self, task: Task, error: SightlineError) -> None:
        """This task cannot be done."""
        self.failed.append((task, error))

    def cancel(self, task: Task) -> None:
        """This task's job was canceled."""
        self.canceled.append(task)

    def wanted_pictures(self) -> WantedPictures:
        """The pictures wanted, each once."""
        keys: WantedPictures = {}
        for task in self.wanted:
            if picture := picture_of(task):
                model, tenant, sha256 = picture
                keys.setdefault(model, set()).add((tenant, sha256))
        return keys

    def found(self, model: str, picture: tuple[int, bytes], vector: Any) -> None:
        """The cache has this picture's vector."""
        values = vector.to_numpy() if hasattr(vector, "to_numpy") else vector
        self.vectors[(model, *picture)] = np.asarray(values, dtype=np.float32)

    def borrow(self, vectors: "dict[Picture | Words, Vector | SightlineError]") -> None:
        """Take what a batch before this one encoded and has not written yet."""
        for task in self.wanted:
            vector = vectors.get(key := key_of(task))
            if isinstance(vector, np.ndarray):
                self.vectors.setdefault(key, vector)

    def missing_pictures(self) -> list[Picture]:
        """Pictures that must be decoded, each once."""
        keys = dict.fromkeys(picture_of(task) for task in self.wanted)
        return [key for key in keys if key is not None and key not in self.vectors]

    def missing_words(self, model: str) -> list[Words]:
        """Texts that must be encoded with a model, each once: documents before queries."""
        keys = dict.fromkeys(
            key for task in self.wanted if (key := words_of(task)) and key[0] == model
        )
        return sorted(key for key in keys if key not in self.vectors)

    def decoded(self, model: str) -> tuple[list[Picture], list[Pixels]]:
        """Wait for the decoders; a picture that fails has its error as its vector."""
        pictures, arrays = [], []
        for picture, future in self.pixels.items():
            if picture[0] != model or picture in self.vectors:
                continue
            try:
                arrays.append(future.result())
                pictures.append(picture)
            except SightlineError as error:
                self.vectors[picture] = error
            except Exception:
                self.vectors[picture] = BrokenImage("The picture cannot be decoded.")
        return pictures, arrays

    def outcomes(self) -> Outcomes:
        """Each task with its vector, its error, or canceled while it was in hand."""
        made = Outcomes([], [], list(self.failed), list(self.canceled))
        for task in self.wanted:
            vector = self.vectors[key_of(task)]
            if task.id in self.lease.canceled:
                made.canceled.append(task)
            elif isinstance(vector, SightlineError):
                made.failed.append((task, vector))
            elif task.job_kind == JobKind.SEARCH and not task.then:
                made.searched.append((task, vector))
            else:
                made.embedded.append((task, vector))
        return made


def picture_of(task: Task) -> Picture | None:
    """The picture that a task wants embedded, if it is not words."""
    if "text" in task.payload:
        return None
    return (task.model or "", task.tenant_id, bytes.fromhex(task.payload["sha256"]))


def words_of(task: Task) -> Words | None:
    """The words that a task wants embedded, if it is no picture."""
    if "text" not in task.payload:
        return None
    return (task.model or "", bool(task.payload.get("query")), task.payload["text"])


def key_of(task: Task) -> Picture | Words:
    """What a task wants embedded."""
    key = words_of(task) or picture_of(task)
    assert key is not None
    return key


def query_sha_of(task: Task) -> bytes:
    """The key under which the vector of a task's query is kept."""
    if "text" in task.payload:
        return query_sha(task.payload["text"])
    return bytes.fromhex(task.payload["sha256"])
