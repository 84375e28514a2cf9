"""`python -m sightline.demo`: upload a catalog, watch it being embedded, search it three ways."""

import csv
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from sightline.client import Job, Sightline, SightlineProblem

console = Console()


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The server.")
@click.option("--key", envvar="SIGHTLINE_KEY", help="API key, where the server wants one.")
@click.option("--catalog", default="demo", show_default=True, help="Name of the catalog.")
@click.option("--catalog-zip", type=click.Path(exists=True, path_type=Path), required=True,
              help="Archive of manifest.jsonl (or .csv) and the pictures it names.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), required=True,
              help="Folder for the pictures found and results.json.")  # fmt: skip
def main(url: str, key: str | None, catalog: str, catalog_zip: Path, out: Path) -> None:
    """Upload a catalog of pictures, watch its progress, and search it by words, price, picture."""
    try:
        with Sightline(url, key) as server:
            server.put_catalog(catalog, description="The drawn sample catalog")
            upload(server, catalog, catalog_zip)
            searches(server, catalog, catalog_zip, out)
    except SightlineProblem as problem:
        raise click.ClickException(f"{problem.detail} ({problem.code})") from problem
    except httpx.HTTPError as error:
        raise click.ClickException(f"{url} cannot be reached: {error}") from error


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


def say_counts(counts: dict[str, int], seconds: float) -> None:
    """One plain sentence on what was embedded and what had not changed."""
    if counts["unchanged"] == counts["total"]:
        console.print(f"{counts['unchanged']} unchanged, nothing embedded again.")
        return
    console.print(
        f"{counts['succeeded']} embedded in {seconds:.1f} s "
        f"({counts['succeeded'] / max(seconds, 0.001):.0f} pictures/s), "
        f"{counts['unchanged']} unchanged."
    )


def searches(server: Sightline, catalog: str, archive: Path, out: Path) -> None:
    """Search by words, by words within a price, and by a picture; keep what was found in `out`."""
    sample = sample_rows(archive)
    words = words_for(sample[len(sample) // 3])
    name = str(sample[len(sample) // 2]["image"])
    with zipfile.ZipFile(archive) as opened:
        picture = opened.read(name)
    found = {
        f"“{words}”": server.search(catalog, text=words, limit=5),
        f"“{words}” for at most 50": server.search(
            catalog, text=words, limit=5, filters={"price": {"lte": 50}}
        ),
        f"like the picture {name}": server.search(catalog, image=picture, limit=5),
    }
    for title, result in found.items():
        if not result["hits"]:
            raise click.ClickException(f"Nothing was found for {title}.")
        console.print(table(server, catalog, title, result["hits"], out))
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(found, indent=2, ensure_ascii=False))
    console.print(f"Pictures and results.json are in {out}.")


def table(
    server: Sightline, catalog: str, title: str, hits: list[dict[str, Any]], out: Path
) -> Table:
    """The hits as a table; their pictures are saved in `out`."""
    made = Table(title=title, title_justify="left")
    for column in ("#", "name", "price", "score"):
        made.add_column(column, justify="left" if column == "name" else "right")
    made.add_column("picture")
    for rank, hit in enumerate(hits, 1):
        item = hit["item"]
        price = item.get("price")
        made.add_row(
            str(rank),
            item.get("name") or item.get("caption") or item["id"],
            "" if price is None else f"{float(price):.2f} {item.get('currency') or ''}".strip(),
            f"{hit['score']:.3f}",
            save(server, catalog, item["id"], out).name,
        )
    return made


def save(server: Sightline, catalog: str, item_id: str, out: Path) -> Path:
    """Save an item's picture unless it is there already; returns its path."""
    safe = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in item_id)
    for ending in ("jpg", "png", "webp"):
        if (path := out / f"{safe}.{ending}").exists():
            return path
    data = server.picture(catalog, item_id)
    ending = "png" if data.startswith(b"\x89PNG") else "webp" if data[8:12] == b"WEBP" else "jpg"
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{safe}.{ending}"
    path.write_bytes(data)
    return path


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


if __name__ == "__main__":
    main()
