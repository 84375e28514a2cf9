"""How a search compares vectors, by size, filter and kind of query: writes docs/plans.md."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Figure
from db.plan import Plan, choose, most_compared, pool_of
from db.sealing import MOST_ROWS, SEAL_FROM
from db.segments import Segment

PAGE = Path(__file__).resolve().parents[1] / "docs" / "plans.md"
SIZES = (1_000, SEAL_FROM, 50_000, 100_000, 1_000_000, 5_000_000)
SHARES = (None, 0.1, 0.01, 0.001)
"""Of the items that pass the filter; None is no filter."""
LIMIT = 10
ABOUT = """# How a search compares vectors

Made by `make bench ARGS=plans` of `db/plan.py`, for {limit} hits of a catalog that was loaded at once,
with one list (pictures searched by picture, or by words alone). It shows what is chosen; how fast and
how complete that is stands in [performance.md](performance.md).

- **all**: every vector is compared, so nothing can be missed.
- **each match**: the filter leaves so few items that each one's vector is looked up and compared.
- **index**: each segment's HNSW index is searched with `ef` candidates (`hnsw.ef_search`), by picture
  and by words; under a filter it goes on (`hnsw.iterative_scan`) for so many visited vectors at most,
  and where that led to too few hits, every match is compared. Vectors behind the segments, {fresh:,} at
  most before they get one, are compared one by one.

| vectors | segments | filter | matches | compared | looked up up to |
| --- | --- | --- | --- | --- | --- |
"""


def run(quick: bool) -> list[Figure]:
    """The plan of each kind of search; the page is written anew."""
    rows = list(table())
    PAGE.write_text(page(rows))
    return [Figure("plans written to docs/plans.md", len(rows), "")]


def page(rows: list[str]) -> str:
    """The whole page."""
    return ABOUT.format(limit=LIMIT, fresh=SEAL_FROM) + "\n".join(rows) + "\n"


def table() -> Iterator[str]:
    """The rows of the table."""
    for size in SIZES:
        sealed = segments_of(size)
        for share in SHARES:
            matches = None if share is None else round(size * share)
            pool = pool_of(LIMIT, alone=True, filtered=matches is not None)
            by_picture = choose(sealed, pool, matches, pictured=True)
            by_words = choose(sealed, pool, matches)
            bound = f"{most_compared(sealed, pool):,}" if sealed and matches else ""
            cells = (f"{size:,}", str(len(sealed)), f"{share:.3g}" if share else "none",
                     f"{matches:,}" if matches else "", said(by_picture, by_words, matches), bound)  # fmt: skip
            yield f"| {' | '.join(cells)} |"


def segments_of(size: int) -> list[Segment]:
    """The segments of a catalog that was loaded at once."""
    if size <= SEAL_FROM:
        return []
    starts = range(0, size, MOST_ROWS)
    return [Segment(n, 1, 512, start, min(start + MOST_ROWS, size), min(MOST_ROWS, size - start))
            for n, start in enumerate(starts)]  # fmt: skip


def said(by_picture: Plan, by_words: Plan, matches: int | None) -> str:
    """A plan in words."""
    if by_picture.few:
        return "each match"
    if not by_picture.sealed:
        return "all" if matches is None else "all that match"
    until = "" if matches is None else f", until {by_picture.scanned:,} are visited"
    return f"index, ef {by_picture.ef} and {by_words.ef}{until}"
