"""`sightline evaluate`: ways to search, compared on your own labelled queries."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sightline.cli.shared import Shared, catalog_option, json_option, pass_shared
from sightline.cli.show import out, print_json, print_table
from sightline.importers import Bad
from sightline.importers.tables import json_rows
from sightline.questions import METHODS
from sightline.types import Json
from sightline.words import one_line

EPILOG = """\b
QUERIES has a query a line, with the ids of the items that are right for it:
  {"text": "red shoe", "relevant": ["sku-1", "sku-7"]}

\b
Examples:
  sightline evaluate queries.jsonl --catalog shop
  sightline evaluate queries.jsonl --method image --method hybrid -k 5 --json"""


@click.command(epilog=EPILOG)
@click.argument("queries", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--method", "methods", type=click.Choice(METHODS), multiple=True,
              help="As often as wanted; else all four.")  # fmt: skip
@click.option("-k", type=click.IntRange(1, 100), default=10, show_default=True,
              help="How many hits count.")  # fmt: skip
@catalog_option
@json_option
@pass_shared
def evaluate(
    shared: Shared, queries: Path, methods: tuple[str, ...], k: int, catalog: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Measure nDCG, recall and MRR of ways to search on QUERIES, a file of JSON lines."""
    asked = _read(queries)
    result = shared.server.evaluate(shared.catalog(catalog), asked, methods or METHODS, k)
    print_json(result) if as_json else _show(result, len(asked), k)


def _read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with path.open("rb") as stream:
        for where, row in json_rows(stream):
            if isinstance(row, Bad) or not {"text", "relevant"} <= row.keys():
                raise click.UsageError(f"{path}, {where}: a query needs `text` and `relevant`.")
            found.append(row)
    if not found:
        raise click.UsageError(f"{path} has no queries.")
    return found


def _show(result: Json, queries: int, k: int) -> None:
    out().print(f"{queries} queries, the first {k} hits")
    rows = [
        [name, *(float(of[metric]) for metric in ("ndcg", "recall", "mrr"))]
        for name, of in sorted(result["methods"].items(), key=lambda pair: METHODS.index(pair[0]))
    ]
    print_table(["method", f"nDCG@{k}", f"recall@{k}", "MRR"], rows)
    for gap in result["differences"]:
        if gap["metric"] == "ndcg":
            out().print(_difference(gap))


def _difference(gap: Json) -> str:
    pair: Sequence[str] = (one_line(gap["of"]), one_line(gap["to"]))
    told = f"{pair[0]} over {pair[1]}: {gap['mean']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f})"
    better = gap.get("better")
    return f"{told}, {one_line(better)} is better" if better else f"{told}, no clear difference"
