"""One class that speaks the HTTP contract; its methods are sorted by noun into the files beside."""

import os
from types import TracebackType
from typing import Self

import httpx

from sightline.admin import Admin
from sightline.catalogs import Catalogs
from sightline.errors import SightlineProblem
from sightline.http import Http
from sightline.jobs import ENDED
from sightline.questions import Progress, Questions
from sightline.types import Job

__all__ = ["ENDED", "Job", "Progress", "Sightline", "SightlineProblem"]

DEFAULT_URL = "http://127.0.0.1:8000"


class Sightline(Questions, Catalogs, Admin):
    """A server at a URL, with a key where it wants one. Use it in a `with`, or `close()` it.

    Several threads may use one. A request that is cut off, or answered with a 429 or 503, is sent
    again where that is safe: reads and changes are, and so are submits, which carry an
    idempotency key of their own; making keys and webhooks is not.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 90.0,
        patience: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`url` and `key` come from SIGHTLINE_URL and SIGHTLINE_KEY where they are not given.

        `timeout` is seconds of silence; it must exceed the longest wait for a job (60).
        `patience` bounds in seconds what all tries of one request may take; 0 tries once.
        """
        url = url or os.environ.get("SIGHTLINE_URL") or DEFAULT_URL
        key = key or os.environ.get("SIGHTLINE_KEY") or None
        self._http = Http(url, key, timeout, patience, transport)

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._http.url

    @property
    def patience(self) -> float:
        """Seconds that all tries of one request may take."""
        return self._http.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._http.patience = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
