"""Inputs and outputs of runs in SQL: datasets and logged models."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from assay import errors
from assay.entities import limits
from assay.entities.datasets import Dataset, DatasetInput, DatasetSummary, InputTag
from assay.entities.ids import ExperimentId, ModelId, RunId, check_model_id
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput
from assay.entities.names import check_key, check_value
from assay.entities.tags import DATASET_CONTEXT
from assay.store.base import InputStore
from assay.store.sql.active import require_active_run
from assay.store.sql.checks import check_int
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MAX_DATASET_NAME = 500
_MAX_DIGEST = 36
_MAX_SUMMARIES = 1_000
"""Data sets listed per experiment, as MLflow's route."""

_INSERT_DATASET = Sql(
    "INSERT INTO datasets"
    " (dataset_id, experiment_id, name, digest, source_type, source, schema, profile)"
    " SELECT ?, experiment_id, ?, ?, ?, ?, ?, ? FROM runs WHERE run_id = ?"
    " ON CONFLICT (experiment_id, name, digest) DO NOTHING"
)
_USE_DATASET = Sql(
    "INSERT INTO dataset_inputs (run_id, dataset_id, tags)"
    " SELECT r.run_id, d.dataset_id, ? FROM runs r JOIN datasets d"
    " ON d.experiment_id = r.experiment_id WHERE r.run_id = ? AND d.name = ? AND d.digest = ?"
    " ON CONFLICT (run_id, dataset_id) DO NOTHING"
)
_USE_MODEL = Sql("INSERT INTO model_inputs (run_id, model_id) VALUES (?, ?) ON CONFLICT DO NOTHING")
_MAKE_MODEL = Sql(
    "INSERT INTO model_outputs (run_id, model_id, step) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
)
_DATASETS_OF = Sql(
    "SELECT i.run_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile, i.tags"
    " FROM dataset_inputs i JOIN datasets d ON d.dataset_id = i.dataset_id"
    " WHERE i.run_id IN (??) ORDER BY d.name, d.digest"
)
_MODELS_INTO = Sql(
    "SELECT run_id, model_id FROM model_inputs WHERE run_id IN (??) ORDER BY model_id"
)
_MODELS_FROM = Sql(
    "SELECT run_id, model_id, step FROM model_outputs WHERE run_id IN (??) ORDER BY step, model_id"
)
_SUMMARIES = Sql(
    "SELECT DISTINCT d.name, d.digest, i.tags FROM datasets d"
    " JOIN dataset_inputs i ON i.dataset_id = d.dataset_id"
    " JOIN runs r ON r.run_id = i.run_id"
    " WHERE d.experiment_id = ? AND r.lifecycle_stage = 'active'"
    " ORDER BY d.name, d.digest"
)
_encode_tags = msgspec.json.Encoder().encode
_decode_tags = msgspec.json.Decoder(dict[str, str]).decode


def check_datasets(datasets: Iterable[DatasetInput]) -> None:
    """Check what comes in.

    Raises:
        InvalidInput: a name, digest, source or tag breaks its limits.
    """
    for used in datasets:
        dataset = used.dataset
        _check_size("dataset name", dataset.name, _MAX_DATASET_NAME, required=True)
        _check_size("dataset digest", dataset.digest, _MAX_DIGEST, required=True)
        _check_size("dataset source type", dataset.source_type, _MAX_DIGEST, required=True)
        _check_size("dataset source", dataset.source, limits.MAX_DATASET_SOURCE_LENGTH)
        _check_size("dataset schema", dataset.schema, limits.MAX_DATASET_SCHEMA_LENGTH)
        _check_size("dataset profile", dataset.profile, limits.MAX_DATASET_PROFILE_LENGTH)
        for tag in used.tags:
            check_key("tag key", tag.key)
            _check_size("tag value", tag.value, _MAX_DATASET_NAME)


def _check_size(what: str, text: str | None, most: int, *, required: bool = False) -> None:
    if text is None:
        return
    check_value(what, text)
    if required and not text:
        raise errors.InvalidName(what, text, "it is empty")
    if len(text) > most:
        raise errors.LimitExceeded(f"The length of a {what}", limit=most, got=len(text))


