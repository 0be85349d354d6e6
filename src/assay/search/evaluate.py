"""What a tree means, in plain Python: the reference that every store's search is tested against.

A comparison with something missing is false, so its ``not`` is true. NaN matches ``!=`` and
nothing else.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from assay.entities.datasets import DatasetInput
from assay.entities.experiments import Experiment
from assay.entities.logged_models import LoggedModel
from assay.entities.metrics import Metric, MetricSummary
from assay.entities.model_versions import ModelVersion
from assay.entities.registered_models import RegisteredModel
from assay.entities.runs import Run, RunInfo
from assay.entities.tags import DATASET_CONTEXT
from assay.search.patterns import fold_case, matches, parse_pattern
from assay.search.tree import (
    SUMMARY_FIGURES,
    And,
    Comparator,
    Comparison,
    Field,
    FieldKind,
    Figure,
    Moment,
    Node,
    Not,
    Or,
    OrderTerm,
)

Figures = Mapping[Figure, float]

_OPERATORS: Final[dict[Comparator, Callable[[Any, Any], bool]]] = {
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
}


class Record(msgspec.Struct, frozen=True):
    """One entity as a search sees it."""

    attributes: Mapping[str, str | int | Sequence[str] | None]
    """By the names of the vocabulary; ``None`` where the entity has no value, a sequence where it
    may have several.
    """
    metrics: Mapping[str, Sequence[Figures]] = {}
    """Series per key: of a run the one with the latest point, of a logged model all, latest
    first.
    """
    params: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    datasets: Sequence[Mapping[str, str]] = ()
    """``name``, ``digest`` and, if the run gave one, ``context`` of each data set."""


def run_record(run: Run, summaries: Iterable[MetricSummary] = ()) -> Record:
    """The record of a run. Without ``summaries`` of its latest series only the last values are
    known; figures that are read from points never are.
    """
    info = run.info
    metrics: dict[str, list[Figures]] = {
        key: [{Figure.LAST: value}] for key, value in run.data.metrics.items()
    }
    for summary in summaries:
        metrics[summary.series.key] = [{f: getattr(summary, f) for f in SUMMARY_FIGURES}]
    return Record(
        attributes={
            "run_id": info.run_id,
            "run_name": info.run_name,
            "user_id": info.user_id,
            "status": str(info.status),
            "artifact_uri": info.artifact_uri,
            "start_time": info.start_time,
            "end_time": info.end_time,
            "duration": _duration(info),
        },
        metrics=metrics,
        params=run.data.params,
        tags=run.data.tags,
        datasets=[_dataset_record(used) for used in run.inputs.dataset_inputs],
    )


def _duration(info: RunInfo) -> int | None:
    if info.start_time is None or info.end_time is None:
        return None
    return info.end_time - info.start_time


def _dataset_record(used: DatasetInput) -> dict[str, str]:
    record = {"name": used.dataset.name, "digest": used.dataset.digest}
    for tag in used.tags:
        if tag.key == DATASET_CONTEXT:
            record["context"] = tag.value
    return record


def experiment_record(experiment: Experiment) -> Record:
    """The record of an experiment."""
    return Record(
        attributes={
            "name": experiment.name,
            "experiment_id": experiment.experiment_id,
            "creation_time": experiment.creation_time,
            "last_update_time": experiment.last_update_time,
        },
        tags=experiment.tags,
    )


def model_record(model: LoggedModel, metrics: Iterable[Metric] | None = None) -> Record:
    """The record of a logged model; ``metrics`` restricts it to some of the model's own."""
    series: dict[str, list[Figures]] = {}
    seen = model.metrics if metrics is None else metrics
    for metric in sorted(seen, key=lambda m: (-m.timestamp, -m.step, m.run_id or "")):
        series.setdefault(metric.key, []).append({Figure.LAST: metric.value})
    return Record(
        attributes={
            "name": model.name,
            "model_id": model.model_id,
            "model_type": model.model_type,
            "source_run_id": model.source_run_id,
            "status": str(model.status),
            "creation_timestamp": model.creation_timestamp,
            "last_updated_timestamp": model.last_updated_timestamp,
        },
        metrics=series,
        params=model.params,
        tags=model.tags,
    )


def registered_record(model: RegisteredModel) -> Record:
    """The record of a registered model."""
    return Record(
        attributes={
            "name": model.name,
            "alias": list(model.aliases),
            "description": model.description,
            "creation_timestamp": model.creation_timestamp,
            "last_updated_timestamp": model.last_updated_timestamp,
        },
        tags=model.tags,
    )


