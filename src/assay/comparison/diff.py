"""Diff: two runs set against each other: what differs in how they came about, and in what came
out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from assay.comparison.differences import Difference, differences
from assay.comparison.facts import RunFacts
from assay.comparison.weights import is_seed

Part = Literal["code", "packages", "python", "data", "seeds"]


class MetricChange(msgspec.Struct, frozen=True):
    """The latest value of a metric that differs; ``None`` where a run never logged it."""

    name: str
    before: float | None
    after: float | None


class RunDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How run ``b`` differs from run ``a``, its baseline."""

    a: str
    b: str
    a_name: str = ""
    b_name: str = ""
    differences: list[Difference] = []
    """The likeliest cause of another result first."""
    metrics: list[MetricChange] = []
    """What came of it."""
    unknown: list[Part] = []
    """What wasn't captured by at least one of them, so that nothing can be said of it."""
    notes: list[str] = []

    @property
    def is_same(self) -> bool:
        """Whether nothing differs, as far as it was captured."""
        return not self.differences and not self.metrics


def diff_facts(a: RunFacts, b: RunFacts) -> RunDiff:
    """How run ``b`` differs from run ``a``, its baseline."""
    found = differences(a, b)
    return RunDiff(
        a=a.run_id,
        b=b.run_id,
        a_name=a.run_name,
        b_name=b.run_name,
        differences=found,
        metrics=_metrics(a.metrics, b.metrics),
        unknown=_unknown(a, b),
        notes=_notes(a, b, found),
    )


def _metrics(a: dict[str, float], b: dict[str, float]) -> list[MetricChange]:
    return [
        MetricChange(name, a.get(name), b.get(name))
        for name in sorted(a.keys() | b.keys())
        if not _same(a.get(name), b.get(name))
    ]


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (math.isnan(one) and math.isnan(other))


def _unknown(a: RunFacts, b: RunFacts) -> list[Part]:
    known: list[tuple[Part, Sequence[bool]]] = [
        ("code", [bool(one.code.commit) for one in (a, b)]),
        ("data", [bool(one.data) for one in (a, b)]),
        ("seeds", [_has_seed(one) for one in (a, b)]),
        ("packages", [one.packages is not None for one in (a, b)]),
        ("python", [bool(one.python) for one in (a, b)]),
    ]
    # A seed that only one run has is a difference.
    return [
        part
        for part, (one, other) in known
        if not (one or other if part == "seeds" else one and other)
    ]


def _has_seed(facts: RunFacts) -> bool:
    return bool(facts.seeds) or any(is_seed(name) for name in facts.parameters)


def _notes(a: RunFacts, b: RunFacts, found: list[Difference]) -> list[str]:
    notes = [f"{one.run_name or one.run_id}: {note}" for one in (a, b) for note in one.notes]
    if not _metrics(a.metrics, b.metrics):
        return notes
    if not _has_seed(a) and not _has_seed(b):
        notes.append(
            "Neither run told a seed: if the program draws random numbers, they alone may differ."
            " assay.seed(n) sets and records one."
        )
    if not found:
        notes.append(
            "Nothing that was captured differs, yet the results do: look for time, network, files"
            " that weren't logged as inputs, or an order of computing that isn't fixed."
        )
    return notes
