"""Judging: whether a result is like that of the good run or like that of the bad one.

A metric lies somewhere on the way from the good run's value (0) to the bad run's (1); from halfway
on, on average over the metrics looked at, a result is bad.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from assay.errors import InvalidInput

HALFWAY: Final = 0.5
SYSTEM_METRICS: Final = "system/"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to, as far as it is judged."""

    metrics: dict[str, float] = {}
    """The latest value of each."""
    failed: bool = False
    """Whether its program ended with an error."""


class Judge(msgspec.Struct, frozen=True):
    """What tells the two runs apart."""

    good: Result
    bad: Result
    metrics: tuple[str, ...]
    """Those looked at; none where the bad run failed: then failing is what is looked for."""

    @classmethod
    def between(
        cls, good: Result, bad: Result, *, metrics: Sequence[str] = (), tolerance: float = 0.0
    ) -> Judge:
        """A judge between two results.

        Args:
            good: of the good run.
            bad: of the bad one.
            metrics: what to look at; all that differ by default.
            tolerance: relative to the good value: what differs by less is the same.

        Raises:
            InvalidInput: the good run failed, or nothing differs that could be looked for.
        """
        if good.failed:
            raise InvalidInput("The good run failed, so there is nothing to get back to.")
        if bad.failed and not metrics:
            return cls(good, bad, ())
        for name in metrics:
            for which, result in (("good", good), ("bad", bad)):
                if name not in result.metrics:
                    raise InvalidInput(f"The {which} run has no metric {name!r}.")
        shared = sorted(good.metrics.keys() & bad.metrics.keys())
        looked_at = metrics or [name for name in shared if not name.startswith(SYSTEM_METRICS)]
        telling = tuple(
            name
            for name in looked_at
            if not _near(good.metrics[name], bad.metrics[name], tolerance)
        )
        if not telling:
            same = ", ".join(metrics) or "all metrics"
            raise InvalidInput(
                f"The two runs have the same {same}, within the tolerance: there is no difference"
                " to find the cause of."
            )
        return cls(good, bad, telling)

    def share(self, result: Result) -> float | None:
        """How far on the way from good (0) to bad (1) a result is; ``None``: it can't be told."""
        if not self.metrics:
            return 1.0 if result.failed else 0.0
        if result.failed or any(name not in result.metrics for name in self.metrics):
            return None
        shares = [
            _share(result.metrics[name], self.good.metrics[name], self.bad.metrics[name])
            for name in self.metrics
        ]
        return sum(shares) / len(shares)


def _near(one: float, other: float, tolerance: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or abs(one - other) <= tolerance * abs(one)


def _share(value: float, good: float, bad: float) -> float:
    """Where a value lies on the way, no further than its ends."""
    if _same(value, bad):
        return 1.0
    if _same(value, good):
        return 0.0
    if not math.isfinite(bad):
        # A run that diverged: its figures are no numbers, or they are.
        return 0.0 if math.isfinite(value) else 1.0
    if not math.isfinite(good):
        return 1.0 if math.isfinite(value) else 0.0
    if not math.isfinite(value):
        return 1.0
    return min(1.0, max(0.0, (value - good) / (bad - good)))


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def described(judge: Judge) -> str:
    """What is looked for, in a few words."""
    if not judge.metrics:
        return "the run fails"
    return "; ".join(
        f"{name} {judge.good.metrics[name]:.6g} or {judge.bad.metrics[name]:.6g}"
        for name in judge.metrics[:3]
    )


def as_result(metrics: Mapping[str, float], status: str) -> Result:
    """The result of a recorded run."""
    return Result(metrics=dict(metrics), failed=status in ("FAILED", "KILLED"))
