"""Inputs and outputs: the data sets and models that a run used, and the models it made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay import data
from assay.data.dataset import PROFILE_FILE
from assay.entities.datasets import Dataset, DatasetInput, InputTag
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput
from assay.entities.operations import LogInputs, LogOutputs
from assay.entities.tags import DATASET_CONTEXT
from assay.errors import InvalidInput
from assay.fluent.active import OpenRun
from assay.fluent.runs import run_to_log_to

DatasetLike = data.Dataset | Dataset
"""A data set as ``assay.data`` makes it, or as a run gives it back."""


def as_dataset_input(
    dataset: DatasetLike, context: str | None = None, tags: Mapping[str, Any] | None = None
) -> DatasetInput:
    """The use of a data set, in the form that is recorded.

    Raises:
        InvalidInput: it is no data set.
    """
    if isinstance(dataset, data.Dataset):
        entity = dataset.to_entity()
    elif isinstance(dataset, Dataset):
        entity = dataset
    else:
        raise InvalidInput(
            f"A data set is needed, not {type(dataset).__name__}: make one with"
            " assay.data.from_pandas, from_numpy, from_polars, from_csv or from_parquet."
        )
    notes = {key: str(value) for key, value in (tags or {}).items()}
    if context:
        notes[DATASET_CONTEXT] = context
    return DatasetInput(entity, [InputTag(key, value) for key, value in notes.items()])


def note_inputs(
    run: OpenRun, *, datasets: Sequence[DatasetInput], models: Sequence[LoggedModelInput]
) -> None:
    """Record inputs of this run that it does not have yet."""
    new_datasets = [one for one in datasets if _is_new(run, _dataset_key(one))]
    new_models = [one for one in models if _is_new(run, ("model", one.model_id))]
    if new_datasets or new_models:
        run.recorder.append(LogInputs(run.run_id, new_datasets, new_models))


def _dataset_key(one: DatasetInput) -> tuple[str, ...]:
    notes = [f"{tag.key}={tag.value}" for tag in one.tags]
    return ("dataset", one.dataset.name, one.dataset.digest, *notes)


def _is_new(run: OpenRun, key: tuple[str, ...]) -> bool:
    if key in run.inputs:
        return False
    run.inputs.add(key)
    return True


def log_input(
    dataset: DatasetLike | None = None,
    context: str | None = None,
    tags: Mapping[str, Any] | None = None,
    model: LoggedModelInput | None = None,
    *,
    profile: bool = False,
) -> None:
    """Record a data set that the active run uses; without a run, one is started.

    Args:
        dataset: what ``assay.data`` made, or ``run.inputs.dataset_inputs[i].dataset``.
        context: what for, such as ``"training"``.
        tags: more about this use.
        model: a logged model that the run uses.
        profile: whether quantiles and counts of the columns are kept with the run, which requests
            to the model are compared with when it is served; see docs/formats/data-profile.md.

    Raises:
        InvalidInput: ``dataset`` is no data set, or no table that a profile can be made of.
    """
    used = [] if dataset is None else [as_dataset_input(dataset, context, tags)]
    # Made first: where it can't be, nothing is recorded.
    content = _profile(dataset) if profile else None
    run = run_to_log_to()
    note_inputs(run, datasets=used, models=[] if model is None else [model])
    if content is not None:
        run.recorder.artifact(run.run_id, PROFILE_FILE, content)


def _profile(dataset: DatasetLike | None) -> bytes:
    # It needs NumPy, which a program that logs files has no use for.
    from assay.data.column_profile import profile_of_dataset

    if not isinstance(dataset, data.Dataset):
        raise InvalidInput("A profile is made of data: give the data set that holds them.")
    return msgspec.json.encode(profile_of_dataset(dataset))


def log_inputs(
    datasets: Sequence[DatasetLike | None] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, Any] | None] | None = None,
    models: Sequence[LoggedModelInput | None] | None = None,
) -> None:
    """Record several inputs; the lists go in step, and ``None`` stands where one has nothing.

    Raises:
        InvalidInput: the lists have different lengths.
    """
    given = [part for part in (datasets, contexts, tags_list, models) if part is not None]
    if len({len(part) for part in given}) > 1:
        raise InvalidInput("datasets, contexts, tags_list and models must have one length.")
    count = len(given[0]) if given else 0
    used = [
        as_dataset_input(
            dataset, (contexts or [None] * count)[at], (tags_list or [None] * count)[at]
        )
        for at, dataset in enumerate(datasets or [])
        if dataset is not None
    ]
    present = [model for model in models or [] if model is not None]
    note_inputs(run_to_log_to(), datasets=used, models=present)


def log_outputs(models: Sequence[LoggedModelOutput] | None = None) -> None:
    """Record models that the active run made; without a run, one is started."""
    if models:
        run = run_to_log_to()
        run.recorder.append(LogOutputs(run.run_id, list(models)))
