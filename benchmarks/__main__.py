"""`python -m benchmarks`: run them one after another, print each table, write all as JSON."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmarks import (
    backends,
    client,
    console,
    constraints,
    documents,
    full_text,
    gpu,
    hybrid,
    imports,
    ingest_workers,
    memory,
    mixed,
    plans,
    provider_faults,
    search,
    singles,
    start,
    submits,
    vectors,
    waiting_tasks,
    workers,
)
from benchmarks.report import Figure, save, show
from benchmarks.report import console as terminal

BENCHMARKS: dict[str, Callable[[bool], list[Figure]]] = {
    "imports": imports.run,
    "mixed": mixed.run,
    "backends": backends.run,
    "gpu": gpu.run,
    "singles": singles.run,
    "search": search.run,
    "start": start.run,
    "documents": documents.run,
    "hybrid": hybrid.run,
    "full_text": full_text.run,
    "constraints": constraints.run,
    "provider_faults": provider_faults.run,
    "plans": plans.run,
    "vectors": vectors.run,
    "submits": submits.run,
    "waiting_tasks": waiting_tasks.run,
    "workers": workers.run,
    "ingest_workers": ingest_workers.run,
    "memory": memory.run,
    "client": client.run,
    "console": console.run,
}
RESULTS = Path(__file__).parent / "results" / "latest.json"


@click.command(
    epilog=f"Names: {', '.join(BENCHMARKS)}. A missed target is shown, and never fails: figures "
    "belong to a machine."
)
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)), metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="A tenth of the work: to see that they run.")
@click.option("--json", "path", type=click.Path(path_type=Path), default=RESULTS,
              show_default=True, help="File for the figures.")  # fmt: skip
def main(names: Sequence[str], quick: bool, path: Path) -> None:
    """Measure Sightline on this machine, by default in every way.

    Each starts the servers that it needs, so nothing else should be running.
    """
    results: dict[str, Sequence[Figure]] = {}
    for name in names or BENCHMARKS:
        about = (BENCHMARKS[name].__doc__ or "").strip()
        with terminal.status(f"{name}: {about}"):
            results[name] = BENCHMARKS[name](quick)
        show(name, about, results[name])
        save(path, results)
    terminal.print(f"Written to {path}.")


if __name__ == "__main__":
    main()
