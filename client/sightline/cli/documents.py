"""`sightline documents`: listed, shown and deleted; `sightline import` adds them."""

import click

from sightline.cli.shared import (
    ListByDefault,
    Shared,
    catalog_option,
    json_option,
    pass_shared,
)
from sightline.cli.show import err, print_fields, print_json, print_rows
from sightline.words import safe

EPILOG = """\b
Examples:
  sightline import manual.pdf --catalog manuals
  sightline documents --catalog manuals
  sightline documents show manual"""


@click.group(cls=ListByDefault, epilog=EPILOG)
def documents() -> None:
    """List documents, or show or delete one. Alone it lists."""


@documents.command("list")
@catalog_option
@json_option
@pass_shared
def list_(shared: Shared, catalog: str | None, as_json: bool) -> None:
    """List a catalog's documents."""
    columns = [(name, name) for name in ("id", "title", "pages", "file_name", "tags")]
    nothing = "There are no documents. Add one: sightline import FILE.pdf --catalog NAME."
    print_rows(shared.server.documents(shared.catalog(catalog)), columns, as_json, nothing)


@documents.command()
@click.argument("document_id", metavar="DOCUMENT")
@catalog_option
@json_option
@pass_shared
def show(shared: Shared, document_id: str, catalog: str | None, as_json: bool) -> None:
    """Show a document, and what was left out of it."""
    found = shared.server.document(shared.catalog(catalog), document_id)
    print_json(found) if as_json else print_fields(found)


@documents.command()
@click.argument("document_id", metavar="DOCUMENT")
@catalog_option
@pass_shared
def delete(shared: Shared, document_id: str, catalog: str | None) -> None:
    """Delete a document with its pages, figures and texts."""
    shared.server.delete_document(shared.catalog(catalog), document_id)
    err().print(f"{safe(document_id)} is deleted.")
