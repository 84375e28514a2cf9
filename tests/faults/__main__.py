"""`python -m tests.faults`: break what Sightline stands on, and show how each promise held."""

import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.faults import described, harness
from tests.faults.harness import Rig
from tests.faults.promises import PROMISES, Promise

console = Console(width=140)


@dataclass(frozen=True)
class Row:
    """How one promise held."""

    promise: int
    name: str
    held: bool
    trials: int
    what: str
    worst_seconds: float | None
    seconds: float
    facts: dict[str, Any]


@click.command()
@click.argument("promises", type=int, nargs=-1)
@click.option("--quick", is_flag=True, help="The form that the tests run, in a few minutes.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the rows to a file as JSON.")
@click.option("--logs", type=click.Path(path_type=Path), help="Keep the logs of what broke here.")
def main(promises: Sequence[int], quick: bool, out: Path | None, logs: Path | None) -> None:
    """Break things, by default for every promise; exits 1 when a promise was broken.

    PROMISES are their numbers: 1 to 7, 11 and 13 need a running Sightline, 9 is the guard of
    addresses, 8 are hostile files, 12 is what schemathesis makes of the description.
    """
    for name in [one for one in os.environ if one.startswith(("SIGHTLINE_", "OPENAI_"))]:
        del os.environ[name]
    wanted = [one for one in PROMISES if not promises or one.number in promises]
    rows = [*_tried(wanted, quick, logs), *_others(promises, quick)]
    _show(rows)
    if out is not None:
        out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    sys.exit(not all(row.held for row in rows))


def _tried(wanted: Sequence[Promise], quick: bool, logs: Path | None) -> Iterator[Row]:
    if not wanted:
        return
    with harness.rig() as rig:
        for promise in wanted:
            yield (row := _try(rig, promise, quick))
            console.print(_line(row), highlight=False)
            if logs is not None and not row.held:
                shutil.copytree(rig.stack.logs, logs / promise.name, dirs_exist_ok=True)


def _line(row: Row) -> str:
    worst = "" if row.worst_seconds is None else f", worst {row.worst_seconds:.1f} s"
    tried = f"{row.trials} {row.what}" if row.held else f"BROKEN: {row.what}"
    return f"{row.promise:3} {row.name}: {tried}{worst}, took {row.seconds:.0f} s"


def _try(rig: Rig, promise: Promise, quick: bool) -> Row:
    begun = time.monotonic()
    try:
        rig.settle()
        trial = (promise.quick if quick else promise.long)(rig)
    except Exception as error:
        return Row(promise.number, promise.name, False, 0, _first_line(error), None,
                   time.monotonic() - begun, {})  # fmt: skip
    finally:
        rig.disarm()
    return Row(promise.number, promise.name, True, trial.trials, trial.what, trial.worst,
               time.monotonic() - begun, trial.facts)  # fmt: skip


def _first_line(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0][:300]


def _others(promises: Sequence[int], quick: bool) -> Iterator[Row]:
    """The promises that need no stack of ours: their modules have a `run` of their own."""
    if (not promises or 9 in promises) and _exists("tests.faults.test_url_guard"):
        guard = importlib.import_module("tests.faults.test_url_guard")
        yield _ran(9, "forbidden addresses are refused", guard.run, _guarded)
    if (not promises or 8 in promises) and _exists("tests.hostile.run"):
        hostile = importlib.import_module("tests.hostile.run")
        yield _ran(8, "hostile files cost only themselves", lambda: hostile.run(quick), _survived)
    if not promises or 12 in promises:
        yield _ran(12, "the server keeps to its description",
                   lambda: described.run(quick), _kept_to)  # fmt: skip


def _guarded(told: dict[str, dict[str, int]]) -> tuple[int, str]:
    """How many addresses were tried, and what was wrong with them."""
    wrong = [
        kind
        for kind, row in told.items()
        if row["attempts"] or not row["refused"] == row["refused by redirect"] == row["forms"]
    ]
    return sum(2 * row["forms"] for row in told.values()), ", ".join(wrong)


def _survived(told: dict[str, Any]) -> tuple[int, str]:
    """How many files were handed in, and what was wrong with them."""
    kinds = ("server_errors", "not_allowed", "deaths", "slow")
    return told["files"], ", ".join(f"{kind}: {told[kind]}" for kind in kinds if told[kind])


def _kept_to(told: dict[str, Any]) -> tuple[int, str]:
    """How many requests were made, and where the server failed or did what it does not say."""
    return told["cases"], ", ".join(told["server_errors"] + told["breaks"])


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _ran(
    number: int, name: str, run: Callable[[], Any], judge: Callable[[Any], tuple[int, str]]
) -> Row:
    begun = time.monotonic()
    try:
        told = run()
        trials, wrong = judge(told)
    except Exception as error:
        told, trials, wrong = {}, 0, _first_line(error)
    return Row(number, name, not wrong, trials, wrong, None, time.monotonic() - begun, told)


def _show(rows: Sequence[Row]) -> None:
    table = Table(title="What was broken, and what held")
    for column in ("", "promise", "trials", "result", "tried with", "worst s", "took s"):
        table.add_column(column)
    for row in rows:
        worst = "" if row.worst_seconds is None else f"{row.worst_seconds:.1f}"
        result = "[green]held[/]" if row.held else "[red]BROKEN[/]"
        table.add_row(str(row.promise), row.name, str(row.trials), result, row.what, worst,
                      f"{row.seconds:.0f}")  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main()
