"""The evaluation itself: from a request to a result. Nothing is logged here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from assay.errors import InvalidInput
from assay.evaluation import evaluators, plots, tables
from assay.evaluation.bootstrap import Intervals, bootstrap_intervals
from assay.evaluation.evaluators import Evaluation, Plan
from assay.evaluation.explaining import Explanation, explain
from assay.evaluation.findings import Baseline, EvaluationArtifact
from assay.evaluation.inputs import Inputs, Request, part, read_inputs
from assay.evaluation.measures import Measures
from assay.evaluation.metrics import MetricInputs, compute
from assay.evaluation.result import EvaluationResult
from assay.evaluation.sample import Sample
from assay.evaluation.slices import Part, Slice, cut
from assay.evaluation.tasks import (
    Outcome,
    measures_of,
    outcome_of,
    plots_of,
    resampling_of,
    sample_of,
)
from assay.evaluation.thresholds import Figures, check_thresholds, refuse_bad

_SLICE_RESAMPLES = 500
"""Resamples of a slice at most: its intervals are a hint where to look, not a verdict."""


@dataclass
class _Work:
    """What is known so far."""

    request: Request
    inputs: Inputs
    sample: Sample
    other: Sample | None
    measures: Measures
    metrics: dict[str, float] = field(default_factory=dict)
    other_metrics: dict[str, float] | None = None
    files: dict[str, EvaluationArtifact] = field(default_factory=dict)
    columns: dict[str, Sequence[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def keep(self, name: str, file: str, content: bytes) -> None:
        self.files[name] = EvaluationArtifact(file, content)


def evaluate_request(request: Request, plan: Plan) -> EvaluationResult:
    """Evaluate.

    Args:
        request: what to evaluate; its ``config`` is that of the default evaluator.
        plan: who evaluates.

    Raises:
        InvalidInput: something of the request can't be used; the message says what.
    """
    work = _begin(request)
    intervals, slices, explanation = Intervals(), [], Explanation()
    if plan.default is not None:
        _estimate(work)
        intervals = _intervals(work)
        slices = _slices(work)
        explanation = explain(request, work.inputs, work.sample)
        _draw(work, explanation)
    for name, evaluator, config in plan.others:
        _run(work, name, evaluator, config)
    _extras(work)
    baseline = None
    if work.other_metrics is not None:
        baseline = Baseline(work.other_metrics, intervals.baseline, intervals.differences)
    prefix = str(request.config.get("metric_prefix") or "")
    checks = check_thresholds(
        {name.removeprefix(prefix): one for name, one in request.thresholds.items()},
        Figures(
            work.metrics,
            intervals.candidate,
            None if baseline is None else baseline.metrics,
            intervals.differences,
        ),
    )
    result = EvaluationResult(
        model_type=request.model_type,
        metrics=work.metrics,
        intervals=intervals.candidate,
        baseline=baseline,
        slices=slices,
        checks=checks,
        importances=explanation.importances,
        importance_method=explanation.method,
        artifacts=work.files,
        table=tables.eval_table(request, work.inputs, work.sample, work.columns),
        notes=[*work.notes, *intervals.notes, *explanation.notes],
    )
    return _prefixed(result, prefix) if prefix else result


def _prefixed(result: EvaluationResult, prefix: str) -> EvaluationResult:
    def named(figures: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{prefix}{name}": value for name, value in figures.items()}

    baseline = result.baseline
    return replace(
        result,
        prefix=prefix,
        metrics=named(result.metrics),
        intervals=named(result.intervals),
        baseline=None
        if baseline is None
        else Baseline(
            named(baseline.metrics), named(baseline.intervals), named(baseline.differences)
        ),
        artifacts={
            name: replace(one, file=f"{prefix}{one.file}") for name, one in result.artifacts.items()
        },
    )


def _begin(request: Request) -> _Work:
    compared = request.baseline is not None or request.baseline_predictions is not None
    refuse_bad(request.thresholds, compared=compared)
    inputs = read_inputs(request)
    outcome = _candidate_outcome(request, inputs)
    sample, notes = sample_of(request, inputs, outcome)
    other = _baseline_sample(request, inputs, sample)
    if sample.labels is not None and other is not None:
        sample, other = _with_same_labels(request, inputs, outcome, sample, other)
    return _Work(
        request,
        inputs,
        sample,
        other,
        measures_of(request.model_type, sample, request.config),
        notes=notes,
    )


def _candidate_outcome(request: Request, inputs: Inputs) -> Outcome:
    if request.model is not None:
        return outcome_of(request.model, inputs.features, request)
    given = part(inputs.data, request.predictions, "predictions")
    if given is None:
        raise InvalidInput("Give a model, or predictions: a column's name or an array.")
    return Outcome(given)


def _baseline_outcome(request: Request, inputs: Inputs) -> Outcome | None:
    if request.baseline is not None:
        return outcome_of(request.baseline, inputs.features, request)
    given = part(inputs.data, request.baseline_predictions, "baseline predictions")
    return None if given is None else Outcome(given)


def _baseline_sample(request: Request, inputs: Inputs, sample: Sample) -> Sample | None:
    outcome = _baseline_outcome(request, inputs)
    if outcome is None:
        return None
    asked = request
    if sample.labels is not None and outcome.classes is None:
        asked = replace(request, config={**request.config, "label_list": _union(sample, outcome)})
    other, _ = sample_of(asked, inputs, outcome)
    return other


def _union(sample: Sample, outcome: Outcome) -> list[Any]:
    """Labels of the candidate and those that the baseline gives, where it gives labels."""
    assert sample.labels is not None
    guessed = np.asarray(outcome.predictions)
    if guessed.dtype.kind == "f" or guessed.dtype.kind != sample.labels.dtype.kind:
        return list(sample.labels.tolist())
    return list(np.unique(np.concatenate([sample.labels, guessed.reshape(-1)])).tolist())


def _with_same_labels(
    request: Request, inputs: Inputs, outcome: Outcome, sample: Sample, other: Sample
) -> tuple[Sample, Sample]:
    """Both samples over one list of labels, so that their figures are of one kind."""
    assert sample.labels is not None
    assert other.labels is not None
    if np.array_equal(sample.labels, other.labels):
        return sample, other
    labels = np.unique(np.concatenate([sample.labels, other.labels]))
    found = [_relabelled(one, labels) for one in (sample, other)]
    return found[0], found[1]


def _relabelled(sample: Sample, labels: Any) -> Sample:
    assert sample.labels is not None
    places = np.searchsorted(labels, sample.labels)
    shares = None
    if sample.probabilities is not None:
        shares = np.zeros((len(sample), len(labels)))
        shares[:, places] = sample.probabilities
    return replace(
        sample,
        targets=places[sample.targets],
        predictions=places[sample.predictions],
        probabilities=shares,
        labels=labels,
        positive=int(places[sample.positive]),
    )


def _estimate(work: _Work) -> None:
    work.metrics |= _defined(work.measures.estimate(), work.notes)
    _score(work)
    if work.other is not None:
        other = measures_of(work.request.model_type, work.other, work.request.config)
        work.other_metrics = _defined(other.estimate(), [])


def _defined(metrics: Mapping[str, float], notes: list[str]) -> dict[str, float]:
    """The metrics that have a value. An undefined one is left out, so no threshold is met by it."""
    missing = [name for name, value in metrics.items() if math.isnan(value)]
    if missing:
        notes.append(f"Undefined on these rows: {', '.join(missing)}.")
    return {name: value for name, value in metrics.items() if not math.isnan(value)}


def _score(work: _Work) -> None:
    """The estimator's own ``score``, as MLflow logs it."""
    model = work.request.model
    score = None if model is None else getattr(model.estimator, "score", None)
    if score is None or model is None or work.request.model_type not in ("classifier", "regressor"):
        return
    weights = {} if work.sample.weights is None else {"sample_weight": work.sample.weights}
    try:
        found = score(model.inputs(work.inputs.features), work.inputs.targets, **weights)
        work.metrics["score"] = float(found)
    except Exception as error:  # noqa: BLE001 - foreign code; all other metrics stand without it
        work.notes.append(f"The model's own score failed: {type(error).__name__}: {error}")


