"""Ground truth: what turned out, joined to logged predictions by their ids, as metrics over time.

An id names a request; where a request had several rows, the row's number tells which. Truth may
come in any order, late, and in parts; what has no prediction, or several different truths, is
counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
import numpy as np

from assay.errors import InvalidInput
from assay.evaluation.classification import ClassificationMeasures
from assay.evaluation.labels import label_sample
from assay.evaluation.regression import RegressionMeasures
from assay.evaluation.sample import Sample, numbers
from assay.serving.log.reading import LogRows
from assay.serving.log.rows import PREDICTION

Task = Literal["classifier", "regressor"]
Every = Literal["hour", "day", "week", "all"]
_FORMATS = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "week": "%G-W%V"}
_MAX_CLASSES: Final = 100
Key = tuple[str, int]


class TruthReport(msgspec.Struct, kw_only=True):
    """A version over a time."""

    model: str
    version: str
    is_shadow: bool
    period: str
    """In UTC; ``all`` for the whole."""
    rows: int
    metrics: dict[str, float | None]
    note: str = ""
    """Why there are no metrics."""


class Joined(msgspec.Struct, kw_only=True):
    """All that came of joining."""

    reports: list[TruthReport]
    task: Task
    predictions: int
    """Logged rows that were answered, those of shadows not counted."""
    joined: int
    """Of these, the ones with a truth."""
    unknown: int
    """Truths of which no prediction was logged."""


def joined_report(
    rows: LogRows,
    truth: Mapping[Key, Any],
    *,
    every: Every = "all",
    task: Task | None = None,
    output: str | None = None,
) -> Joined:
    """Metrics by version and time.

    Args:
        rows: of one model.
        truth: what turned out, by id and row.
        every: how long a period is.
        task: ``None``: numbers with fractions, or of many values, make it a regression.
        output: which output is the prediction; ``None``: the only one.

    Raises:
        InvalidInput: no output of this name, several and none named, or nothing joins.
    """
    predictions = rows.columns[f"output.{_output(rows, output)}"]
    groups: dict[tuple[bool, str, str], list[tuple[Any, Any]]] = {}
    answered = joined = 0
    met = set()
    for at, key in enumerate(zip(rows.columns["prediction_id"], rows.columns["row"], strict=True)):
        if rows.columns["outcome"][at] != "answered" or predictions[at] is None:
            continue
        is_shadow = rows.columns["is_shadow"][at]
        answered += not is_shadow
        if key not in truth:
            continue
        met.add(key)
        joined += not is_shadow
        period = _period(rows.columns["time"][at], every)
        group = (is_shadow, rows.columns["version"][at], period)
        groups.setdefault(group, []).append((truth[key], predictions[at]))
    if not met:
        raise InvalidInput(
            f"None of the {len(truth):,} truths has a logged prediction of {rows.model!r}: ids are"
            " those of the response header x-assay-prediction-id."
        )
    chosen = task or _task([pair for pairs in groups.values() for pair in pairs])
    reports = [_report(rows.model, group, groups[group], task=chosen) for group in sorted(groups)]
    return Joined(
        reports=reports,
        task=chosen,
        predictions=answered,
        joined=joined,
        unknown=len(truth.keys() - met),
    )


def _output(rows: LogRows, wanted: str | None) -> str:
    names = rows.names("output.")
    if wanted is None and PREDICTION in names:
        return PREDICTION
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is not None and wanted in names:
        return wanted
    what = "Say which output is the prediction" if wanted is None else f"No output {wanted!r}"
    raise InvalidInput(f"{what}: {rows.model!r} has {', '.join(names) or 'none'}.")


def _period(time: datetime, every: Every) -> str:
    return "all" if every == "all" else time.strftime(_FORMATS[every])


def _task(pairs: list[tuple[Any, Any]]) -> Task:
    """Names and few whole numbers are classes; where there are two of them, predictions may be
    probabilities.
    """
    truths = [_label(truth) for truth, _ in pairs]
    if any(isinstance(one, float) for one in truths) or len(set(truths)) > _MAX_CLASSES:
        return "regressor"
    fractions = [one for _, one in pairs if isinstance(_label(one), float)]
    if fractions and (len(set(truths)) > 2 or not all(0 <= one <= 1 for one in fractions)):
        return "regressor"
    return "classifier"


def _report(
    model: str, group: tuple[bool, str, str], pairs: list[tuple[Any, Any]], *, task: Task
) -> TruthReport:
    is_shadow, version, period = group
    metrics: dict[str, float | None] = {}
    note = ""
    try:
        found = _metrics(*zip(*pairs, strict=True), task=task)
        metrics = {name: value if np.isfinite(value) else None for name, value in found.items()}
    except InvalidInput as error:
        # A period in which all had the same label has no such metrics; others have.
        note = error.message
    return TruthReport(
        model=model,
        version=version,
        is_shadow=is_shadow,
        period=period,
        rows=len(pairs),
        metrics=metrics,
        note=note,
    )


def _metrics(truths: Any, predictions: Any, *, task: Task) -> dict[str, float]:
    if any(isinstance(one, list | dict) for one in predictions):
        raise InvalidInput(
            "Predictions that are lists, as the pieces of streamed answers are, have no metrics"
            " here."
        )
    if task == "regressor":
        sample = Sample(
            targets=numbers(np.array(truths), "truths"),
            predictions=numbers(np.array(predictions), "predictions"),
        )
        return RegressionMeasures(sample).estimate()
    alike = [_label(one) for one in truths], [_label(one) for one in predictions]
    sample, _ = label_sample(np.array(alike[0]), np.array(alike[1]))
    return ClassificationMeasures(sample).estimate()


def _label(value: Any) -> Any:
    """A class as both sides name it: 1, 1.0 and True are one."""
    if isinstance(value, bool | float) and float(value).is_integer():
        return int(value)
    return value
