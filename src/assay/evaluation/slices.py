"""Slices: named parts of the rows, to see where a model is worse than on the whole.

A slice is a value of a column, a bin of a numeric one, or whatever a function or mask marks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.evaluation.bootstrap import Interval

SMALL = 30
"""Rows below which the figures of a slice are marked: they say little."""
MAX_VALUES = 20
"""Values of a column that become slices of their own; the rarest others are one more slice."""
DEFAULT_BINS = 4
"""Quantile bins of a numeric column with more values than ``_FEW_NUMBERS``."""
_FEW_NUMBERS = 10

Mask = NDArray[np.bool_]
Rule = str | int | Sequence[float] | Callable[[Any], Any] | NDArray[Any]
SliceRules = str | Sequence[str] | Mapping[str, Rule]


@dataclass(frozen=True)
class Slice:
    """Figures of one part of the rows."""

    by: str
    """The column or rule that cuts."""
    name: str
    """The value, the bin, or empty for a function or mask."""
    rows: int
    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    baseline: dict[str, float] | None = None
    note: str = ""
    """Why there are no metrics, if so."""

    @property
    def is_small(self) -> bool:
        """Fewer than ``SMALL`` rows."""
        return self.rows < SMALL

    def __str__(self) -> str:
        return f"{self.by} = {self.name}" if self.name else self.by


@dataclass(frozen=True)
class Part:
    """Rows of a slice, before anything is computed."""

    by: str
    name: str
    mask: Mask


def cut(
    rules: SliceRules | None, *, column: Callable[[str], NDArray[Any]], frame: Any, size: int
) -> list[Part]:
    """The slices that the rules ask for; empty ones are left out.

    Args:
        rules: a column, several, or a mapping of names to: a column; a number of quantile bins or
            a list of inner edges, for the column of that name; a function of the whole frame that
            gives a mask; a mask.
        column: gives a column by name; raises ``InvalidInput`` if there is none.
        frame: what functions are called with.
        size: number of rows.

    Raises:
        InvalidInput: a rule can't be read, or a mask doesn't fit.
    """
    if rules is None:
        return []
    if isinstance(rules, str):
        rules = [rules]
    named: Mapping[str, Rule] = (
        rules if isinstance(rules, Mapping) else {name: name for name in rules}
    )
    parts: list[Part] = []
    for name, rule in named.items():
        parts += _parts(name, rule, column=column, frame=frame, size=size)
    return [part for part in parts if part.mask.any()]


def _parts(
    name: str, rule: Rule, *, column: Callable[[str], NDArray[Any]], frame: Any, size: int
) -> list[Part]:
    if isinstance(rule, str):
        return by_value(name, column(rule))
    if isinstance(rule, int) and not isinstance(rule, bool):
        return by_bins(name, column(name), quantile_edges(column(name), rule, name))
    if callable(rule):
        return [Part(name, "", _mask(rule(frame), name, size))]
    array = np.asarray(rule)
    if array.dtype == np.bool_:
        return [Part(name, "", _mask(array, name, size))]
    if array.ndim == 1 and array.dtype.kind in "iuf":
        return by_bins(name, column(name), np.unique(array.astype(np.float64)))
    raise InvalidInput(
        f"The slice {name!r} must be a column, a number of bins, a list of edges, a function or a"
        f" mask of {size} booleans."
    )


def _mask(values: Any, name: str, size: int) -> Mask:
    mask = np.asarray(values)
    if mask.dtype != np.bool_ or mask.shape != (size,):
        raise InvalidInput(
            f"The slice {name!r} must mark rows with {size} booleans; it gives {mask.dtype.name}"
            f" of shape {mask.shape}."
        )
    return mask


def by_value(name: str, values: NDArray[Any]) -> list[Part]:
    """A slice for each value; many numbers are binned, rare values join into ``other``."""
    if values.dtype.kind in "iuf" and len(np.unique(values)) > _FEW_NUMBERS:
        return by_bins(name, values, quantile_edges(values, DEFAULT_BINS, name))
    texts = np.array([_text(value) for value in values.tolist()], dtype=object)
    found, counts = np.unique(texts.astype(str), return_counts=True)
    kept = found[np.argsort(-counts, kind="stable")][:MAX_VALUES]
    parts = [Part(name, str(value), texts == value) for value in sorted(kept)]
    if len(found) > MAX_VALUES:
        parts.append(Part(name, "other", ~np.isin(texts.astype(str), kept)))
    return parts


def _text(value: Any) -> str:
    return "missing" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN


def quantile_edges(values: NDArray[Any], bins: int, name: str) -> NDArray[np.float64]:
    """Inner edges of bins that hold about equally many rows. Raises ``InvalidInput``."""
    if values.dtype.kind not in "iuf":
        raise InvalidInput(f"The slice {name!r} can't be binned: its values are no numbers.")
    if bins < 2:
        raise InvalidInput(f"The slice {name!r} needs at least 2 bins, not {bins}.")
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    present = values[~np.isnan(values.astype(np.float64))].astype(np.float64)
    if not len(present):
        return np.empty(0)
    return np.unique(np.quantile(present, shares))


def by_bins(name: str, values: NDArray[Any], edges: NDArray[np.float64]) -> list[Part]:
    """A slice for each bin; bins hold their lower end, and missing values are a slice too."""
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    places = np.searchsorted(edges, numbers, side="right")
    parts = []
    for at in range(len(edges) + 1):
        low = f"{edges[at - 1]:.4g}" if at else ""
        high = f"{edges[at]:.4g}" if at < len(edges) else ""
        text = f"{low} to {high}" if low and high else f"below {high}" if high else f"from {low}"
        parts.append(Part(name, text if low or high else "all", (places == at) & ~missing))
    return [*parts, Part(name, "missing", missing)]
