"""Data as they come: pandas and Polars frames, mappings of columns, NumPy arrays.

One small face over all of them, told apart by what they can do, so that no library is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput


def is_frame(data: Any) -> bool:
    """Whether ``data`` is a pandas or Polars DataFrame."""
    return hasattr(data, "columns") and hasattr(data, "shape") and hasattr(data, "__getitem__")


def column_names(data: Any) -> list[str]:
    """Names of the columns; of an array none."""
    if is_frame(data):
        return [str(name) for name in data.columns]
    if isinstance(data, Mapping):
        return [str(name) for name in data]
    return []


def row_count(data: Any) -> int:
    """Rows."""
    if isinstance(data, Mapping):
        return len(next(iter(data.values()))) if data else 0
    return int(data.shape[0]) if hasattr(data, "shape") else len(data)


def column(data: Any, name: str, what: str) -> NDArray[Any]:
    """A column as an array; missing values of number columns become NaN.

    Raises:
        InvalidInput: there is none of this name. ``what`` says what it is for.
    """
    known = column_names(data)
    if name not in known:
        if not known:
            raise InvalidInput(
                f"The {what} {name!r} can't be a column: the data are an array. Give an array."
            )
        raise InvalidInput(
            f"There is no column {name!r} for the {what}; there are: {', '.join(known[:20])}."
        )
    if isinstance(data, Mapping):
        return np.asarray(data[name])
    return as_array(data[_key(data, name)])


def _key(data: Any, name: str) -> Any:
    """The column's own name, which pandas doesn't require to be text."""
    return next(own for own in data.columns if str(own) == name)


def as_array(series: Any) -> NDArray[Any]:
    """A column or list as an array; pandas' missing values of numbers become NaN, others None."""
    dtype: Any = getattr(series, "dtype", None)
    if dtype is not None and hasattr(series, "isna") and hasattr(dtype, "kind"):
        kind = dtype.kind
        if not isinstance(dtype, np.dtype) and kind in "iuf":
            if series.isna().any():
                return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
            return np.asarray(series.to_numpy(dtype=f"{kind}8"))
        if not isinstance(dtype, np.dtype):
            values = series.astype(object)
            return np.asarray(values.where(values.notna(), None), dtype=object)
        return np.asarray(series.to_numpy())
    if hasattr(series, "to_numpy"):
        return np.asarray(series.to_numpy())
    array = np.asarray(series)
    if array.dtype.kind in "US" and isinstance(series, list | tuple):
        # NumPy turns numbers and None between texts into text; they are kept to be found out.
        return np.asarray(series, dtype=object)
    return array


def pick(data: Any, names: Sequence[str]) -> Any:
    """The data with these columns only, in this order."""
    if isinstance(data, Mapping):
        return {name: data[name] for name in names}
    return data[[_key(data, name) for name in names]]


def take_rows(data: Any, rows: NDArray[np.int64]) -> Any:
    """The data with these rows, in this order."""
    if isinstance(data, Mapping):
        return {name: np.asarray(values)[rows] for name, values in data.items()}
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    return data[rows]


def with_column(data: Any, name: str, rows: NDArray[np.int64]) -> Any:
    """A copy of the data in which one column is shuffled: row i has the value of row ``rows[i]``.

    ``name`` is a column's name, or its position in an array as text.
    """
    if isinstance(data, Mapping):
        return {**data, name: np.asarray(data[name])[rows]}
    if hasattr(data, "iloc"):
        changed = data.copy()
        own = _key(data, name)
        changed[own] = data[own].iloc[rows].set_axis(data.index)
        return changed
    if is_frame(data):
        return data.with_columns(data[name][rows.tolist()].alias(name))
    changed = np.array(data)
    changed[:, int(name)] = data[rows, int(name)]
    return changed


def shown_cells(values: NDArray[Any]) -> list[Any]:
    """Values as JSON can hold them; what it can't is its text."""
    return [
        one if isinstance(one, str | int | float | bool) or one is None else str(one)
        for one in np.asarray(values).tolist()
    ]
