"""Which importances an evaluation computes, and why not where it doesn't."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay.errors import InvalidInput
from assay.evaluation.columns import take_rows
from assay.evaluation.findings import Importance
from assay.evaluation.importances import (
    MAX_ROWS,
    MAX_SECONDS,
    TooSlow,
    feature_names_of,
    has_shap,
    permutation_importances,
    shap_importances,
    some_rows,
)
from assay.evaluation.inputs import Inputs, Request
from assay.evaluation.sample import Sample
from assay.evaluation.tasks import measures_of, outcome_of, sample_of

_ALGORITHMS = ("auto", "shap", "permutation")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Explanation:
    """Importances, or why there are none."""

    importances: list[Importance] = field(default_factory=list)
    method: str = ""
    notes: list[str] = field(default_factory=list)


def explain(request: Request, inputs: Inputs, sample: Sample) -> Explanation:
    """Importances of the features, as ``log_model_explainability`` and ``explainability_algorithm``
    of ``evaluator_config`` ask for.

    Where nothing is said, models that are so slow that it would take minutes are left out.

    Raises:
        InvalidInput: an unknown algorithm, or shap is asked for and can't explain the model.
    """
    wanted = request.config.get("log_model_explainability")
    asked = request.config.get("explainability_algorithm")
    algorithm = asked if asked in _ALGORITHMS else "auto"
    if asked is not None and asked not in (*_ALGORITHMS, "exact", "partition", "kernel"):
        raise InvalidInput(
            f"explainability_algorithm must be one of {', '.join(_ALGORITHMS)}, not {asked!r}."
        )
    if wanted is False or request.model is None or request.model_type == "ranker":
        return Explanation()
    seconds = None if wanted or asked else MAX_SECONDS
    rows = some_rows(inputs.size, request.settings.seed, MAX_ROWS)
    features = request.model.inputs(take_rows(inputs.features, rows))
    names = feature_names_of(features, request.feature_names)
    notes: list[str] = []
    try:
        if algorithm == "shap" or (algorithm == "auto" and has_shap()):
            found = _by_shap(request, features, sample, names=names, seconds=seconds)
            if isinstance(found, list):
                return Explanation(found, "mean absolute SHAP value")
            if algorithm == "shap":
                raise InvalidInput(f"shap can't explain this model: {found}")
            notes.append(f"shap can't explain this model ({found}); columns are shuffled instead.")
        name, loss = _loss(request, inputs, sample, rows)
        done = permutation_importances(
            features, loss, names=names, seed=request.settings.seed, max_seconds=seconds
        )
        return Explanation(done, f"permutation, increase of {name}", notes)
    except TooSlow:
        why = (
            "Importances are left out: the model is slow. Ask for them with"
            " evaluator_config={'log_model_explainability': True}."
        )
        return Explanation(notes=[why])


def _by_shap(
    request: Request, features: Any, sample: Sample, *, names: list[str], seconds: float | None
) -> list[Importance] | str:
    """Importances, or in words why shap gives none."""
    if not has_shap():
        return "shap is not installed; install it with: pip install shap"
    assert request.model is not None
    labels = sample.labels
    positive = sample.positive if labels is not None and len(labels) == 2 else None
    try:
        return shap_importances(
            request.model,
            features,
            names=names,
            positive=positive,
            seed=request.settings.seed,
            max_seconds=seconds,
        )
    except TooSlow:
        raise
    except Exception as error:  # noqa: BLE001 - shap and foreign models raise whatever they like
        _log.debug("shap failed", exc_info=True)
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _loss(request: Request, inputs: Inputs, sample: Sample, rows: Any) -> tuple[str, Any]:
    """The loss that permutation importances look at: its name, and a function of features."""
    model = request.model
    assert model is not None
    few = replace(
        inputs,
        data=take_rows(inputs.data, rows),
        size=len(rows),
        targets=None if inputs.targets is None else inputs.targets[rows],
        weights=None if inputs.weights is None else inputs.weights[rows],
        groups=None if inputs.groups is None else inputs.groups[rows],
    )
    config = {key: value for key, value in request.config.items() if key != "history"}
    config |= {"lower": None, "upper": None}
    if sample.labels is not None:
        # The few rows may lack a label that the sample has.
        config["label_list"] = sample.labels.tolist()
    plain = replace(request, config=config)

    def metrics(features: Any) -> Mapping[str, float]:
        outcome = outcome_of(model, features, plain, with_intervals=False)
        shuffled, _ = sample_of(plain, few, outcome)
        return measures_of(plain.model_type, shuffled, plain.config).estimate()

    if request.model_type != "classifier":
        return "mean squared error", lambda features: metrics(features)["mean_squared_error"]
    if model.predict_proba is not None:
        return "log loss", lambda features: metrics(features)["log_loss"]
    return "error rate", lambda features: 1 - metrics(features)["accuracy_score"]
