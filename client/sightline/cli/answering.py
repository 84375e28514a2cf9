"""`sightline answer`: a question, its answer, and the sources that it stands on."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from sightline.cli import filters as filter_words
from sightline.cli.page import opened_page
from sightline.cli.pictures import show_pictures
from sightline.cli.shared import (
    Shared,
    catalog_option,
    filter_option,
    json_option,
    limit_option,
    pass_shared,
)
from sightline.cli.show import called, err, out, print_json, print_table
from sightline.types import Json
from sightline.words import one_line, safe

MOST_PICTURES = 4
EPILOG = """\b
Examples:
  sightline answer "How is the impeller replaced?" --catalog manuals
  sightline answer "Which slide covers pricing?" --provider none
  sightline answer 'a gift for a sailor under $50' --style rank --open"""


@click.command(epilog=EPILOG)
@click.argument("question")
@click.option("--provider", type=click.Choice(["openai", "anthropic", "none"]),
              help="Who answers; `none` shows the sources alone.")  # fmt: skip
@click.option("--model", metavar="NAME", help="A model of that provider.")
@click.option("--detail", type=click.Choice(["low", "high"]), default="low", show_default=True,
              help="How large pictures are shown to the model.")  # fmt: skip
@click.option("--style", type=click.Choice(["answer", "rank"]), default="answer",
              show_default=True, help="An answer in words, or the matches ranked.")  # fmt: skip
@click.option(
    "--pictures/--no-pictures", default=True, help="Show the sources' pictures, or links."
)
@click.option(
    "--open", "opens", is_flag=True, help="Open the answer with its pictures in a browser."
)
@filter_option
@limit_option(8)
@catalog_option
@json_option
@pass_shared
def answer(
    shared: Shared, question: str, provider: str | None, model: str | None, detail: Any,
    style: Any, pictures: bool, opens: bool, filters: tuple[str, ...], limit: int,
    catalog: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Ask a QUESTION about what a catalog holds; the answer cites its sources."""
    name = shared.catalog(catalog)
    result = shared.server.answer(
        name, question, limit=limit, filters=filter_words.parsed(filters), provider=provider,
        model=model, detail=detail, style=style,
    )  # fmt: skip
    if as_json:
        print_json(result)
    else:
        _show(result)
        if pictures and not opens:
            show_pictures(shared.server, name, [one["item"] for one in cited(result)])
    if opens:
        opened_page(shared.server, name, question, result)


def cited(result: Json) -> list[dict[str, Any]]:
    """The sources that the answer stands on; where none is cited, the best ones."""
    sources: list[dict[str, Any]] = result["sources"]
    return ([one for one in sources if one["cited"]] or sources)[:MOST_PICTURES]


def _show(result: Json) -> None:
    out().print(safe(result["answer"] or ""))
    if result["mode"] == "retrieval_only":
        err().print(f"No model was asked: {safe(result['reason'])}")
    ranking = result.get("ranking")
    if ranking:
        _show_ranking(ranking)
    elif result["sources"]:
        out().print()
        rows = [_row(source) for source in result["sources"]]
        print_table(["#", "cited", "id", "name", "page", "passage"], rows)
    usage = result.get("usage")
    if usage:
        spent = f"{usage['input_tokens']:,} tokens in, {usage['output_tokens']:,} out"
        err().print(f"{one_line(result['provider'])} {one_line(result['model'] or '')}: {spent}")


def _row(source: Mapping[str, Any]) -> Sequence[Any]:
    item = source["item"]
    passage = source.get("snippet") or item.get("caption") or ""
    return [source["number"], "yes" if source["cited"] else "", item["id"], called(item),
            item["page"], one_line(passage, 100)]  # fmt: skip


def _show_ranking(ranking: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [n, one["item_id"], "yes" if one["fits"] else "no", one["explanation"]]
        for n, one in enumerate(ranking, 1)
    ]
    print_table(["#", "id", "fits", "why"], rows)
