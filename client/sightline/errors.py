"""Everything that can go wrong, as one tree; an answer's class is chosen by its code and status.

SightlineError
├── Unreachable          no answer: refused, cut off, too slow, for longer than our patience
└── SightlineProblem     the server's own words (RFC 9457): `code`, `detail`, `errors`, `request_id`
    ├── InvalidRequest   400 413 415 422: what was sent is wrong; `errors` says where
    ├── NotAllowed       401 403: no key, a wrong one, or one without the scope
    ├── NotFound         404
    ├── Conflict         409: the state of things does not allow it
    ├── TooManyRequests  429, still so after waiting; `retry_after` is in seconds
    ├── ServerFailed     5xx: `Unavailable` (503) may pass, others are in the server's log
    │   └── Unavailable
    └── JobFailed        a job that did not succeed; `job` is the job
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from sightline.types import Job


class SightlineError(Exception):
    """Raised for all that this package reports."""


class Unreachable(SightlineError):
    """Raised when no answer came, also after trying again."""


class SightlineProblem(SightlineError):
    """Raised for every answer that is an error, and for a job that failed.

    `code` is stable and meant for programs, `detail` for people; `status` is 0 for a job.
    `request_id` is what the server's log calls the request, empty where nobody told.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Mapping[str, Any]] | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = [dict(error) for error in errors or ()]
        self.request_id = request_id
        self.retry_after = retry_after


class InvalidRequest(SightlineProblem):
    """Raised when what was sent is malformed, too large or wrong."""


class NotAllowed(SightlineProblem):
    """Raised when the key is missing, wrong, revoked, or may not do this."""


class NotFound(SightlineProblem):
    """Raised when the server knows nothing by this name."""


class Conflict(SightlineProblem):
    """Raised when the state of things does not allow the request."""


class TooManyRequests(SightlineProblem):
    """Raised when a limit holds for longer than our patience."""


class ServerFailed(SightlineProblem):
    """Raised when the fault is the server's."""


class Unavailable(ServerFailed):
    """Raised when the server is up, but something that it needs stays away."""


class JobFailed(SightlineProblem):
    """Raised when a job did not succeed as a whole."""

    def __init__(self, job: Job) -> None:
        error: Mapping[str, Any] = job.get("error") or {}
        code = error.get("code") or f"job_{job['status']}"
        super().__init__(0, code, error.get("detail") or f"The job {job['status']}.")
        self.job = job


KINDS: dict[int, type[SightlineProblem]] = {
    400: InvalidRequest, 413: InvalidRequest, 415: InvalidRequest, 422: InvalidRequest,
    401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 429: TooManyRequests,
    503: Unavailable,
}  # fmt: skip


def problem_of(answer: httpx.Response, retry_after: float | None = None) -> SightlineProblem:
    """The error that an answer is, whatever its body; the body must have been read."""
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        said = None
    body: dict[str, Any] = said if isinstance(said, dict) else {}
    errors = body.get("errors")
    otherwise = ServerFailed if answer.status_code >= 500 else SightlineProblem
    return KINDS.get(answer.status_code, otherwise)(
        answer.status_code,
        str(body.get("code") or "unknown"),
        str(body.get("detail") or body.get("title") or answer.reason_phrase or "No reason given."),
        [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else None,
        str(body.get("request_id") or answer.headers.get("X-Request-Id") or ""),
        retry_after,
    )
