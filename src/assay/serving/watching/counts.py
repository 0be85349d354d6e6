"""Counts of one version in one process: answers by outcome, how long they took, and what was
predicted.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from assay.entities.served_figures import BUCKETS_S

Outcome = Literal["answered", "refused", "failed"]
"""``refused``: whoever asked sent what the model doesn't take."""
_MAX_CLASSES: Final = 64
_MAX_SAMPLE: Final = 512


class Outputs(msgspec.Struct):
    """What a version predicted: how often each class, or a random sample of the numbers."""

    count: int = 0
    classes: dict[str, int] = msgspec.field(default_factory=dict)
    sample: list[float] = msgspec.field(default_factory=list)

    def note(self, predictions: Any) -> None:
        """Predictions of one request; those that aren't one value a row are left out."""
        values = predictions.tolist() if hasattr(predictions, "tolist") else predictions
        if not isinstance(values, list):
            return
        for value in values:
            if isinstance(value, float):
                self._sample(value)
            elif isinstance(value, int | str | bool):
                self._classify(str(value)[:80])

    def _classify(self, name: str) -> None:
        if name in self.classes or len(self.classes) < _MAX_CLASSES:
            self.count += 1
            self.classes[name] = self.classes.get(name, 0) + 1

    def _sample(self, value: float) -> None:
        # Reservoir sampling: each value has the same chance to be kept.
        self.count += 1
        if len(self.sample) < _MAX_SAMPLE:
            self.sample.append(value)
        elif (at := random.randrange(self.count)) < _MAX_SAMPLE:  # noqa: S311
            self.sample[at] = value

    def shift_from(self, other: Outputs) -> float:
        """How far the two distributions are apart, from 0 to 1: total variation for classes, the
        Kolmogorov-Smirnov statistic for numbers.
        """
        mine, theirs = sum(self.classes.values()), sum(other.classes.values())
        apart = 0.0
        if mine and theirs:
            names = {*self.classes, *other.classes}
            apart = 0.5 * sum(
                abs(self.classes.get(name, 0) / mine - other.classes.get(name, 0) / theirs)
                for name in names
            )
        if self.sample and other.sample:
            apart = max(apart, _largest_gap(sorted(self.sample), sorted(other.sample)))
        return apart


class Counts(msgspec.Struct):
    """Figures since the version was loaded; they only grow."""

    answered: int = 0
    refused: int = 0
    failed: int = 0
    seconds: float = 0.0
    """Of all that were answered."""
    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    """Answers by the first bound of ``BUCKETS_S`` that they took no longer than."""
    agreed: int = 0
    """Answers as a shadow that were those of the version that answered, byte by byte."""
    disagreed: int = 0
    outputs: Outputs = msgspec.field(default_factory=Outputs)
    """Noted while versions are compared only."""
    logged: int = 0
    """Answers and failures that went to the prediction log."""
    unlogged: int = 0
    """Those that should have gone there, but too many waited."""

    @property
    def judged(self) -> int:
        """Predictions that tell something about the version."""
        return self.answered + self.failed

    def note(self, seconds: float, outcome: Outcome) -> None:
        """One request more."""
        if outcome == "answered":
            self.answered += 1
            self.seconds += seconds
            self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        elif outcome == "refused":
            self.refused += 1
        else:
            self.failed += 1

    def compare(self, *, same: bool) -> None:
        """One answer as a shadow more."""
        self.agreed += same
        self.disagreed += not same

    def quantile(self, share: float) -> float:
        """The bound, in seconds, that this share of the answers kept; infinity beyond the last."""
        wanted = share * sum(self.buckets)
        total = 0
        for bound, count in zip((*BUCKETS_S, float("inf")), self.buckets, strict=True):
            total += count
            if total >= wanted:
                return bound
        return float("inf")


def total(parts: Iterable[Counts]) -> Counts:
    """The counts of several processes as one."""
    whole = Counts()
    for part in parts:
        whole.answered += part.answered
        whole.refused += part.refused
        whole.failed += part.failed
        whole.seconds += part.seconds
        whole.agreed += part.agreed
        whole.disagreed += part.disagreed
        whole.logged += part.logged
        whole.unlogged += part.unlogged
        whole.buckets = [a + b for a, b in zip(whole.buckets, part.buckets, strict=True)]
        outputs = whole.outputs
        outputs.count += part.outputs.count
        outputs.sample.extend(part.outputs.sample)
        for name, count in part.outputs.classes.items():
            outputs.classes[name] = outputs.classes.get(name, 0) + count
    return whole


def since(now: Counts, before: Counts) -> Counts:
    """What came between two looks. The sample of numbers stays that of all the time."""
    classes = {
        name: count - before.outputs.classes.get(name, 0)
        for name, count in now.outputs.classes.items()
    }
    return Counts(
        answered=now.answered - before.answered,
        refused=now.refused - before.refused,
        failed=now.failed - before.failed,
        seconds=now.seconds - before.seconds,
        buckets=[a - b for a, b in zip(now.buckets, before.buckets, strict=True)],
        agreed=now.agreed - before.agreed,
        disagreed=now.disagreed - before.disagreed,
        outputs=Outputs(now.outputs.count - before.outputs.count, classes, now.outputs.sample),
        logged=now.logged - before.logged,
        unlogged=now.unlogged - before.unlogged,
    )


def _largest_gap(left: list[float], right: list[float]) -> float:
    gap, at_left, at_right = 0.0, 0, 0
    while at_left < len(left) and at_right < len(right):
        value = min(left[at_left], right[at_right])
        while at_left < len(left) and left[at_left] <= value:
            at_left += 1
        while at_right < len(right) and right[at_right] <= value:
            at_right += 1
        gap = max(gap, abs(at_left / len(left) - at_right / len(right)))
    return gap
