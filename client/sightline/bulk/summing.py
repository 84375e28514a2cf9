"""Sums up the jobs of a load, its own and those that it found running, into its report."""

from collections.abc import Callable, Iterator

from sightline.bulk.report import Failure, Report
from sightline.client import Sightline
from sightline.jobs import is_ended
from sightline.types import Error, Job

UNTOLD: Error = {"code": "unknown", "detail": "No reason was told."}


def sum_up(server: Sightline, report: Report, job: Job, items: int) -> None:
    """Count what became of the `items` of a job that this load made."""
    counts = job["counts"]
    report.succeeded += counts["succeeded"]
    report.unchanged += counts["unchanged"]
    report.canceled += counts["canceled"]
    report.pending += counts["pending"]
    _sum_up_unread(report, job, items - counts["total"])
    for failure in failures_of(server, job):
        report.fail(failure)


def sum_up_former(
    server: Sightline, report: Report, job: Job, is_ours: Callable[[str], bool]
) -> None:
    """Of an import that was running before, what failed of this source: it counted as unchanged."""
    for failure in failures_of(server, job):
        if failure.item_id and is_ours(failure.item_id):
            report.fail(failure)
            report.unchanged -= 1


def failures_of(server: Sightline, job: Job) -> Iterator[Failure]:
    """Why the items of a job failed, one by one."""
    if not job["counts"]["failed"]:
        return
    for task in server.tasks(job, status="failed"):
        error = task["error"] or UNTOLD
        yield Failure(task["item_id"], job["id"], error["code"], error["detail"])


def _sum_up_unread(report: Report, job: Job, count: int) -> None:
    """Items of which the server made no tasks: it has not read them, or could not."""
    if not is_ended(job):
        report.pending += count
    elif job["status"] != "failed":
        report.canceled += count
    elif count:
        error = job["error"] or UNTOLD
        report.fail(Failure(None, job["id"], error["code"], error["detail"]))
        report.failed += count - 1