def version_record(version: ModelVersion) -> Record:
    """The record of a model version."""
    return Record(
        attributes={
            "name": version.name,
            "version_number": version.version,
            "run_id": version.run_id,
            "model_id": version.model_id,
            "source_path": version.source,
            "alias": version.aliases,
            "current_stage": version.current_stage,
            "description": version.description,
            "user_id": version.user_id,
            "status": str(version.status),
            "creation_timestamp": version.creation_timestamp,
            "last_updated_timestamp": version.last_updated_timestamp,
        },
        tags=version.tags,
    )


def evaluate(tree: Node, record: Record, *, now_ms: int) -> bool:
    """Whether the record matches; ``now_ms`` is what ``now`` means."""
    if isinstance(tree, And):
        return all(evaluate(term, record, now_ms=now_ms) for term in tree.terms)
    if isinstance(tree, Or):
        return any(evaluate(term, record, now_ms=now_ms) for term in tree.terms)
    if isinstance(tree, Not):
        return not evaluate(tree.term, record, now_ms=now_ms)
    return _compare(tree, record, now_ms)


def read_number(text: str) -> float | None:
    """A param's text as a finite number; ``None`` if it isn't one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _compare(comparison: Comparison, record: Record, now_ms: int) -> bool:
    field = comparison.field
    found: Sequence[str | float | None]
    if field.kind is FieldKind.METRIC:
        found = _figures(record, field)
    elif field.kind is FieldKind.DATASET:
        found = [used.get(field.key) for used in record.datasets]
    else:
        found = _values(record, field)
    if comparison.comparator is Comparator.IS_NULL:
        return found[0] is None
    if comparison.comparator is Comparator.IS_NOT_NULL:
        return found[0] is not None
    return any(_holds(comparison, value, now_ms) for value in found if value is not None)


def _values(record: Record, field: Field) -> Sequence[str | int | None]:
    """All values of what an entity may have several of, else the one that it has."""
    if field.kind is FieldKind.PARAM:
        return [record.params.get(field.key)]
    if field.kind is FieldKind.TAG:
        return [record.tags.get(field.key)]
    value = record.attributes[field.key]
    if value is None or isinstance(value, (str, int)):
        return [value]
    return value or [None]


def _figures(record: Record, field: Field) -> list[float]:
    if field.dotted and field.literal_key in record.metrics:
        return [figures[Figure.LAST] for figures in record.metrics[field.literal_key]]
    series = record.metrics.get(field.key, ())
    return [figures[field.figure] for figures in series if field.figure in figures]


def _holds(comparison: Comparison, found: str | float, now_ms: int) -> bool:
    comparator, value = comparison.comparator, comparison.value
    if isinstance(value, Moment):
        value = now_ms + value.offset_ms
    if isinstance(value, tuple):
        return (found in value) == (comparator is Comparator.IN)
    if comparator in (Comparator.LIKE, Comparator.ILIKE):
        pattern, escape, text = str(value), comparison.escape, str(found)
        parts = parse_pattern(pattern, escape)
        if comparator is Comparator.ILIKE:
            parts = [fold_case(part) if isinstance(part, str) else part for part in parts]
            text = fold_case(text)
        return matches(parts, text)
    if comparison.field.kind is FieldKind.PARAM and isinstance(value, (int, float)):
        number = read_number(str(found))
        return number is not None and _OPERATORS[comparator](number, value)
    return _OPERATORS[comparator](found, value)


class _Descending:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]


def sort_key(order: Sequence[OrderTerm]) -> Callable[[Record], tuple[Any, ...]]:
    """A ``key`` for ``sorted``. The order has no ties only if one of its terms is unique, such as
    an id.
    """
    return lambda record: tuple(_place(record, term) for term in order)


def _place(record: Record, term: OrderTerm) -> tuple[int, Any]:
    value: str | float | None
    if term.field.kind is FieldKind.METRIC:
        value = next(iter(_figures(record, term.field)), None)
    else:
        value = _values(record, term.field)[0]
    if value is None:
        return (2, 0)
    if isinstance(value, float) and math.isnan(value):
        return (1, 0)
    key: Any = value
    if term.field.key == "experiment_id" and isinstance(value, str):
        key = (len(value), value)  # ids are numbers: 9 comes before 10
    return (0, _Descending(key) if term.descending else key)
