"""Confidence intervals by the bootstrap, of metrics and of differences between two models.

Two models are compared on the same resamples: the interval of a difference is that of a paired
comparison, much narrower than two intervals side by side suggest.

Intervals are BCa (Efron 1987, *Better bootstrap confidence intervals*; DiCiccio and Efron 1996,
*Bootstrap confidence intervals*, for several strata) or percentile ones. Resamples of a time
series, whose rows depend on each other, give percentile intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal

import numpy as np

from assay.errors import InvalidInput
from assay.evaluation.draws import Draws
from assay.evaluation.measures import Figures, Measures
from assay.evaluation.sample import Floats

Method = Literal["bca", "percentile"]
METHODS = ("bca", "percentile")

BATCH_CELLS = 200_000
"""Counts held at a time: 1.6 MB, which stay in a processor's cache (larger took twice as long)."""
MAX_WORK = 2_000_000_000
"""Units times resamples times passes; 10 to 20 seconds. Above it fewer resamples are drawn."""
MIN_RESAMPLES = 200
"""So many are drawn of whatever size: fewer make the ends of an interval a matter of luck."""
MAX_LEFT_OUT = 1_000
"""Up to so many units each is left out in turn; of more, random groups are."""
LEFT_OUT_GROUPS = 250
"""So many groups: their chance moves the acceleration by about 0.003, a quarter of what a skewness
of 1 gives at 200 rows."""
_MAX_UNDEFINED = 0.05
"""Share of resamples in which a metric may be undefined and still get an interval."""


@dataclass(frozen=True)
class Settings:
    """How intervals are computed."""

    level: float = 0.95
    resamples: int = 1_000
    """0: no intervals."""
    seed: int = 0
    method: Method = "bca"

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise InvalidInput(f"confidence must lie between 0 and 1, not {self.level}.")
        if self.resamples != 0 and self.resamples < MIN_RESAMPLES // 2:
            raise InvalidInput(
                f"bootstrap must be 0 (no intervals) or at least {MIN_RESAMPLES // 2} resamples,"
                f" not {self.resamples}."
            )
        if self.method not in METHODS:
            raise InvalidInput(f"method must be one of {', '.join(METHODS)}, not {self.method!r}.")


@dataclass(frozen=True)
class Interval:
    """Where a figure lies with the given confidence; both ends belong to it."""

    low: float
    high: float
    level: float
    method: Method
    resamples: int

    def __str__(self) -> str:
        return f"[{self.low:.4g}, {self.high:.4g}]"

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies in it."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Intervals:
    """Intervals by metric name."""

    candidate: dict[str, Interval] = field(default_factory=dict)
    baseline: dict[str, Interval] = field(default_factory=dict)
    differences: dict[str, Interval] = field(default_factory=dict)
    """Of candidate minus baseline, resampled together."""
    notes: list[str] = field(default_factory=list)


def bootstrap_intervals(
    candidate: Measures, draws: Draws, settings: Settings, baseline: Measures | None = None
) -> Intervals:
    """Intervals of all metrics of ``candidate`` that have one, and of what ``baseline`` adds.

    Both must measure the same units in the same order.
    """
    if settings.resamples == 0 or draws.units < 2:
        return Intervals()
    both = [candidate] if baseline is None else [candidate, baseline]
    resamples = affordable(settings.resamples, draws.units, sum(one.cost for one in both))
    found = Intervals()
    if resamples < settings.resamples:
        found.notes.append(
            f"{resamples} instead of {settings.resamples} resamples, because of"
            f" {draws.units:,} rows."
        )
    drawn = _resampled(both, draws, resamples, settings.seed)
    exact = settings.method == "bca" and draws.exchangeable
    influences = _Influences(both, draws, settings.seed) if exact else None
    estimates = [one.figures(one.base[None, :], all_of_them=False) for one in both]
    kept = [name for name in estimates[0] if name not in candidate.descriptive]
    for name in kept:
        for at, into in enumerate([found.candidate, found.baseline][: len(both)]):
            interval = _interval(
                drawn[at][name],
                float(estimates[at][name][0]),
                None if influences is None else influences.acceleration(name, at),
                settings,
            )
            _keep(into, name, interval, found.notes if at == 0 else [])
        if baseline is not None:
            interval = _interval(
                drawn[0][name] - drawn[1][name],
                float(estimates[0][name][0] - estimates[1][name][0]),
                None if influences is None else influences.acceleration(name, None),
                settings,
            )
            _keep(found.differences, name, interval, [])
    return found


