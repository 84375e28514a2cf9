"""The demo's searches: by words, by words that hold a price, and by a picture."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from sightline.client import Sightline
from sightline.demo_show import console, money, save
from sightline.words import marked

SIGNS = {"gt": "over", "gte": "at least", "lt": "under", "lte": "at most"}
"""Bounds of a filter, in words."""


def searches(server: Sightline, catalog: str, archive: Path, out: Path) -> None:
    """Search three ways; keep what was found in `out`. Raises ClickException for no hits."""
    sample = sample_rows(archive)
    words = words_for(sample[len(sample) // 3])
    priced = priced_words(sample)
    name = str(sample[len(sample) // 2]["image"])
    with zipfile.ZipFile(archive) as opened:
        picture = opened.read(name)
    found = {
        f"“{words}”": server.search(catalog, text=words, limit=5),
        f"“{priced}”": server.search(catalog, text=priced, limit=5),
        f"like the picture {name}": server.search(catalog, image=picture, limit=5),
    }
    for title, result in found.items():
        if not result["hits"]:
            raise click.ClickException(f"Nothing was found for {title}.")
        console.print(table(server, catalog, title, result, out))
    (out / "results.json").write_text(json.dumps(found, indent=2, ensure_ascii=False))
    console.print(f"Pictures and results.json are in {out}.\n", soft_wrap=True)


def table(server: Sightline, catalog: str, title: str, result: dict[str, Any], out: Path) -> Table:
    """The hits as a table, over what was understood; their pictures are saved in `out`."""
    query = result["query"]
    if query["parsed_filters"]:
        title += f"\n   understood: “{query['searched_text']}”, {understood(query)}"
    made = Table(title=marked(title), title_justify="left")
    for column in ("#", "name", "price", "score"):
        made.add_column(column, justify="left" if column == "name" else "right")
    made.add_column("picture")
    for rank, hit in enumerate(result["hits"], 1):
        item = hit["item"]
        made.add_row(
            str(rank),
            marked(item.get("name") or item.get("caption") or item["id"]),
            money(item),
            f"{hit['score']:.3f}",
            save(server, catalog, item["id"], out).name,
        )
    return made


def understood(query: dict[str, Any]) -> str:
    """The constraints that a query's words held: `price under 80 USD`."""
    parsed = dict(query["parsed_filters"])
    currency = parsed.pop("currency", "")
    return "; ".join(_constraint(name, value, currency) for name, value in parsed.items())


def _constraint(name: str, value: Any, currency: str) -> str:
    if name == "attributes":
        return "; ".join(_constraint(inner, bounds, "") for inner, bounds in value.items())
    if not isinstance(value, dict):
        return f"{name} {', '.join(value) if isinstance(value, list) else value}"
    bounds = " and ".join(f"{SIGNS[sign]} {bound:g}" for sign, bound in value.items())
    return f"{name} {bounds} {currency}".strip()


def sample_rows(archive: Path) -> list[dict[str, Any]]:
    """The manifest's rows that name a picture."""
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        if "manifest.jsonl" in names:
            lines = opened.read("manifest.jsonl").decode().splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
        elif "manifest.csv" in names:
            rows = list(csv.DictReader(io.StringIO(opened.read("manifest.csv").decode())))
        else:
            raise click.ClickException("The archive has no manifest.jsonl or manifest.csv.")
    rows = [row for row in rows if row.get("image")]
    if not rows:
        raise click.ClickException("The manifest names no picture.")
    return rows


def words_for(row: dict[str, Any]) -> str:
    """Words that a person may use for an item: its colour and kind if known, else its name."""
    attributes = row.get("attributes") or {}
    kind = attributes.get("kind")
    colour = attributes.get("colour") or attributes.get("color")
    if kind and colour:
        return f"{colour} {kind}"
    return str(row.get("name") or row.get("caption") or row["image"])


def priced_words(rows: list[dict[str, Any]]) -> str:
    """Words for the commonest red thing, if there is one, under a price that some of it meet."""
    prices: dict[str, list[float]] = {}
    for row in rows:
        prices.setdefault(words_for(row), []).append(float(row.get("price") or 0))
    red = {words: known for words, known in prices.items() if words.startswith("red ")} or prices
    words, known = max(red.items(), key=lambda named: len(named[1]))
    bound = ((min(known) + max(known)) / 2 // 10 + 1) * 10
    return f"{words} under ${bound:.0f}"
