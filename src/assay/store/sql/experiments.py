"""Experiments in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    ExperimentId,
    check_experiment_id,
    new_experiment_id,
)
from assay.entities.lifecycle import LifecycleStage
from assay.entities.names import check_experiment_name
from assay.entities.page import Page
from assay.store.base import ExperimentStore, Query
from assay.store.importing import IMPORTING
from assay.store.sql.checks import check_location, now_ms
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql
from assay.store.sql.tags import (
    delete_experiment_tag,
    parse_experiment_tags,
    set_experiment_tags,
    tags_of_experiments,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

_COLUMNS = (
    "experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time"
)
_BY_IDS = Sql(f"SELECT {_COLUMNS} FROM experiments WHERE experiment_id IN (??)")  # noqa: S608
_BY_NAME = Sql(f"SELECT {_COLUMNS} FROM experiments WHERE name = ?")  # noqa: S608
_STAGE = Sql(
    "SELECT lifecycle_stage, artifact_location FROM experiments WHERE experiment_id = ? {FOR SHARE}"
)
_INSERT = Sql(
    f"INSERT INTO experiments ({_COLUMNS}) VALUES (?, ?, ?, 'active', ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608
)
_RENAME = Sql("UPDATE experiments SET name = ?, last_update_time = ? WHERE experiment_id = ?")
_TOUCH = Sql("UPDATE experiments SET last_update_time = ? WHERE experiment_id = ?")
_MOVE = Sql(
    "UPDATE experiments SET lifecycle_stage = ?, last_update_time = ?"
    " WHERE experiment_id = ? AND lifecycle_stage <> ?"
)
_DELETE_RUNS = Sql(
    "UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = ?, deleted_with_experiment = ?"
    " WHERE experiment_id = ? AND lifecycle_stage = 'active'"
)
_RESTORE_RUNS = Sql(
    "UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL, deleted_with_experiment = ?"
    " WHERE experiment_id = ? AND deleted_with_experiment = ?"
)


def require_active_experiment(conn: Connection, experiment_id: ExperimentId) -> str:
    """The artifact location of an active experiment.

    Raises:
        ExperimentNotFound: there is none.
        InactiveResource: it is deleted.
    """
    row = _STAGE.one(conn, experiment_id)
    if row is None:
        raise errors.ExperimentNotFound(experiment_id)
    if row[0] != "active":
        raise errors.InactiveResource("experiment", experiment_id)
    location: str = row[1]
    return location


def find_by_name(conn: Connection, name: str) -> Experiment | None:
    """The experiment with exactly this name, deleted or not."""
    row = _BY_NAME.one(conn, name)
    if row is None:
        return None
    return _experiment(row, tags_of_experiments(conn, [row[0]]))


def hydrate_experiments(
    conn: Connection, experiment_ids: Sequence[ExperimentId]
) -> list[Experiment]:
    """The experiments with these ids, in their order; ids that don't exist are left out."""
    ids = list(experiment_ids)
    rows = {row[0]: row for row in _BY_IDS.all(conn, ids)}
    tags = tags_of_experiments(conn, ids)
    return [_experiment(rows[i], tags) for i in ids if i in rows]


def get_experiment(conn: Connection, experiment_id: ExperimentId) -> Experiment:
    """The experiment, deleted or not. Raises ``ExperimentNotFound``."""
    found = hydrate_experiments(conn, [experiment_id])
    if not found:
        raise errors.ExperimentNotFound(experiment_id)
    return found[0]


def create_experiment(
    conn: Connection,
    name: str,
    *,
    artifact_root: str,
    artifact_location: str | None = None,
    tags: Mapping[str, str] | None = None,
    experiment_id: ExperimentId | None = None,
) -> Experiment:
    """Make an experiment of checked parts, or find the same one, made before.

    Raises:
        AlreadyExists: the name or id is taken.
    """
    chosen = experiment_id or new_experiment_id()
    location = artifact_location or place_under(artifact_root, chosen)
    now = now_ms()
    if _INSERT.run(conn, chosen, name, location, now, now) == 0:
        return _existing(conn, name, experiment_id)
    set_experiment_tags(conn, chosen, tags or {})
    return Experiment(
        experiment_id=chosen,
        name=name,
        artifact_location=location,
        creation_time=now,
        last_update_time=now,
        tags=dict(tags or {}),
    )


def _existing(conn: Connection, name: str, experiment_id: ExperimentId | None) -> Experiment:
    found = find_by_name(conn, name)
    if found is None:
        raise errors.AlreadyExists("experiment id", str(experiment_id))
    if found.experiment_id == experiment_id and found.lifecycle_stage is LifecycleStage.ACTIVE:
        return found
    raise name_taken(found)


def name_taken(found: Experiment) -> errors.AlreadyExists:
    """The error for a name that ``found`` holds, which says how to get it."""
    hint = ""
    if found.lifecycle_stage is LifecycleStage.DELETED:
        hint = (
            f"It is deleted but keeps its name: restore experiment {found.experiment_id},"
            " or remove it for good with `assay gc`."
        )
    return errors.AlreadyExists("experiment", found.name, hint=hint)


