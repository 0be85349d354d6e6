"""Changes of many runs: which they are is found first, then they are changed a batch at a time.

A batch is one transaction, so nobody waits for the writer longer than for some hundred runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from assay import errors
from assay.entities.ids import RunId
from assay.entities.names import check_key
from assay.store.run_views import MAX_BULK_RUNS, BulkFailure, BulkResult, BulkRuns
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.metric_summaries import rank
from assay.store.sql.run_view_checks import check_length, check_texts
from assay.store.sql.search.pages import read_rows
from assay.store.sql.search.run_windows import matching_runs
from assay.store.sql.statements import Sql
from assay.store.sql.tags import delete_run_tag, parse_run_tags, set_run_tags

BATCH: Final = 200
"""Runs of one transaction: some ten milliseconds."""
MAX_TAGS: Final = 100

_STAGES = Sql(
    "SELECT run_id, lifecycle_stage, status FROM runs WHERE run_id IN (??)"
    " {ORDER BY run_id FOR NO KEY UPDATE}"
)
_DELETE = Sql("UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = ? WHERE run_id IN (??)")
_RESTORE = Sql(
    "UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL, deleted_with_experiment = ?"
    " WHERE run_id IN (??)"
)
_STOP = Sql("UPDATE runs SET status = 'KILLED', end_time = ? WHERE run_id IN (??)")

States = Mapping[RunId, tuple[str, str]]
"""Of each run that exists: its lifecycle stage and its status."""
Change = Callable[[Connection, list[RunId], States], list[RunId]]
"""Changes those runs that exist; returns which of them it changed."""


def delete_runs(database: Database, runs: BulkRuns) -> BulkResult:
    """Move runs to the bin."""

    def change(conn: Connection, ids: list[RunId], states: States) -> list[RunId]:
        active = [run_id for run_id in ids if states[run_id][0] == "active"]
        _DELETE.run(conn, now_ms(), active)
        return active

    return _apply(database, runs, change, to_active=False)


def restore_runs(database: Database, runs: BulkRuns) -> BulkResult:
    """Take runs back from the bin."""

    def change(conn: Connection, ids: list[RunId], states: States) -> list[RunId]:
        deleted = [run_id for run_id in ids if states[run_id][0] != "active"]
        _RESTORE.run(conn, False, deleted)
        return deleted

    return _apply(database, runs, change, to_active=False)


def set_tags_of_runs(database: Database, runs: BulkRuns, tags: Mapping[str, str]) -> BulkResult:
    """Set the same tags on runs.

    Raises:
        InvalidInput: a tag is malformed, or there are none or too many.
    """
    parsed = parse_run_tags(tags)
    _check_count("tags", len(parsed))

    def change(conn: Connection, ids: list[RunId], states: States) -> list[RunId]:
        for run_id in ids:
            set_run_tags(conn, run_id, parsed)
        return ids

    return _apply(database, runs, change)


def delete_tags_of_runs(database: Database, runs: BulkRuns, keys: Sequence[str]) -> BulkResult:
    """Delete tags of runs.

    Raises:
        InvalidInput: a key is malformed, or there are none or too many.
    """
    _check_count("keys", len(keys))
    for key in keys:
        check_key("tag key", key)

    def change(conn: Connection, ids: list[RunId], states: States) -> list[RunId]:
        had = [sum(delete_run_tag(conn, run_id, key) for key in keys) for run_id in ids]
        return [run_id for run_id, count in zip(ids, had, strict=True) if count]

    return _apply(database, runs, change)


def stop_runs(database: Database, runs: BulkRuns) -> BulkResult:
    """Mark running runs as killed, ended now."""

    def change(conn: Connection, ids: list[RunId], states: States) -> list[RunId]:
        running = [run_id for run_id in ids if states[run_id][1] == "RUNNING"]
        _STOP.run(conn, now_ms(), running)
        for run_id in running:
            rank(conn, run_id)
        return running

    return _apply(database, runs, change)


def _check_count(what: str, count: int) -> None:
    if not 1 <= count <= MAX_TAGS:
        raise errors.InvalidInput(f"A change takes 1 to {MAX_TAGS} {what}, got {count}.")


def _apply(
    database: Database, runs: BulkRuns, change: Change, *, to_active: bool = True
) -> BulkResult:
    """Make the change batch by batch; ``to_active``: deleted runs don't take it."""
    ids = _find(database, runs)
    changed = 0
    told: list[RunId] = []
    failures: list[BulkFailure] = []
    for first in range(0, len(ids), BATCH):
        some, failed = _change_batch(database, ids[first : first + BATCH], change, to_active)
        changed += len(some)
        told += some[: MAX_BULK_RUNS - len(told)]
        failures += failed[: MAX_BULK_RUNS - len(failures)]
    return BulkResult(changed, told, failures)


def _change_batch(
    database: Database, batch: list[RunId], change: Change, to_active: bool
) -> tuple[list[RunId], list[BulkFailure]]:
    def write(conn: Connection) -> tuple[list[RunId], list[BulkFailure]]:
        states = {row[0]: (row[1], row[2]) for row in _STAGES.all(conn, batch)}
        failed: list[BulkFailure] = []
        fit: list[RunId] = []
        for run_id in batch:
            if run_id not in states:
                failed.append(BulkFailure(run_id, str(errors.RunNotFound(run_id))))
            elif to_active and states[run_id][0] != "active":
                failed.append(BulkFailure(run_id, str(errors.InactiveResource("run", run_id))))
            else:
                fit.append(run_id)
        return change(conn, fit, states), failed

    return database.write(write)


def _find(database: Database, runs: BulkRuns) -> list[RunId]:
    check_length("except_run_ids", runs.except_run_ids, most=MAX_BULK_RUNS)
    check_texts("run id", runs.except_run_ids)
    but = frozenset(runs.except_run_ids)
    if runs.run_ids is not None:
        check_length("run_ids", runs.run_ids, most=MAX_BULK_RUNS)
        check_texts("run id", runs.run_ids)
        return [run_id for run_id in dict.fromkeys(runs.run_ids) if run_id not in but]
    check_texts("experiment id", runs.experiment_ids)
    with database.read() as conn:
        statement = matching_runs(
            conn, runs.experiment_ids, filter_text=runs.filter, view=runs.view
        )
        return [row[0] for row in read_rows(conn, statement) if row[0] not in but]
