"""What an evaluation leaves in its run: metrics, tables, plots, the report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import msgspec

from assay import data
from assay.entities import limits
from assay.evaluation.result import EvaluationResult
from assay.fluent.artifacts import get_artifact_uri, log_content, log_table
from assay.fluent.inputs import log_input
from assay.fluent.log import log_metrics, set_tags
from assay.fluent.runs import active_run, start_run

REPORT = "evaluation_report.md"
FIGURES = "evaluation.json"
TABLE = "eval_results_table"
PASSED_TAG = "assay.evaluation.passed"

_NO_KEY = re.compile(r"[^\w.\- :]")


class Subject(NamedTuple):
    """What was evaluated."""

    dataset: data.Dataset | None
    model_id: str | None


def log_result(result: EvaluationResult, subject: Subject) -> EvaluationResult:
    """Log to the active run, or to one that is started for it; the result knows where then."""
    with _active_run() as run_id:
        if subject.dataset is not None:
            log_input(subject.dataset, context="evaluation")
        log_metrics(metric_points(result), model_id=subject.model_id, dataset=subject.dataset)
        prefix = result.prefix
        for artifact in result.artifacts.values():
            log_content(artifact.content, artifact.file)
        placed = {
            name: replace(one, uri=get_artifact_uri(one.file))
            for name, one in result.artifacts.items()
        }
        result = replace(result, run_id=run_id, artifacts=placed)
        if result.table:
            log_table(dict(result.table), f"{prefix}{TABLE}.json")
        log_content(result.report().encode(), f"{prefix}{REPORT}")
        figures = msgspec.json.format(msgspec.json.encode(result.to_dict()))
        log_content(figures, f"{prefix}{FIGURES}")
        if result.checks:
            set_tags({PASSED_TAG: str(result.passed).lower()})
    return result


@contextmanager
def _active_run() -> Iterator[str]:
    run = active_run()
    if run is not None:
        yield run.info.run_id
        return
    with start_run() as started:
        yield started.info.run_id


def metric_points(result: EvaluationResult) -> dict[str, float]:
    """All figures as metrics: ``name``, ``name/low`` and ``name/high``, ``slice/by/value/name``."""
    points = dict(result.metrics)
    for name, interval in result.intervals.items():
        points[f"{name}/low"], points[f"{name}/high"] = interval.low, interval.high
    for one in result.slices:
        place = "/".join(
            key_part(part) for part in (f"{result.prefix}slice", one.by, one.name) if part
        )
        while any(key.startswith(f"{place}/") for key in points):
            # Two values that differ only in characters that a key can't have.
            place += "_"
        for name, value in {"example_count": float(one.rows), **one.metrics}.items():
            points[f"{place}/{name}"] = value
    return {
        key[-limits.MAX_KEY_LENGTH :]: value
        for key, value in points.items()
        if math.isfinite(value)
    }


def key_part(text: str) -> str:
    """``text`` as one segment of a metric's key."""
    plain = _NO_KEY.sub("_", text).strip()[:80]
    return "_" if plain in ("", ".", "..") else plain
