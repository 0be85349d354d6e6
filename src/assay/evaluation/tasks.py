"""Tasks: what each model type measures, how it is resampled and what is drawn of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.evaluation import plots
from assay.evaluation.classification import ClassificationMeasures
from assay.evaluation.columns import as_array, column, column_names
from assay.evaluation.curves import DEFAULT_BINS
from assay.evaluation.draws import BlockDraws, Draws, RowDraws, block_length
from assay.evaluation.forecasting import ForecastMeasures, row_scales
from assay.evaluation.inputs import Inputs, Request, part
from assay.evaluation.labels import LabelChoice, label_sample
from assay.evaluation.measures import Measures
from assay.evaluation.predicting import Predictor, output_column
from assay.evaluation.ranking import DEFAULT_CUTS, RankingMeasures, queries_of
from assay.evaluation.regression import RegressionMeasures
from assay.evaluation.sample import Sample, collapsed, numbers, row_weights, same_length


@dataclass(frozen=True)
class Outcome:
    """What a model gave for the rows."""

    predictions: Any
    probabilities: Any = None
    classes: NDArray[Any] | None = None
    lower: Any = None
    upper: Any = None


def outcome_of(
    predictor: Predictor, features: Any, request: Request, *, with_intervals: bool = True
) -> Outcome:
    """Ask a model. ``request.predictions`` may name the column of its output."""
    data = predictor.inputs(features)
    output = predictor.predict(data)
    name = request.predictions if isinstance(request.predictions, str) else None
    probabilities = None
    if request.model_type == "classifier" and predictor.predict_proba is not None:
        probabilities = np.asarray(predictor.predict_proba(data))
    ends: list[Any] = [None, None]
    if with_intervals and request.model_type == "forecaster":
        known = column_names(output)
        for at, key in enumerate(("lower", "upper")):
            wanted = request.config.get(key)
            if isinstance(wanted, str) and wanted in known:
                ends[at] = column(output, wanted, key)
    # A list that a plain function gives is an array too.
    return Outcome(
        as_array(output_column(output, name)), probabilities, predictor.classes, ends[0], ends[1]
    )


def sample_of(request: Request, inputs: Inputs, outcome: Outcome) -> tuple[Sample, list[str]]:
    """Targets and predictions, checked. Raises ``InvalidInput``."""
    same_length({"data": range(inputs.size), "predictions": np.asarray(outcome.predictions)})
    if request.model_type == "classifier":
        choice = LabelChoice(
            request.config.get("label_list"), request.config.get("pos_label"), outcome.classes
        )
        return label_sample(
            inputs.targets,
            outcome.predictions,
            probabilities=outcome.probabilities,
            weights=inputs.weights,
            choice=choice,
        )
    sample = Sample(
        targets=numbers(inputs.targets, "targets"),
        predictions=numbers(outcome.predictions, "predictions"),
        weights=row_weights(inputs.weights, inputs.size),
        groups=inputs.groups,
    )
    if request.model_type == "forecaster":
        return _with_ends(sample, request, inputs, outcome)
    if request.model_type == "ranker":
        queries_of(sample)
    return sample, []


def _with_ends(
    sample: Sample, request: Request, inputs: Inputs, outcome: Outcome
) -> tuple[Sample, list[str]]:
    ends: dict[str, Any] = {}
    for key, given in (("lower", outcome.lower), ("upper", outcome.upper)):
        values = given
        if values is None:
            values = part(inputs.data, request.config.get(key), f"{key} ends")
        if values is not None:
            ends[key] = numbers(values, f"{key} ends")
    if len(ends) == 1:
        raise InvalidInput("Intervals need both ends: evaluator_config 'lower' and 'upper'.")
    same_length({"data": range(inputs.size), **ends})
    history = request.config.get("history")
    if history is None:
        note = "MASE is left out: it needs evaluator_config={'history': targets before these}."
        return replace(sample, **ends), [note]
    if not isinstance(history, Mapping):
        history = as_array(history)
    scales = row_scales(sample, history, int(request.config.get("seasonality", 1)))
    return replace(sample, **ends, scales=scales), []


def measures_of(model_type: str, sample: Sample, config: Mapping[str, Any]) -> Measures:
    """The metrics of a model type. Raises ``InvalidInput``."""
    if model_type == "classifier":
        return ClassificationMeasures(sample, average=config.get("average", "weighted"))
    if model_type == "ranker":
        return RankingMeasures(
            sample,
            cuts=tuple(config.get("k", DEFAULT_CUTS)),
            gain=config.get("gain", "linear"),
        )
    if model_type == "forecaster":
        return ForecastMeasures(sample, promised=config.get("interval_level"))
    return RegressionMeasures(sample)


@dataclass(frozen=True)
class Resampling:
    """The measures of one or two models on the same units, and how these are drawn."""

    candidate: Measures
    baseline: Measures | None
    draws: Draws


def resampling_of(
    model_type: str, sample: Sample, baseline: Sample | None, config: Mapping[str, Any]
) -> Resampling:
    """How a sample is resampled: rows of a classifier within their true label, queries of a ranker
    as wholes, forecasts in blocks, other rows one by one.
    """
    sample, baseline = collapsed(sample, baseline)
    candidate = measures_of(model_type, sample, config)
    other = None if baseline is None else measures_of(model_type, baseline, config)
    if model_type == "forecaster":
        series = None
        if sample.groups is not None:
            series = np.unique(sample.groups, return_inverse=True)[1].astype(np.int64)
        length = config.get("block_length")
        if length is None:
            length = block_length(len(sample), int(config.get("seasonality", 1)))
        return Resampling(candidate, other, BlockDraws(len(sample), series, length=int(length)))
    strata = None
    if model_type == "classifier" and config.get("stratified", True):
        strata = sample.targets.astype(np.int64)
    return Resampling(candidate, other, RowDraws(candidate.base, strata))


def plots_of(
    model_type: str, sample: Sample, measures: Measures, config: Mapping[str, Any]
) -> dict[str, bytes]:
    """The plots of a model type by name, as PNG."""
    if isinstance(measures, ClassificationMeasures):
        return plots.classifier_plots(
            sample,
            measures.confusion(),
            bins=int(config.get("calibration_n_bins", DEFAULT_BINS)),
            max_classes=int(config.get("max_classes_for_multiclass_roc_pr", plots.MAX_CLASSES)),
        )
    if model_type == "regressor":
        return plots.regressor_plots(sample)
    if model_type == "forecaster":
        return plots.forecaster_plots(sample)
    return {}
