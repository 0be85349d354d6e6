"""The result of an evaluation: what CI asks, what a report shows, and what was logged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from assay.evaluation.bootstrap import Interval
from assay.evaluation.findings import Findings
from assay.evaluation.report import html, markdown

PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class EvaluationResult(Findings):
    """Metrics of a model, how sure they are, and whether thresholds were met."""

    @property
    def exit_code(self) -> int:
        """0 if all thresholds were met, else 1: for ``sys.exit`` in CI."""
        return PASSED if self.passed else FAILED

    @property
    def tables(self) -> dict[str, Any]:
        """``eval_results_table`` as a pandas DataFrame, or as columns where there is no pandas."""
        if not self.table:
            return {}
        try:
            import pandas as pd
        except ImportError:
            return {"eval_results_table": dict(self.table)}
        return {"eval_results_table": pd.DataFrame(dict(self.table))}

    def to_dict(self) -> dict[str, Any]:
        """All but files and rows, as JSON can hold it; undefined figures are ``None``."""
        return {
            "model_type": self.model_type,
            "passed": self.passed,
            "run_id": self.run_id,
            "metrics": _plain(self.metrics),
            "intervals": _ends(self.intervals),
            "baseline": None
            if self.baseline is None
            else {
                "metrics": _plain(self.baseline.metrics),
                "intervals": _ends(self.baseline.intervals),
                "differences": _ends(self.baseline.differences),
            },
            "thresholds": [
                {
                    "metric": check.metric,
                    "threshold": str(check.threshold),
                    "value": check.value,
                    "baseline": check.baseline,
                    "passed": check.passed,
                    "failures": list(check.failures),
                }
                for check in self.checks
            ],
            "slices": [
                {
                    "by": one.by,
                    "name": one.name,
                    "rows": one.rows,
                    "small": one.is_small,
                    "metrics": _plain(one.metrics),
                    "intervals": _ends(one.intervals),
                    "note": one.note,
                }
                for one in self.slices
            ],
            "importances": {one.feature: one.value for one in self.importances},
            "importance_method": self.importance_method,
            "notes": list(self.notes),
        }

    def save(self, folder: str | Path) -> None:
        """Write the report, the figures (``evaluation.json``) and the artifacts into a folder."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        figures = msgspec.json.format(msgspec.json.encode(self.to_dict()))
        (target / "evaluation.json").write_bytes(figures)
        (target / "report.md").write_text(self.report(), encoding="utf-8")
        for artifact in self.artifacts.values():
            path = target / artifact.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(artifact.content)

    def report(self) -> str:
        """The whole as Markdown, for a pull request or a file."""
        return markdown(self)

    def _repr_html_(self) -> str:
        return html(self)


def _plain(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def _ends(intervals: Mapping[str, Interval]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "low": one.low,
            "high": one.high,
            "level": one.level,
            "method": one.method,
            "resamples": one.resamples,
        }
        for name, one in intervals.items()
    }
