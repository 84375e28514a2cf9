"""What the embedded servers share: started by themselves, waited for, stopped."""

import time
from abc import ABC, abstractmethod
from typing import Any, Self

from db.embedded.process import Process


class Server(ABC):
    """One server process at a URL; used in a `with`, or by the stack, which keeps it alive."""

    process: Process
    within: float
    """Seconds in which it must answer after its start."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is reached."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what it needs on the disk. Raises StartFailed."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers."""

    def start(self) -> str:
        """Prepare, start, wait until it answers; returns the URL. Raises StartFailed."""
        self.prepare()
        self.process.start()
        deadline = time.monotonic() + self.within
        while not self.ready():
            if self.process.exit_code is not None or time.monotonic() > deadline:
                error = self.process.failure()
                self.stop()
                raise error
            time.sleep(0.05)
        return self.url

    def stop(self) -> None:
        """Stop it within its patience or kill it."""
        self.process.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
