"""A client that searches for as long as it is told: commands as JSON lines in, results as JSON lines out.

Any interpreter that has numpy runs it: what it asks is of its caller's making.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


class Engine(Protocol):
    """What is measured."""

    def ask(self, vector: Vector, where: dict[str, Any]) -> list[int]:
        """The numbers of the ten nearest pictures that `where` lets through, with their metadata."""


@dataclass(frozen=True)
class Command:
    """What to search, how long, and by how many threads at once."""

    queries: str
    """File of the queries (.npy), one a row."""
    where: dict[str, Any]
    seconds: float
    """0: each query once."""
    threads: int = 1


def answer(engine: Engine) -> None:
    """Carry out commands until the input ends."""
    for line in sys.stdin:
        command = Command(**json.loads(line))
        sys.stdout.write(json.dumps(carried_out(engine, command)) + "\n")
        sys.stdout.flush()


def carried_out(engine: Engine, command: Command) -> dict[str, Any]:
    """Searches, the seconds they took, and what each query found, by its row."""
    queries = np.load(Path(command.queries))
    engine.ask(queries[0], command.where)  # what is made once is made before the clock starts
    found: dict[int, list[int]] = {}
    began = time.perf_counter()

    def work(thread: int) -> int:
        rows = list(range(thread, len(queries), command.threads))
        return _asked(lambda row: engine.ask(queries[row], command.where), rows, found,
                      began + command.seconds if command.seconds else None)  # fmt: skip

    with ThreadPoolExecutor(command.threads) as pool:
        count = sum(pool.map(work, range(command.threads)))
    return {"count": count, "seconds": time.perf_counter() - began, "found": found}


def _asked(ask: Callable[[int], list[int]], rows: list[int], found: dict[int, list[int]],
           until: float | None) -> int:  # fmt: skip
    """Ask row after row, and begin again, until the time is over; or each once."""
    count = 0
    while True:
        for row in rows:
            found[row] = ask(row)
            count += 1
            if until is not None and time.perf_counter() >= until:
                return count
        if until is None:
            return count
