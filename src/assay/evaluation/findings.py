"""What an evaluation finds out, as plain facts; ``result`` gives them a face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.evaluation.bootstrap import Interval
from assay.evaluation.slices import Slice
from assay.evaluation.thresholds import Check


@dataclass(frozen=True)
class EvaluationArtifact:
    """A file of an evaluation."""

    file: str
    """Its artifact path."""
    content: bytes
    uri: str = ""
    """Where it is kept, once it was logged."""

    def __repr__(self) -> str:
        return f"EvaluationArtifact({self.file!r}, {len(self.content)} bytes, uri={self.uri!r})"


@dataclass(frozen=True)
class Importance:
    """What one feature contributes."""

    feature: str
    value: float
    deviation: float = 0.0
    """Standard deviation over repeats; 0 for SHAP."""


@dataclass(frozen=True)
class Baseline:
    """The model that the candidate is compared with, on the same rows."""

    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)
    differences: dict[str, Interval] = field(default_factory=dict)
    """Of candidate minus baseline, resampled together."""


@dataclass(frozen=True)
class Findings:
    """Everything an evaluation found out."""

    model_type: str
    metrics: dict[str, float]
    intervals: dict[str, Interval] = field(default_factory=dict)
    baseline: Baseline | None = None
    slices: list[Slice] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    """Outcomes of the thresholds."""
    importances: list[Importance] = field(default_factory=list)
    """The most important feature first."""
    importance_method: str = ""
    artifacts: dict[str, EvaluationArtifact] = field(default_factory=dict)
    """Plots, tables and the report by name, as ``roc_curve_plot``."""
    table: Mapping[str, list[Any]] = field(default_factory=dict)
    """The first rows with target and prediction, by column."""
    notes: list[str] = field(default_factory=list)
    """What was left out or concluded, and why."""
    prefix: str = ""
    """What the names in ``metrics`` and of files begin with; slices go without it."""
    run_id: str | None = None

    @property
    def passed(self) -> bool:
        """Whether all thresholds were met; true without any."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> list[str]:
        """Why thresholds were not met, one line each."""
        return [failure for check in self.checks for failure in check.failures]
