"""Vectors at scale: writing them, building their indexes, and searching, against exact answers.

`python -m benchmarks.vectors --size 100000 --size 300000` measures other sizes.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import click

from benchmarks.clip_like import DIMENSIONS
from benchmarks.full_text import postgres
from benchmarks.report import Figure, at_least, at_most, percentile, show
from benchmarks.stock import Asked, Stock, stocked

SIZES = (100_000, 500_000, 1_000_000)
TAILS = (10_000, 15_000, 20_000)
ENCODERS = {"CPU": 60, "GPU": 1_000}
"""Pictures of B/32 a second: as two cores make them, and less than a GPU does."""
SECONDS = 8
FILTERS = {"10 %": 100, "1 %": 10, "0.1 %": 1}
"""Prices are whole numbers below 1,000, each as frequent as any other: how many of them match."""
WRITTEN, FOLDED = 20_000, 4_000
RECALL = 0.98
P95 = {"picture": 10, "words": 25}
FILTERED_P95 = 25


def run(quick: bool) -> list[Figure]:
    """One catalog of 512 numbers each grows, is indexed and searched at 100,000, 500,000, 1,000,000."""
    return measured((20_000, 40_000), 30) if quick else measured(SIZES, 100)


def measured(sizes: Sequence[int], times: int) -> list[Figure]:
    """The figures at each size; the last one's are held against the targets."""
    window = min(sizes[0], 100_000)
    figures: list[Figure] = []
    with postgres() as database:
        stock = stocked(database, sizes[-1] + TAILS[-1])
        for size in sizes:
            stock.grow(size)
            at = f"{size:,} vectors: "
            figures.append(at_least(f"{at}written", stock.rate(size, window), WRITTEN, "rows/s"))
            figures.append(at_least(f"{at}indexed", stock.fold(), FOLDED, "rows/s"))
            figures += [figure for kind in P95 for figure in searched(stock, kind, times, at)]
        slower = stock.rate(sizes[0], window) / stock.rate(sizes[-1], window)
        figures.append(at_most(f"writing at {sizes[-1]:,} is slower than at {sizes[0]:,}, times",
                               slower, 1.3))  # fmt: skip
        figures += logged(stock)
        figures += beside(stock)
        figures += tails(stock, sizes[-1], times)
    return figures


def searched(stock: Stock, kind: str, times: int, at: str) -> Iterator[Figure]:
    """Recall and time of a kind of query, over all and filtered."""
    for name, prices in (("", None), *FILTERS.items()):
        stock.search(kind, 10, prices)  # what is read first comes from the disk
        found = stock.search(kind, times, prices)
        what = f"{at}by {kind}{f', a filter of {name}' if name else ''}"
        yield at_least(f"{what}: recall@10", found.recall, RECALL)
        if name:
            yield at_least(f"{what}: share of the rows, the least", found.rows, 1.0)
        bound = FILTERED_P95 if name else P95[kind]
        yield Figure(f"{what}: p50 in SQL", found.in_sql(50), "ms")
        yield at_most(f"{what}: p95 in SQL", found.in_sql(95), bound, "ms")
        yield Figure(f"{what}: p95 of the whole search", found.taken(95), "ms")


def logged(stock: Stock) -> Iterator[Figure]:
    """What Postgres writes to its log besides to the tables: each vector is of two bytes a number."""
    bytes_each = 2 * DIMENSIONS
    written, folded = stock.logged["written"], stock.logged["folded"]
    yield Figure("log per byte of a vector: written", written / (stock.count * bytes_each), "bytes")
    yield Figure("log per byte of a vector: each time it is folded",
                 folded / (stock.folded * bytes_each), "bytes")  # fmt: skip
    yield Figure("times each was folded here", stock.folded / stock.count, "")


def beside(stock: Stock) -> Iterator[Figure]:
    """Searches while an import writes, at the rate of an encoder on a CPU and of one on a GPU."""
    for encoder, rate in ENCODERS.items():
        quiet = percentile([one.in_sql for one in searches(stock)], 95)
        vectors, stopping = stock.made.pictures(rate * SECONDS), threading.Event()
        with ThreadPoolExecutor(1) as importing:
            done = importing.submit(stock.trickle, vectors, rate, stopping)
            busy = percentile([one.in_sql for one in searches(stock)], 95)
            stopping.set()
            written = done.result() / SECONDS
        at = f"an import of {written:.0f} vectors/s, as an encoder on a {encoder} makes them"
        yield at_most(f"{at}: search p95 by that without it", busy / quiet, 2)


def searches(stock: Stock) -> list[Asked]:
    """One after the other, for some seconds."""
    queries, until = stock.made.pictures(500), time.monotonic() + SECONDS
    asked: list[Asked] = []
    while time.monotonic() < until:
        asked.append(stock.ask(queries[len(asked) % len(queries)], "picture"))
    return asked


def tails(stock: Stock, size: int, times: int) -> Iterator[Figure]:
    """What vectors cost that no index has yet."""
    for tail in TAILS:
        stock.grow(size + tail)
        found = stock.search("picture", times)
        yield Figure(f"{size:,} vectors and {tail:,} fresh ones: by picture, p95",
                     found.taken(95), "ms")  # fmt: skip


@click.command()
@click.option("--size", "sizes", type=int, multiple=True, default=SIZES, show_default=True,
              help="A size at which to measure; several in growing order.")  # fmt: skip
@click.option("--times", default=100, show_default=True, help="Searches of each kind.")
def main(sizes: Sequence[int], times: int) -> None:
    """Measure at sizes of your own; each is to bring more than 10,000 new vectors."""
    show("vectors", __doc__ or "", measured(sizes, times))


if __name__ == "__main__":
    main()
