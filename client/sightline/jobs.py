"""Jobs and their tasks: listed, read, waited for, canceled and retried."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from sightline.errors import JobFailed
from sightline.nouns import Noun, given, job_id, path_of
from sightline.types import Job, Task

ENDED = frozenset({"succeeded", "failed", "canceled", "expired"})
LONGEST_LOOK = 30
"""Seconds for which one look waits: well under the minute after which proxies cut silence off."""


def _nothing(_: Job) -> None:
    """Tell nobody."""


class Jobs(Noun):
    """The methods about jobs."""

    def jobs(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        catalog: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Jobs, newest first, read page by page."""
        params = given(status=status, kind=kind, catalog=catalog)
        return self._http.pages(path_of("jobs"), params, limit)

    def job(self, job: Job | str, wait: int = 0) -> Job:
        """A job as it stands, or as it ended if it ends within `wait` seconds (0-60)."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        found = self._http.call("GET", path_of("jobs", job_id(job)), headers=headers)
        return cast(Job, found)

    def wait(self, job: Job, on_progress: Callable[[Job], None] = _nothing) -> Job:
        """Poll a job until it ends, telling `on_progress` each time.

        With `on_progress` a look takes a second; else as long as has been waited already, up to
        half a minute. Raises JobFailed when it did not succeed. A bulk job succeeds also when
        some of its items failed: see its `counts`.
        """
        begun = time.monotonic()
        while job["status"] not in ENDED:
            on_progress(job)
            waited = int(time.monotonic() - begun)
            seconds = 1 if on_progress is not _nothing else min(max(waited, 1), LONGEST_LOOK)
            job = self.look(job, seconds)
        on_progress(job)
        if job["status"] != "succeeded":
            raise JobFailed(job)
        return job

    def look(self, job: Job, seconds: int) -> Job:
        """A job when it has ended, or after so many seconds, and at least one, as it stands.

        A server where too many wait already answers at once: then the rest is waited here.
        """
        begun = time.monotonic()
        job = self.job(job, wait=seconds)
        left = min(seconds, 1) - (time.monotonic() - begun)
        if job["status"] not in ENDED and left > 0:
            self._http.wait(left)
        return job

    def cancel(self, job: Job | str) -> Job:
        """Ask a job to stop. Raises Conflict when it has ended already."""
        path = path_of("jobs", job_id(job)) + "/cancel"
        return cast(Job, self._http.call("POST", path, is_repeatable=True))

    def retry(self, job: Job | str) -> Job:
        """Do again what failed of a job. Raises Conflict for one that expired or was canceled."""
        path = path_of("jobs", job_id(job)) + "/retry"
        return cast(Job, self._http.call("POST", path, is_repeatable=True))

    def tasks(
        self, job: Job | str, *, status: str | None = None, limit: int | None = None
    ) -> Iterator[Task]:
        """A job's tasks by index: as one stream, or the first `limit` of them."""
        path, params = path_of("jobs", job_id(job)) + "/tasks", given(status=status)
        found: Iterator[Any]
        if limit is None:
            found = self._http.lines(path, params)
        else:
            found = self._http.pages(path, params, limit)
        return cast(Iterator[Task], found)


def is_ended(job: Mapping[str, Any]) -> bool:
    """Whether a job will change no more, unless it is retried."""
    return job["status"] in ENDED
