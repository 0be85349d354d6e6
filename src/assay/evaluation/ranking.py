"""Metrics of a ranker: means over queries of NDCG, precision, recall, reciprocal rank and AP.

Items of one query with equal scores have no order. Each metric is then its mean over all orders of
the equal items, in closed form (McSherry and Najork 2008, *Computing information retrieval
performance measures efficiently in the presence of tied scores*), so it doesn't depend on the order
of the data. A query without relevant items counts as 0, as in trec_eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.evaluation.measures import Figures, Measures, divided, summed_by
from assay.evaluation.sample import Floats, Integers, Sample

DEFAULT_CUTS = (1, 5, 10)
"""The k of ``ndcg_at_k`` and its like."""
Gain = Literal["linear", "exponential"]


@dataclass(frozen=True)
class _Ranked:
    """Rows by query, then by descending score; all arrays of shape (n,)."""

    query: Integers
    rank: Integers
    """Position in the query's list, from 1."""
    tie: Integers
    """Group of equal scores of one query."""
    relevance: Floats
    first: Integers
    """Rank at which the tie group begins."""
    size: Integers
    """Rows of the tie group."""


def _ranked(query: Integers, scores: Floats, relevance: Floats) -> _Ranked:
    order = np.lexsort((-scores, query))
    query, scores, relevance = query[order], scores[order], relevance[order]
    new_query = np.r_[True, query[1:] != query[:-1]]
    new_tie = new_query | np.r_[True, scores[1:] != scores[:-1]]
    place = np.arange(len(query))
    rank = place - np.maximum.accumulate(np.where(new_query, place, 0)) + 1
    tie = np.cumsum(new_tie) - 1
    starts = np.flatnonzero(new_tie)
    return _Ranked(query, rank, tie, relevance, rank[starts][tie], np.bincount(tie)[tie])


def _tie_means(ranked: _Ranked, values: Floats) -> Floats:
    """Each row's value replaced by the mean of its tie group."""
    return (np.bincount(ranked.tie, weights=values) / np.bincount(ranked.tie))[ranked.tie]


class RankingMeasures(Measures):
    """Metrics of rankings. The unit that is resampled is the query: its items aren't independent.

    Args:
        sample: ``targets`` are relevances ≥ 0 (relevant: > 0), ``predictions`` scores, ``groups``
            queries.
        cuts: the k's.
        gain: of NDCG: the relevance itself, or ``2 ** relevance - 1`` (Burges et al. 2005).
    """

    descriptive = frozenset({"example_count", "query_count"})

    def __init__(
        self, sample: Sample, *, cuts: Sequence[int] = DEFAULT_CUTS, gain: Gain = "linear"
    ) -> None:
        query = queries_of(sample)
        relevance = np.asarray(sample.targets, dtype=np.float64)
        if (relevance < 0).any():
            raise InvalidInput("Relevances of a ranker can't be negative.")
        if not cuts or any(not isinstance(k, int) or k < 1 for k in cuts):
            raise InvalidInput(f"The cuts k must be whole numbers from 1 on, not {cuts!r}.")
        self.units = int(query.max()) + 1
        self.base = np.ones(self.units)
        self._weights = _query_weights(query, sample.weights, self.units)
        self._rows = np.bincount(query).astype(np.float64)
        scores = np.asarray(sample.predictions, dtype=np.float64)
        values = _values(query, scores, relevance, cuts=cuts, gain=gain)
        self._names = list(values)
        self._values = np.column_stack(list(values.values()))

    def figures(self, counts: Floats, *, all_of_them: bool = True) -> Figures:
        """See ``Measures.figures``."""
        weights = counts * self._weights
        means = divided(weights @ self._values, weights.sum(axis=1)[:, None], otherwise=np.nan)
        found = dict(zip(self._names, means.T, strict=True))
        if all_of_them:
            found["example_count"] = counts @ self._rows
            found["query_count"] = counts.sum(axis=1)
        return found


def queries_of(sample: Sample) -> Integers:
    """Queries as 0 … q-1. Raises ``InvalidInput`` without them."""
    if sample.groups is None:
        raise InvalidInput(
            "A ranker is evaluated by query: name the column of queries with groups='…'."
        )
    return np.unique(sample.groups, return_inverse=True)[1].astype(np.int64)


def _query_weights(query: Integers, weights: Floats | None, size: int) -> Floats:
    """A query weighs as its rows do on average."""
    if weights is None:
        return np.ones(size)
    return np.bincount(query, weights=weights, minlength=size) / np.bincount(query, minlength=size)


