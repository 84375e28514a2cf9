"""Progress bars on stderr; none where that is no terminal."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sightline.bulk import Tally
from sightline.cli.show import err
from sightline.cli.sums import size
from sightline.types import Job
from sightline.words import one_line

STAGES = {
    "reading": "Reading the source",
    "asking": "Asking what is there",
    "waiting": "Waiting for a former import",
    "sending": "Sending",
    "processing": "Sent",
}


class Bars:
    """One or two bars, shown while the block runs."""

    def __init__(self, hidden: bool) -> None:
        console = err()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False), TimeRemainingColumn(),
            console=console, disable=hidden or not console.is_terminal, transient=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


class LoadBars(Bars):
    """The items of a source that were looked at, and those that the server has processed."""

    def __init__(self, name: str, hidden: bool) -> None:
        super().__init__(hidden)
        self._sending = self._progress.add_task(STAGES["reading"], total=None, note=name)
        self._processing = self._progress.add_task("Processed", total=None, note="", visible=False)

    def tell(self, tally: Tally) -> None:
        """Show how far a load is."""
        self._progress.update(
            self._sending, description=STAGES[tally.stage], completed=tally.looked_at,
            total=tally.total or None, note=size(tally.bytes_sent),
        )  # fmt: skip
        self._progress.update(
            self._processing, completed=tally.processed, total=tally.sent or None,
            visible=tally.sent > 0,
        )  # fmt: skip


class DocumentBar(Bars):
    """The pages of a document."""

    def __init__(self, name: str, hidden: bool) -> None:
        super().__init__(hidden)
        self._pages = self._progress.add_task(f"Reading {name}", total=None, note="pages")

    def tell(self, job: Job) -> None:
        """Show how far its job is."""
        told = job["progress"]
        if told:
            self._progress.update(self._pages, completed=told["read"], total=told["pages"])


class JobBar(Bars):
    """The tasks of a job."""

    def __init__(self, name: str, hidden: bool) -> None:
        super().__init__(hidden)
        self._tasks = self._progress.add_task(name, total=None, note="")

    def tell(self, job: Job) -> None:
        """Show how far a job is."""
        counts = job["counts"]
        self._progress.update(
            self._tasks, completed=counts["total"] - counts["pending"], note=one_line(job["status"]),
            total=counts["total"] if job["expanded"] else None,
        )  # fmt: skip
