"""Logging metrics, params and tags: the calls that sit in training loops.

They return once the journal has the record, and never wait for the store. What a program gets wrong
raises here, at the call that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import TYPE_CHECKING, Any

from assay.client.values import as_number, as_step
from assay.entities import limits
from assay.entities.ids import ModelId, check_model_id
from assay.entities.logged_models import LoggedModelInput
from assay.entities.metrics import SeriesKey
from assay.entities.names import check_key, check_value
from assay.entities.operations import LogParams, SetTags
from assay.entities.tags import RUN_NAME
from assay.errors import InvalidInput, ParamChanged
from assay.fluent.active import OpenRun, here
from assay.fluent.inputs import DatasetLike, as_dataset_input, note_inputs
from assay.fluent.reading import client_for, current_recorder
from assay.fluent.runs import run_to_log_to

if TYPE_CHECKING:
    from assay.client.recorder import Recorder

MAX_CHECKED_KEYS = 100_000
"""Keys that were checked once are not checked again, up to so many."""

_checked: set[str] = set()


class PendingWrite:
    """What ``synchronous=False`` gives back, as in MLflow: something to wait for."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def wait(self) -> None:
        """Return once the store has what was logged. Raises ``StoreUnavailable``."""
        self._recorder.flush()


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: DatasetLike | None = None,
) -> PendingWrite | None:
    """Log one point of a metric to the active run; without one, a run is started.

    The point survives a killed process once this returns.

    Args:
        key: name of the metric; slashes group charts.
        value: any number: Python's, or a scalar of NumPy, Torch, TensorFlow, JAX.
        step: integer position; 0 if left out.
        synchronous: ``True`` waits until the store has it; ``False`` returns something to wait for.
        timestamp: milliseconds since the epoch; now if left out.
        run_id: log to this run instead.
        model_id: the logged model that the value belongs to; the active model if one is set.
        dataset: the data set that the value was computed on.

    Raises:
        InvalidInput: the value is no number, or the step no 64-bit integer.
        InvalidName: the key can't be one.
        StoreUnavailable: with ``synchronous=True``, the store can't be reached. The point is kept.
    """
    run = here.top
    if run is None or run_id is not None or model_id is not None or dataset is not None:
        run = run_to_log_to(run_id)
    if type(value) is not float:
        value = as_number(key, value)
    if type(step) is not int:
        step = as_step(step)
    if key not in _checked:
        _check_metric_key(key)
    when = time_ns() // 1_000_000 if timestamp is None else as_step(timestamp)
    series = None
    if model_id is not None or dataset is not None or here.model_id is not None:
        series = _series(run, key, model_id=model_id, dataset=dataset)
    run.recorder.metric(run.run_id, key, value, step, when, series)
    if synchronous is not None:
        return _settle(run, synchronous=synchronous)
    return None


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: DatasetLike | None = None,
) -> PendingWrite | None:
    """Log a point of several metrics at one step and time; arguments as of ``log_metric``.

    All of them are checked before any is logged.
    """
    run = run_to_log_to(run_id)
    values = {key: as_number(key, value) for key, value in metrics.items()}
    for key in values:
        if key not in _checked:
            _check_metric_key(key)
    series = _series(run, "", model_id=model_id, dataset=dataset)
    run.recorder.metrics(
        run.run_id,
        values,
        as_step(step),
        time_ns() // 1_000_000 if timestamp is None else as_step(timestamp),
        model_id=series.model_id,
        dataset_name=series.dataset_name,
        dataset_digest=series.dataset_digest,
    )
    return _settle(run, synchronous=synchronous)


def _check_metric_key(key: str) -> None:
    check_key("metric", key)
    if len(_checked) < MAX_CHECKED_KEYS:
        _checked.add(key)


def _series(
    run: OpenRun, key: str, *, model_id: str | None, dataset: DatasetLike | None
) -> SeriesKey:
    """The series of a point that belongs to a model or data set, which become inputs of the run."""
    model = model_id or here.model_id
    ident: ModelId | None = None if model is None else check_model_id(model)
    used = None if dataset is None else as_dataset_input(dataset)
    note_inputs(
        run,
        datasets=[] if used is None else [used],
        models=[] if ident is None else [LoggedModelInput(ident)],
    )
    return SeriesKey(
        key,
        model_id=ident or "",
        dataset_name="" if used is None else used.dataset.name,
        dataset_digest="" if used is None else used.dataset.digest,
    )


def _settle(run: OpenRun, *, synchronous: bool | None) -> PendingWrite | None:
    if synchronous is None:
        return None
    if synchronous:
        run.recorder.flush()
        return None
    return PendingWrite(run.recorder)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param of the active run and return ``value``; without a run, one is started.

    Raises:
        InvalidName: the key can't be one.
        ParamChanged: this process logged it to the run before, with another value.
    """
    run = run_to_log_to()
    _log_params(run, {key: value})
    pending = _settle(run, synchronous=synchronous)
    return value if pending is None else pending


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> PendingWrite | None:
    """Log several params; all of them are checked before any is logged. See ``log_param``."""
    run = run_to_log_to(run_id)
    _log_params(run, params)
    return _settle(run, synchronous=synchronous)


def _log_params(run: OpenRun, params: Mapping[str, Any]) -> None:
    fresh: dict[str, str] = {}
    for key, value in params.items():
        text = check_value("param", str(value))[: limits.MAX_PARAM_VALUE_LENGTH]
        old = run.params.get(check_key("param", key))
        if old is not None and old != text:
            raise ParamChanged(run.run_id, key, old=old, new=text)
        if old is None:
            fresh[key] = text
    if fresh:
        run.recorder.append(LogParams(run.run_id, fresh))
        run.params.update(fresh)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> PendingWrite | None:
    """Set a tag of the active run; without one, a run is started. Raises ``InvalidName``."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> PendingWrite | None:
    """Set several tags; all of them are checked before any is set. See ``set_tag``."""
    run = run_to_log_to()
    set_tags_of(run, tags)
    return _settle(run, synchronous=synchronous)


def set_tags_of(run: OpenRun, tags: Mapping[str, Any]) -> None:
    """Set tags of this run."""
    texts = {
        check_key("tag", key): check_value("tag", str(value))[: limits.MAX_TAG_VALUE_LENGTH]
        for key, value in tags.items()
    }
    if RUN_NAME in texts and not texts[RUN_NAME]:
        raise InvalidInput("The name of a run can't be empty.")
    if texts:
        run.recorder.append(SetTags(run.run_id, texts))


def delete_tag(key: str) -> None:
    """Delete a tag of the active run. Raises ``TagNotFound``."""
    run = run_to_log_to()
    client_for(run.location).delete_tag(run.run_id, key)


def flush_async_logging() -> None:
    """Wait until the store has everything logged so far. Raises ``StoreUnavailable``."""
    current_recorder().flush()
