"""A server on a real socket that answers as planned, and may cut off or stay silent."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Plan:
    """An answer: its status, body and headers; `cut` closes the connection instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    half: bool = False
    """Whether the body breaks off in its middle."""


@dataclass(frozen=True)
class Seen:
    """A request as it came, with the moment at which it did."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def key(self) -> str | None:
        """Its idempotency key."""
        return self.headers.get("idempotency-key")


@dataclass
class Loopback:
    """Answers the plans in order, the last one for ever."""

    url: str = ""
    plans: list[Plan] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def next(self) -> Plan:
        with self.lock:
            return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]

    def pauses(self) -> list[float]:
        """Seconds between the requests."""
        return [after.at - before.at for before, after in pairwise(self.seen)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shared: Loopback

    def _handle(self) -> None:
        at, size = time.monotonic(), int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(size)
        names = {name.lower(): value for name, value in self.headers.items()}
        self.shared.seen.append(Seen(self.command, self.path, names, body, at))
        plan = self.shared.next()
        if plan.cut:
            self.close_connection = True
            self.connection.close()
            return
        raw = plan.body if isinstance(plan.body, bytes) else json.dumps(plan.body).encode()
        raw = b"" if plan.status == 204 else raw
        self.send_response(plan.status)
        for name, value in plan.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if plan.half else raw)
        self.close_connection = plan.half

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def handle(self) -> None:
        with suppress(OSError, ValueError):  # the client went away, or this cut it off itself
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def loopback(*plans: Plan, port: int = 0) -> Iterator[Loopback]:
    """A running server with these plans."""
    made = Loopback(plans=list(plans))
    handler = type("Bound", (_Handler,), {"shared": made})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def job(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A job as the contract shows it."""
    counts = dict.fromkeys(("total", "succeeded", "unchanged", "failed", "canceled", "pending"), 0)
    return {"id": "job_1", "kind": "import", "catalog": "shop", "status": status, "counts": counts,
            "expanded": True, "progress": None, "usage": None, "result": None, "error": None,
            "created_at": "2026-11-24T09:00:00Z", "ended_at": None, "urls": {}} | more  # fmt: skip


def problem(code: str, **more: Any) -> dict[str, Any]:
    """A problem's body."""
    return {"type": f"urn:sightline:problem:{code}", "title": "Title", "code": code,
            "detail": f"About {code}.", "request_id": "r-1"} | more  # fmt: skip
