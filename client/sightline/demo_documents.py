"""The demo's documents: read with a bar of pages, then asked questions that show their sources."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sightline.client import Sightline
from sightline.demo_show import console, save
from sightline.errors import SightlineProblem
from sightline.jobs import is_ended
from sightline.types import Job
from sightline.words import marked

SECONDS_BETWEEN_LOOKS = 0.2
WIDTH = 100
PASSAGES = 3
PASSAGE = 160
"""Characters of a source that are shown."""
HOW_TO_GET_ANSWERS = """\
[bold]For written answers[/] set OPENAI_API_KEY or ANTHROPIC_API_KEY; or without a key,
run [bold]make fake-providers[/] in another terminal and paste the lines that it prints."""


def read(server: Sightline, catalog: str, paths: Sequence[Path]) -> None:
    """Upload documents, follow them page by page, and say what became of each."""
    columns = (
        TextColumn("Reading {task.fields[name]}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("pages"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as bars:
        jobs = {path: server.add_document(catalog, path, id=path.stem) for path in paths}
        tasks = {path: bars.add_task("read", total=None, name=path.name) for path in paths}
        while not all(is_ended(job) for job in jobs.values()):
            time.sleep(SECONDS_BETWEEN_LOOKS)
            jobs = {path: _look(server, job) for path, job in jobs.items()}
            for path, job in jobs.items():
                told = job["progress"] or {"pages": None, "read": 0}
                bars.update(tasks[path], total=told["pages"], completed=told["read"])
    for path, job in jobs.items():
        say(path.name, server.wait(job))
    console.print()


def _look(server: Sightline, job: Job) -> Job:
    return job if is_ended(job) else server.job(job)


def say(name: str, job: Job) -> None:
    """A plain sentence on what a document became, and a line for each thing left undone."""
    counts, result = job["counts"], job["result"] or {}
    if counts["unchanged"] == counts["total"]:
        console.print(f"{name}: {counts['unchanged']} items unchanged, nothing embedded again.")
    else:
        console.print(
            f"{name}: {result['pages']} pages became {counts['succeeded']} items: "
            "pages, figures and texts."
        )
    if counts["failed"]:
        console.print(f"  [yellow]{counts['failed']} pages failed:[/] see {job['urls']['tasks']}")
    for note in result["notes"]:
        console.print(f"  [yellow]note:[/] {marked(note)}")


def ask(server: Sightline, catalog: str, questions: Sequence[str], out: Path) -> None:
    """Ask each question; show the answer, its sources and where the page lies in `out`."""
    provider: str | None = None
    for question in questions:
        try:
            result = server.answer(catalog, question, provider=provider)
        except SightlineProblem as problem:
            console.print(f"[yellow]No answer came:[/] {marked(problem.detail)} ({problem.code})")
            provider = "none"
            result = server.answer(catalog, question, provider=provider)
        show(server, catalog, question, result, out)
    if result["mode"] == "retrieval_only":
        console.print(HOW_TO_GET_ANSWERS)


def show(server: Sightline, catalog: str, question: str, result: dict[str, Any], out: Path) -> None:
    """One answer in a box, and its sources as a table."""
    console.print(Panel(_said(result), title=marked(question), title_align="left", width=_width()))
    sources = result["sources"]
    if not sources:
        return
    console.print(table(sources))
    first = next((source for source in sources if source["cited"]), sources[0])
    console.print(f"{_saved(server, catalog, first, out)}\n", soft_wrap=True)


def _saved(server: Sightline, catalog: str, source: dict[str, Any], out: Path) -> str:
    """Where the picture of a source's page lies; slides have none without LibreOffice."""
    try:
        path = save(server, catalog, _page_of(source["item"]), out)
    except SightlineProblem as problem:
        return f"The page of source {source['number']} has no picture: {marked(problem.detail)}"
    return f"The page of source {source['number']} is saved: {path}"


def _width() -> int:
    return min(WIDTH, console.width)


def _said(result: dict[str, Any]) -> str:
    if result["mode"] == "retrieval_only":
        return f"[yellow]No answer was written:[/] {marked(result['reason'])}"
    usage = result["usage"] or {"input_tokens": 0, "output_tokens": 0}
    return (
        f"{marked(result['answer'])}\n[dim]{marked(result['provider'])} {marked(result['model'] or '')}: "
        f"{usage['input_tokens']:,} tokens in, {usage['output_tokens']} out[/]"
    )


def table(sources: Sequence[dict[str, Any]]) -> Table:
    """The cited sources; the best passages where none is cited."""
    cited = [source for source in sources if source["cited"]]
    passages: dict[str, dict[str, Any]] = {}
    for source in sources:
        if source["ranks"].keys() - {"image"}:  # else only its picture was found, not its words
            passages.setdefault(source["snippet"] or "", source)
    shown = cited or [passages[words] for words in passages if words][:PASSAGES]
    made = Table(width=_width(), show_lines=True)
    made.add_column("#", justify="right")
    made.add_column("cited" if cited else "found", max_width=36)
    made.add_column("passage")
    for source in shown:
        item = source["item"]
        name = marked(item["name"] or item["id"])
        where = f"\n[dim]page {item['page']}, {item['kind']}[/]" if item["page"] else ""
        made.add_row(str(source["number"]), name + where, marked(_passage(source)))
    return made


def _passage(source: dict[str, Any]) -> str:
    words = source["snippet"] or source["item"]["caption"] or ""
    return words if len(words) <= PASSAGE else f"{words[:PASSAGE].rpartition(' ')[0]} …"


def _page_of(item: dict[str, Any]) -> str:
    """The id of the page or slide that an item stands on; of the item itself outside documents."""
    if item["document_id"] is None:
        return str(item["id"])
    return f"{item['document_id']}.p{item['page']}"