def _intervals(work: _Work) -> Intervals:
    request = work.request
    ways = resampling_of(request.model_type, work.sample, work.other, request.config)
    return bootstrap_intervals(ways.candidate, ways.draws, request.settings, ways.baseline)


def _slices(work: _Work) -> list[Slice]:
    inputs = work.inputs
    parts = cut(work.request.slices, column=inputs.column, frame=inputs.data, size=inputs.size)
    return [_slice(work, one) for one in parts]


def _slice(work: _Work, one: Part) -> Slice:
    request = work.request
    rows = int(one.mask.sum())
    if request.model_type == "ranker":
        groups = work.inputs.groups
        assert groups is not None
        if np.isin(groups[~one.mask], groups[one.mask]).any():
            raise InvalidInput(f"The slice {one.by!r} cuts queries of the ranker into pieces.")
    sample = work.sample.take(one.mask)
    if sample.weights is not None and not sample.weights.any():
        return Slice(one.by, one.name, rows, note="all weights are zero")
    other = None if work.other is None else work.other.take(one.mask)
    ways = resampling_of(request.model_type, sample, other, request.config)
    settings = replace(
        request.settings, resamples=min(request.settings.resamples, _SLICE_RESAMPLES)
    )
    intervals = bootstrap_intervals(ways.candidate, ways.draws, settings, ways.baseline)
    return Slice(
        one.by,
        one.name,
        rows,
        metrics=_defined(ways.candidate.estimate(), []),
        intervals=intervals.candidate,
        baseline=None if ways.baseline is None else _defined(ways.baseline.estimate(), []),
    )


