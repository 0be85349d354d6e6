"""Deliveries: what a journal brings, applied exactly once.

A delivery and the place where it ends are written in one transaction. An operation that the rules
refuse leaves nothing behind, and the others stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, WriterId, check_experiment_id, check_run_id
from assay.entities.lifecycle import LifecycleStage
from assay.entities.names import check_experiment_name, check_run_name
from assay.entities.operations import (
    CreateModel,
    DeleteTag,
    Delivery,
    EnsureExperiment,
    LogInputs,
    LogOutputs,
    LogParams,
    LogPoints,
    Operation,
    Receipt,
    Refusal,
    SetExperimentTags,
    SetTags,
    StartRun,
    UpdateRun,
)
from assay.entities.runs import NewRun
from assay.store.importing import IMPORTING
from assay.store.sql.active import require_active_run
from assay.store.sql.checks import check_int, check_location, now_ms
from assay.store.sql.experiments import (
    create_experiment,
    find_by_name,
    hydrate_experiments,
    name_taken,
    require_active_experiment,
)
from assay.store.sql.inputs import check_datasets, check_models, write_inputs, write_outputs
from assay.store.sql.logged_models import create_model, parse_new_model
from assay.store.sql.params import log_params, parse_param_mapping
from assay.store.sql.runs import insert_run, mark_running, parse_new_run, run_info, update_run
from assay.store.sql.statements import Sql
from assay.store.sql.tags import (
    delete_run_tag,
    parse_experiment_tags,
    parse_run_tags,
    set_experiment_tags,
    set_run_tags,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FIRST = Sql(
    "INSERT INTO deliveries (writer_id, position, time) VALUES (?, 0, ?) ON CONFLICT DO NOTHING"
)
_POSITION = Sql("SELECT position FROM deliveries WHERE writer_id = ?")
_LOCK = Sql("SELECT position FROM deliveries WHERE writer_id = ? {FOR UPDATE}")
_ADVANCE = Sql("UPDATE deliveries SET position = ?, time = ? WHERE writer_id = ?")
_SAVEPOINT = Sql("SAVEPOINT operation")
_UNDO = Sql("ROLLBACK TO SAVEPOINT operation")
_KEEP = Sql("RELEASE SAVEPOINT operation")


def position_of(conn: Connection, writer_id: WriterId) -> int:
    """Where the last applied delivery of this writer ended; 0 if it never delivered."""
    row = _POSITION.one(conn, writer_id)
    return 0 if row is None else int(row[0])


def apply_delivery(conn: Connection, delivery: Delivery, *, artifact_root: str) -> Receipt:
    """Apply a delivery unless it was applied before.

    Raises:
        Conflict: a part of it was applied before.
        RunNotFound: a run isn't there, and the delivery asks to await its runs.
        InvalidInput: its positions are malformed.
    """
    check_int("start", delivery.start)
    check_int("end", delivery.end)
    if not 0 <= delivery.start <= delivery.end:
        raise errors.InvalidInput(
            f"A delivery from {delivery.start} to {delivery.end} has its ends the wrong way round."
        )
    _FIRST.run(conn, delivery.writer_id, now_ms())
    row = _LOCK.one(conn, delivery.writer_id)
    at = int(row[0]) if row else 0
    if delivery.end <= at:
        return Receipt(applied=False, position=at)
    if delivery.start < at:
        raise errors.Conflict(
            f"The delivery from {delivery.start} to {delivery.end} overlaps what was applied up to"
            f" {at}. Pack it anew from there."
        )
    refusals = _apply_operations(conn, delivery, artifact_root)
    _ADVANCE.run(conn, delivery.end, now_ms(), delivery.writer_id)
    return Receipt(applied=True, position=delivery.end, refusals=refusals)


def _apply_operations(conn: Connection, delivery: Delivery, artifact_root: str) -> list[Refusal]:
    """Apply what the rules allow; the others leave nothing behind.

    One savepoint holds all that goes well: SQLite's cost of a nested savepoint grows with the
    changes made since the outer one, so one for each operation would make a delivery quadratic.
    What stands before a refused operation is undone with it and applied again.
    """
    operations = delivery.operations
    refusals: list[Refusal] = []
    first = 0
    while first < len(operations):
        _SAVEPOINT.run(conn)
        index = first
        try:
            for index in range(first, len(operations)):
                _apply_one(conn, operations[index], artifact_root)
            first = len(operations)
        except (errors.InvalidInput, errors.NotFound, errors.AlreadyExists) as error:
            if delivery.await_runs and isinstance(error, errors.RunNotFound):
                raise
            _UNDO.run(conn)
            for operation in operations[first:index]:
                _apply_one(conn, operation, artifact_root)
            refusals.append(Refusal(index, error.error_code, error.message))
            first = index + 1
        _KEEP.run(conn)
    return refusals


def _apply_one(conn: Connection, operation: Operation, artifact_root: str) -> None:
    _APPLY[type(operation)](conn, operation, artifact_root)


def _ensure_experiment(conn: Connection, op: EnsureExperiment, artifact_root: str) -> None:
    check_experiment_name(op.experiment_name)
    check_experiment_id(op.proposed_id)
    if op.artifact_location:
        check_location(op.artifact_location)
    tags = parse_experiment_tags(op.tags)
    found = find_by_name(conn, op.experiment_name)
    if found is not None:
        if found.lifecycle_stage is LifecycleStage.DELETED:
            raise name_taken(found)
        return
    taken = bool(hydrate_experiments(conn, [op.proposed_id]))
    create_experiment(
        conn,
        op.experiment_name,
        artifact_root=artifact_root,
        artifact_location=op.artifact_location,
        tags=tags,
        experiment_id=None if taken else op.proposed_id,
    )


def _experiment_id(conn: Connection, experiment_id: str, name: str) -> ExperimentId:
    if experiment_id:
        return check_experiment_id(experiment_id)
    found: Experiment | None = find_by_name(conn, name)
    if found is None:
        raise errors.ExperimentNotFound(name)
    return found.experiment_id


def _start_run(conn: Connection, op: StartRun, _root: str) -> None:
    run = NewRun(
        run_id=op.run_id,
        experiment_id=_experiment_id(conn, op.experiment_id, op.experiment_name),
        start_time=op.start_time,
        run_name=op.run_name,
        user_id=op.user_id,
        tags=op.tags,
    )
    name, tags = parse_new_run(run)
    if not insert_run(conn, run, name=name, tags=tags) and not op.only_if_missing:
        mark_running(conn, op.run_id)
        # A name that was made up just now must not replace the one the run has.
        chosen = run.chosen_name()
        named = {"mlflow.runName": chosen} if chosen.strip() else {}
        set_run_tags(conn, op.run_id, parse_run_tags({**op.tags, **named}))


def _update_run(conn: Connection, op: UpdateRun, _root: str) -> None:
    end_time = op.end_time
    if end_time is not None:
        check_int("end_time", end_time)
        # A clock that was set back during the run must not make its duration negative.
        end_time = max(end_time, run_info(conn, op.run_id).start_time or end_time)
    if op.run_name is not None:
        check_run_name(op.run_name)
    update_run(conn, op.run_id, status=op.status, end_time=end_time, run_name=op.run_name)


def _set_tags(conn: Connection, op: SetTags, _root: str) -> None:
    tags = parse_run_tags(op.tags)
    require_active_run(conn, op.run_id)
    set_run_tags(conn, op.run_id, tags)


def _delete_tag(conn: Connection, op: DeleteTag, _root: str) -> None:
    require_active_run(conn, op.run_id)
    delete_run_tag(conn, op.run_id, op.key)


def _set_experiment_tags(conn: Connection, op: SetExperimentTags, _root: str) -> None:
    tags = parse_experiment_tags(op.tags)
    experiment_id = _experiment_id(conn, op.experiment_id, op.experiment_name)
    require_active_experiment(conn, experiment_id)
    set_experiment_tags(conn, experiment_id, tags)


def _log_params(conn: Connection, op: LogParams, _root: str) -> None:
    params = parse_param_mapping(op.params)
    require_active_run(conn, op.run_id)
    log_params(conn, op.run_id, params)


def _log_points(conn: Connection, op: LogPoints, _root: str) -> None:
    # NumPy, 80 ms that only points need.
    with IMPORTING:
        from assay.store.sql.metrics import append_points

    append_points(conn, op.run_id, op.batch)


def _log_inputs(conn: Connection, op: LogInputs, _root: str) -> None:
    check_datasets(op.datasets)
    check_models(op.models)
    write_inputs(conn, check_run_id(op.run_id), datasets=op.datasets, models=op.models)


def _log_outputs(conn: Connection, op: LogOutputs, _root: str) -> None:
    check_models(op.models)
    write_outputs(conn, check_run_id(op.run_id), op.models)


def _create_model(conn: Connection, op: CreateModel, _root: str) -> None:
    experiment_id = _experiment_id(conn, op.model.experiment_id, op.experiment_name)
    tags, params = parse_new_model(op.model)
    model = msgspec.structs.replace(op.model, experiment_id=experiment_id)
    create_model(conn, model, tags=tags, params=params)


# Each value takes the operation of its own key, which a dictionary can't express in types.
_APPLY: Final[dict[type, Callable[[Connection, Any, str], None]]] = {
    EnsureExperiment: _ensure_experiment,
    StartRun: _start_run,
    UpdateRun: _update_run,
    SetTags: _set_tags,
    DeleteTag: _delete_tag,
    SetExperimentTags: _set_experiment_tags,
    LogParams: _log_params,
    LogPoints: _log_points,
    LogInputs: _log_inputs,
    LogOutputs: _log_outputs,
    CreateModel: _create_model,
}
