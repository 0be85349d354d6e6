"""Purge: removing for good what is in the bin. Files are removed by the caller, before the rows.

In that order a purge that is killed leaves rows that name missing files, which the next one finds
again; the other way round it would leave files that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, Table

from assay import errors
from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql
from assay.store.sql.tables import experiments, logged_models, metadata, runs

_CHUNK: Final = 200
"""Runs removed in one transaction: writers don't wait long for it."""

_DELETED_RUNS = Sql(
    "SELECT run_id, artifact_uri, deleted_time FROM runs WHERE lifecycle_stage = 'deleted'"
    " ORDER BY run_id"
)
_RUNS_OF = Sql(
    "SELECT run_id, artifact_uri, experiment_id FROM runs WHERE experiment_id IN (??)"
    " ORDER BY run_id"
)
_DELETED_EXPERIMENTS = Sql(
    "SELECT experiment_id, artifact_location, last_update_time FROM experiments"
    " WHERE lifecycle_stage = 'deleted' ORDER BY experiment_id"
)
_DELETED_MODELS = Sql(
    "SELECT model_id, artifact_location, deleted_time FROM logged_models"
    " WHERE lifecycle_stage = 'deleted' ORDER BY model_id"
)
_MODELS_OF = Sql(
    "SELECT model_id, artifact_location, experiment_id FROM logged_models"
    " WHERE experiment_id IN (??) ORDER BY model_id"
)
_REFERRED = Sql(
    "SELECT v.files_run_id, v.files_model_id, r.experiment_id, l.experiment_id, m.name, v.version"
    " FROM model_versions v JOIN registered_models m ON m.registered_id = v.registered_id"
    " LEFT JOIN runs r ON r.run_id = v.files_run_id"
    " LEFT JOIN logged_models l ON l.model_id = v.files_model_id"
    " WHERE v.files_run_id IS NOT NULL OR v.files_model_id IS NOT NULL"
    " ORDER BY m.name, v.version"
)
_STAGES = {
    "run": Sql("SELECT run_id, lifecycle_stage FROM runs WHERE run_id IN (??)"),
    "experiment": Sql(
        "SELECT experiment_id, lifecycle_stage FROM experiments WHERE experiment_id IN (??)"
    ),
    "logged model": Sql(
        "SELECT model_id, lifecycle_stage FROM logged_models WHERE model_id IN (??)"
    ),
}


class Purgeable(msgspec.Struct, frozen=True):
    """What a purge would remove: ids, each with the URI under which its files are."""

    runs: dict[RunId, str] = {}
    models: dict[ModelId, str] = {}
    experiments: dict[ExperimentId, str] = {}
    """Their runs and models are among the others, whatever their own stage."""
    kept: dict[str, str] = {}
    """What is in the bin and stays, because a version's files are there: the version by id."""


def find_purgeable(
    database: Database,
    *,
    older_than_ms: int = 0,
    experiment_ids: Sequence[ExperimentId] | None = None,
    run_ids: Sequence[RunId] | None = None,
) -> Purgeable:
    """What is in the bin for at least ``older_than_ms``.

    With ``run_ids`` only those runs, with ``experiment_ids`` only those experiments and all they
    hold; with neither everything in the bin.

    Raises:
        NotFound: a named run or experiment doesn't exist.
        InactiveResource: it isn't deleted.
    """
    latest = now_ms() - older_than_ms
    found = Purgeable()
    with database.read() as conn:
        named = experiment_ids is not None or run_ids is not None
        _require_deleted(conn, "experiment", experiment_ids or ())
        _require_deleted(conn, "run", run_ids or ())
        for run_id, uri, time in _DELETED_RUNS.all(conn):
            if (time or 0) <= latest and (not named or run_id in (run_ids or ())):
                found.runs[run_id] = uri
        for experiment_id, uri, time in _DELETED_EXPERIMENTS.all(conn):
            if time <= latest and (not named or experiment_id in (experiment_ids or ())):
                found.experiments[experiment_id] = uri
        if not named:
            for model_id, uri, time in _DELETED_MODELS.all(conn):
                if (time or 0) <= latest:
                    found.models[model_id] = uri
        _keep_referred(conn, found)
        _add_contents(conn, found)
    return found


