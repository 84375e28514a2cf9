"""Tells webhooks of ended jobs: signs each message, sends it through the guard, tries again.

The convention is Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`,
which holds one signature for each secret that is in force.
"""

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog

from db import deliveries
from db.deliveries import DeliveryStatus, Due, Outcome
from db.errors import FetchFailed, FetchRefused, SightlineError
from db.items import rfc3339
from db.webhooks import SECRET_PREFIX
from worker.fetch import Fetcher
from worker.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
RETRY_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long after each failed attempt the next one is: nine more, over three days."""
JITTER = 0.1
SENDERS = 64
"""Messages on their way at a time; each may take ten seconds of a slow receiver."""
EACH = 4
"""Of them to one webhook, so that a slow one leaves the others their threads."""
GONE = 410
PLAIN = ("id", "kind", "catalog", "status")
TIMES = ("created_at", "started_at", "ended_at")
COUNTS = ("total", "succeeded", "unchanged", "failed", "canceled", "pending")


class Sender:
    """Sends what is due, in threads of its own, while the process lives."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._fetcher = Fetcher.of(runtime.settings)
        self._pool = ThreadPoolExecutor(SENDERS, "webhook")
        self._on_their_way: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._freed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for what is due, if it has not begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="webhooks", daemon=True)
            self._thread.start()

    def send_due(self) -> int:
        """Claim what is due and begin to send it, without waiting; returns how many."""
        with self._lock:
            busy = list(self._on_their_way)
            free = SENDERS - self._on_their_way.total()
        with self._runtime.database.begin() as connection:
            seconds = self._runtime.settings.lease_seconds
            claimed = deliveries.claim(connection, free, EACH, seconds, busy)
        with self._lock:
            self._on_their_way.update(due.webhook_id for due in claimed)
        for due in claimed:
            self._pool.submit(self._deliver, due)
        return len(claimed)

    def _look(self) -> None:
        while not self._runtime.stopping.is_set():
            self._freed.clear()
            try:
                self.send_due()
            except SightlineError as error:
                log.warning("webhooks_wait", error=error.detail)
            self._freed.wait(LOOK_SECONDS)

    def _deliver(self, due: Due) -> None:
        try:
            outcome = self._attempt(due)
            self._runtime.commit(lambda connection: deliveries.finish(connection, due, outcome))
            if outcome.response_status == GONE and outcome.error:
                self._disable(due, outcome.error)
        except Exception as error:
            # Its lease runs out, and it is sent again.
            log.warning("delivery_left", delivery=due.id, cause=type(error).__name__)
        finally:
            self._let_go(due.webhook_id)

    def _let_go(self, webhook: str) -> None:
        with self._lock:
            self._on_their_way[webhook] -= 1
            if not self._on_their_way[webhook]:
                del self._on_their_way[webhook]
                self._freed.set()

    def _disable(self, due: Due, error: SightlineError) -> None:
        log.info("webhook_disabled", webhook=due.webhook_id)
        self._runtime.commit(lambda connection: deliveries.disable(connection, due, error))

    def _attempt(self, due: Due) -> Outcome:
        """Send one message. Raises nothing that a receiver could cause."""
        body = message(due)
        try:
            status = self._fetcher.post(due.url, body, headers(due, body, int(time.time())))
        except FetchRefused as error:
            return Outcome(DeliveryStatus.FAILED, error=error)
        except SightlineError as error:
            return _again(due, None, error)
        if 200 <= status < 300:
            return Outcome(DeliveryStatus.DELIVERED, status)
        answered = FetchFailed(f"The webhook answered {status}.")
        if status == GONE:
            return Outcome(DeliveryStatus.FAILED, status, answered)
        return _again(due, status, answered)


def _again(due: Due, status: int | None, error: SightlineError) -> Outcome:
    if due.attempts > len(RETRY_SECONDS):
        return Outcome(DeliveryStatus.FAILED, status, error)
    delay = RETRY_SECONDS[due.attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    return Outcome(DeliveryStatus.PENDING, status, error, delay)


def message(due: Due) -> bytes:
    """The body: the same bytes at every attempt."""
    told = due.data if due.job_id is None else job(due.data)
    moment = told.get("ended_at", rfc3339(due.created_at))
    said = {"type": due.type, "timestamp": moment, "data": told}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def job(data: dict[str, Any]) -> dict[str, Any]:
    """A job as the API shows it, without its result, which may be large."""
    path = f"/v1/jobs/{data['id']}"
    return {
        **{name: data[name] for name in PLAIN},
        **{name: data[name] and rfc3339(datetime.fromisoformat(data[name])) for name in TIMES},
        "counts": {name: data["counts"][name] for name in COUNTS},
        "error": data["error"],
        "urls": {"self": path, "cancel": f"{path}/cancel", "retry": f"{path}/retry",
                 "tasks": f"{path}/tasks"},
    }  # fmt: skip


def headers(due: Due, body: bytes, timestamp: int) -> dict[str, str]:
    """What a message is sent with; the timestamp is in seconds of Unix time."""
    return {
        "Content-Type": "application/json",
        "webhook-id": due.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(due.secrets, due.id, timestamp, body),
    }


def signatures(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """One signature for each secret, with spaces between them."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_sign(secret, signed)}" for secret in secrets)


def _sign(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
