"""Clients that submit one item after another while something is being broken, and forget none."""

import base64
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import httpx

from tests.faults.harness import Json, Rig, picture

PAUSE = 0.05


class Load:
    """Threads that put items for as long as the block lasts; `accepted` are the jobs of each 202.

    A request that breaks off or is told 503 is sent again under its key, as a good client does.
    """

    def __init__(self, rig: Rig, catalog: str, threads: int = 2) -> None:
        self.accepted: list[Json] = []
        self.statuses: Counter[int | str] = Counter()
        self._rig, self._catalog = rig, catalog
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(threads, "load")
        self._running: list[Future[None]] = []
        self._numbers = range(threads)

    def __enter__(self) -> Self:
        self._running = [self._pool.submit(self._run, number) for number in self._numbers]
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._pool.shutdown()

    def all_succeed(self, seconds: float = 90) -> None:
        """Every job of a 202 is in the database and ends well. Raises AssertionError."""
        for thread in self._running:
            thread.result()
        assert self.accepted, f"nothing was accepted: {dict(self.statuses)}"
        until = time.monotonic() + seconds
        for job in self.accepted:
            ended = self._rig.ended(job, max(1.0, until - time.monotonic()))
            assert ended["status"] == "succeeded", ended

    def _run(self, thread: int) -> None:
        number = 0
        with httpx.Client(base_url=self._rig.stack.url, timeout=30) as http:
            while not self._ending.wait(PAUSE):
                self._put(http, f"load-{thread}-{number}")
                number += 1

    def _put(self, http: httpx.Client, name: str) -> None:
        while not self._ending.is_set():
            try:
                answer = put(http, self._catalog, name)
            except httpx.TransportError as error:
                self.statuses[type(error).__name__] += 1
                self._ending.wait(PAUSE)
                continue
            self.statuses[answer.status_code] += 1
            if answer.status_code in (200, 202):
                self.accepted.append(answer.json())
                return
            assert answer.status_code in (409, 503), answer.text
            assert "retry-after" in answer.headers or answer.status_code == 409
            self._ending.wait(PAUSE)


def put(http: httpx.Client, catalog: str, name: str, key: str | None = None) -> httpx.Response:
    """Put an item with a picture of its own, under an idempotency key: its name by default."""
    body = {"id": name, "image_base64": base64.b64encode(picture(catalog + name)).decode()}
    headers = {"Idempotency-Key": key or f"{catalog}/{name}"}
    return http.post(f"{catalog}/items", json=body, headers=headers)
