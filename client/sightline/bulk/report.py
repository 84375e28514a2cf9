"""What a load is told, what it tells while it runs, and what it says at its end."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_FAILURES = 1_000
"""Failures that are kept with their reasons; further ones are counted."""


@dataclass(frozen=True)
class Options:
    """How to load."""

    uploads: int = 4
    """Requests with pictures that are under way at once."""
    retry: bool = False
    """Whether failed items are tried once more at the end."""
    refetch: bool = False
    """Whether pictures by address are sent again though the address is the same."""
    wait: bool = True
    """Whether to wait until all is processed."""


@dataclass(frozen=True)
class Failure:
    """An item that is not in the catalog as its source has it, and why."""

    item_id: str | None
    where: str
    """Its place in the source, or the job that failed it."""
    code: str
    detail: str


@dataclass
class Tally:
    """How far a load is. It is changed by several threads and read by whoever shows it."""

    stage: str = "reading"
    """`reading` the source, `asking` what the server has, `waiting` for an import that it reads
    already, `sending`, `processing`."""
    total: int = 0
    looked_at: int = 0
    sent: int = 0
    """Items that were sent, of which so many are done:"""
    processed: int = 0
    bytes_sent: int = 0


Tell = Callable[[Tally], None]


@dataclass
class Report:
    """What became of a source's items: `unchanged + updated + succeeded + failed` is `items`."""

    items: int = 0
    unchanged: int = 0
    """The server has them already; nothing was sent, or it said so itself."""
    updated: int = 0
    """Only their words had changed: those were sent."""
    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    pending: int = 0
    """Sent, and not yet done: where nobody waited."""
    pictures_sent: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0
    jobs: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def fail(self, failure: Failure) -> None:
        """Count a failure, and keep the first ones."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(failure)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)
