"""Chooses how a search compares vectors: each match, or those that the segments' indexes lead to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from db.segments import Segment

SPARE, SPARE_FILTERED = 50, 10
"""How much longer a list is than twice the hits: for what fusion and grouping push back.

By index and under a filter each place costs a visit for every item that does not pass: with a filter
of 10 % a list of 70 took 1.6 times as long as one of 30, and the ten best were the same. So a list
that is not fused with another one is shorter there.
"""
BREAK_EVEN = 5
"""What a vector that an index visits costs, in matches that are looked up by their items instead.

A filtered search by index goes on until it has its pool of matches, so it visits about
`pool * rows / matches` vectors and asks each one's item whether it passes. Measured on 100,000
vectors of 512 with a filter of 1 %: 45 ms for a pool of 30, and 6 ms for all matches. With that pool
both cost the same at 4,000 matches in 100,000 and at 12,000 in 1,000,000; looking up misses none.
"""
ALWAYS_COMPARED = 2_000
"""So few matches are always compared one by one."""

EF = (
    (50_000, 200, 400),
    (200_000, 100, 400),
    (400_000, 120, 600),
    (700_000, 300, 1_000),
    (math.inf, 400, 1_000),
)
"""`hnsw.ef_search` by rows of the largest segment: for pictures, and for words.

Words lie beside the pictures (the modality gap), off what the graph was made for, and need more:
with 250,000 made-up vectors, recall@10 of pictures was 0.994 at 100, and that of words 0.965 at 300,
0.98 at 400 and 0.983 at 500. What a search costs goes with `ef` rather than with the rows: 1.1 ms at
100, 4.4 at 400. In one graph of 1,000,000 pictures had 0.976 at 250 and 0.981 at 400, words 0.961 at
1,000. Small catalogs can afford more.
"""
MOST_EF = 1_000
"""The most that pgvector takes."""
SCANNED = (20_000, 4)
"""A filtered scan by index ends after so many vectors, or this many times what it should need.

What lies far from the query is reached late or never: then the matches are compared one by one.
"""
SCAN_MEMORY = 8
"""Times `work_mem` that such a scan may fill with what it has visited: it ends silently at that."""
FINISH_SECONDS = 5
"""How long comparing every match may take where the indexes led to too few."""


ONE_PLAN = "SET LOCAL plan_cache_mode = force_generic_plan"
PLANS_ANEW = "SET LOCAL plan_cache_mode TO DEFAULT"
"""What holds while every vector is compared and nothing filtered: whatever the values are, the plan
is the same, and to make it anew took 1.4 ms of 7. By index, or filtered, it depends on them; and so
it does for what else the transaction does, as with a queue that filled a moment ago."""


@dataclass(frozen=True)
class Plan:
    """How the vectors of one search are compared."""

    sealed: tuple[Segment, ...] = ()
    """Whose indexes are used, the rest being compared one by one; none: all are."""
    few: bool = False
    """Whether matches are so few that each one's vector is looked up."""
    ef: int = 0
    scanned: int = 0

    @property
    def settings(self) -> str:
        """What must hold in the transaction of the search, where indexes are used.

        Relaxed order found more than strict order at every selectivity; the lists are sorted anyway.
        Without iterative scan, deletes near the query or a filter leave fewer hits, or none. Where a
        quarter of a table was fresh, the planner read all of it, in parallel, rather than the
        catalog's part of the btree: 42 ms instead of 20.
        """
        return (
            f"SET LOCAL hnsw.ef_search = {self.ef:d}; "
            "SET LOCAL hnsw.iterative_scan = relaxed_order; "
            f"SET LOCAL hnsw.max_scan_tuples = {self.scanned:d}; "
            f"SET LOCAL hnsw.scan_mem_multiplier = {SCAN_MEMORY:d}; "
            "SET LOCAL enable_seqscan = off"
        )


def choose(
    sealed: Sequence[Segment], pool: int, matches: int | None = None, *, pictured: bool = False
) -> Plan:
    """The plan of a search over these segments that needs `pool` rows of each list.

    `matches` are the items that pass the filter, counted up to one more than `most_compared`; None
    without a filter. `pictured` says that the query is a picture.
    """
    few = matches is not None and matches <= most_compared(sealed, pool)
    if few or not sealed:
        return Plan(few=few)
    return Plan(
        tuple(sealed), ef=ef(sealed, pool, pictured=pictured), scanned=scanned(sealed, pool)
    )


def pool_of(limit: int, *, alone: bool, filtered: bool) -> int:
    """How long a list by index is for so many hits; `alone`: it is fused with no other."""
    return 2 * limit + (SPARE_FILTERED if alone and filtered else SPARE)


def most_compared(sealed: Sequence[Segment], pool: int) -> int:
    """The most matches that are looked up one by one rather than searched for by index."""
    return max(ALWAYS_COMPARED, int(math.sqrt(BREAK_EVEN * pool * _rows(sealed))))


def ef(sealed: Sequence[Segment], pool: int, *, pictured: bool) -> int:
    """How many candidates an index keeps: by the kind of query and by size."""
    largest = max(segment.rows for segment in sealed)
    by_pictures, by_words = next(values for most, *values in EF if largest <= most)
    return min(MOST_EF, max(pool, by_pictures if pictured else by_words))


def scanned(sealed: Sequence[Segment], pool: int) -> int:
    """How many vectors a scan may visit until it has its pool of matches."""
    least, times = SCANNED
    expected = pool * _rows(sealed) / most_compared(sealed, pool)
    return max(least, int(times * expected))


def _rows(sealed: Sequence[Segment]) -> int:
    """The vectors of the longest list."""
    rows: dict[int, int] = {}
    for segment in sealed:
        rows[segment.model] = rows.get(segment.model, 0) + segment.rows
    return max(rows.values(), default=0)
