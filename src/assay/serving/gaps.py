"""Gaps in the data of a request: what a model that raised may have raised for.

Whether missing values in required columns, and requests without rows, are taken is for each model
to say; a signature doesn't tell. So the model is asked, and when it raises and the data has gaps,
whoever sent them is told. Gaps in optional columns are none: there a model must take them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_TOLD = 5
"""Names that a message has at most."""


def gap_in(data: Any, *, optional: Collection[Any] = ()) -> str | None:
    """What of the data is missing, in words; ``None``: nothing is.

    Args:
        data: as it was read from the request.
        optional: columns that may be missing.
    """
    columns = {name: values for name, values in _columns(data).items() if name not in optional}
    if columns and all(len(values) == 0 for values in columns.values()):
        return "it has no rows"
    found = [name for name, values in columns.items() if any(map(_is_missing, values))]
    if not found:
        return None
    names = ", ".join(repr(str(name)[:80]) for name in found[:_TOLD])
    more = "" if len(found) <= _TOLD else f" and {len(found) - _TOLD} more"
    return f"there are missing values in {names}{more}"


def _columns(data: Any) -> dict[Any, Any]:
    if hasattr(data, "columns"):
        return {name: data[name].tolist() for name in data.columns}
    if isinstance(data, dict):
        return {name: _flat(values) for name, values in data.items()}
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        return {name: [row.get(name) for row in data] for row in data for name in row}
    return {"the input": _flat(data)}


def _flat(values: Any) -> list[Any]:
    if hasattr(values, "ravel"):
        values = values.ravel().tolist()
    if not isinstance(values, list):
        return [values]
    return [one for part in values for one in (_flat(part) if isinstance(part, list) else [part])]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN
