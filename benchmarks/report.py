"""What a benchmark says: figures against their targets, as a table and as JSON."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console()


@dataclass(frozen=True)
class Figure:
    """One measured value. `target` reads as a person would say it, `met` is None without one."""

    what: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None


def at_least(what: str, value: float, bound: float, unit: str = "") -> Figure:
    """A figure that should be large."""
    return Figure(what, value, unit, f">= {bound:g}", value >= bound)


def at_most(what: str, value: float, bound: float, unit: str = "") -> Figure:
    """A figure that should be small."""
    return Figure(what, value, unit, f"<= {bound:g}", value <= bound)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which so many percent lie; 50 is the median."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def show(name: str, about: str, figures: Sequence[Figure]) -> None:
    """Print a benchmark's table."""
    table = Table(title=f"{name}: {about}", title_justify="left")
    table.add_column("figure")
    for column in ("value", "unit", "target"):
        table.add_column(column, justify="right")
    for figure in figures:
        mark = {None: "", True: " [green]met[/]", False: " [red]missed[/]"}[figure.met]
        table.add_row(figure.what, f"{figure.value:,.3g}" if abs(figure.value) < 100
                      else f"{figure.value:,.0f}", figure.unit, figure.target + mark)  # fmt: skip
    console.print(table)


def save(path: Path, results: Mapping[str, Sequence[Figure]], **more: Any) -> None:
    """Write all figures with the machine they were measured on, and what else they depend on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        **more,
        "benchmarks": {name: [asdict(figure) for figure in made] for name, made in results.items()},
    }
    path.write_text(json.dumps(found, indent=2) + "\n")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in _lines("/proc/cpuinfo")
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "transformers": version("transformers"),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
