"""``assay.evaluate``: is a model good enough? Loads model and data, evaluates, logs to the run.

The computing is in ``assay.evaluation``; here are its ends: URIs, data sets, files, the active run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assay import data as datasets
from assay.errors import InvalidInput, ThresholdsNotMet
from assay.evaluation.bootstrap import Method, Settings
from assay.evaluation.engine import evaluate_request
from assay.evaluation.evaluators import Chosen, plan
from assay.evaluation.inputs import Request
from assay.evaluation.metrics import EvaluationMetric
from assay.evaluation.predicting import Predictor, predictor_of
from assay.evaluation.result import EvaluationResult
from assay.evaluation.slices import SliceRules
from assay.evaluation.thresholds import Figures, MetricThreshold, check_thresholds
from assay.fluent.evaluate_log import Subject, log_result
from assay.fluent.load_model import load_pyfunc

_READERS: dict[str, Callable[[str], datasets.FileDataset]] = {
    ".csv": datasets.from_csv,
    ".parquet": datasets.from_parquet,
}


class _Data(NamedTuple):
    """What is evaluated on, and its description for the run."""

    table: Any
    targets: Any
    predictions: Any
    dataset: datasets.Dataset | None


class _Loading(NamedTuple):
    """How models are loaded and asked."""

    params: Mapping[str, Any] | None
    model_config: Mapping[str, Any] | None
    trust: bool | None


def evaluate(
    model: Any = None,
    data: Any = None,
    *,
    model_type: str | None = None,
    targets: Any = None,
    predictions: Any = None,
    baseline_model: Any = None,
    baseline_predictions: Any = None,
    feature_names: Sequence[str] | None = None,
    groups: Any = None,
    sample_weight: Any = None,
    slices: SliceRules | None = None,
    thresholds: Mapping[str, MetricThreshold] | None = None,
    extra_metrics: Sequence[EvaluationMetric] | None = None,
    evaluators: Chosen = None,
    evaluator_config: Mapping[str, Any] | None = None,
    confidence: float = 0.95,
    bootstrap: int = 1_000,
    method: Method = "bca",
    seed: int = 0,
    prefix: str = "",
    log: bool = True,
    raise_on_failure: bool = True,
    model_id: str | None = None,
    model_config: Mapping[str, Any] | None = None,
    inference_params: Mapping[str, Any] | None = None,
    trust: bool | None = None,
    env_manager: str = "local",
) -> EvaluationResult:
    """Metrics of a model with confidence intervals, against thresholds and a baseline.

    Metrics, intervals, slices, plots, the table of the first rows and a report go to the active
    run; without one, a run is started and ended. Names are those of MLflow's ``evaluate``.

    Args:
        model: a URI, a loaded pyfunc model, an estimator with ``predict``, or a function of the
            features. Left out, ``predictions`` are evaluated.
        data: a pandas or Polars DataFrame, a dict of columns, an array, a data set of
            ``assay.data``, or the path of a CSV or Parquet file.
        model_type: ``classifier``, ``regressor``, ``ranker`` or ``forecaster``.
        targets: a column of the data, or an array.
        predictions: without a model, a column or an array; with one, the column of its output.
        baseline_model: what to compare with on the same rows; as ``model``.
        baseline_predictions: its predictions instead: a column or an array.
        feature_names: the columns that models get, or names for the columns of an array. Left out:
            those an estimator was trained on, else all that have no other part here.
        groups: the query of each row of a ranker, the series of each row of a forecaster.
        sample_weight: what each row counts: a column or an array of numbers ≥ 0.
        slices: a column, several, or a dict of names to columns, numbers of quantile bins, lists
            of inner edges, functions of the data that give a mask, or masks.
        thresholds: what metrics must reach, by name.
        extra_metrics: of ``make_metric``.
        evaluators: ``default``, names of installed ones, functions, or a list of these.
        evaluator_config: for the default evaluator ``label_list``, ``pos_label``, ``average``,
            ``stratified``; ``k``, ``gain``; ``history``, ``seasonality``, ``lower``, ``upper``,
            ``interval_level``, ``block_length``; ``calibration_n_bins``,
            ``max_classes_for_multiclass_roc_pr``, ``log_model_explainability``,
            ``explainability_algorithm``, ``metric_prefix``; or a dict by evaluator.
        confidence: of the intervals.
        bootstrap: resamples; 0 for no intervals.
        method: ``bca`` or ``percentile``.
        seed: of resamples and shuffles.
        prefix: put before names of metrics and files; also ``metric_prefix``.
        log: ``False`` computes only.
        raise_on_failure: ``False`` returns a result that has not passed instead of raising.
        model_id: the logged model that metrics belong to; left out, that of the model.
        model_config: for loading the model.
        inference_params: ``params`` of the pyfunc model's ``predict``.
        trust: as of ``assay.pyfunc.load_model``.
        env_manager: only ``local``.

    Raises:
        InvalidInput: something can't be used; the message says what.
        ThresholdsNotMet: after everything was logged; ``error.result`` has the result.
    """
    if env_manager != "local":
        raise InvalidInput("Models are evaluated in this process: env_manager must be 'local'.")
    loading = _Loading(inference_params, model_config, trust)
    predictor, own_id = _predictor(model, loading)
    baseline, _ = _predictor(baseline_model, loading)
    given = _read(data, targets, predictions, features=predictor)
    chosen = plan(evaluators, evaluator_config)
    config = dict(chosen.default or {})
    if prefix:
        config["metric_prefix"] = prefix
    request = Request(
        model_type=model_type or "",
        data=given.table,
        targets=given.targets,
        predictions=given.predictions,
        model=predictor,
        baseline=baseline,
        baseline_predictions=baseline_predictions,
        feature_names=feature_names,
        sample_weight=sample_weight,
        groups=groups,
        slices=slices,
        config=config,
        extra_metrics=list(extra_metrics or ()),
        thresholds=dict(thresholds or {}),
        settings=Settings(level=confidence, resamples=bootstrap, seed=seed, method=method),
    )
    result = evaluate_request(request, chosen)
    if log:
        result = log_result(result, Subject(given.dataset, model_id or own_id))
    if raise_on_failure and not result.passed:
        raise _failed(result)
    return result


def _failed(result: EvaluationResult) -> ThresholdsNotMet:
    error = ThresholdsNotMet(result.failures, run_id=result.run_id)
    error.result = result
    return error


def _predictor(model: Any, loading: _Loading) -> tuple[Predictor | None, str | None]:
    """The model ready to be asked, and the id of its logged model."""
    if model is None:
        return None, None
    if isinstance(model, str | os.PathLike):
        model = load_pyfunc(
            os.fspath(model), model_config=loading.model_config, trust=loading.trust
        )
    predictor = predictor_of(model)
    params = dict(loading.params or {})
    if params:
        ask = model.predict
        # Params go through the pyfunc face, which alone knows them.
        predictor = replace(
            predictor,
            predict=lambda features: ask(features, params=params),
            predict_proba=None,
        )
    ident = getattr(model, "model_id", None)
    return predictor, ident if isinstance(ident, str) else None


def _read(data: Any, targets: Any, predictions: Any, *, features: Predictor | None) -> _Data:
    if isinstance(data, str | os.PathLike):
        data = _file(Path(data))
    if isinstance(data, datasets.FileDataset):
        wanted = data.targets if targets is None else targets
        return _Data(data.load(), wanted, predictions, data)
    if isinstance(data, datasets.PandasDataset | datasets.PolarsDataset):
        return _Data(
            data.df,
            data.targets if targets is None else targets,
            data.predictions if predictions is None and features is None else predictions,
            data,
        )
    if isinstance(data, datasets.NumpyDataset):
        return _Data(data.features, data.targets if targets is None else targets, predictions, data)
    if isinstance(data, datasets.Dataset):
        raise InvalidInput(f"The data of a {type(data).__name__} can't be evaluated.")
    if isinstance(data, list | tuple):
        data = np.asarray(data)
    if data is None:
        raise InvalidInput("An evaluation needs data.")
    return _Data(data, targets, predictions, None)


def _file(path: Path) -> datasets.FileDataset:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidInput(f"The data file {path.name!r} is neither CSV nor Parquet by its ending.")
    return reader(str(path))


def validate_evaluation_results(
    validation_thresholds: Mapping[str, MetricThreshold],
    candidate_result: EvaluationResult,
    baseline_result: EvaluationResult | None = None,
) -> None:
    """Hold results of evaluations against thresholds, as MLflow's function of that name.

    ``confident`` thresholds on a change need an evaluation with ``baseline_model``, which resamples
    both models together.

    Raises:
        ThresholdsNotMet: some are not met.
        InvalidInput: a threshold is none, or compares and there is no baseline.
    """
    baseline = candidate_result.baseline
    figures = Figures(
        candidate_result.metrics,
        candidate_result.intervals,
        None if baseline is None else baseline.metrics,
        None if baseline is None else baseline.differences,
    )
    if baseline_result is not None:
        figures = replace(figures, baseline=baseline_result.metrics, differences=None)
    checks = check_thresholds(dict(validation_thresholds), figures)
    failures = [failure for check in checks for failure in check.failures]
    if failures:
        raise ThresholdsNotMet(failures, run_id=candidate_result.run_id)