def place_under(root: str, name: str) -> str:
    """The location of ``name`` in the folder ``root``."""
    return f"{root}{name}" if root.endswith("/") else f"{root}/{name}"


def ensure_default(database: Database, artifact_root: str) -> None:
    """Make experiment ``0``, "Default", unless it is there."""
    with database.read() as conn:
        if _STAGE_PLAIN.one(conn, DEFAULT_EXPERIMENT_ID) is not None:
            return

    def change(conn: Connection) -> None:
        now = now_ms()
        location = place_under(artifact_root, DEFAULT_EXPERIMENT_ID)
        _INSERT.run(conn, DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME, location, now, now)

    database.write(change)


_STAGE_PLAIN = Sql("SELECT lifecycle_stage FROM experiments WHERE experiment_id = ?")


def _experiment(row: tuple[Any, ...], tags: Mapping[str, dict[str, str]]) -> Experiment:
    return Experiment(
        experiment_id=row[0],
        name=row[1],
        artifact_location=row[2],
        lifecycle_stage=LifecycleStage(row[3]),
        creation_time=row[4],
        last_update_time=row[5],
        tags=tags.get(row[0], {}),
    )


class SqlExperiments(ExperimentStore):
    """Experiments of a SQL store."""

    def __init__(self, database: Database, *, artifact_root: str) -> None:
        self._database = database
        self._artifact_root = artifact_root

    def create(
        self,
        name: str,
        *,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
        experiment_id: ExperimentId | None = None,
    ) -> Experiment:
        """Make an experiment; see ``ExperimentStore``."""
        check_experiment_name(name)
        parsed = parse_experiment_tags(tags or {})
        if artifact_location:
            check_location(artifact_location)
        if experiment_id is not None:
            check_experiment_id(experiment_id)
        return self._database.write(
            lambda conn: create_experiment(
                conn,
                name,
                artifact_root=self._artifact_root,
                artifact_location=artifact_location,
                tags=parsed,
                experiment_id=experiment_id,
            )
        )

    def get(self, experiment_id: ExperimentId) -> Experiment:
        """The experiment, deleted or not."""
        with self._database.read() as conn:
            return get_experiment(conn, experiment_id)

    def find(self, name: str) -> Experiment | None:
        """The experiment with exactly this name, deleted or not."""
        with self._database.read() as conn:
            return find_by_name(conn, name)

    def search(self, query: Query) -> Page[Experiment]:
        """Experiments that match."""
        # SQLAlchemy's tables, 60 ms that a program which only logs doesn't spend.
        with IMPORTING:
            from assay.store.sql.search.experiments import search_experiments

        with self._database.read() as conn:
            ids, token = search_experiments(conn, query)
            return Page(hydrate_experiments(conn, ids), token)

    def rename(self, experiment_id: ExperimentId, name: str) -> None:
        """Give an active experiment another name."""
        check_experiment_name(name)

        def change(conn: Connection) -> None:
            require_active_experiment(conn, experiment_id)
            holder = find_by_name(conn, name)
            if holder is not None and holder.experiment_id != experiment_id:
                raise name_taken(holder)
            _RENAME.run(conn, name, now_ms(), experiment_id)

        self._database.write(change)

    def delete(self, experiment_id: ExperimentId) -> None:
        """Move it and its active runs to the bin."""

        def change(conn: Connection) -> None:
            now = now_ms()
            if _MOVE.run(conn, "deleted", now, experiment_id, "deleted") == 0:
                # MLflow answers the second deletion as if the experiment were gone.
                raise errors.ExperimentNotFound(experiment_id)
            _DELETE_RUNS.run(conn, now, True, experiment_id)

        self._database.write(change)

    def restore(self, experiment_id: ExperimentId) -> None:
        """Take it back from the bin, with the runs that were deleted with it."""

        def change(conn: Connection) -> None:
            if _MOVE.run(conn, "active", now_ms(), experiment_id, "active") == 0:
                raise errors.ExperimentNotFound(experiment_id)
            _RESTORE_RUNS.run(conn, False, experiment_id, True)

        self._database.write(change)

    def set_tags(self, experiment_id: ExperimentId, tags: Mapping[str, str]) -> None:
        """Set tags of an active experiment."""
        parsed = parse_experiment_tags(tags)

        def change(conn: Connection) -> None:
            require_active_experiment(conn, experiment_id)
            set_experiment_tags(conn, experiment_id, parsed)
            _TOUCH.run(conn, now_ms(), experiment_id)

        self._database.write(change)

    def delete_tag(self, experiment_id: ExperimentId, key: str) -> None:
        """Delete a tag."""

        def change(conn: Connection) -> None:
            require_active_experiment(conn, experiment_id)
            if not delete_experiment_tag(conn, experiment_id, key):
                raise errors.TagNotFound("experiment", experiment_id, key)
            _TOUCH.run(conn, now_ms(), experiment_id)

        self._database.write(change)
