"""Metrics: single points, and the columnar forms in which many travel.

Arrays are NumPy's where the caller sees them and little-endian bytes where they travel, so that a
client
can pack a batch without importing NumPy (200 ms).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from assay.entities.ids import ModelId, RunId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Metric(msgspec.Struct, frozen=True):
    """One point of one series, as MLflow's clients see it."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: ModelId | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: RunId | None = None


class SeriesKey(msgspec.Struct, frozen=True, array_like=True):
    """What tells the series of one run apart: points of other models or data sets are other
    series.
    """

    key: str
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class PointBatch(msgspec.Struct, frozen=True):
    """Points of one run in columns: what one delivery brings, and what a segment stores.

    All four columns hold the same number of points, little-endian, without padding.
    """

    series: list[SeriesKey]
    index: bytes
    """``uint32`` per point: its place in ``series``."""
    steps: bytes
    """``int64`` per point."""
    timestamps: bytes
    """``int64`` per point, ms."""
    values: bytes
    """``float64`` per point; NaN and ±inf are values, and NaN payloads are kept."""

    def __len__(self) -> int:
        return len(self.steps) // 8


class MetricSummary(msgspec.Struct, frozen=True):
    """Figures of one series, kept up to date in the transaction that stores its points.

    ``min``, ``max``, ``mean`` and ``sum_squares`` are over finite values and ±inf; NaN points
    count in
    ``count`` and ``nan_count`` only. With no number among the points they are NaN.
    """

    series: SeriesKey
    count: int
    nan_count: int
    first_step: int
    last_step: int
    last_timestamp: int
    last: float
    """MLflow's *latest*: the value at the largest (step, timestamp, value)."""
    first: float
    """The value at the smallest (step, timestamp, value)."""
    min: float
    max: float
    mean: float
    sum_squares: float


class History(NamedTuple):
    """All points of one series, sorted by (step, timestamp, value); arrays of one length ``n``."""

    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


class Buckets(NamedTuple):
    """One series cut into at most ``n`` buckets of equal step width; buckets without points are
    left out.

    All arrays have one length. ``min``, ``max`` and ``mean`` leave NaN out and are NaN where a
    bucket holds
    nothing else.
    """

    run_id: RunId
    series: SeriesKey
    steps: NDArray[np.int64]
    """First step in the bucket."""
    last_steps: NDArray[np.int64]
    """Last step in the bucket."""
    timestamps: NDArray[np.int64]
    """Timestamp of the bucket's last point."""
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]
    counts: NDArray[np.int64]
