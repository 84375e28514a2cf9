"""`python -m benchmarks.peers`: Sightline beside chromadb, the usual loop and a CLIP server."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from benchmarks import plot
from benchmarks.peers import children, ingesting, searching
from benchmarks.report import Figure, save, show
from benchmarks.report import console as terminal
from benchmarks.server import ROOT

PARTS: dict[str, Callable[[bool], Iterator[Figure]]] = {
    "ingesting": ingesting.run,
    "searching": searching.run,
}
RESULTS = ROOT / "benchmarks" / "results"
SETTINGS = """
chromadb: inner product, max_neighbors 16 and ef_construction 100 as they come, ef_search as said,
metadata and distances returned, telemetry off; the better of two ways to have two clients. The loop:
float32, batches of 32, the processor on Pillow. The CLIP server: infinity {version}, PyTorch on the CPU,
batches of 32, two requests at once. Sightline: as it comes, but for the encoder's int8 and the
candidates (ef) of the searches: as few as bring the recall, or all where that is faster. Nothing
keeps the machine quiet meanwhile: compare ratios, and run it twice.
"""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)), metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Small sizes, to see that it runs; draws no plot.")
@click.option("--plot", "drawn", type=click.Path(path_type=Path), default=ROOT / "docs/peers.svg",
              show_default=True, help="File for the plot of a full run.")  # fmt: skip
def main(names: Sequence[str], quick: bool, drawn: Path) -> None:
    """Measure both sides in turn on this machine: pictures in (ingesting), vectors (searching)."""
    if not (children.PEERS / "python").exists():
        sys.exit("The peers are not installed: make bench-peers")
    results: dict[str, list[Figure]] = {}
    settings = SETTINGS.format(version=children.server_version()).replace("\n", " ").strip()
    for name in names or PARTS:
        about = (PARTS[name].__doc__ or "").strip()
        results[name] = []
        with terminal.status(f"{name}: {about}"):
            for figure in PARTS[name](quick):  # each is kept at once: a run takes minutes
                results[name].append(figure)
                save(RESULTS / "peers.json", results, settings=settings, quick=quick)
        show(name, about, results[name])
    terminal.print(settings)
    if not quick and not names:
        plot.bars(drawn, "Sightline, times the peer (log scale)", ratios(results))
    terminal.print(f"Written to {RESULTS / 'peers.json'}.")


def ratios(results: Mapping[str, Sequence[Figure]]) -> dict[str, float]:
    """The figures that compare, by what they compare."""
    every = [figure for figures in results.values() for figure in figures]
    return {one.what: one.value for one in every if "Sightline / " in one.what}


if __name__ == "__main__":
    main()
