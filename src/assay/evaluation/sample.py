"""The evaluated sample: what was true, what was predicted, and what each row weighs.

Checked once, here: equal lengths, no missing values, numbers where numbers are needed. What comes
out of this module is trusted by all metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SHOWN_ROWS = 3


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of an evaluation; every array has one entry a row, except ``labels``."""

    targets: NDArray[Any]
    """Floats; for a classifier the positions of the labels in ``labels``, int64."""
    predictions: NDArray[Any]
    """As ``targets``."""
    weights: Floats | None = None
    """What each row counts; ``None`` means 1."""
    probabilities: Floats | None = None
    """Of a classifier, shape (n, number of labels)."""
    labels: NDArray[Any] | None = None
    """Of a classifier, ascending."""
    positive: int = 1
    """Which label is the positive one, where there are two."""
    groups: NDArray[Any] | None = None
    """The query of each row of a ranker; the series of each row of a forecaster."""
    lower: Floats | None = None
    """Lower end of the interval that a forecaster gave."""
    upper: Floats | None = None
    """Upper end of that interval."""
    scales: Floats | None = None
    """What the errors of a forecaster are divided by for MASE."""
    counts: Floats | None = None
    """How many equal rows this one stands for; ``None`` means 1. See ``collapsed``."""

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: NDArray[Any]) -> Sample:
        """The sample of these rows: positions, or a mask."""
        parts = {
            field.name: value[rows]
            for field in fields(self)
            if field.name not in ("labels", "positive")
            and (value := getattr(self, field.name)) is not None
        }
        return replace(self, **parts)


def collapsed(sample: Sample, other: Sample | None = None) -> tuple[Sample, Sample | None]:
    """Equal rows as one row each with its count, for samples that hold labels only.

    Resampling n rows is then drawing the counts from a multinomial distribution, which is the same
    bootstrap and does not depend on n. ``other``, predictions of a second model for the same rows,
    is collapsed in step. Samples with probabilities or weights come back as they are.
    """
    pair = [sample] if other is None else [sample, other]
    if sample.labels is None or any(
        one.probabilities is not None or one.weights is not None for one in pair
    ):
        return sample, other
    size = len(sample.labels)
    codes = sample.targets.astype(np.int64)
    for one in pair:
        codes = codes * size + one.predictions
    _, first, counts = np.unique(codes, return_index=True, return_counts=True)
    small = [replace(one.take(first), counts=counts.astype(np.float64)) for one in pair]
    return small[0], small[1] if other is not None else None


def numbers(values: Any, what: str) -> Floats:
    """``values`` as float64, shape (n,).

    Raises:
        InvalidInput: they are no numbers, have several columns, or some are missing or infinite.
    """
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InvalidInput(f"The {what} must be one column, not an array of shape {array.shape}.")
    try:
        floats = array.astype(np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"The {what} must be numbers; they are {array.dtype.name} such as {array[0]!r}."
            if len(array)
            else f"The {what} must be numbers."
        ) from None
    refuse_rows(~np.isfinite(floats), what, "missing or infinite")
    return floats


def refuse_rows(bad: NDArray[np.bool_], what: str, why: str) -> None:
    """Raise ``InvalidInput`` naming the first rows that ``bad`` marks, if any."""
    if bad.any():
        rows = np.flatnonzero(bad)
        shown = ", ".join(str(row) for row in rows[:_SHOWN_ROWS])
        more = " …" if len(rows) > _SHOWN_ROWS else ""
        raise InvalidInput(
            f"{len(rows)} of the {what} are {why} (rows {shown}{more})."
            " Remove or fill these rows before evaluating."
        )


def same_length(parts: dict[str, Any]) -> int:
    """The common length of what is given; ``None`` values are left out.

    Raises:
        InvalidInput: lengths differ, or there are no rows.
    """
    lengths = {name: len(part) for name, part in parts.items() if part is not None}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InvalidInput(f"All parts of an evaluation need one length; these have: {shown}.")
    size = next(iter(lengths.values()))
    if size == 0:
        raise InvalidInput("There are no rows to evaluate.")
    return size


def row_weights(values: Any, size: int) -> Floats | None:
    """Weights as float64, or ``None`` if none are given.

    Raises:
        InvalidInput: another length, a negative or missing weight, or all are zero.
    """
    if values is None:
        return None
    weights = numbers(values, "sample weights")
    same_length({"rows": range(size), "sample weights": weights})
    refuse_rows(weights < 0, "sample weights", "negative")
    if not weights.any():
        raise InvalidInput("All sample weights are zero.")
    return weights