def _values(
    query: Integers, scores: Floats, relevance: Floats, *, cuts: Sequence[int], gain: Gain
) -> dict[str, Floats]:
    """Each metric for each query, shape (q,)."""
    ranked = _ranked(query, scores, relevance)
    size = int(query.max()) + 1
    relevant = (ranked.relevance > 0).astype(np.float64)
    totals = _by_query(ranked, relevant, size)
    found: dict[str, Floats] = {}
    gains = 2.0**ranked.relevance - 1 if gain == "exponential" else ranked.relevance
    ideal = _ranked(query, relevance, relevance)
    best_gains = 2.0**ideal.relevance - 1 if gain == "exponential" else ideal.relevance
    for k in cuts:
        inside = (ranked.rank <= k).astype(np.float64)
        hits = _by_query(ranked, _tie_means(ranked, relevant) * inside, size)
        found[f"precision_at_{k}"] = hits / k
        found[f"recall_at_{k}"] = divided(hits, totals)
        best = _by_query(ideal, best_gains * _discounts(ideal, k), size)
        reached = _by_query(ranked, _tie_means(ranked, gains) * _discounts(ranked, k), size)
        found[f"ndcg_at_{k}"] = divided(reached, best)
    found["mean_reciprocal_rank"] = _reciprocal_ranks(ranked, relevant, size)
    found["mean_average_precision"] = divided(_precision_sums(ranked, relevant, size), totals)
    return found


def _by_query(ranked: _Ranked, values: Floats, size: int) -> Floats:
    sums: Floats = summed_by(values[None, :], ranked.query, size)[0]
    return sums


def _discounts(ranked: _Ranked, k: int) -> Floats:
    """Järvelin and Kekäläinen 2002: 1 / log2(rank + 1) up to rank k."""
    return np.asarray(np.where(ranked.rank <= k, 1 / np.log2(ranked.rank + 1), 0.0))


def _precision_sums(ranked: _Ranked, relevant: Floats, size: int) -> Floats:
    """Sum over relevant items of the precision at their rank, in the mean over tied orders.

    At position j of a tie group of s items, m of them relevant, with r relevant ones above: an item
    there is relevant with probability m / s, and then r + 1 + (j - 1)(m - 1)/(s - 1) relevant items
    are expected down to it.
    """
    tied = np.bincount(ranked.tie, weights=relevant)[ranked.tie]
    above = _relevant_above(ranked, relevant)
    j = (ranked.rank - ranked.first + 1).astype(np.float64)
    s = ranked.size.astype(np.float64)
    others = divided((j - 1) * (tied - 1), s - 1)
    return _by_query(ranked, tied / s * (above + 1 + others) / ranked.rank, size)


def _relevant_above(ranked: _Ranked, relevant: Floats) -> Floats:
    """Relevant items of the query that stand above the row's tie group."""
    before = np.cumsum(relevant) - relevant
    starts = _firsts(ranked.tie)
    query_starts = _firsts(ranked.query)
    return np.asarray(before[starts][ranked.tie] - before[query_starts][ranked.query])


def _firsts(codes: Integers) -> NDArray[np.int64]:
    """Where each code of an ascending array begins."""
    return np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])


def _reciprocal_ranks(ranked: _Ranked, relevant: Floats, size: int) -> Floats:
    """Mean of 1 / (rank of the first relevant item) over tied orders.

    Only the first tie group that holds relevant items matters: with s items, m of them relevant,
    the first one stands at position j with probability C(s - j, m - 1) / C(s, m).
    """
    tied = np.bincount(ranked.tie, weights=relevant)[ranked.tie]
    above = _relevant_above(ranked, relevant)
    s = ranked.size
    m = tied.astype(np.int64)
    j = ranked.rank - ranked.first + 1
    here = (m > 0) & (above == 0) & (s - j >= m - 1)
    s, m, j = s[here], m[here], j[here]
    log_factorials = np.r_[0.0, np.cumsum(np.log(np.arange(1, int(ranked.size.max()) + 1)))]

    def log_choose(n: Integers, k: Integers) -> Floats:
        return np.asarray(log_factorials[n] - log_factorials[k] - log_factorials[n - k])

    chances = np.exp(log_choose(s - j, m - 1) - log_choose(s, m))
    values = np.zeros(len(ranked.rank))
    values[here] = chances / ranked.rank[here]
    return _by_query(ranked, values, size)
