"""Hands hostile files in at the HTTP door, waits for their jobs, and says what came of them."""

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx

from tests.hostile import FINE, Hostile
from tests.hostile.pictures import valid

CATALOG = "/v1/catalogs/hostile"
SECONDS = 60.0
"""A job that has not ended by then counts as not ended at all."""
GOOD_PICTURE = Hostile("a good picture", "picture", lambda: valid("JPEG"), frozenset({FINE}))
TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv", "zip": "application/zip"}
NAMES = {"picture": ("image", "items"), "pdf": ("file", "documents"), "deck": ("file", "documents")}


@dataclass(frozen=True)
class Result:
    """What came of a file: each code of an error, or `succeeded`; and the worst HTTP status."""

    file: Hostile
    outcomes: frozenset[str]
    status: int
    seconds: float

    @property
    def is_allowed(self) -> bool:
        """Whether nothing else than what may happen happened, and something did."""
        return bool(self.outcomes) and self.outcomes <= self.file.allowed and self.status < 500


class Door:
    """A client of a running Sightline with one catalog for all files."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=SECONDS + 30)
        self._http.put(CATALOG, json={}).raise_for_status()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def hand_in(self, file: Hostile) -> Result:
        """Send one file and wait for what comes of it."""
        data = file.make()
        begun = time.monotonic()
        answer = self._sent(file.kind, data)
        worst = answer.status_code
        if worst >= 400:
            return Result(file, frozenset({_code(answer)}), worst, time.monotonic() - begun)
        outcomes, status = self._ended(answer.json())
        seconds = time.monotonic() - begun
        return Result(file, outcomes, max(worst, status), seconds)

    def _sent(self, kind: str, data: bytes) -> httpx.Response:
        while True:
            if kind in TYPES:
                headers = {"Content-Type": TYPES[kind], "Prefer": "wait=20"}
                answer = self._http.post(f"{CATALOG}/imports", content=data, headers=headers)
            else:
                part, noun = NAMES[kind]
                files = {part: (f"a.{kind}", data, "application/octet-stream")}
                answer = self._http.post(
                    f"{CATALOG}/{noun}", files=files, headers={"Prefer": "wait=20"}
                )
            if answer.status_code != 429:
                return answer
            time.sleep(float(answer.headers.get("Retry-After", "1")))

    def _ended(self, job: dict[str, Any]) -> tuple[frozenset[str], int]:
        """The outcomes of an ended job, and the worst status of the requests that asked for them."""
        until, worst = time.monotonic() + SECONDS, 200
        while job["ended_at"] is None:
            if time.monotonic() > until:
                return frozenset({"never ended"}), worst
            answer = self._http.get(job["urls"]["self"], headers={"Prefer": "wait=10"})
            worst = max(worst, answer.status_code)
            job = answer.json() if answer.status_code == 200 else job
        found = {job["error"]["code"]} if job["error"] else set()
        tasks = self._http.get(job["urls"]["tasks"], headers={"Accept": "application/x-ndjson"})
        for line in tasks.text.splitlines():
            task = json.loads(line)
            found.add(task["error"]["code"] if task["error"] else _ended_as(task["status"]))
            if task["item_id"] and not task["error"]:
                worst = max(worst, self._shown(task["item_id"]))
        return frozenset(found), max(worst, tasks.status_code)

    def _shown(self, item: str) -> int:
        """The status of the item's thumbnail."""
        return self._http.get(
            f"{CATALOG}/items/{item}/image", params={"size": "thumbnail"}
        ).status_code


def _ended_as(status: str) -> str:
    return FINE if status == "unchanged" else status


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError):
        return f"http_{answer.status_code}"
