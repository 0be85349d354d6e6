"""Predictions of any model as a frame, for engines that want columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_frame(output: Any, name: str, *, wide: bool = False) -> Any:
    """Predictions as a new pandas DataFrame; those that have no column names are called ``name``.

    Each row of an array with several axes becomes one array, unless ``wide`` asks for a column
    (0, 1, …) for each place of an array with two.
    """
    import numpy as np
    import pandas as pd

    if isinstance(output, pd.DataFrame):
        return output.copy(deep=False)
    if isinstance(output, Mapping):
        return pd.DataFrame({key: list(values) for key, values in output.items()})
    if hasattr(output, "to_pandas"):
        return as_frame(output.to_pandas(), name, wide=wide)
    if hasattr(output, "detach"):
        output = output.detach().cpu()
    if hasattr(output, "toarray"):
        output = output.toarray()
    if isinstance(output, list | tuple):
        if output and all(isinstance(one, Mapping) for one in output):
            return pd.DataFrame(list(output))
        return pd.DataFrame({name: pd.Series(list(output))})
    array = np.asarray(output)
    if wide and array.ndim == 2:
        return pd.DataFrame(array)
    if array.ndim > 1:
        return pd.DataFrame({name: pd.Series(list(array), dtype=object)})
    return pd.DataFrame({name: np.atleast_1d(array)})