def _keep_referred(conn: Connection, found: Purgeable) -> None:
    """Leave out what the registry refers to: a version outlives the bin."""
    for run_id, model_id, of_run, of_model, name, version in _REFERRED.all(conn):
        where = f"{name}/{version}"
        for ident, things in (
            (run_id, found.runs),
            (model_id, found.models),
            (of_run, found.experiments),
            (of_model, found.experiments),
        ):
            if things.pop(ident, None) is not None:
                found.kept[ident] = where


def _add_contents(conn: Connection, found: Purgeable) -> None:
    ids = list(found.experiments)
    for run_id, uri, _ in _RUNS_OF.all(conn, ids):
        found.runs[run_id] = uri
    for model_id, uri, _ in _MODELS_OF.all(conn, ids):
        found.models[model_id] = uri


def purge_runs(database: Database, run_ids: Iterable[RunId]) -> int:
    """Remove deleted runs with all they recorded; returns how many there were.

    Raises:
        InactiveResource: one isn't deleted any more; runs before it are gone.
    """
    return _purge(database, runs, list(run_ids), kind="run")


def purge_models(database: Database, model_ids: Iterable[ModelId]) -> int:
    """Remove deleted logged models; returns how many there were."""
    return _purge(database, logged_models, list(model_ids), kind="logged model")


def purge_experiments(database: Database, experiment_ids: Iterable[ExperimentId]) -> int:
    """Remove deleted experiments with all they hold; their names are free again.

    Raises:
        InactiveResource: one isn't deleted any more.
    """
    removed = 0
    for experiment_id in experiment_ids:
        with database.read() as conn:
            _require_deleted(conn, "experiment", [experiment_id], missing_is_fine=True)
            _require_unreferred(conn, experiment_id)
            content = Purgeable(experiments={experiment_id: ""})
            _add_contents(conn, content)
        _purge(database, runs, list(content.runs), kind="")
        _purge(database, logged_models, list(content.models), kind="")
        removed += _purge(database, experiments, [experiment_id], kind="experiment")
    return removed


def _purge(database: Database, table: Table, ids: Sequence[str], *, kind: str) -> int:
    """Remove rows of ``table`` and all that refer to them; with a ``kind``, only deleted ones."""
    key = next(iter(table.primary_key.columns)).name
    statements = [
        Sql(f"DELETE FROM {owned.name} WHERE {column} IN (??)")  # noqa: S608 - names of ours
        for owned, column in [*_owned(table), (table, key)]
    ]
    removed = 0
    for start in range(0, len(ids), _CHUNK):
        chunk = list(ids[start : start + _CHUNK])

        def change(conn: Connection, chunk: list[str] = chunk) -> int:
            if kind:
                _require_deleted(conn, kind, chunk, missing_is_fine=True)
            return [statement.run(conn, chunk) for statement in statements][-1]

        removed += database.write(change)
    return removed


def _owned(table: Table) -> list[tuple[Table, str]]:
    """Tables with rows that refer to ``table``, those that others refer to last."""
    return [
        (other, foreign_key.parent.name)
        for other in reversed(metadata.sorted_tables)
        for foreign_key in other.foreign_keys
        if foreign_key.column.table is table and other not in (runs, logged_models)
    ]


def _require_unreferred(conn: Connection, experiment_id: ExperimentId) -> None:
    found = Purgeable(experiments={experiment_id: ""})
    _keep_referred(conn, found)
    if found.kept:
        raise errors.Conflict(
            f"Experiment {experiment_id} holds the files of models:/{found.kept[experiment_id]}."
        )


def _require_deleted(
    conn: Connection, kind: str, ids: Sequence[str], *, missing_is_fine: bool = False
) -> None:
    stages = dict(_STAGES[kind].all(conn, list(ids)))
    for ident in ids:
        stage = stages.get(ident)
        if stage is None and not missing_is_fine:
            raise _NOT_FOUND[kind](ident)
        if stage == "active":
            raise errors.InactiveResource(kind, ident, must_be="deleted")


_NOT_FOUND: Final[dict[str, type[errors.RunNotFound] | type[errors.ExperimentNotFound]]] = {
    "run": errors.RunNotFound,
    "experiment": errors.ExperimentNotFound,
}
