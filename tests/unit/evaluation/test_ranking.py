"""Against scikit-learn, and against the mean over all orders of tied items."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from assay.errors import InvalidInput
from assay.evaluation.ranking import RankingMeasures
from assay.evaluation.sample import Sample


def measured(
    relevance: Sequence[float],
    scores: Sequence[float],
    queries: Sequence[int],
    **options: object,
) -> dict[str, float]:
    sample = Sample(np.array(relevance, float), np.array(scores, float), groups=np.array(queries))
    return RankingMeasures(sample, **options).estimate()  # type: ignore[arg-type]


def by_hand(relevance: list[float], order: tuple[int, ...], k: int) -> dict[str, float]:
    ranked = [relevance[i] > 0 for i in order]
    total = sum(ranked)
    first = ranked.index(True) + 1 if total else 0
    precisions = [sum(ranked[: i + 1]) / (i + 1) for i, hit in enumerate(ranked) if hit]
    return {
        f"precision_at_{k}": sum(ranked[:k]) / k,
        f"recall_at_{k}": sum(ranked[:k]) / total if total else 0.0,
        "mean_reciprocal_rank": 1 / first if first else 0.0,
        "mean_average_precision": sum(precisions) / total if total else 0.0,
    }


@given(
    relevance=st.lists(st.integers(0, 2), min_size=1, max_size=6),
    data=st.data(),
    k=st.integers(1, 7),
)
def test_ties_give_the_mean_over_all_their_orders(
    relevance: list[float], data: st.DataObject, k: int
) -> None:
    size = len(relevance)
    scores = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    orders = [
        order
        for order in permutations(range(size))
        if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]
    every = [by_hand(relevance, order, k) for order in orders]
    expected = {name: float(np.mean([one[name] for one in every])) for name in every[0]}
    found = measured(relevance, scores, [0] * size, cuts=(k,))

    assert {name: found[name] for name in expected} == pytest.approx(expected)


@given(seed=st.integers(0, 10_000), k=st.integers(1, 12), ties=st.booleans())
def test_ndcg_agrees_with_scikit_learn(seed: int, k: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    relevance = random.integers(0, 4, (5, 9)).astype(float)
    scores = random.normal(size=(5, 9))
    if ties:
        scores = np.round(scores)
    queries = np.repeat(np.arange(5), 9)
    shuffled = random.permutation(45)
    found = measured(
        relevance.ravel()[shuffled].tolist(),
        scores.ravel()[shuffled].tolist(),
        queries[shuffled].tolist(),
        cuts=(k,),
    )

    assert found[f"ndcg_at_{k}"] == pytest.approx(ndcg_score(relevance, scores, k=k))
    assert found["query_count"] == 5
    assert found["example_count"] == 45


def test_exponential_gain_counts_high_relevances_more() -> None:
    found = measured([0, 3, 1], [3, 2, 1], [0, 0, 0], cuts=(3,), gain="exponential")
    reached = 7 / np.log2(3) + 1 / np.log2(4)
    assert found["ndcg_at_3"] == pytest.approx(reached / (7 + 1 / np.log2(3)))


def test_a_query_without_relevant_items_counts_as_zero() -> None:
    found = measured([0, 0, 1, 0], [2, 1, 2, 1], [0, 0, 1, 1], cuts=(1,))
    assert found["ndcg_at_1"] == found["mean_average_precision"] == 0.5


@pytest.mark.parametrize(
    ("relevance", "options", "match"),
    [([-1, 0], {}, "negative"), ([1, 0], {"cuts": (0,)}, "whole numbers")],
)
def test_bad_relevances_and_cuts_are_refused(
    relevance: list[float], options: dict[str, object], match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        measured(relevance, [1, 2], [0, 0], **options)


def test_a_ranker_needs_queries() -> None:
    with pytest.raises(InvalidInput, match="groups="):
        RankingMeasures(Sample(np.zeros(2), np.zeros(2)))
