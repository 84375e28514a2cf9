"""`python -m sightline.demo`: upload pictures and documents, search them, ask them questions."""

import time
from pathlib import Path

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from sightline import demo_documents
from sightline.client import Sightline
from sightline.demo_searches import searches
from sightline.demo_show import console
from sightline.errors import SightlineProblem, Unreachable
from sightline.types import Counts, Job
from sightline.words import safe

MANUALS = "manuals"


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The server.")
@click.option("--key", envvar="SIGHTLINE_KEY", help="API key, where the server wants one.")
@click.option("--catalog", default="demo", show_default=True, help="Name of the catalog.")
@click.option("--catalog-zip", type=click.Path(exists=True, path_type=Path), required=True,
              help="Archive of manifest.jsonl (or .csv) and the pictures it names.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), required=True,
              help="Folder for the pictures found and results.json.")  # fmt: skip
@click.option("--document", "documents", type=click.Path(exists=True, path_type=Path),
              multiple=True, help="A PDF or PPTX for the catalog `manuals`; as often as wanted.")  # fmt: skip
@click.option("--question", "questions", multiple=True,
              help="A question to ask of the documents; as often as wanted.")  # fmt: skip
def main(
    url: str, key: str | None, catalog: str, catalog_zip: Path, out: Path,
    documents: tuple[Path, ...], questions: tuple[str, ...],
) -> None:  # fmt: skip
    """Upload pictures and search them by words, price and picture; read documents and ask them."""
    try:
        with Sightline(url, key) as server:
            server.put_catalog(catalog, description="The drawn sample catalog")
            upload(server, catalog, catalog_zip)
            searches(server, catalog, catalog_zip, out)
            if documents:
                server.put_catalog(MANUALS, description="A manual and a deck, to be asked")
                demo_documents.read(server, MANUALS, documents)
                demo_documents.ask(server, MANUALS, questions, out)
    except SightlineProblem as problem:
        raise click.ClickException(safe(f"{problem.detail} ({problem.code})")) from problem
    except Unreachable as error:
        raise click.ClickException(safe(error)) from error


def upload(server: Sightline, catalog: str, archive: Path) -> Job:
    """Upload with a bar of bytes, then follow the job with a bar of items."""
    begun = time.monotonic()
    size = archive.stat().st_size
    with Progress(TextColumn("Uploading"), BarColumn(), DownloadColumn(), console=console) as bars:
        bar = bars.add_task("upload", total=size)
        job = server.import_zip(
            catalog, archive, lambda sent, total: bars.update(bar, completed=sent, total=total)
        )
    columns = (TextColumn("Embedding"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task("embed", total=None)

        def show(state: Job) -> None:
            counts = state["counts"]
            bars.update(
                bar,
                completed=counts["total"] - counts["pending"],
                total=counts["total"] if state.get("expanded") else None,
            )

        job = server.wait(job, show)
    say_counts(job["counts"], time.monotonic() - begun)
    if job["counts"]["failed"]:
        raise click.ClickException(f"{job['counts']['failed']} items failed: see {job['urls']}")
    return job


def say_counts(counts: Counts, seconds: float) -> None:
    """One plain sentence on what was embedded and what had not changed."""
    if counts["unchanged"] == counts["total"]:
        console.print(f"{counts['unchanged']} unchanged, nothing embedded again.")
        return
    console.print(
        f"{counts['succeeded']} embedded in {seconds:.1f} s "
        f"({counts['succeeded'] / max(seconds, 0.001):.0f} pictures/s), "
        f"{counts['unchanged']} unchanged."
    )


if __name__ == "__main__":
    main()
