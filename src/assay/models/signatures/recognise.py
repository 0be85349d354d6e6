"""What a value is, told without importing the library that it would be of.

A library that was never imported can't have made the value, so its absence is the answer ``False``.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["is_frame", "is_polars", "is_series", "is_spark", "is_sparse", "is_tensor", "made_by"]


def made_by(value: object, module: str, *names: str) -> bool:
    """Whether the value is an instance of one of the module's classes of these names."""
    loaded = sys.modules.get(module)
    # A module under import is there before its classes are.
    kinds = (getattr(loaded, name, None) for name in names)
    return any(isinstance(value, kind) for kind in kinds if isinstance(kind, type))


def is_frame(value: object) -> bool:
    """A pandas DataFrame."""
    return made_by(value, "pandas", "DataFrame")


def is_series(value: object) -> bool:
    """A pandas Series."""
    return made_by(value, "pandas", "Series")


def is_polars(value: object) -> bool:
    """A Polars frame or series, lazy ones included."""
    return made_by(value, "polars", "DataFrame", "Series", "LazyFrame")


def is_sparse(value: object) -> bool:
    """A SciPy sparse matrix or array."""
    return type(value).__module__.startswith("scipy.sparse") and hasattr(value, "tocsr")


def is_spark(value: object) -> bool:
    """A Spark DataFrame, of a classic session or a remote one."""
    kind = type(value)
    return kind.__module__.startswith("pyspark.sql") and kind.__name__ == "DataFrame"


def is_tensor(value: Any) -> bool:
    """A tensor of PyTorch, TensorFlow, JAX or whoever else has ``dtype``, ``shape`` and a way to
    become an array; NumPy's own arrays are none.
    """
    root = type(value).__module__.partition(".")[0]
    if root in ("numpy", "pandas", "polars", "scipy", "builtins"):
        return False
    return hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "__array__")