def affordable(resamples: int, units: int, cost: int) -> int:
    """``resamples``, or fewer where the work would exceed ``MAX_WORK``."""
    most = max(MIN_RESAMPLES, MAX_WORK // max(1, units * cost))
    return min(resamples, int(most))


def _keep(into: dict[str, Interval], name: str, found: Interval | None, notes: list[str]) -> None:
    if found is None:
        notes.append(f"{name} has no interval: it is undefined in too many resamples.")
        return
    if found.low == found.high:
        notes.append(f"The interval of {name} is one point: all resamples gave the same value.")
    into[name] = found


def _batches(total: int, units: int) -> list[int]:
    size = max(1, BATCH_CELLS // max(1, units))
    return [min(size, total - at) for at in range(0, total, size)]


def _resampled(both: Sequence[Measures], draws: Draws, resamples: int, seed: int) -> list[Figures]:
    random = np.random.default_rng(seed)
    parts: list[list[Figures]] = [[] for _ in both]
    for size in _batches(resamples, draws.units):
        counts = draws.batch(random, size)
        for into, one in zip(parts, both, strict=True):
            into.append(one.figures(counts, all_of_them=False))
    return [_joined(part) for part in parts]


def _joined(parts: list[Figures]) -> Figures:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class _Influences:
    """What leaving out a unit does to each metric: the acceleration of BCa intervals.

    Leaving out random groups instead of single units estimates the same third and second moments
    (Shao and Tu 1995, *The jackknife and bootstrap*, section 2.3) at a cost that doesn't grow with
    the square of the rows.
    """

    def __init__(self, both: Sequence[Measures], draws: Draws, seed: int) -> None:
        base = both[0].base
        random = np.random.default_rng([seed, 1])
        self._parts: list[tuple[list[Figures], Floats]] = []
        for places in draws.strata:
            share = max(2, round(LEFT_OUT_GROUPS * len(places) / draws.units))
            whole = draws.units > MAX_LEFT_OUT and len(places) > share
            if whole:
                groups, often = np.array_split(random.permutation(places), share), np.ones(share)
            else:
                groups, often = [np.array([place]) for place in places], base[places]
            self._parts.append((_left_out(both, base, groups, whole=whole), often))

    def acceleration(self, name: str, of: int | None) -> float:
        """A sixth of the skewness of the influences: of model ``of``, or of the difference."""
        cubes = squares = 0.0
        for figures, often in self._parts:
            values = figures[of or 0][name] - (figures[1][name] if of is None else 0.0)
            defined = np.isfinite(values)
            values, weights = values[defined], often[defined]
            if not len(values):
                continue
            # As leaving out moves the metric the other way, the sign is turned.
            moved = np.average(values, weights=weights) - values
            cubes += float(weights @ moved**3)
            squares += float(weights @ moved**2)
        return cubes / (6 * squares**1.5) if squares > 0 else 0.0


def _left_out(
    both: Sequence[Measures], base: Floats, groups: Sequence[Floats], *, whole: bool
) -> list[Figures]:
    """Metrics without each group in turn; of a single unit, without one of its equal rows."""
    parts: list[list[Figures]] = [[] for _ in both]
    at = 0
    for size in _batches(len(groups), len(base)):
        counts = np.repeat(base[None, :], size, axis=0)
        for row, group in zip(counts, groups[at : at + size], strict=True):
            row[group] -= row[group] if whole else 1.0
        at += size
        for into, one in zip(parts, both, strict=True):
            into.append(one.figures(counts, all_of_them=False))
    return [_joined(part) for part in parts]


def _interval(
    values: Floats, estimate: float, acceleration: float | None, settings: Settings
) -> Interval | None:
    defined = values[np.isfinite(values)]
    if not np.isfinite(estimate) or len(defined) < (1 - _MAX_UNDEFINED) * len(values):
        return None
    tails = ((1 - settings.level) / 2, (1 + settings.level) / 2)
    method: Method = "percentile"
    if acceleration is not None:
        corrected = bca_tails(defined, estimate, acceleration, tails)
        if corrected is not None:
            tails, method = corrected, "bca"
    low, high = np.quantile(defined, tails)
    return Interval(float(low), float(high), settings.level, method, len(defined))


def bca_tails(
    values: Floats, estimate: float, acceleration: float, tails: tuple[float, float]
) -> tuple[float, float] | None:
    """Which quantiles of the resamples are the ends of the BCa interval (Efron 1987, eq. 6.8).

    Values equal to the estimate count half in the bias correction, as in SciPy's ``bootstrap``:
    metrics such as the accuracy take few distinct values. ``None`` where the correction is
    infinite: all resamples on one side of the estimate.
    """
    below = (np.mean(values < estimate) + np.mean(values <= estimate)) / 2
    if not 0 < below < 1:
        return None
    normal = NormalDist()
    bias = normal.inv_cdf(float(below))
    ends = []
    for tail in tails:
        shifted = bias + normal.inv_cdf(tail)
        room = 1 - acceleration * shifted
        if room <= 0:
            return None
        ends.append(normal.cdf(bias + shifted / room))
    return ends[0], ends[1]
