"""Metrics of one's own: a function of predictions, targets and whatever columns it names."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.errors import InvalidInput

_PREDICTIONS = ("predictions", "prediction")
_TARGETS = ("targets", "target")
_BUILTIN = ("metrics", "builtin_metrics", "_builtin_metrics")
_FRAMES = ("eval_df", "_eval_df")


@dataclass(frozen=True)
class MetricValue:
    """What a metric may return instead of a number, as MLflow's class of that name."""

    scores: Sequence[float] | None = None
    """One a row; they go to the table of rows."""
    justifications: Sequence[str] | None = None
    """One text a row."""
    aggregate_results: Mapping[str, float] = field(default_factory=dict)
    """Figures of the whole, logged as ``name/key``."""


@dataclass(frozen=True)
class EvaluationMetric:
    """A metric that ``evaluate(extra_metrics=[…])`` computes beside the built-in ones."""

    eval_fn: Callable[..., Any]
    name: str
    greater_is_better: bool
    long_name: str | None = None
    version: str | None = None


def make_metric(
    *,
    eval_fn: Callable[..., Any],
    greater_is_better: bool,
    name: str | None = None,
    long_name: str | None = None,
    version: str | None = None,
    **_unused: Any,
) -> EvaluationMetric:
    """A metric of a function, with MLflow's arguments.

    Args:
        eval_fn: takes any of ``predictions``, ``targets``, ``metrics`` (the built-in ones),
            ``eval_df`` (columns ``prediction`` and ``target``) and names of columns of the data or
            keys of ``evaluator_config``; gives a number, a dict of numbers, or a ``MetricValue``.
        greater_is_better: whether more is better.
        name: left out, that of the function.
        long_name: kept for MLflow's sake.
        version: kept for MLflow's sake.

    Raises:
        InvalidInput: a function without a name, and none is given.
    """
    own = getattr(eval_fn, "__name__", "<lambda>")
    if name is None and own == "<lambda>":
        raise InvalidInput("A metric of a lambda needs a name: make_metric(eval_fn=…, name='…').")
    return EvaluationMetric(eval_fn, name or own, greater_is_better, long_name, version)


@dataclass(frozen=True)
class MetricInputs:
    """What metric functions may ask for."""

    predictions: Any
    targets: Any
    metrics: Mapping[str, float]
    other: Callable[[str], Any]
    """A column of the data or entry of the configuration; raises ``KeyError`` if there is none."""


@dataclass(frozen=True)
class ExtraMetric:
    """What one metric gave."""

    values: dict[str, float]
    columns: dict[str, Sequence[Any]]


def compute(metric: EvaluationMetric, inputs: MetricInputs) -> ExtraMetric:
    """Call the metric's function with what its parameters name.

    Raises:
        InvalidInput: it asks for something unknown, or gives no number.
    """
    # MLflow's own metric objects are taken too: they have the same attributes.
    found = metric.eval_fn(**_arguments(metric, inputs))
    if isinstance(found, Mapping):
        return ExtraMetric(
            {f"{metric.name}/{key}": _number(value, metric) for key, value in found.items()}, {}
        )
    if hasattr(found, "aggregate_results") and hasattr(found, "scores"):
        columns: dict[str, Sequence[Any]] = {}
        if found.scores is not None:
            columns[f"{metric.name}/score"] = list(found.scores)
        if found.justifications is not None:
            columns[f"{metric.name}/justification"] = list(found.justifications)
        results = found.aggregate_results or {}
        values = {f"{metric.name}/{key}": _number(one, metric) for key, one in results.items()}
        return ExtraMetric(values, columns)
    return ExtraMetric({metric.name: _number(found, metric)}, {})


def _number(value: Any, metric: EvaluationMetric) -> float:
    item = getattr(value, "item", None)
    plain = item() if item is not None and getattr(value, "size", 1) == 1 else value
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        raise InvalidInput(
            f"The metric {metric.name!r} must give a number, a dict of numbers or a MetricValue,"
            f" not {type(value).__name__}."
        )
    return float(plain)


def _arguments(metric: EvaluationMetric, inputs: MetricInputs) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, parameter in inspect.signature(metric.eval_fn).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name in _PREDICTIONS:
            arguments[name] = _series(inputs.predictions)
        elif name in _TARGETS:
            arguments[name] = _series(inputs.targets)
        elif name in _BUILTIN:
            arguments[name] = dict(inputs.metrics)
        elif name in _FRAMES:
            arguments[name] = _frame({"prediction": inputs.predictions, "target": inputs.targets})
        else:
            try:
                arguments[name] = inputs.other(name)
            except KeyError:
                if parameter.default is not parameter.empty:
                    continue
                raise InvalidInput(
                    f"The metric {metric.name!r} asks for {name!r}, which is neither a column of"
                    " the data nor an entry of evaluator_config."
                ) from None
    return arguments


def _series(values: Any) -> Any:
    """Values as a pandas Series where pandas is installed, as MLflow gives them."""
    try:
        import pandas as pd
    except ImportError:
        return values
    return pd.Series(values)


def _frame(columns: dict[str, Any]) -> Any:
    try:
        import pandas as pd
    except ImportError:
        return columns
    return pd.DataFrame(columns)
