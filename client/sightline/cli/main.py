"""The command itself: where the server is, and the commands by their names."""

import click

from sightline.cli import (
    answering,
    catalogs,
    documents,
    evaluating,
    importing,
    items,
    jobs,
    keys,
    searching,
)
from sightline.cli.shared import EXITS, Commands, Shared

EPILOG = f"""\b
Examples:
  sightline import photos/ --catalog shop
  sightline search 'brown leather boot under $100'
  sightline answer "How is the impeller replaced?" --catalog manuals
  sightline jobs --status running

{EXITS}"""


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", envvar="SIGHTLINE_URL", metavar="URL",
              help="The server. [env: SIGHTLINE_URL, else http://127.0.0.1:8000]")  # fmt: skip
@click.option("--key", envvar="SIGHTLINE_KEY", metavar="KEY",
              help="The API key, where the server wants one. [env: SIGHTLINE_KEY]")  # fmt: skip
@click.option("--patience", type=click.FloatRange(0), metavar="SECONDS",
              help="How long a server that is busy or away is tried again.  [default: 3; an import "
                   "that has begun: 600]")  # fmt: skip
@click.version_option(package_name="sightline")
@click.pass_context
def main(ctx: click.Context, url: str | None, key: str | None, patience: float | None) -> None:
    """Catalog pictures and documents, find them by words or pictures, ask questions about them."""
    ctx.obj = shared = Shared(url, key, patience)
    ctx.call_on_close(shared.close)


for command in (
    importing.import_, searching.search, answering.answer, jobs.jobs, evaluating.evaluate,
    keys.keys, catalogs.catalogs, items.items, documents.documents,
):  # fmt: skip
    main.add_command(command)
