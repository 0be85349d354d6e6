"""Thresholds: what a metric must reach, alone and against a baseline.

``MetricThreshold`` has the names and meanings of MLflow 3. With ``confident=True``, which is ours,
the end of the confidence interval must pass, not only the estimate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.evaluation.bootstrap import Interval

_LEAST_GAIN = 1e-10
"""MLflow's least change where a relative one against a baseline of 0 is asked for."""


@dataclass(frozen=True)
class MetricThreshold:
    """What one metric must reach. At least one of the first three is needed."""

    threshold: float | None = None
    """The value itself: at least this, or at most where lower is better."""
    min_absolute_change: float | None = None
    """By how much it must beat the baseline; positive."""
    min_relative_change: float | None = None
    """By which share of the baseline's magnitude it must beat it; in [0, 1], 0: be no worse."""
    greater_is_better: bool | None = None
    """Required."""
    confident: bool = False
    """The worse end of the confidence interval must pass; it needs ``bootstrap`` > 0."""

    def __post_init__(self) -> None:
        for name in ("threshold", "min_absolute_change", "min_relative_change"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124
                raise InvalidInput(f"{name} must be a number, not {value!r}.")
        if self.min_absolute_change is not None and self.min_absolute_change <= 0:
            raise InvalidInput(
                f"min_absolute_change must be positive, not {self.min_absolute_change}."
            )
        if self.min_relative_change is not None and not 0 <= self.min_relative_change <= 1:
            raise InvalidInput(
                f"min_relative_change must lie between 0 and 1, not {self.min_relative_change}."
            )
        if not isinstance(self.greater_is_better, bool):
            raise InvalidInput("greater_is_better must be given as True or False.")
        if self.threshold is None and not self.compares:
            raise InvalidInput(
                "A MetricThreshold needs threshold, min_absolute_change or min_relative_change."
            )

    @property
    def compares(self) -> bool:
        """Whether a baseline is needed."""
        return self.min_absolute_change is not None or self.min_relative_change is not None

    def __str__(self) -> str:
        sign, turn = ("≥", "+") if self.greater_is_better else ("≤", "-")
        parts = []
        if self.threshold is not None:
            parts.append(f"{sign} {self.threshold:g}")
        if self.min_absolute_change is not None:
            parts.append(f"{sign} baseline {turn} {self.min_absolute_change:g}")
        if self.min_relative_change is not None:
            parts.append(f"{sign} baseline {turn} {100 * self.min_relative_change:g} %")
        return " and ".join(parts) + (" with confidence" if self.confident else "")


@dataclass(frozen=True)
class Check:
    """The outcome of one threshold."""

    metric: str
    threshold: MetricThreshold
    value: float | None
    baseline: float | None
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all parts of the threshold were met."""
        return not self.failures


@dataclass(frozen=True)
class Figures:
    """What thresholds are checked against."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]
    baseline: Mapping[str, float] | None = None
    differences: Mapping[str, Interval] | None = None


def refuse_bad(thresholds: Mapping[str, MetricThreshold], *, compared: bool) -> None:
    """Raise ``InvalidInput`` for what is no threshold, or compares where nothing is compared."""
    for name, one in thresholds.items():
        if not isinstance(name, str) or not isinstance(one, MetricThreshold):
            raise InvalidInput("Thresholds are a dict of metric names to MetricThreshold objects.")
        if one.compares and not compared:
            raise InvalidInput(f"The threshold of {name} needs a baseline to compare with.")


def check_thresholds(thresholds: Mapping[str, MetricThreshold], figures: Figures) -> list[Check]:
    """The outcome of each threshold, in their order.

    Raises:
        InvalidInput: a threshold is no ``MetricThreshold``, or compares and there is no baseline.
    """
    refuse_bad(thresholds, compared=figures.baseline is not None)
    return [_check(name, one, figures) for name, one in thresholds.items()]


def _check(name: str, threshold: MetricThreshold, figures: Figures) -> Check:
    value = figures.metrics.get(name)
    baseline = None if figures.baseline is None else figures.baseline.get(name)
    failures: list[str] = []
    if value is None:
        near = ", ".join(sorted(figures.metrics))
        failures.append(f"{name} was not computed; there are: {near}")
    else:
        if threshold.threshold is not None:
            failures += _value_failures(name, threshold, value, figures.intervals.get(name))
        if threshold.compares:
            differences = figures.differences or {}
            failures += _change_failures(name, threshold, value, baseline, differences.get(name))
    return Check(name, threshold, value, baseline, tuple(failures))


def _value_failures(
    name: str, threshold: MetricThreshold, value: float, interval: Interval | None
) -> list[str]:
    limit = threshold.threshold
    assert limit is not None
    sign = "≥" if threshold.greater_is_better else "≤"
    if not _reaches(value, limit, threshold):
        return [f"{name} = {value:.6g} is not {sign} {limit:g}"]
    if not threshold.confident:
        return []
    if interval is None:
        return [f"{name} has no confidence interval to hold against {sign} {limit:g}"]
    if not _reaches(_worse_end(interval, threshold), limit, threshold):
        return [
            f"{name} = {value:.6g} may not be {sign} {limit:g}: its"
            f" {100 * interval.level:g} % interval is {interval}"
        ]
    return []


def _change_failures(
    name: str,
    threshold: MetricThreshold,
    value: float,
    baseline: float | None,
    interval: Interval | None,
) -> list[str]:
    if baseline is None:
        return [f"{name} was not computed for the baseline"]
    gain = value - baseline if threshold.greater_is_better else baseline - value
    surest = gain
    if threshold.confident:
        if interval is None:
            return [f"the change of {name} has no confidence interval"]
        surest = interval.low if threshold.greater_is_better else -interval.high
    failures = []
    for asked, least in _least_gains(threshold, baseline):
        if gain < least or math.isnan(gain):
            failures.append(
                f"{name} = {value:.6g} against {baseline:.6g} of the baseline: better by"
                f" {gain:.6g}, not by {asked}"
            )
        elif surest < least:
            failures.append(
                f"{name} is better than the baseline by {gain:.6g}, but with confidence only by"
                f" {surest:.6g}, not by {asked}"
            )
    return failures


def _least_gains(threshold: MetricThreshold, baseline: float) -> list[tuple[str, float]]:
    gains = []
    if threshold.min_absolute_change is not None:
        gains.append((f"{threshold.min_absolute_change:g}", float(threshold.min_absolute_change)))
    share = threshold.min_relative_change
    if share is not None:
        least = share * abs(baseline)
        if baseline == 0 and share > 0:
            least = _LEAST_GAIN
        gains.append((f"{100 * share:g} % of it", least))
    return gains


def _reaches(value: float, limit: float, threshold: MetricThreshold) -> bool:
    return value >= limit if threshold.greater_is_better else value <= limit


def _worse_end(interval: Interval, threshold: MetricThreshold) -> float:
    return interval.low if threshold.greater_is_better else interval.high


_TEXT = re.compile(
    r"\s*(?P<name>[^<>=]+?)\s*(?P<sign><=|>=|≤|≥)\s*"
    r"(?:(?P<base>baseline)\s*(?:(?P<turn>[+-])\s*(?P<change>[0-9.eE-]+)\s*(?P<percent>%?))?"
    r"|(?P<value>[-+0-9.eE]+))\s*\Z"
)


def parse_threshold(text: str, *, confident: bool = False) -> tuple[str, MetricThreshold]:
    """A threshold as it is written on a command line, with the name of its metric.

    ``accuracy_score>=0.9``, ``log_loss<=0.4``, ``f1_score>=baseline``, ``f1_score>=baseline+0.01``,
    ``root_mean_squared_error<=baseline-5%``.

    Raises:
        InvalidInput: the text is none.
    """
    found = _TEXT.match(text)
    try:
        if found is None:
            raise ValueError(text)
        greater = found["sign"] in (">=", "≥")
        if found["value"] is not None:
            made = MetricThreshold(
                threshold=float(found["value"]), greater_is_better=greater, confident=confident
            )
            return found["name"], made
        if found["change"] is None:
            made = MetricThreshold(
                min_relative_change=0.0, greater_is_better=greater, confident=confident
            )
            return found["name"], made
        if (found["turn"] == "+") != greater:
            raise ValueError(text)
        change = float(found["change"])
    except InvalidInput:
        raise
    except ValueError:
        raise InvalidInput(
            f"The threshold {text!r} can't be read. Write it as 'accuracy_score>=0.9',"
            " 'log_loss<=baseline', 'f1_score>=baseline+0.01' or 'log_loss<=baseline-5%'."
        ) from None
    kind = "min_relative_change" if found["percent"] else "min_absolute_change"
    amount = change / 100 if found["percent"] else change
    if kind == "min_relative_change":
        made = MetricThreshold(
            min_relative_change=amount, greater_is_better=greater, confident=confident
        )
    else:
        made = MetricThreshold(
            min_absolute_change=amount, greater_is_better=greater, confident=confident
        )
    return found["name"], made
