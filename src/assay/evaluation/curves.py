"""Points of the curves that are drawn: ROC, precision-recall, calibration, lift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.measures import divided
from assay.evaluation.sample import Floats

DEFAULT_BINS = 10
"""Bins of a calibration curve; MLflow's and scikit-learn's usual number."""


def threshold_counts(positive: Floats, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """True and false positives for each distinct threshold, the highest first; shape (k,) each."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    heavy = weights[order]
    hits = np.cumsum(heavy * positive[order])
    everything = np.cumsum(heavy)
    return hits[last], (everything - hits)[last]


def roc_points(positive: Floats, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates, from (0, 0) to (1, 1)."""
    hits, misses = threshold_counts(positive, scores, weights)
    return (
        np.r_[0.0, divided(misses, misses[-1:], otherwise=np.nan)],
        np.r_[0.0, divided(hits, hits[-1:], otherwise=np.nan)],
    )


def precision_recall_points(
    positive: Floats, scores: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Recall and precision, from recall 0 (precision 1 by convention) to recall 1."""
    hits, misses = threshold_counts(positive, scores, weights)
    return (
        np.r_[0.0, divided(hits, hits[-1:], otherwise=np.nan)],
        np.r_[1.0, divided(hits, hits + misses)],
    )


def lift_points(positive: Floats, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Share of rows taken from the top, and how many times more positives than a random draw."""
    hits, misses = threshold_counts(positive, scores, weights)
    share = (hits + misses) / (hits[-1] + misses[-1])
    return share, divided(divided(hits, hits[-1:], otherwise=np.nan), share)


def calibration_points(
    positive: Floats, scores: Floats, weights: Floats, bins: int = DEFAULT_BINS
) -> tuple[Floats, Floats, Floats]:
    """Mean probability, share of positives and weight of each bin that holds rows.

    Bins have equal width over [0, 1]; a probability at an edge belongs to the bin above, 1 to the
    last.
    """
    places = _bins(scores, bins)
    weight = np.asarray(np.bincount(places, weights=weights, minlength=bins), dtype=np.float64)
    mean = np.bincount(places, weights=weights * scores, minlength=bins)
    share = np.bincount(places, weights=weights * positive, minlength=bins)
    held = weight > 0
    return mean[held] / weight[held], share[held] / weight[held], weight[held]


def _bins(scores: Floats, bins: int) -> NDArray[np.int64]:
    edges = np.linspace(0.0, 1.0, bins + 1)
    return np.searchsorted(edges[1:-1], scores, side="right").astype(np.int64)


def calibration_error(
    positive: Floats, scores: Floats, weights: Floats, bins: int = DEFAULT_BINS
) -> float:
    """Expected calibration error: the weighted mean gap of a calibration curve.

    Naeini, Cooper and Hauskrecht 2015, *Obtaining well calibrated probabilities using Bayesian
    binning*. It is biased upwards in small samples, so it has no bootstrap interval here.
    """
    mean, share, weight = calibration_points(positive, scores, weights, bins)
    if not len(weight):
        return float("nan")
    return float(np.sum(weight * np.abs(mean - share)) / weight.sum())
