"""How long to wait before a request is sent again: by the server's word, else doubling, with jitter."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
"""Seconds between two attempts where the server does not say."""
JITTER = 0.25
"""A pause is longer by up to this part of it, so that clients who were cut off together do not
come back together."""


@dataclass
class Pauses:
    """The pauses of one request. `patience` bounds in seconds what all of them may take together."""

    patience: float
    clock: Callable[[], float] = time.monotonic
    begun: float = field(init=False)
    tries: int = 0

    def __post_init__(self) -> None:
        self.begun = self.clock()

    def next(self, told: float | None = None) -> float | None:
        """Seconds to wait, never less than the server `told`; None when that is over our patience."""
        pause = min(FIRST_PAUSE * 2**self.tries, LONGEST_PAUSE) if told is None else told
        self.tries += 1
        if self.clock() - self.begun + pause > self.patience:
            return None
        return pause * (1 + random.uniform(0, JITTER))


def seconds_of(header: str | None) -> float | None:
    """The seconds in a `Retry-After`, which is a number or a date; None where it says nothing."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
