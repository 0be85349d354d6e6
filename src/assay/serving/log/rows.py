"""Rows of the prediction log: what a model was asked and what it said, as columns of plain values,
without what must not be kept.

A column that is to be left out, or kept as a keyed digest only, is that before anything leaves the
process that was asked.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from assay.serving.settings import LogSettings

Columns = dict[str, list[Any]]
"""Values by column; all lists have the same length."""
INPUT: Final = "input"
"""Of inputs that have no names."""
PREDICTION: Final = "prediction"
DIGEST: Final = "#digest"
"""At the end of the name of a column that is hashed."""
MAX_ROWS: Final = 1_000
"""Of one request that are kept: a batch of millions would push all others out."""
_MAX_COLUMNS: Final = 256
"""An array that has more (a picture) is one column of lists."""
_DIGEST_CHARACTERS: Final = 32
_PLAIN: Final = (bool, int, float, str, bytes)
"""What is written as it is, and no class that is made of one."""


class Redaction:
    """Which columns are left out, and which are kept as digests."""

    def __init__(self, settings: LogSettings) -> None:
        self._dropped = frozenset(settings.redact)
        self._hashed = frozenset(settings.hashed)
        self._key = settings.hash_key.encode()

    def of(self, columns: Columns) -> Columns:
        """What of these columns may be kept."""
        if not self._dropped and not self._hashed:
            return columns
        kept: Columns = {}
        for name, values in columns.items():
            if name in self._hashed:
                # Not under its own name: nobody shall take digests for values.
                kept[name + DIGEST] = [self.digest(name, value) for value in values]
            elif name not in self._dropped:
                kept[name] = values
        return kept

    def digest(self, column: str, value: Any) -> str | None:
        """The same for the same value of the same column, under the same key."""
        if value is None:
            return None
        text = value if isinstance(value, str) else repr(value)
        content = f"{column}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()[:_DIGEST_CHARACTERS]


def columns_of(data: Any, unnamed: str) -> Columns:
    """The first ``MAX_ROWS`` rows of what a model takes or gives.

    Args:
        data: a frame, a mapping of columns, an array, a list of rows, or one value.
        unnamed: what a column is called that has no name.
    """
    root = type(data).__module__.split(".")[0]
    if root == "polars" or (root == "pandas" and hasattr(data, "iloc")):
        return _of_frame(data, unnamed)
    if isinstance(data, Mapping):
        named = {str(name): _listed(values) for name, values in data.items()}
        if len({len(values) for values in named.values()}) > 1:
            # Parts that aren't columns of one table: one row.
            return {name: [_plain(values)] for name, values in named.items()}
        return {name: _plain(values) for name, values in named.items()}
    if root == "torch":
        data = data[:MAX_ROWS].detach().cpu().numpy() if data.ndim else data.item()
    elif root == "tensorflow":
        data = data.numpy()
    elif root == "scipy" and hasattr(data, "toarray"):
        data = data[:MAX_ROWS].toarray()
    if hasattr(data, "tolist") and hasattr(data, "ndim"):
        return _of_array(data, unnamed)
    values = _listed(data)
    if values and all(isinstance(row, dict) for row in values):
        names = dict.fromkeys(str(name) for row in values for name in row)
        return {name: [_plain(row.get(name)) for row in values] for name in names}
    return {unnamed: _plain(values)}


def row_count(columns: Columns) -> int:
    """How many rows they have."""
    return len(next(iter(columns.values()), ()))


def _of_frame(frame: Any, unnamed: str) -> Columns:
    first = frame.head(MAX_ROWS)
    if not hasattr(first, "columns"):
        return {unnamed: _plain(_listed(first))}
    if type(frame).__module__.startswith("polars"):
        return {str(name): _plain(first[name].to_list()) for name in first.columns}
    # By place: names of columns needn't be unique.
    return {str(name): _plain(first.iloc[:, at].tolist()) for at, name in enumerate(first.columns)}


def _of_array(array: Any, unnamed: str) -> Columns:
    if array.ndim == 0:
        return {unnamed: _plain([array.tolist()])}
    first = array[:MAX_ROWS]
    if array.ndim == 2 and 1 < array.shape[1] <= _MAX_COLUMNS:
        return {f"{unnamed}.{at}": _plain(first[:, at].tolist()) for at in range(array.shape[1])}
    if array.ndim == 2 and array.shape[1] == 1:
        first = first[:, 0]
    return {unnamed: _plain(first.tolist())}


def _listed(values: Any) -> list[Any]:
    if hasattr(values, "tolist"):
        values = (values[:MAX_ROWS] if getattr(values, "ndim", 0) else values).tolist()
    if isinstance(values, list | tuple):
        return list(values[:MAX_ROWS])
    return [values]


def _plain(value: Any) -> Any:
    """A value that MessagePack and Parquet have: times become text, missing ones ``None``."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, float):
        # NumPy's float64 is one, and isn't written as one.
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, datetime.date | datetime.time):
        # pandas' missing time is a time by its class.
        return None if str(value) == "NaT" else value.isoformat()
    if type(value).__module__.startswith("pandas") and str(value) in ("<NA>", "NaT"):
        return None
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)
