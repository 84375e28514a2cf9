"""`sightline jobs`: listed, shown, watched, canceled and retried."""

import click

from sightline.cli.progress import JobBar
from sightline.cli.shared import (
    SOME_FAILED,
    ListByDefault,
    Shared,
    json_option,
    limit_option,
    pass_shared,
)
from sightline.cli.show import err, out, print_fields, print_json, print_rows, print_table
from sightline.errors import JobFailed
from sightline.types import Job
from sightline.words import one_line

STATUSES = ("queued", "running", "succeeded", "failed", "canceled", "expired")
EPILOG = """\b
Examples:
  sightline jobs                        the newest ones
  sightline jobs --status running
  sightline jobs show job_01j… --failed
  sightline jobs watch job_01j…"""


@click.group(cls=ListByDefault, epilog=EPILOG)
def jobs() -> None:
    """List jobs, or show, watch, cancel, retry one. Alone it lists."""


@jobs.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--kind", metavar="KIND", help="Only these: import, document, search, answer, …")
@click.option("--catalog", "-c", metavar="NAME", help="Only of this catalog.")
@limit_option(20)
@json_option
@pass_shared
def list_(
    shared: Shared, status: str | None, kind: str | None, catalog: str | None, limit: int,
    as_json: bool,
) -> None:  # fmt: skip
    """List jobs, newest first."""
    found = shared.server.jobs(status=status, kind=kind, catalog=catalog, limit=limit)
    rows = (dict(job) if as_json else {**job, **job["counts"]} for job in found)
    columns = [(name, name) for name in
               ("id", "kind", "catalog", "status", "total", "failed", "pending", "created_at")]  # fmt: skip
    print_rows(rows, columns, as_json, "There are no such jobs.")


@jobs.command()
@click.argument("job_id", metavar="JOB")
@click.option("--failed", is_flag=True, help="Also its failed tasks, with the reasons.")
@click.option("--tasks", is_flag=True, help="Also all of its tasks.")
@json_option
@pass_shared
def show(shared: Shared, job_id: str, failed: bool, tasks: bool, as_json: bool) -> None:
    """Show a job as it stands."""
    job = shared.server.job(job_id)
    if as_json:
        print_json(job)
    else:
        print_fields({name: value for name, value in job.items() if name != "urls"})
    if failed or tasks:
        _show_tasks(shared, job, "failed" if failed else None, as_json)


def _show_tasks(shared: Shared, job: Job, status: str | None, as_json: bool) -> None:
    found = shared.server.tasks(job, status=status)
    if as_json:
        for task in found:
            print_json(task)
        return
    rows = [
        [task["index"], task["item_id"], task["status"], *_reason(task["error"] or {})]
        for task in found
    ]
    print_table(["#", "item", "status", "code", "why"], rows)


def _reason(error: object) -> tuple[str, str]:
    told = error if isinstance(error, dict) else {}
    return str(told.get("code", "")), str(told.get("detail", ""))


@jobs.command()
@click.argument("job_id", metavar="JOB")
@json_option
@pass_shared
def watch(shared: Shared, job_id: str, as_json: bool) -> None:
    """Follow a job to its end; exit code 1 when it, or something in it, failed."""
    with JobBar(one_line(job_id), hidden=as_json) as bar:
        try:
            job = shared.server.wait(shared.server.job(job_id), bar.tell)
        except JobFailed as failure:
            job = failure.job
    _say(job, as_json)
    if job["status"] != "succeeded" or job["counts"]["failed"]:
        raise SystemExit(SOME_FAILED)


@jobs.command()
@click.argument("job_id", metavar="JOB")
@json_option
@pass_shared
def cancel(shared: Shared, job_id: str, as_json: bool) -> None:
    """Ask a job to stop; what is done stays."""
    _say(shared.server.cancel(job_id), as_json)


@jobs.command()
@click.argument("job_id", metavar="JOB")
@json_option
@pass_shared
def retry(shared: Shared, job_id: str, as_json: bool) -> None:
    """Do again what failed of a job."""
    _say(shared.server.retry(job_id), as_json)


def _say(job: Job, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    counts = {name: count for name, count in job["counts"].items() if count}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    out().print(f"{one_line(job['id'])} {job['status']}: {told or 'no tasks'}")
    if job["error"]:
        err().print(f"  {one_line(job['error']['detail'], 500)} ({one_line(job['error']['code'])})")
