"""What is evaluated, taken apart: features for the model, targets, weights, groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.evaluation.bootstrap import Settings
from assay.evaluation.columns import as_array, column, column_names, pick, row_count
from assay.evaluation.metrics import EvaluationMetric
from assay.evaluation.predicting import Predictor
from assay.evaluation.sample import same_length
from assay.evaluation.slices import SliceRules
from assay.evaluation.thresholds import MetricThreshold

MODEL_TYPES = ("classifier", "regressor", "ranker", "forecaster")


@dataclass(frozen=True)
class Request:
    """Everything that a caller of ``evaluate`` said."""

    model_type: str
    data: Any
    """A pandas or Polars frame, a mapping of columns, or an array (n[, features])."""
    targets: Any = None
    """A column's name, or an array."""
    predictions: Any = None
    """A column of the data (without a model) or of the model's output, or an array."""
    model: Predictor | None = None
    baseline: Predictor | None = None
    baseline_predictions: Any = None
    """A column of the data, or an array, instead of a baseline model."""
    feature_names: Sequence[str] | None = None
    sample_weight: Any = None
    groups: Any = None
    slices: SliceRules | None = None
    config: dict[str, Any] = field(default_factory=dict)
    extra_metrics: Sequence[EvaluationMetric] = ()
    thresholds: dict[str, MetricThreshold] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Inputs:
    """The data of a request by what they are for."""

    data: Any
    """All of it."""
    features: Any
    """What models get."""
    size: int
    targets: NDArray[Any] | None
    weights: NDArray[Any] | None
    groups: NDArray[Any] | None

    def column(self, name: str, what: str = "slice") -> NDArray[Any]:
        """A column of the data. Raises ``InvalidInput``."""
        return column(self.data, name, what)


def read_inputs(request: Request) -> Inputs:
    """The data of a request.

    Raises:
        InvalidInput: an unknown model type, a missing column, or parts of different lengths.
    """
    if request.model_type not in MODEL_TYPES:
        raise InvalidInput(
            f"model_type must be one of {', '.join(MODEL_TYPES)}, not {request.model_type!r}."
        )
    if request.data is None or row_count(request.data) == 0:
        raise InvalidInput("There are no rows to evaluate.")
    weights = request.sample_weight
    if weights is None:
        weights = request.config.get("sample_weights")
    targets = part(request.data, request.targets, "targets")
    if targets is None:
        raise InvalidInput("An evaluation needs targets: a column's name, or an array.")
    inputs = Inputs(
        data=request.data,
        features=_features(request, weights),
        size=row_count(request.data),
        targets=targets,
        weights=part(request.data, weights, "sample weights"),
        groups=part(request.data, request.groups, "groups"),
    )
    same_length(
        {
            "data": range(inputs.size),
            "targets": inputs.targets,
            "sample weights": inputs.weights,
            "groups": inputs.groups,
        }
    )
    return inputs


def part(data: Any, given: Any, what: str) -> NDArray[Any] | None:
    """A column by name, or what was given as an array."""
    if given is None:
        return None
    return column(data, given, what) if isinstance(given, str) else np.asarray(as_array(given))


def _features(request: Request, weights: Any) -> Any:
    known = column_names(request.data)
    if not known:
        return request.data
    if request.feature_names is not None:
        missing = [name for name in request.feature_names if name not in known]
        if missing:
            raise InvalidInput(f"The data lack the features {', '.join(missing[:20])}.")
        return pick(request.data, list(request.feature_names))
    config = request.config
    others = [request.targets, weights, request.groups, request.baseline_predictions]
    others += [config.get("lower"), config.get("upper")]
    if request.model is None:
        others.append(request.predictions)
    reserved = {one for one in others if isinstance(one, str)}
    kept = [name for name in known if name not in reserved]
    return request.data if len(kept) == len(known) else pick(request.data, kept)
