"""`sightline import`: folders, archives, feeds, manifests and documents into a catalog."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from sightline.bulk import Failure, Load, Options
from sightline.bulk.documents import ENDINGS, DocumentReport, Words, load_document
from sightline.cli.dry_run import dry_run
from sightline.cli.progress import DocumentBar, LoadBars
from sightline.cli.shared import (
    EXITS,
    INTERRUPTED,
    SOME_FAILED,
    Shared,
    json_option,
    pass_shared,
)
from sightline.cli.show import err, out, print_json, print_table
from sightline.cli.sums import document_sentence, sentence
from sightline.client import Sightline
from sightline.errors import NotFound, SightlineError
from sightline.importers import FORMATS, Importer, recognise
from sightline.words import one_line

PATIENCE = 600.0
"""Seconds that a server may be busy or away once an import has begun."""
SHOWN = 20
"""Failures in the table at the end."""
EPILOG = f"""\b
Examples:
  sightline import photos/ --catalog shop --dry-run
  sightline import products_export.csv --catalog shop --currency USD
  sightline import manual.pdf deck.pptx --catalog manuals --tag pump

\b
What a SOURCE can be, recognised by itself:
  a folder or ZIP of pictures   names become captions, folders categories
  … with metadata.jsonl         as Hugging Face has it
  … with manifest.jsonl, .csv   Sightline's own, also the manifest alone
  a Shopify product CSV         variants and pictures are put together
  a Google Merchant feed        XML (RSS, Atom) or TSV
  a PDF or PPTX                 pages, figures and text become items

Run it again to go on after a cut, or to bring changes: the server is asked what it has, and
only what is missing or changed is sent.

{EXITS}"""


@click.command("import", epilog=EPILOG)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...",
                type=click.Path(exists=True, path_type=Path))  # fmt: skip
@click.option("--catalog", "-c", metavar="NAME", envvar="SIGHTLINE_CATALOG", required=True,
              help="The catalog; it is made where it is missing. [env: SIGHTLINE_CATALOG]")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would become what; send nothing.")
@click.option("--as", "form", type=click.Choice(list(FORMATS)), help="Take the source for this.")
@click.option("--currency", metavar="CODE", help="Of prices that tell none, USD say.")
@click.option("--retry", is_flag=True, help="Try what failed once more at the end.")
@click.option("--refetch", is_flag=True,
              help="Fetch addresses and read documents again, though they seem unchanged.")  # fmt: skip
@click.option("--wait/--no-wait", default=True, show_default=True,
              help="Wait until all is processed, not only sent.")  # fmt: skip
@click.option("--uploads", type=click.IntRange(1, 32), default=4, show_default=True,
              help="Uploads at a time.")  # fmt: skip
@click.option("--id", "document_id", metavar="ID", help="Of a document; else its file's name.")
@click.option("--title", metavar="WORDS", help="Of a document.")
@click.option("--category", metavar="NAME", help="Of a document.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Of documents.")
@json_option
@pass_shared
def import_(
    shared: Shared, sources: tuple[Path, ...], catalog: str, dry_run: bool, form: str | None,
    currency: str | None, retry: bool, refetch: bool, wait: bool, uploads: int,
    document_id: str | None, title: str | None, category: str | None, tags: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Bring each SOURCE into a catalog, and say what failed and why."""
    documents = [path for path in sources if path.suffix.lower() in ENDINGS]
    if document_id and len(sources) > 1:
        raise click.UsageError("--id is for one document.")
    opened = [(path, recognise(path, form, currency)) for path in sources if path not in documents]
    if dry_run:
        _dry_run(opened, documents, as_json)
        return
    options = Options(uploads, retry, refetch, wait)
    server, words = shared.server, Words(document_id, title, category, tags)
    _make_catalog(server, catalog)
    if shared.patience is None:
        server.patience = PATIENCE
    failed = 0
    for path, source in opened:
        failed += _import(server, catalog, path, source, options, as_json)
    for path in documents:
        failed += _read(server, catalog, path, words, refetch, as_json)
    if failed:
        raise SystemExit(SOME_FAILED)


def _dry_run(
    opened: Sequence[tuple[Path, Importer]], documents: Sequence[Path], as_json: bool
) -> None:
    bad = [dry_run(path, source, as_json) for path, source in opened]
    for path in documents:
        if as_json:
            print_json({"source": str(path), "format": "document"})
        else:
            out().print(f"{one_line(path)}: a document, read page by page")
    if any(bad):
        raise SystemExit(SOME_FAILED)


def _make_catalog(server: Sightline, catalog: str) -> None:
    try:
        server.catalog(catalog)
    except NotFound:
        server.put_catalog(catalog)


def _import(
    server: Sightline, catalog: str, path: Path, source: Importer, options: Options, as_json: bool
) -> int:
    """Load one source; returns how many items failed."""
    bars = LoadBars(one_line(path), hidden=as_json)
    load = Load(server, catalog, source, options, bars.tell)
    try:
        with bars:
            report = load.run()
    except KeyboardInterrupt:
        _say_how_far(load)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # uploads under way are given up: the server keeps no half of them
    except SightlineError:
        _say_how_far(load)
        raise
    finally:
        source.close()
    if as_json:
        print_json({"source": str(path), "format": source.name} | report.as_json())
    else:
        out().print(f"{one_line(path)}: {sentence(report)}")
        _show_failures(report.failures, report.failed)
    return report.failed


def _say_how_far(load: Load) -> None:
    tally = load.tally
    err().print(
        f"Stopped at item {tally.looked_at:,} of {tally.total:,}. What was sent stays; "
        "run the same command again to go on."
    )


def _read(
    server: Sightline, catalog: str, path: Path, words: Words, again: bool, as_json: bool
) -> int:
    """Load one document; returns how many pages failed."""
    with DocumentBar(one_line(path), hidden=as_json) as bar:
        report: DocumentReport = load_document(server, catalog, path, words, again, bar.tell)
    if as_json:
        print_json(report.as_json() | {"format": "document"})
    else:
        out().print(f"{one_line(path)}: {document_sentence(report)}")
        for note in report.notes:
            out().print(f"  {one_line(note, 500)}")
        _show_failures(report.failures, report.failed)
    return report.failed


def _show_failures(failures: Sequence[Failure], count: int) -> None:
    if not count:
        return
    rows = [[one.item_id or "", one.where, one.code, one.detail] for one in failures[:SHOWN]]
    print_table(["item", "where", "code", "why"], rows)
    if count > len(rows):
        err().print(f"… and {count - len(rows):,} more: --json shows up to 1,000.")
