"""The metrics of rankings against ir-measures, and the interval of a paired difference."""

from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from db.ranking_metrics import METRICS, of_ranking, summary

ids = st.sampled_from([f"item_{n}" for n in range(30)])
rankings = st.lists(ids, max_size=30)
relevant_ids = st.sets(ids, min_size=1, max_size=15)


@given(rankings, relevant_ids, st.integers(1, 25))
def test_the_metrics_are_those_of_ir_measures(
    ranked: list[str], relevant: set[str], k: int
) -> None:
    distinct = list(dict.fromkeys(ranked))
    scores = {"q": {one: float(len(distinct) - place) for place, one in enumerate(distinct)}}
    theirs = {"ndcg": nDCG @ k, "recall": R @ k, "mrr": RR @ k}
    judged = {"q": dict.fromkeys(relevant, 1)}
    expected = ir_measures.calc_aggregate(theirs.values(), judged, scores) if distinct else {}
    measured = of_ranking(ranked, relevant, k)
    assert measured == pytest.approx({name: expected.get(theirs[name], 0.0) for name in METRICS})


@given(rankings, relevant_ids, st.integers(1, 25))
def test_every_metric_lies_between_0_and_1_and_the_best_ranking_has_1(
    ranked: list[str], relevant: set[str], k: int
) -> None:
    assert all(0 <= value <= 1 for value in of_ranking(ranked, relevant, k).values())
    best = of_ranking([*relevant, *ranked], relevant, k)
    assert best == pytest.approx({"ndcg": 1, "recall": min(1, k / len(relevant)), "mrr": 1})


@given(rankings, st.lists(ids, max_size=15), st.integers(1, 25))
def test_a_repeated_id_counts_once(ranked: list[str], relevant: list[str], k: int) -> None:
    assert of_ranking([*ranked, *ranked], relevant * 2, k) == of_ranking(ranked, set(relevant), k)


def test_a_ranking_by_hand() -> None:
    found = of_ranking(["a", "x", "b", "c"], ["b", "c", "d"], 3)
    assert found == pytest.approx(
        {"ndcg": 0.5 / (1 + 1 / np.log2(3) + 0.5), "recall": 1 / 3, "mrr": 1 / 3}
    )


def test_nothing_relevant_or_found_is_zero_and_a_k_under_1_is_refused() -> None:
    zeros = {"ndcg": 0.0, "recall": 0.0, "mrr": 0.0}
    assert of_ranking(["a"], [], 5) == of_ranking([], ["a"], 5) == zeros
    with pytest.raises(ValueError, match="at least 1"):
        of_ranking(["a"], ["a"], 0)


def queries(**values: Any) -> list[dict[str, dict[str, float]]]:
    """Queries whose metrics are all the same number, by method."""
    columns = {name: list(map(float, numbers)) for name, numbers in values.items()}
    return [
        {name: dict.fromkeys(METRICS, value) for name, value in zip(columns, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]


def test_every_two_methods_are_compared_in_every_metric() -> None:
    found = summary(queries(text=[1, 0.5], image=[0, 0.5], hybrid=[1, 1]),
                    ["image", "text", "hybrid"])  # fmt: skip
    assert found["methods"]["image"] == {"ndcg": 0.25, "recall": 0.25, "mrr": 0.25}
    pairs = [(one["of"], one["to"], one["metric"]) for one in found["differences"]]
    assert pairs == [
        (of, to, metric)
        for of, to in (("image", "text"), ("image", "hybrid"), ("text", "hybrid"))
        for metric in METRICS
    ]
    assert found["differences"][0]["mean"] == -0.5


def test_a_clear_difference_is_called_better_or_worse_and_noise_is_not() -> None:
    random = np.random.default_rng(5)
    base = random.uniform(0, 1, 200)
    noisy = base + random.permutation(np.repeat([-0.2, 0.2], 100))
    per_query = queries(base=base, good=base + random.uniform(0, 0.2, 200), noisy=noisy)
    better = {
        (one["of"], one["to"]): one["better"]
        for one in summary(per_query, ["base", "good", "noisy"])["differences"]
    }
    assert better[("base", "good")] is False
    assert better[("base", "noisy")] is None
    assert summary(per_query, ["good", "base"])["differences"][0]["better"] is True


def test_equal_methods_differ_by_nothing() -> None:
    (first, *_) = summary(queries(a=[0.1, 0.7, 0.3], b=[0.1, 0.7, 0.3]), ["a", "b"])["differences"]
    assert (first["mean"], first["low"], first["high"], first["better"]) == (0, 0, 0, None)


def test_one_query_has_means_and_no_interval() -> None:
    found = summary(queries(a=[1], b=[0]), ["a", "b"])
    assert found["differences"][0] == {
        "of": "a", "to": "b", "metric": "ndcg", "mean": 1.0, "low": None, "high": None,
        "confidence": 0.95, "better": None,
    }  # fmt: skip


def test_without_queries_or_a_second_method_nothing_is_compared() -> None:
    assert summary([], ["a", "b"]) == {"methods": {}, "differences": []}
    assert summary(queries(a=[0, 1]), ["a"]) == {
        "methods": {"a": dict.fromkeys(METRICS, 0.5)},
        "differences": [],
    }


def test_the_same_seed_gives_the_same_interval() -> None:
    per_query = queries(a=np.linspace(0, 1, 30), b=np.linspace(1, 0, 30) ** 2)
    assert summary(per_query, ["a", "b"], 3) == summary(per_query, ["a", "b"], 3)
    assert summary(per_query, ["a", "b"], 3) != summary(per_query, ["a", "b"], 4)


def test_the_interval_holds_the_true_difference_about_as_often_as_it_says() -> None:
    """60 queries of a skewed gap, 100 times: 95 % give or take what a percentile bootstrap errs."""
    random = np.random.default_rng(17)
    held = 0
    for seed in range(100):
        gap = random.exponential(0.2, 60) - 0.1
        (first, *_) = summary(queries(a=gap, b=np.zeros(60)), ["a", "b"], seed)["differences"]
        held += first["low"] <= 0.1 <= first["high"]
    assert 88 <= held <= 99
