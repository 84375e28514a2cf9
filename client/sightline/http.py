"""One connection pool to a server: requests that are sent again where that is safe, lists, streams."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx

from sightline.backoff import Pauses, seconds_of
from sightline.errors import SightlineProblem, Unreachable, problem_of
from sightline.types import Json

PAGE = 100
"""Rows of a list that are asked for at a time: the most that the server gives."""
PASSING = frozenset({408, 429, 502, 503, 504})
NOTHING_DONE = frozenset({429})
"""Of these, the ones that tell for sure that the request did nothing."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})
IN_PROGRESS = "request_in_progress"
"""The first try of the same submit still runs."""
LOCAL_MISTAKES = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)

MakeBody = Callable[[], Mapping[str, Any]]
"""Makes httpx's `content`, `data` and `files` anew for each try, for a stream is read once."""


@dataclass(frozen=True)
class Call:
    """A request as it can be sent any number of times."""

    method: str
    path: str
    headers: Mapping[str, str]
    options: Mapping[str, Any]
    make: MakeBody | None
    is_repeatable: bool
    """Whether sending it twice does no more than sending it once."""

    def built(self, client: httpx.Client) -> httpx.Request:
        """The request for one try."""
        body = self.make() if self.make else {}
        return client.build_request(
            self.method, self.path, headers=dict(self.headers), **self.options, **body
        )


class Http:
    """Sends requests; safe to be used by several threads. `close` ends what waits to be sent again."""

    def __init__(
        self, url: str, key: str | None, timeout: float, patience: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        """`timeout` is seconds of silence, `patience` what all tries of a request may take.

        Raises ValueError for an address or a key that can be none; it does not repeat the key.
        """
        if key and not (key.isascii() and key.isprintable()):
            raise ValueError("the key holds characters that no key has")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.patience = patience
        self._closed = threading.Event()
        try:
            base = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ValueError(f"{url!r} is no address: {error}") from error
        if base.scheme not in ("http", "https") or not base.host:
            raise ValueError(f"{url!r} is no address: write http://host:port")
        self._client = httpx.Client(
            base_url=base, headers=headers, timeout=httpx.Timeout(timeout, connect=min(timeout, 10)),
            transport=transport,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Where the server is."""
        return str(self._client.base_url).rstrip("/")

    def close(self) -> None:
        """Close the connections; whoever waits for a new try is told at once."""
        self._closed.set()
        self._client.close()

    def call(self, method: str, path: str, **more: Any) -> Json:
        """A request whose answer is a JSON object. Raises as `send` does."""
        answer = self.send(method, path, **more)
        if answer.status_code == 204:
            return {}
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise SightlineProblem(answer.status_code, "unknown", f"{self.url} is no Sightline.")
        return body

    def send(
        self, method: str, path: str, *, make: MakeBody | None = None,
        headers: Mapping[str, str] | None = None, is_repeatable: bool | None = None,
        **options: Any,
    ) -> httpx.Response:  # fmt: skip
        """Send until an answer comes that is no passing trouble, read it, and return it.

        Raises Unreachable, or the SightlineProblem that the answer is.
        """
        if is_repeatable is None:
            is_repeatable = method in REPEATABLE
        call = Call(method, path, headers or {}, options, make, is_repeatable)
        pauses, was_lost = Pauses(self.patience), False
        while True:
            try:
                answer = self._client.send(call.built(self._client))
            except httpx.HTTPError as error:
                self._pause_after_loss(error, call, pauses)
                was_lost = True
                continue
            except RuntimeError as error:  # httpx says so of a client that was closed meanwhile
                raise Unreachable("The connection is closed.") from error
            if answer.is_success:
                return answer
            if was_lost and method == "DELETE" and answer.status_code == 404:
                return httpx.Response(204, request=answer.request)  # the lost try did it
            self._pause_after(answer, call, pauses)

    def submit(self, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Json:
        """POST what becomes a job, under a key of its own: however often it is sent, it is one job."""
        marked = {"Idempotency-Key": uuid.uuid4().hex, **(headers or {})}
        return self.call("POST", path, headers=marked, is_repeatable=True, **more)

    def pages(self, path: str, params: Mapping[str, Any] | None = None,
              limit: int | None = None) -> Iterator[Any]:  # fmt: skip
        """The rows of a list, at most `limit`, page by page as they are asked for."""
        left, after = limit, None
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            asked: Json = {"limit": size, **(params or {})}
            if after is not None:
                asked["after"] = after
            page = self.call("GET", path, params=asked)
            yield from page["data"]
            left = None if left is None else left - len(page["data"])
            after = page["next"]
            if after is None:
                return

    def lines(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """The JSON lines of an answer as they arrive. Raises Unreachable when it breaks off."""
        headers = {"Accept": "application/x-ndjson"}
        try:
            with self._opened(path, params, headers) as answer:
                if not answer.is_success:
                    answer.read()
                    raise problem_of(answer)
                for line in answer.iter_lines():
                    if line:
                        yield json.loads(line)
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(f"{self.url} broke off in the middle of a list.") from error

    def _opened(
        self, path: str, params: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> AbstractContextManager[httpx.Response]:
        return self._client.stream("GET", path, params=dict(params or {}), headers=dict(headers))

    def wait(self, seconds: float) -> None:
        """Do nothing for a time. Raises Unreachable when this is closed meanwhile."""
        if self._closed.wait(seconds):
            raise Unreachable("The connection is closed.")

    def _pause_after_loss(self, error: httpx.HTTPError, call: Call, pauses: Pauses) -> None:
        """Wait before the next try. Raises Unreachable where there is none."""
        told = _words(error)
        if self._closed.is_set():
            raise Unreachable("The connection is closed.") from error
        can_repeat = call.is_repeatable or isinstance(error, NOT_SENT)
        pause = None if isinstance(error, LOCAL_MISTAKES) or not can_repeat else pauses.next()
        if pause is None:
            raise Unreachable(f"{self.url} cannot be reached: {told}") from error
        self.wait(pause)

    def _pause_after(self, answer: httpx.Response, call: Call, pauses: Pauses) -> None:
        """Wait before the next try. Raises the problem that the answer is where there is none."""
        told = seconds_of(answer.headers.get("Retry-After"))
        problem = problem_of(answer, told)
        passing = PASSING if call.is_repeatable else NOTHING_DONE
        if answer.status_code not in passing and problem.code != IN_PROGRESS:
            raise problem
        pause = pauses.next(told)
        if pause is None:
            raise problem
        self.wait(pause)


def _words(error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    return words if words.endswith(".") else f"{words}."