def _draw(work: _Work, explanation: Explanation) -> None:
    request, sample = work.request, work.sample
    if sample.labels is not None and len(sample.labels) > 2:
        work.keep("per_class_metrics", "per_class_metrics.csv", tables.per_class_csv(sample))
    if not plots.can_draw():
        work.notes.append("No plots: matplotlib is not installed (pip install 'assay[plots]').")
        return
    drawn = plots_of(request.model_type, sample, work.measures, request.config)
    if explanation.importances:
        drawn["feature_importances_plot"] = plots.importance_plot(
            explanation.importances, explanation.method
        )
    for name, content in drawn.items():
        work.keep(name, f"{name}.png", content)


def _plain_pair(sample: Sample) -> tuple[Any, Any]:
    """Predictions and targets as labels or numbers."""
    if sample.labels is None:
        return sample.predictions, sample.targets
    return sample.labels[sample.predictions], sample.labels[sample.targets]


def _run(work: _Work, name: str, evaluator: Any, config: Mapping[str, Any]) -> None:
    predictions, targets = _plain_pair(work.sample)
    model = work.request.model
    found = evaluators.run(
        name,
        evaluator,
        Evaluation(
            model_type=work.request.model_type,
            data=work.inputs.data,
            features=work.inputs.features,
            targets=targets,
            predictions=predictions,
            model=None if model is None else model.estimator,
            config=config,
            metrics=dict(work.metrics),
        ),
    )
    work.metrics |= found.metrics
    for file, content in found.artifacts.items():
        work.keep(file.rpartition(".")[0] or file, file, content)


def _extras(work: _Work) -> None:
    """Metrics of one's own: of the model, and of the baseline beside it."""
    for metric in work.request.extra_metrics:
        found = compute(metric, _metric_inputs(work, work.sample, work.metrics))
        work.metrics |= found.values
        work.columns |= found.columns
    if work.other is None or work.other_metrics is None:
        return
    for metric in work.request.extra_metrics:
        inputs = _metric_inputs(work, work.other, work.other_metrics)
        work.other_metrics |= compute(metric, inputs).values


def _metric_inputs(work: _Work, sample: Sample, metrics: Mapping[str, float]) -> MetricInputs:
    predictions, targets = _plain_pair(sample)

    def other(name: str) -> Any:
        if name in work.request.config:
            return work.request.config[name]
        try:
            return work.inputs.column(name)
        except InvalidInput:
            raise KeyError(name) from None

    return MetricInputs(predictions, targets, metrics, other)