def check_models(models: Iterable[LoggedModelInput | LoggedModelOutput]) -> None:
    """Check ids and steps of models that come in."""
    for model in models:
        check_model_id(model.model_id)
        if isinstance(model, LoggedModelOutput):
            check_int("step", model.step)


def write_inputs(
    conn: Connection,
    run_id: RunId,
    *,
    datasets: Sequence[DatasetInput],
    models: Sequence[LoggedModelInput],
) -> None:
    """Record checked inputs of an active run; one that is recorded already stays as it is."""
    require_active_run(conn, run_id)
    for used in datasets:
        d = used.dataset
        new_id = os.urandom(16).hex()
        _INSERT_DATASET.run(
            conn, new_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile, run_id
        )
        tags = _encode_tags({tag.key: tag.value for tag in used.tags}).decode()
        _USE_DATASET.run(conn, tags, run_id, d.name, d.digest)
    if models:
        _USE_MODEL.many(conn, [(run_id, model.model_id) for model in models])


def write_outputs(conn: Connection, run_id: RunId, models: Sequence[LoggedModelOutput]) -> None:
    """Record checked outputs of an active run."""
    require_active_run(conn, run_id)
    if models:
        _MAKE_MODEL.many(conn, [(run_id, model.model_id, model.step) for model in models])


def datasets_of_runs(conn: Connection, run_ids: list[RunId]) -> dict[RunId, list[DatasetInput]]:
    """The datasets that each run used."""
    found: dict[RunId, list[DatasetInput]] = defaultdict(list)
    for run_id, name, digest, source_type, source, schema, profile, tags in _DATASETS_OF.all(
        conn, run_ids
    ):
        dataset = Dataset(name, digest, source_type, source, schema, profile)
        found[run_id].append(
            DatasetInput(dataset, [InputTag(k, v) for k, v in _decode_tags(tags).items()])
        )
    return found


def models_into_runs(conn: Connection, run_ids: list[RunId]) -> dict[RunId, list[LoggedModelInput]]:
    """The models that each run used."""
    found: dict[RunId, list[LoggedModelInput]] = defaultdict(list)
    for run_id, model_id in _MODELS_INTO.all(conn, run_ids):
        found[run_id].append(LoggedModelInput(ModelId(model_id)))
    return found


def models_from_runs(
    conn: Connection, run_ids: list[RunId]
) -> dict[RunId, list[LoggedModelOutput]]:
    """The models that each run made, by step."""
    found: dict[RunId, list[LoggedModelOutput]] = defaultdict(list)
    for run_id, model_id, step in _MODELS_FROM.all(conn, run_ids):
        found[run_id].append(LoggedModelOutput(ModelId(model_id), step))
    return found


def summarise_datasets(
    conn: Connection, experiment_ids: Iterable[ExperimentId]
) -> list[DatasetSummary]:
    """The distinct (data set, context) pairs of active runs of each experiment."""
    found: list[DatasetSummary] = []
    for experiment_id in dict.fromkeys(experiment_ids):
        pairs = (
            DatasetSummary(experiment_id, name, digest, _decode_tags(tags).get(DATASET_CONTEXT))
            for name, digest, tags in _SUMMARIES.all(conn, experiment_id)
        )
        found += list(dict.fromkeys(pairs))[:_MAX_SUMMARIES]
    return found


class SqlInputs(InputStore):
    """Inputs and outputs of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def log_inputs(
        self,
        run_id: RunId,
        *,
        datasets: Sequence[DatasetInput] = (),
        models: Sequence[LoggedModelInput] = (),
    ) -> None:
        """Record inputs; the same again changes nothing."""
        check_datasets(datasets)
        check_models(models)
        self._database.write(
            lambda conn: write_inputs(conn, run_id, datasets=datasets, models=models)
        )

    def log_outputs(self, run_id: RunId, models: Sequence[LoggedModelOutput]) -> None:
        """Record models that the run made; the same again changes nothing."""
        check_models(models)
        self._database.write(lambda conn: write_outputs(conn, run_id, models))

    def search_datasets(self, experiment_ids: Sequence[ExperimentId]) -> list[DatasetSummary]:
        """The data sets that runs of these experiments used."""
        with self._database.read() as conn:
            return summarise_datasets(conn, experiment_ids)
