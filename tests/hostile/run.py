"""`python -m tests.hostile.run`: every hostile file through the HTTP door, and what it did there."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from db.embedded import Stack, free_port
from tests.hostile import FINE, Hostile
from tests.hostile.archives import all_archives, archive
from tests.hostile.decks import all_decks
from tests.hostile.door import GOOD_PICTURE, Door, Result
from tests.hostile.manifests import all_manifests
from tests.hostile.pdfs import all_pdfs
from tests.hostile.pictures import ANY, all_pictures
from tests.hostile.watching import Watch

EVERY = 10
"""Among so many hostile pictures stands one good one."""
TOO_SLOW = 10.0
HEAVY = (" 50 megapixels", " 48 megapixels", " 49 megapixels", "avif of 16,000", "tiff bomb", "834 MB",
         "hundred texts", "10,000 frames", "of 100 MB", "of many lines", "of 40 MB", "of 25 MB",
         "10^9 pixels", "deflated twice", "without end", "of 600 MB", "million entries")  # fmt: skip
"""What the quick form leaves out, by a part of its name: seconds each, on two cores."""
Group = Callable[[bool], Iterable[Hostile]]


def run(quick: bool) -> dict[str, Any]:
    """Start a stack, hand everything in, and return the figures (see `figures`)."""
    with stack() as running:
        return against(running.url, quick, running)


def against(url: str, quick: bool, running: Stack | None = None) -> dict[str, Any]:
    """Hand everything in at `url`; processes are watched where their stack is known."""
    watch = Watch(running) if running else None
    groups: list[Group] = [pictures, documents, uploads]
    with ThreadPoolExecutor(len(groups)) as pool:
        done = list(pool.map(lambda group: _hand_in(url, group(quick), quick), groups))
    if watch:
        watch.stop()
    return figures(list(chain(*done)), watch)


@contextmanager
def stack(environment: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Everything in a folder of its own, with a small model of random weights."""
    from worker.encoder.random_folder import write

    with TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        write(model, "tiny")
        with Stack(Path(folder) / "stack", free_port(),
                   {"SIGHTLINE_IMAGE_MODEL": str(model), **(environment or {})}) as running:  # fmt: skip
            yield running


def pictures(quick: bool) -> Iterator[Hostile]:
    """Pictures one by one, good ones among them; then all of them as one import."""
    together: dict[str, bytes] = {}
    for number, file in enumerate(all_pictures(quick)):
        if number % EVERY == 0:
            yield GOOD_PICTURE
        yield file
        if quick and is_heavy(file):
            continue
        data = file.make()
        if len(data) < 300_000:
            together[f"{number}.jpg"] = data
    yield Hostile("all pictures in one import", "zip", lambda: archive(together, 0), ANY)


def documents(quick: bool) -> Iterator[Hostile]:
    """PDFs and decks."""
    yield from all_pdfs(quick)
    yield from all_decks(quick)


def uploads(quick: bool) -> Iterator[Hostile]:
    """Manifests and ZIPs."""
    yield from all_manifests(quick)
    yield from all_archives(quick)


def is_heavy(file: Hostile) -> bool:
    """Whether the quick form leaves it out."""
    return any(part in file.name for part in HEAVY)


def _hand_in(url: str, files: Iterable[Hostile], quick: bool) -> list[Result]:
    door = Door(url)
    try:
        return [door.hand_in(file) for file in files if not (quick and is_heavy(file))]
    finally:
        door.close()


def figures(results: list[Result], watch: Watch | None) -> dict[str, Any]:
    """Counts by kind, and what must be empty: `server_errors`, `not_allowed`, `slow`, `deaths`."""
    kinds: dict[str, int] = defaultdict(int)
    outcomes: dict[str, int] = defaultdict(int)
    for result in results:
        kinds[result.file.kind] += 1
        for outcome in result.outcomes:
            outcomes[outcome] += 1
    slowest = sorted(results, key=lambda result: -result.seconds)[:5]
    return {
        "files": len(results),
        "kinds": dict(kinds),
        "outcomes": dict(sorted(outcomes.items())),
        "server_errors": [str(one.file) for one in results if one.status >= 500],
        "not_allowed": [
            f"{one.file}: {', '.join(sorted(one.outcomes - one.file.allowed))} ({one.status})"
            for one in results if not one.is_allowed
        ],
        "good": sum(one.file is GOOD_PICTURE for one in results),
        "good_failed": sum(
            one.file is GOOD_PICTURE and one.outcomes != {FINE} for one in results
        ),
        "slow": [_timed(one) for one in results if one.seconds > TOO_SLOW],
        "slowest_seconds": round(slowest[0].seconds, 1),
        "slowest": [_timed(one) for one in slowest],
        "deaths": watch.deaths if watch else [],
        "peak_mb": {name: round(peak) for name, peak in watch.peaks.items()} if watch else {},
    }  # fmt: skip


def _timed(result: Result) -> str:
    return f"{result.file}: {result.seconds:.1f} s"


@click.command()
@click.option("--quick", is_flag=True, help="Fewer cuts and mutants, and none that takes long.")
@click.option("--url", help="A running Sightline; by default one is started.")
def main(quick: bool, url: str | None) -> None:
    """Hand hostile files to Sightline and print what it did, as a table and as JSON."""
    found = against(url, quick) if url else run(quick)
    for name, value in found.items():
        shown = value if not isinstance(value, list) else len(value)
        click.echo(f"{name:15} {shown}")
    click.echo(json.dumps(found, indent=2))
    if any(found[name] for name in ("server_errors", "not_allowed", "good_failed", "deaths")):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
