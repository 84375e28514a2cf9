"""Measures rankings against what is relevant, and compares methods over the same queries."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

METRICS = ("ndcg", "recall", "mrr")
RESAMPLES = 10_000
CONFIDENCE = 0.95
_AT_ONCE = 2_000_000
"""Numbers drawn at once: 16 MB."""


def of_ranking(ranked: Sequence[str], relevant: Collection[str], k: int) -> dict[str, float]:
    """nDCG, recall and reciprocal rank of the first `k`, each from 0 to 1.

    Gains are binary, discounted by log2 of the rank, and measured against the best ranking of
    min(k, relevant) ids. A repeated id counts once, at its first place. All are 0 where nothing is
    relevant. Raises ValueError for a `k` under 1.
    """
    if k < 1:
        raise ValueError("k must be at least 1")
    wanted = set(relevant)
    first = list(dict.fromkeys(ranked))[:k]
    ranks = [rank for rank, one in enumerate(first, 1) if one in wanted]
    if not ranks:
        return dict.fromkeys(METRICS, 0.0)
    ideal = _gain(range(1, min(k, len(wanted)) + 1))
    return {
        "ndcg": _gain(ranks) / ideal,
        "recall": len(ranks) / len(wanted),
        "mrr": 1 / ranks[0],
    }


def _gain(ranks: Sequence[int]) -> float:
    return float(np.sum(1 / np.log2(np.asarray(ranks, float) + 1)))


def summary(
    per_query: Sequence[Mapping[str, Mapping[str, float]]], methods: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """The means of every method, and the paired difference of every two in every metric.

    `per_query` holds for each query what `of_ranking` gave each method. `low` and `high` bound the
    mean difference by a percentile bootstrap over queries; they are None for a single query.
    `better` is True where both are above 0, False where both are below, else None. Without queries
    there are no means. Raises KeyError where a query lacks a method.
    """
    values = np.array(
        [[[query[name][metric] for metric in METRICS] for name in methods] for query in per_query],
        float,
    ).reshape(len(per_query), len(methods), len(METRICS))
    if not len(per_query):
        return {"methods": {}, "differences": []}
    means = values.mean(axis=0)
    pairs = list(combinations(range(len(methods)), 2))
    gaps = np.stack([values[:, a] - values[:, b] for a, b in pairs], axis=1) if pairs else None
    return {
        "methods": {
            name: dict(zip(METRICS, map(float, means[at]), strict=True))
            for at, name in enumerate(methods)
        },
        "differences": [] if gaps is None else _differences(gaps, pairs, methods, seed),
    }


def _differences(
    gaps: NDArray[np.float64], pairs: Sequence[tuple[int, int]], methods: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    """`gaps` is of shape (queries, pairs, metrics)."""
    means = gaps.mean(axis=0)
    bounds = _interval(gaps, seed) if len(gaps) > 1 else None
    return [
        {
            "of": methods[one],
            "to": methods[other],
            "metric": metric,
            "mean": float(means[pair, at]),
            **_bounded(None if bounds is None else bounds[:, pair, at]),
        }
        for pair, (one, other) in enumerate(pairs)
        for at, metric in enumerate(METRICS)
    ]


def _bounded(bounds: NDArray[np.float64] | None) -> dict[str, Any]:
    low, high = (None, None) if bounds is None else map(float, bounds)
    better = None
    if low is not None and high is not None and (low > 0 or high < 0):
        better = low > 0
    return {"low": low, "high": high, "confidence": CONFIDENCE, "better": better}


def _interval(gaps: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The percentile bounds, of shape (2, pairs, metrics): every pair on the same resamples."""
    count = len(gaps)
    flat = gaps.reshape(count, -1)
    random = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // count)
    means = np.concatenate([
        # How often each query was drawn, times the gaps: the sums of all columns in one product.
        random.multinomial(count, [1 / count] * count, min(step, RESAMPLES - done)) @ flat / count
        for done in range(0, RESAMPLES, step)
    ])  # fmt: skip
    tail = 100 * (1 - CONFIDENCE) / 2
    bounds: NDArray[np.float64] = np.percentile(means, [tail, 100 - tail], axis=0)
    return bounds.reshape(2, *gaps.shape[1:])
