"""Small tables that models of the tests are trained on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

ROWS = 60


@cache
def _features() -> pd.DataFrame:
    values = np.random.default_rng(7).normal(size=(ROWS, 3))
    return pd.DataFrame(values, columns=["a", "b", "c"])


def features() -> pd.DataFrame:
    """Three columns of floats."""
    return _features().copy()


def target() -> np.ndarray:
    """Numbers, by a rule that trees and lines can learn."""
    table = _features()
    return (2 * table["a"] - table["b"]).to_numpy()


def classes() -> np.ndarray:
    """Classes 0 and 1."""
    return (target() > 0).astype(int)


def ranks() -> np.ndarray:
    """Query ids, ten rows each."""
    return np.repeat(np.arange(ROWS // 10), 10)
