"""What a worker process has done since it started: counts that only grow, told in its row."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from db.errors import SightlineError
from db.queue import Task
from db.statistics import CLAIM_SIZES
from db.vocabulary import MAX_ATTEMPTS

NO_LABEL = ""


class Stats:
    """Counts by name and label, safe from any thread; a restarted process begins at 0 again."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, float]] = {}
        self._facts: dict[str, Any] = {}
        self._lock = threading.Lock()

    def add(self, name: str, amount: float = 1, label: str = NO_LABEL) -> None:
        """Count so many more."""
        with self._lock:
            counted = self._counts.setdefault(name, {})
            counted[label] = counted.get(label, 0) + amount

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the seconds that a stage takes, also when it fails."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.add("seconds", time.perf_counter() - begun, stage)

    def claimed(self, attempts: list[int]) -> None:
        """Count a claim by its size, and those of its tasks that were tried before."""
        if not attempts:
            return
        group = next((str(size) for size in CLAIM_SIZES if len(attempts) <= size), "+Inf")
        self.add("claims", label=group)
        self.add("claimed", len(attempts))
        if again := sum(1 for tried in attempts if tried > 1):
            self.add("claimed_again", again)
        self.know(claimed_at=time.time())

    def ended(self, outcome: str, tasks: int = 1) -> None:
        """Count tasks by how they ended here: a task's status, or `retried`."""
        if tasks:
            self.add("tasks", tasks, outcome)

    def know(self, **facts: Any) -> None:
        """Tell what is no count: the size of a batch, when something was claimed last."""
        with self._lock:
            self._facts.update(facts)

    def as_json(self) -> dict[str, Any]:
        """Counts without labels as numbers, the others by label."""
        with self._lock:
            counts = {
                name: by_label[NO_LABEL] if set(by_label) == {NO_LABEL} else dict(by_label)
                for name, by_label in self._counts.items()
            }
            return counts | self._facts


def outcome_of(task: Task, error: SightlineError) -> str:
    """What `queue.fail` makes of an error: `retried` where that can help, else `failed`."""
    again = error.can_pass and task.attempts < MAX_ATTEMPTS
    return "retried" if again else "failed"
