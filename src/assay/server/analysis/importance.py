"""Importance: which params a metric depends on, over the runs of an experiment.

A random forest learns the metric from the params. A param is as important as the forest gets worse
at runs that it has not seen when the param's column is shuffled (Breiman, "Random Forests", 2001),
counted in R²: 1 means that the metric can't be told without it, 0 that it tells nothing. At the
runs that it learnt from, noise would look important. Spearman's rank correlation says in which
direction a number works. Everything is seeded, so the same runs give the same answer.
"""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import MissingExtra, StoreUnavailable

MAX_RUNS: Final = 5_000
FEW_RUNS: Final = 30
"""Below this the order of the params is mostly chance."""
TREES: Final = 60
REPEATS: Final = 5
_MANY_RUNS: Final = 200
"""From here on one forest is judged by a third of the runs; below, three by a third each."""
_JUDGED: Final = 500
"""Runs on which columns are shuffled, at most: the time goes with their number."""
_LEARNT: Final = 1_000
"""Runs that each tree is grown from, at most."""
_SEED: Final = 20_240_101
_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""Forests keep a core busy for seconds; more than two would starve all other requests."""
_PATIENCE_S: Final = 20.0
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\Z")

Column = Sequence[str | None]


class ParamImportance(msgspec.Struct, frozen=True):
    """What one param means for the metric."""

    param: str
    importance: float
    """How much R² is lost without it; near 0 or below: nothing."""
    importance_sd: float
    """Over the shufflings."""
    correlation: float | None
    """Spearman's, -1 to 1; ``null`` for categories and constants."""
    kind: Literal["number", "category"]
    runs: int
    """Runs that have it."""


class Importances(msgspec.Struct, frozen=True):
    """The params, the most important first."""

    runs: int
    """Runs that the figures are made of: those with a finite value of the metric."""
    warning: str | None
    entries: list[ParamImportance]


def importances(target: NDArray[np.float64], params: Mapping[str, Column]) -> Importances:
    """Importance of each param for the metric; ``target`` has one finite value per run.

    Params that are the same in all runs can't be judged, and are left out.

    Raises:
        MissingExtra: scikit-learn is not installed.
        StoreUnavailable: others keep the server busy with this.
    """
    stats, forest, inspection = _libraries()
    count = len(target)
    varying = {key: column for key, column in params.items() if len(set(column)) > 1}
    warning = None
    if count < FEW_RUNS:
        warning = (
            f"Only {count} runs: with fewer than {FEW_RUNS} the order of params is mostly chance."
        )
    if count < 3 or not varying or np.all(target == target[0]):
        return Importances(count, warning or "There is nothing to compare.", [])
    encoded = {key: _encode(column) for key, column in varying.items()}
    features = np.column_stack([features for features, _ in encoded.values()])
    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise StoreUnavailable("Importance is being computed for others. Try again in a moment.")
    try:
        losses = []
        for learnt, judged in _splits(count):
            model = forest(
                n_estimators=TREES,
                min_samples_leaf=2,
                max_samples=min(_LEARNT, len(learnt)),
                random_state=_SEED,
            ).fit(features[learnt], target[learnt])
            permuted = inspection(
                model,
                features[judged],
                target[judged],
                scoring="neg_mean_squared_error",
                n_repeats=REPEATS,
                random_state=_SEED,
            )
            losses.append(permuted.importances)
    finally:
        _AT_ONCE.release()
    lost = np.concatenate(losses, axis=1) / target.var()
    entries = [
        ParamImportance(
            param=key,
            importance=float(lost[place].mean()),
            importance_sd=float(lost[place].std()),
            correlation=_correlation(stats, column, target) if is_number else None,
            kind="number" if is_number else "category",
            runs=sum(value is not None for value in varying[key]),
        )
        for place, (key, (column, is_number)) in enumerate(encoded.items())
    ]
    entries.sort(key=lambda entry: (-entry.importance, entry.param))
    return Importances(count, warning, entries)


def _libraries() -> tuple[Any, Any, Any]:
    try:
        from scipy import stats
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.inspection import permutation_importance
    except ImportError:
        raise MissingExtra(
            "scikit-learn", extra="analysis", purpose="The importance of params"
        ) from None
    return stats, RandomForestRegressor, permutation_importance


def _encode(column: Column) -> tuple[NDArray[np.float64], bool]:
    """A column as numbers, and whether it is one of numbers.

    Numbers stand in the order of their ranks, which is all that a tree looks at and no size
    overflows; categories in the order of how many runs have them; what is missing before all.
    """
    values = [value for value in column if value is not None]
    if all(_NUMBER.match(value.strip()) for value in values):
        numbers = sorted({float(value) for value in values})
        rank = {number: place for place, number in enumerate(numbers)}
        codes = [-1 if value is None else rank[float(value)] for value in column]
        return np.array(codes, np.float64), True
    by_count = [value for value, _ in Counter(values).most_common()]
    place_of = {value: place for place, value in enumerate(by_count)}
    codes = [-1 if value is None else place_of[value] for value in column]
    return np.array(codes, np.float64), False


def _splits(count: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Runs to learn from and runs to judge by."""
    mixed = np.random.default_rng(_SEED).permutation(count)
    if count >= _MANY_RUNS:
        judged = min(_JUDGED, count // 3)
        return [(mixed[judged:], mixed[:judged])]
    folds = np.array_split(mixed, 3)
    return [(np.setdiff1d(mixed, fold), fold) for fold in folds]


def _correlation(
    stats: Any, ranks: NDArray[np.float64], target: NDArray[np.float64]
) -> float | None:
    there = ranks >= 0
    if np.count_nonzero(there) < 3 or np.all(ranks[there] == ranks[there][0]):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a constant target, answered below
        found = float(stats.spearmanr(ranks[there], target[there]).statistic)
    return None if math.isnan(found) else found
