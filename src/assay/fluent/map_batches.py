"""Batch prediction by engines that are there already: Ray Data and Dask.

``map_batches`` adds a model's predictions to a dataset of either, lazily as they do everything. The
model is loaded once in each worker: an actor of Ray, a process of Dask.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import InvalidInput
from assay.fluent.model_in_workers import Reference, model_in_worker, refer_to
from assay.fluent.prediction_frames import as_frame
from assay.models.mlmodel import Model
from assay.models.pyfunc import PyFuncModel

DEFAULT_BATCH_SIZE: Final = 4096
DEFAULT_ACTORS: Final = (1, 4)
"""Fewest and most actors of Ray that hold the model at once, unless told otherwise."""


class Plan(msgspec.Struct, frozen=True):
    """What becomes of each batch."""

    columns: list[str] | None
    """That the model gets; ``None``: all."""
    kept: list[str] | None
    """That stay beside the predictions; ``None``: all."""
    output_column: str
    params: dict[str, Any] | None


def map_batches(
    model_uri: str | Path,
    dataset: Any,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    concurrency: int | tuple[int, int] | None = None,
    columns: Sequence[str] | None = None,
    keep_columns: bool | Sequence[str] = True,
    output_column: str = "prediction",
    params: Mapping[str, Any] | None = None,
    model_config: Mapping[str, Any] | None = None,
    trust: bool | None = None,
    **engine: Any,
) -> Any:
    """Predictions for a Ray Dataset or a Dask DataFrame: another one, computed when it is asked.

    Args:
        model_uri: as of ``load_model``.
        dataset: a ``ray.data.Dataset`` or a ``dask.dataframe.DataFrame``.
        batch_size: most rows in one call of the model.
        concurrency: actors of Ray: a number, or the fewest and the most. Dask has workers already.
        columns: that the model gets; those of its signature unless named.
        keep_columns: which columns stay beside the predictions; ``False``: none.
        output_column: name of the predictions, where the model doesn't name them itself.
        params: of each call of the model.
        model_config: settings that replace those it was saved with.
        trust: as of ``load_model``; decided here, for the workers as well.
        engine: arguments of Ray's ``map_batches`` (such as ``num_gpus=1``) or of Dask's
            ``map_partitions`` (such as ``meta``).

    Raises:
        InvalidInput: the dataset is of no known engine, or lacks columns.
        UntrustedModel: loading would run code of others.
    """
    if batch_size < 1:
        raise InvalidInput(f"batch_size must be at least 1, not {batch_size}.")
    root = type(dataset).__module__.split(".")[0]
    if root not in ("ray", "dask") or not hasattr(dataset, "columns"):
        raise InvalidInput(
            f"{type(dataset).__name__} is neither a ray.data.Dataset nor a"
            " dask.dataframe.DataFrame."
        )
    reference, model = refer_to(model_uri, trusted=trust, model_config=model_config)
    there = [str(name) for name in (dataset.columns() if root == "ray" else dataset.columns)]
    plan = Plan(
        _wanted(model, columns, there),
        _kept(keep_columns, there),
        output_column,
        dict(params) if params is not None else None,
    )
    if root == "ray":
        return _on_ray(dataset, reference, plan, batch_size, concurrency, engine)
    if concurrency is not None:
        raise InvalidInput("concurrency is of Ray: Dask's cluster says how many workers there are.")
    return _on_dask(dataset, reference, plan, batch_size, engine)


def _wanted(model: Model, columns: Sequence[str] | None, there: list[str]) -> list[str] | None:
    schema = model.get_input_schema()
    if columns is not None:
        missing = sorted(set(columns) - set(there))
        wanted = list(columns)
    elif schema is not None and schema.has_input_names():
        wanted = [str(name) for name in schema.input_names() if str(name) in there]
        missing = sorted({str(one) for one in schema.required_input_names()} - set(there))
    else:
        return None
    if missing:
        raise InvalidInput(
            f"The dataset lacks the columns {', '.join(missing)}; it has {', '.join(there[:20])}."
        )
    return wanted


def _kept(keep: bool | Sequence[str], there: list[str]) -> list[str] | None:
    if isinstance(keep, bool):
        return None if keep else []
    unknown = sorted(set(keep) - set(there))
    if unknown:
        raise InvalidInput(f"keep_columns names {unknown[0]!r}, which the dataset doesn't have.")
    return list(keep)


def _on_ray(
    dataset: Any,
    reference: Reference,
    plan: Plan,
    batch_size: int,
    concurrency: int | tuple[int, int] | None,
    engine: dict[str, Any],
) -> Any:
    pool = importlib.import_module("ray.data").ActorPoolStrategy
    if isinstance(concurrency, int):
        workers = pool(size=concurrency)
    else:
        fewest, most = concurrency or DEFAULT_ACTORS
        workers = pool(min_size=fewest, max_size=most)
    if plan.columns is not None and plan.kept is not None:
        # What neither the model nor the result needs is not even read.
        dataset = dataset.select_columns(list(dict.fromkeys([*plan.columns, *plan.kept])))
    return dataset.map_batches(
        _Actor,
        fn_constructor_args=(reference, plan),
        batch_size=batch_size,
        batch_format="pandas",
        compute=workers,
        **engine,
    )


class _Actor:
    """A worker of Ray, which holds the model."""

    def __init__(self, reference: Reference, plan: Plan) -> None:
        self._model, self._plan = model_in_worker(reference), plan

    def __call__(self, batch: Any) -> Any:
        return _predicted(self._model, batch, self._plan)


def _on_dask(
    dataset: Any, reference: Reference, plan: Plan, batch_size: int, engine: dict[str, Any]
) -> Any:
    meta = engine.pop("meta", None)
    if meta is None:
        meta = _dask_meta(dataset, reference, plan)
    return dataset.map_partitions(
        _partition, reference, plan, batch_size=batch_size, empty=meta, meta=meta, **engine
    )


def _dask_meta(dataset: Any, reference: Reference, plan: Plan) -> Any:
    """The columns and dtypes of what comes out, from the answer to made-up rows."""
    model = model_in_worker(reference)
    try:
        return _predicted(model, dataset._meta_nonempty, plan).iloc[:0]
    except Exception:  # noqa: BLE001 - whatever the model says to rows that nobody meant
        return _predicted(model, dataset.head(2, npartitions=-1), plan).iloc[:0]


def _partition(frame: Any, reference: Reference, plan: Plan, *, batch_size: int, empty: Any) -> Any:
    import pandas as pd

    if not len(frame):
        # Models are not asked about nothing; many fail.
        return empty
    model = model_in_worker(reference)
    starts = range(0, len(frame), batch_size)
    parts = [_predicted(model, frame.iloc[at : at + batch_size], plan) for at in starts]
    return parts[0] if len(parts) == 1 else pd.concat(parts)


def _predicted(model: PyFuncModel, batch: Any, plan: Plan) -> Any:
    """The kept columns of a batch, a pandas DataFrame, with the predictions beside them."""
    import pandas as pd

    given = batch if plan.columns is None else batch[plan.columns]
    answer = as_frame(model.predict(given, plan.params), plan.output_column)
    if len(answer) != len(batch):
        raise InvalidInput(
            f"The model gave {len(answer)} predictions for {len(batch)} rows: batches need one for"
            " each row."
        )
    answer.index = batch.index
    kept = batch if plan.kept is None else batch[plan.kept]
    twice = sorted(set(map(str, kept.columns)) & set(map(str, answer.columns)))
    if twice:
        raise InvalidInput(
            f"The column {twice[0]!r} is there already: name another output_column, or those to"
            " keep in keep_columns."
        )
    return pd.concat([kept, answer], axis=1) if len(kept.columns) else answer
