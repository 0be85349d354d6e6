"""Importances of features: mean absolute SHAP values where shap is installed, else permutation.

Permutation importance is how much worse the loss gets when one column is shuffled (Breiman 2001,
*Random forests*; Fisher, Rudin and Dominici 2019, *All models are wrong, but many are useful*).
"""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from assay.evaluation.columns import column_names, is_frame, take_rows, with_column
from assay.evaluation.findings import Importance
from assay.evaluation.predicting import Predictor
from assay.evaluation.sample import Floats

Method = Literal["auto", "shap", "permutation"]

MAX_ROWS = 2_000
"""Rows that importances are computed on; MLflow's number for SHAP."""
REPEATS = 5
"""Shuffles of each column."""
MAX_SECONDS = 30.0
"""Expected time above which importances that nobody asked for are left out."""
_SHAP_ROWS = 200
"""Rows explained, and rows of the background, where SHAP must call the model."""
_SHAP_CALLS = 2_000
"""Rows of a model call that SHAP makes for one explained row, about."""


class TooSlow(Exception):
    """The model is so slow that importances would take minutes."""


def has_shap() -> bool:
    """Whether shap is installed."""
    try:
        importlib.import_module("shap")
    except ImportError:
        return False
    return True


def feature_names_of(data: Any, given: Sequence[str] | None) -> list[str]:
    """Names of the columns, or ``feature_1`` and so on for an array, as MLflow calls them."""
    known = column_names(data)
    if known:
        return known
    width = np.shape(data)[1] if np.ndim(data) > 1 else 1
    if given is not None:
        return [str(name) for name in given]
    digits = len(str(width))
    return [f"feature_{at + 1:0{digits}d}" for at in range(width)]


def some_rows(size: int, seed: int, most: int = MAX_ROWS) -> Any:
    """Positions of a random selection of rows, ascending."""
    random = np.random.default_rng([seed, 2])
    return np.sort(random.permutation(size)[:most])


def permutation_importances(
    data: Any,
    loss: Callable[[Any], float],
    *,
    names: Sequence[str],
    seed: int = 0,
    max_seconds: float | None = None,
) -> list[Importance]:
    """By how much shuffling each column worsens ``loss``, the largest first.

    Args:
        data: rows.
        loss: the model's mean loss on such data.
        names: names of the columns.
        seed: of the shuffles.
        max_seconds: raise ``TooSlow`` where it would take longer.
    """
    start = time.monotonic()
    whole = loss(data)
    if max_seconds is not None:
        expected = (time.monotonic() - start) * len(names) * REPEATS
        if expected > max_seconds:
            raise TooSlow
    random = np.random.default_rng([seed, 3])
    size = len(np.asarray(next(iter(data.values())))) if isinstance(data, dict) else len(data)
    keys = column_names(data) or [str(at) for at in range(len(names))]
    found = []
    for name, key in zip(names, keys, strict=True):
        worse = [
            loss(with_column(data, key, random.permutation(size))) - whole for _ in range(REPEATS)
        ]
        found.append(Importance(name, float(np.mean(worse)), float(np.std(worse, ddof=1))))
    return sorted(found, key=lambda one: -one.value)


def shap_importances(
    predictor: Predictor,
    data: Any,
    *,
    names: Sequence[str],
    positive: int | None,
    seed: int = 0,
    max_seconds: float | None = None,
) -> list[Importance]:
    """Mean absolute SHAP values (Lundberg and Lee 2017), the largest first.

    Models that shap knows (trees, linear ones) are explained by their structure, others by calling
    them. Of a classifier the probability of the label ``positive`` is explained, or the mean over
    labels where it is ``None``.

    Raises:
        Exception: whatever shap raises for a model it can't explain.
    """
    # The package has no types, and mypy would miss it where it isn't installed.
    shap = importlib.import_module("shap")
    some = take_rows(data, some_rows(len(data), seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            values = shap.TreeExplainer(predictor.estimator)(some).values
        except Exception:  # noqa: BLE001 - shap raises many kinds for models that are no trees
            few = take_rows(data, some_rows(len(data), seed, _SHAP_ROWS))
            predict = predictor.predict_proba or predictor.predict
            _refuse_slow(predict, few, max_seconds)
            # shap hands out arrays; the model gets its own kind of frame back.
            masker = shap.maskers.Independent(np.asarray(few, dtype=np.float64))
            explain = shap.PermutationExplainer(
                lambda rows: np.asarray(predict(_like(few, rows))), masker, seed=seed
            )
            evals = _evals(len(names))
            values = explain(np.asarray(few, dtype=np.float64), max_evals=evals, silent=True).values
    means = _mean_sizes(np.asarray(values), positive)
    found = [Importance(name, float(one)) for name, one in zip(names, means, strict=True)]
    return sorted(found, key=lambda one: -one.value)


def _evals(features: int) -> int:
    """How many masked rows are asked for to explain one: those of ten orders of the features,
    there and back, but no more than shap's own 500, and at least those of one order.
    """
    of_order = 2 * features + 1
    return max(of_order, min(500, 10 * of_order))


def _refuse_slow(predict: Callable[[Any], Any], data: Any, max_seconds: float | None) -> None:
    start = time.monotonic()
    predict(data)
    expected = (time.monotonic() - start) * _SHAP_CALLS
    if max_seconds is not None and expected > max_seconds:
        raise TooSlow


def _like(data: Any, rows: Any) -> Any:
    if not is_frame(data):
        return rows
    frame = type(data)(rows)
    frame.columns = list(data.columns)
    return frame


def _mean_sizes(values: Floats, positive: int | None) -> Floats:
    sizes = np.abs(values).mean(axis=0)
    if sizes.ndim == 1:
        return np.asarray(sizes)
    return np.asarray(sizes.mean(axis=1) if positive is None else sizes[:, positive])
