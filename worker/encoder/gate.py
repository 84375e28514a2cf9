"""The gate that a faster way passes before it is chosen by itself: how alike, and how fast.

Vectors of all precisions of one model share a vector space and the embedding cache: the model's
row in `models` names weights and preprocessing, not the arithmetic. So a catalog may hold vectors
of several ways, after a move to a GPU, say, and the gate asks what becomes of such a one, too.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from worker.encoder.backends import LIBRARIES, Way
from worker.encoder.batches import Vectors
from worker.encoder.exported import VERSION, write
from worker.encoder.preprocess import Pixels
from worker.encoder.sample import Sample

LEAST_OVERLAP = 0.95
"""Of the ten best with those of fp32, on average."""
LEAST_GAIN = 1.1
"""Times the pictures/s of PyTorch that pay for files, a second library and other vectors."""
TOP = 10
ROUNDS = 5
BATCH = 8
"""More pictures at once are no faster on a CPU."""


class Frozen(BaseModel):
    """A value that is read from a file, where anything may stand."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Overlap(Frozen):
    """Mean shares of the ten best that fp32 has, too."""

    pictures: float
    """Of pictures for a picture."""
    texts: float
    """Of pictures for a text."""
    mixed: float
    """For both, when every second vector of the catalog is one of fp32."""

    @property
    def least(self) -> float:
        """What the gate looks at."""
        return min(self.pictures, self.texts, self.mixed)


class Measured(Frozen):
    """One way on this machine."""

    way: str
    overlap: Overlap
    rate: float
    """Pictures/s, forward pass alone, in batches of 8."""


class Subject(Frozen):
    """What a record is about: on another machine, or with other libraries, it says nothing."""

    revision: str
    ways: tuple[str, ...]
    """The first is PyTorch's, which the others must beat."""
    threads: int
    machine: str
    libraries: dict[str, str]
    version: int = VERSION

    @property
    def file(self) -> str:
        """The name of the record's file."""
        digest = hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode())
        return f"{self.revision}-gate-{digest.hexdigest()[:16]}.json"


class Record(Frozen):
    """What was measured, in the order of the ways."""

    subject: Subject
    measured: tuple[Measured, ...]

    def best(self, beats: float = LEAST_GAIN) -> Measured:
        """The fastest that is alike enough, if it beats PyTorch so many times; else PyTorch's."""
        torch, *others = self.measured
        alike = [one for one in others if one.overlap.least >= LEAST_OVERLAP]
        fast = [one for one in alike if one.rate >= beats * torch.rate]
        return max(fast, key=lambda one: one.rate, default=torch)


class Encoder(Protocol):
    """What is measured."""

    def images(self, arrays: Sequence[Pixels]) -> Vectors:
        """Encode pictures."""

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts."""


def subject(revision: str, ways: Sequence[Way], threads: int) -> Subject:
    """What would be measured here and now."""
    return Subject(
        revision=revision,
        ways=tuple(str(way) for way in ways),
        threads=threads,
        machine=f"{_processor()}, {os.cpu_count()} cores",
        libraries={name: _version(module) for name, module in LIBRARIES.items()},
    )


def read(folder: Path, about: Subject) -> Record | None:
    """The record of a subject; None where there is none, or one that cannot be trusted."""
    try:
        record = Record.model_validate_json((folder / about.file).read_bytes())
    except (OSError, ValidationError):
        return None
    whole = tuple(one.way for one in record.measured) == about.ways
    return record if whole and record.subject == about else None


def keep(folder: Path, record: Record) -> None:
    """Write a record for the next start."""
    write(folder / record.subject.file, record.model_dump())


def measure(
    about: Subject, reference: Encoder, encoders: Mapping[str, Encoder], sample: Sample
) -> Record:
    """Compare each way with fp32, `reference`, and all with each other: a minute for a B/32."""
    pictures, texts = reference.images(list(sample.pictures)), reference.texts(sample.texts)
    speeds = rates(encoders, list(sample.pictures[:BATCH]))
    measured = []
    for way in about.ways:
        ours = encoders[way].images(list(sample.pictures)), encoders[way].texts(sample.texts)
        found = compare((pictures, texts), ours)
        measured.append(Measured(way=way, overlap=found, rate=round(speeds[way], 2)))
    return Record(subject=about, measured=tuple(measured))


def compare(theirs: tuple[Vectors, Vectors], ours: tuple[Vectors, Vectors]) -> Overlap:
    """How alike the vectors of the same pictures and texts are, as a search sees them."""
    (pictures, texts), (our_pictures, our_texts) = theirs, ours
    mixed = np.where(np.arange(len(pictures))[:, None] % 2, our_pictures, pictures)
    both, our_both = np.concatenate(theirs), np.concatenate(ours)
    found = {
        "pictures": overlap(pictures @ pictures.T, our_pictures @ our_pictures.T),
        "texts": overlap(texts @ pictures.T, our_texts @ our_pictures.T),
        "mixed": overlap(both @ pictures.T, our_both @ mixed.T),
    }
    return Overlap(**{name: round(value, 4) for name, value in found.items()})


def overlap(scores: Vectors, our_scores: Vectors) -> float:
    """Mean share of the ten best of each row that both have."""
    best, ours = (
        np.argsort(-each, axis=1, kind="stable")[:, :TOP] for each in (scores, our_scores)
    )
    shared = [len(set(a) & set(b)) for a, b in zip(best.tolist(), ours.tolist(), strict=True)]
    return float(np.mean(shared) / best.shape[1])


def rates(encoders: Mapping[str, Encoder], pictures: Sequence[Pixels]) -> dict[str, float]:
    """Pictures/s of each, in turns: what else the machine does hits all; the best round counts."""
    seconds = {name: [_seconds(encoder, pictures)] for name, encoder in encoders.items()}
    for _ in range(ROUNDS):
        for name, encoder in encoders.items():
            seconds[name].append(_seconds(encoder, pictures))
    return {name: len(pictures) / min(taken[1:]) for name, taken in seconds.items()}


def _seconds(encoder: Encoder, pictures: Sequence[Pixels]) -> float:
    began = time.perf_counter()
    encoder.images(pictures)
    return time.perf_counter() - began


def _processor() -> str:
    with suppress(OSError), open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _version(module: str) -> str:
    try:
        return version(module)
    except PackageNotFoundError:
        return ""
