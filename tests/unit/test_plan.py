"""How a search compares vectors is chosen by its matches, its size and its kind."""

import pytest

from benchmarks import plans
from db import plan
from db.plan import Plan, choose, most_compared, pool_of
from db.sealing import MOST_ROWS, MOST_SMALL, swallowed_by
from db.segments import Segment, bound_of, chained, predicate

POOL = 70


def segment(rows: int, model: int = 1, first: int = 0) -> Segment:
    return Segment(1, model, 512, first, first + rows, rows)


def test_without_a_segment_everything_is_compared() -> None:
    assert choose([], POOL) == Plan()
    assert choose([], POOL, matches=1_000_000) == Plan()


def test_few_matches_are_looked_up_and_many_are_searched_for_by_index() -> None:
    sealed = [segment(1_000_000)]
    most = most_compared(sealed, POOL)
    assert 11_000 < most_compared(sealed, 30) < 13_000 < most
    assert choose(sealed, POOL, most) == Plan(few=True)
    assert choose(sealed, POOL, most + 1).sealed == tuple(sealed)
    assert choose(sealed, POOL).sealed == tuple(sealed)


def test_the_break_even_grows_with_the_rows_and_with_the_pool() -> None:
    sizes = [most_compared([segment(rows)], POOL) for rows in (20_000, 500_000, 10_000_000)]
    assert sizes == sorted(set(sizes))
    assert most_compared([segment(500_000)], 250) > sizes[1]
    assert most_compared([segment(10)], POOL) == plan.ALWAYS_COMPARED


def test_the_longest_list_decides_and_not_both_together() -> None:
    alone = most_compared([segment(500_000)], POOL)
    assert most_compared([segment(500_000), segment(500_000, model=2)], POOL) == alone
    assert most_compared([segment(250_000), segment(250_000, first=250_000)], POOL) == alone


def test_words_need_more_candidates_than_pictures_and_larger_segments_more() -> None:
    for rows in (20_000, 100_000, 500_000, 5_000_000):
        by_picture = choose([segment(rows)], POOL, pictured=True)
        assert by_picture.ef < choose([segment(rows)], POOL).ef
    assert choose([segment(20_000)], POOL).ef < choose([segment(1_000_000)], POOL).ef


def test_a_list_that_is_fused_or_not_filtered_is_longer() -> None:
    assert pool_of(10, alone=True, filtered=True) == 30
    assert {pool_of(10, alone=a, filtered=f) for a, f in ((True, False), (False, True))} == {70}


def test_candidates_fill_the_pool_and_stay_within_what_pgvector_takes() -> None:
    assert choose([segment(20_000)], 450).ef == 450
    assert choose([segment(10**9)], 2_000).ef == plan.MOST_EF


def test_a_scan_is_bounded_above_what_it_should_need() -> None:
    least, times = plan.SCANNED
    assert choose([segment(20_000)], POOL).scanned == least
    rows = 100_000_000
    expected = POOL * rows / most_compared([segment(rows)], POOL)
    assert choose([segment(rows)], POOL).scanned == int(times * expected) > least


def test_the_settings_hold_for_the_transaction_alone() -> None:
    settings = choose([segment(20_000)], POOL).settings.split("; ")
    assert all(one.startswith("SET LOCAL ") for one in settings)
    assert "SET LOCAL hnsw.iterative_scan = relaxed_order" in settings


def test_segments_follow_one_another_and_nothing_behind_a_gap_counts() -> None:
    found = [segment(10), segment(5, first=10), segment(5, first=16), segment(9, model=2)]
    assert chained(found, 1) == found[:2]
    assert bound_of(chained(found, 1)) == 15
    assert chained(found[1:], 1) == []
    assert bound_of([]) == 0


def test_the_predicate_is_of_literals() -> None:
    with pytest.raises(ValueError, match="format code"):
        predicate(1, 2, 3, 0, "1 OR true")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sealed", "fresh", "swallowed"),
    [
        ([], 10_000, 0),
        ([10_000], 10_000, 1),
        ([100_000], 10_000, 0),
        ([100_000, 20_000], 10_000, 0),
        ([100_000, 10_000], 10_000, 1),
        ([40_000, 20_000, 10_000], 10_000, 3),
        ([900_000, 90_000, 40_000, 20_000], 10_000, 1),
    ],
)
def test_a_new_segment_swallows_the_youngest_that_are_no_larger(
    sealed: list[int], fresh: int, swallowed: int
) -> None:
    assert swallowed_by([(rows, rows) for rows in sealed], fresh, 10**9) == swallowed


def test_a_segment_that_lost_half_its_rows_is_swallowed() -> None:
    assert swallowed_by([(40_000, 100_000)], 10_000, 10**9) == 1
    assert swallowed_by([(60_000, 100_000)], 10_000, 10**9) == 0


def test_no_segment_outgrows_the_memory() -> None:
    assert swallowed_by([(500_000, 500_000)], 600_000, 1_000_000) == 0
    assert swallowed_by([(500_000, 500_000)], 600_000, 1_100_000) == 1


@pytest.mark.parametrize("least", [10_000, 7_000])
def test_a_growing_catalog_has_few_segments_and_builds_each_row_few_times(least: int) -> None:
    sealed: list[int] = []
    built = 0
    while sum(sealed) < 1_000_000:
        count = swallowed_by([(rows, rows) for rows in sealed], least, MOST_ROWS)
        taken = sealed[len(sealed) - count :]
        sealed = [*sealed[: len(sealed) - count], least + sum(taken)]
        built += sealed[-1]
        small = [rows for rows in sealed if rows <= MOST_ROWS // 2]
        assert len(small) <= MOST_SMALL and max(sealed) <= MOST_ROWS
    assert len(sealed) <= 8
    assert built < 5 * 1_000_000


def test_the_page_of_plans_is_as_they_are() -> None:
    assert plans.PAGE.read_text() == plans.page(list(plans.table())), "make bench ARGS=plans"
