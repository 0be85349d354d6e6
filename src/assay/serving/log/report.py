"""What a prediction log tells: by version how many, how fast, how often shadows agree, and how far
inputs are from the data that the model was made with.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from assay.data.column_profile import Profile
from assay.data.drift import ColumnDrift, Limits, drift_of
from assay.serving.log.reading import LogRows


class VersionReport(msgspec.Struct, kw_only=True):
    """One version, as far as its requests were logged."""

    model: str
    version: str
    is_shadow: bool
    requests: int
    failed: int
    rows: int
    begin: datetime
    end: datetime
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    agreement: float | None = None
    """Of a shadow: share of its rows that were predicted as by the version that answered."""
    drift: list[ColumnDrift] = []
    """Of the inputs, beside the reference."""

    @property
    def has_drifted(self) -> bool:
        """Whether a column is beyond its limit."""
        return any(one.has_drifted for one in self.drift)


ReferenceOf = Callable[[str, str], Profile | None]
"""The profile to compare with, by model and version."""


def report_of(
    rows: LogRows, reference_of: ReferenceOf, limits: Limits | None = None
) -> list[VersionReport]:
    """A report for each version of a model, those that answered first.

    Raises:
        MissingExtra: without SciPy, where there is a reference.
    """
    keys = list(zip(rows.columns["version"], rows.columns["is_shadow"], strict=True))
    answered = _answers(rows)
    reports = []
    for version, is_shadow in sorted(set(keys), key=lambda one: (one[1], _order(one[0]))):
        part = rows.where([key == (version, is_shadow) for key in keys])
        made = _figures(part, version, is_shadow=is_shadow)
        if is_shadow:
            made.agreement = _agreement(part, answered)
        profile = reference_of(rows.model, version)
        if profile is not None:
            inputs = {name: part.columns[f"input.{name}"] for name in part.names("input.")}
            made.drift = drift_of(profile, inputs, limits)
        reports.append(made)
    return reports


def _figures(part: LogRows, version: str, *, is_shadow: bool) -> VersionReport:
    first = [at == 0 for at in part.columns["row"]]
    requests = part.where(first)
    outcomes = requests.columns["outcome"]
    times = part.columns["time"]
    spent = [
        ms
        for ms, outcome in zip(requests.columns["latency_ms"], outcomes, strict=True)
        if outcome == "answered"
    ]
    p50, p95, p99 = np.quantile(spent, [0.5, 0.95, 0.99]).tolist() if spent else (None, None, None)
    return VersionReport(
        model=part.model,
        version=version,
        is_shadow=is_shadow,
        requests=len(requests),
        failed=sum(outcome == "failed" for outcome in outcomes),
        rows=len(part),
        begin=min(times),
        end=max(times),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def _answers(rows: LogRows) -> dict[tuple[str, int], tuple[Any, ...]]:
    """What was answered, by request and row."""
    columns = rows.columns
    outputs = [columns[f"output.{name}"] for name in rows.names("output.")]
    found = {}
    for at, (request, row, is_shadow, outcome) in enumerate(
        zip(*(columns[n] for n in ("prediction_id", "row", "is_shadow", "outcome")), strict=True)
    ):
        if not is_shadow and outcome == "answered":
            found[request, row] = tuple(values[at] for values in outputs)
    return found


def _agreement(part: LogRows, answered: dict[tuple[str, int], tuple[Any, ...]]) -> float | None:
    columns = part.columns
    outputs = [columns[f"output.{name}"] for name in part.names("output.")]
    same = total = 0
    for at, key in enumerate(zip(columns["prediction_id"], columns["row"], strict=True)):
        if key in answered and columns["outcome"][at] == "answered":
            total += 1
            same += answered[key] == tuple(values[at] for values in outputs)
    return same / total if total else None


def _order(version: str) -> tuple[int, str]:
    return (int(version), version) if version.isdecimal() else (0, version)
