"""Logged models in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay import errors
from assay.entities.ids import ExperimentId, ModelId, check_model_id, check_run_id
from assay.entities.logged_models import LoggedModel, LoggedModelStatus, NewLoggedModel
from assay.entities.names import check_value
from assay.entities.page import Page
from assay.entities.params import Param
from assay.entities.run_names import new_run_name
from assay.store.base import LoggedModelStore, ModelOrder, Query
from assay.store.importing import IMPORTING
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.experiments import place_under, require_active_experiment
from assay.store.sql.metric_summaries import model_metrics
from assay.store.sql.params import (
    log_model_params,
    params_of_models,
    parse_param_mapping,
    parse_params,
)
from assay.store.sql.statements import Sql
from assay.store.sql.tags import (
    delete_model_tag,
    parse_model_tags,
    set_model_tags,
    tags_of_models,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FORBIDDEN_IN_NAME = "/:.%\"'"
_MAX_NAME_LENGTH = 500
_COLUMNS = (
    "model_id, experiment_id, name, artifact_location, creation_timestamp,"
    " last_updated_timestamp, model_type, source_run_id, status, status_message"
)
_BY_IDS = Sql(f"SELECT {_COLUMNS} FROM logged_models WHERE model_id IN (??)")  # noqa: S608
_INSERT = Sql(
    f"INSERT INTO logged_models ({_COLUMNS}, lifecycle_stage)"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 'active') ON CONFLICT (model_id) DO NOTHING"
)
_ACTIVE = Sql(
    "SELECT 1 FROM logged_models WHERE model_id = ? AND lifecycle_stage = 'active'"
    " {FOR NO KEY UPDATE}"
)
_EXISTS = Sql("SELECT 1 FROM logged_models WHERE model_id = ?")
_SET_STATUS = Sql(
    "UPDATE logged_models SET status = ?, last_updated_timestamp = ? WHERE model_id = ?"
)
_TOUCH = Sql("UPDATE logged_models SET last_updated_timestamp = ? WHERE model_id = ?")
_DELETE = Sql(
    "UPDATE logged_models SET lifecycle_stage = 'deleted', deleted_time = ?"
    " WHERE model_id = ? AND lifecycle_stage = 'active'"
)


def hydrate_models(conn: Connection, model_ids: Sequence[ModelId]) -> list[LoggedModel]:
    """The models with these ids, in their order, deleted or not.

    Ids that don't exist are left out.
    """
    ids = list(model_ids)
    rows = {row[0]: row for row in _BY_IDS.all(conn, ids)}
    tags = tags_of_models(conn, ids)
    params = params_of_models(conn, ids)
    metrics = model_metrics(conn, ids)
    return [
        LoggedModel(
            model_id=i,
            experiment_id=rows[i][1],
            name=rows[i][2],
            artifact_location=rows[i][3],
            creation_timestamp=rows[i][4],
            last_updated_timestamp=rows[i][5],
            model_type=rows[i][6],
            source_run_id=rows[i][7],
            status=LoggedModelStatus(rows[i][8]),
            status_message=rows[i][9],
            tags=tags.get(i, {}),
            params=params.get(i, {}),
            metrics=metrics.get(i, []),
        )
        for i in ids
        if i in rows
    ]


def require_active_model(conn: Connection, model_id: ModelId) -> None:
    """Pass if the model exists and isn't deleted. Raises ``LoggedModelNotFound``."""
    if _ACTIVE.one(conn, model_id) is None:
        raise errors.LoggedModelNotFound(model_id)


def get_model(conn: Connection, model_id: ModelId) -> LoggedModel:
    """The model unless deleted. Raises ``LoggedModelNotFound``."""
    require_model = _ACTIVE_PLAIN.one(conn, model_id)
    if require_model is None:
        raise errors.LoggedModelNotFound(model_id)
    return hydrate_models(conn, [model_id])[0]


_ACTIVE_PLAIN = Sql("SELECT 1 FROM logged_models WHERE model_id = ? AND lifecycle_stage = 'active'")


def check_model_name(name: str) -> str:
    """``name`` as MLflow takes it for a logged model.

    Raises:
        InvalidName: it has a character that URIs of models give a meaning to.
    """
    check_value("model name", name)
    if any(c in name for c in _FORBIDDEN_IN_NAME) or any(ord(c) < 32 for c in name):
        raise errors.InvalidName(
            "model name", name, "it can't hold any of / : . % \" ' or control characters"
        )
    if len(name) > _MAX_NAME_LENGTH:
        raise errors.LimitExceeded(
            "The length of a model name", limit=_MAX_NAME_LENGTH, got=len(name)
        )
    return name


def parse_new_model(model: NewLoggedModel) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Check the parts of a new model; returns its tags and params as they are kept.

    Raises:
        InvalidInput: one breaks the rules of its kind.
    """
    check_model_id(model.model_id)
    check_model_name(model.name)
    if model.model_type is not None:
        check_value("model type", model.model_type)
    if model.source_run_id:
        check_run_id(model.source_run_id)
    return parse_model_tags(model.tags), parse_param_mapping(model.params)


def create_model(
    conn: Connection,
    model: NewLoggedModel,
    *,
    tags: Mapping[str, str],
    params: Mapping[str, str],
) -> LoggedModel:
    """Make a model of checked parts, or find it made before.

    Raises:
        AlreadyExists: another model has this id.
    """
    place = require_active_experiment(conn, model.experiment_id)
    location = place_under(place, f"models/{model.model_id}/artifacts")
    now = now_ms()
    values: tuple[Any, ...] = (
        model.model_id,
        model.experiment_id,
        model.name.strip() or new_run_name(),
        location,
        now,
        now,
        model.model_type,
        model.source_run_id,
        LoggedModelStatus.PENDING.value,
    )
    if _INSERT.run(conn, *values):
        set_model_tags(conn, model.model_id, tags)
        log_model_params(conn, model.model_id, params)
        return get_model(conn, model.model_id)
    found = get_model(conn, model.model_id)
    asked = (model.experiment_id, model.source_run_id, model.name or found.name)
    if (found.experiment_id, found.source_run_id, found.name) != asked:
        raise errors.AlreadyExists("logged model", model.model_id)
    return found


class SqlLoggedModels(LoggedModelStore):
    """Logged models of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, model: NewLoggedModel) -> LoggedModel:
        """Make a logged model, with status PENDING."""
        tags, params = parse_new_model(model)
        return self._database.write(
            lambda conn: create_model(conn, model, tags=tags, params=params)
        )

    def get(self, model_id: ModelId) -> LoggedModel:
        """The model unless deleted."""
        with self._database.read() as conn:
            return get_model(conn, model_id)

    def finalize(self, model_id: ModelId, status: LoggedModelStatus) -> LoggedModel:
        """Say whether its files are complete."""

        def change(conn: Connection) -> LoggedModel:
            require_active_model(conn, model_id)
            _SET_STATUS.run(conn, status.value, now_ms(), model_id)
            return get_model(conn, model_id)

        return self._database.write(change)

    def delete(self, model_id: ModelId) -> None:
        """Move it to the bin; a deleted one stays there."""

        def change(conn: Connection) -> None:
            if _DELETE.run(conn, now_ms(), model_id) == 0 and _EXISTS.one(conn, model_id) is None:
                raise errors.LoggedModelNotFound(model_id)

        self._database.write(change)

    def search(
        self,
        experiment_ids: Sequence[ExperimentId],
        query: Query,
        *,
        datasets: Sequence[tuple[str, str | None]] = (),
        order: Sequence[ModelOrder] = (),
    ) -> Page[LoggedModel]:
        """Models that match."""
        # SQLAlchemy's tables, 60 ms that a program which only logs doesn't spend.
        with IMPORTING:
            from assay.store.sql.search.models import search_models

        with self._database.read() as conn:
            ids, token = search_models(conn, experiment_ids, query, datasets, order)
            return Page(hydrate_models(conn, ids), token)

    def log_params(self, model_id: ModelId, params: Sequence[Param]) -> None:
        """Log params; each is written once."""
        parsed = parse_params(model_id, params)

        def change(conn: Connection) -> None:
            require_active_model(conn, model_id)
            log_model_params(conn, model_id, parsed)

        self._database.write(change)

    def set_tags(self, model_id: ModelId, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags."""
        parsed = parse_model_tags(tags)

        def change(conn: Connection) -> LoggedModel:
            require_active_model(conn, model_id)
            set_model_tags(conn, model_id, parsed)
            _TOUCH.run(conn, now_ms(), model_id)
            return get_model(conn, model_id)

        return self._database.write(change)

    def delete_tag(self, model_id: ModelId, key: str) -> None:
        """Delete a tag."""

        def change(conn: Connection) -> None:
            require_active_model(conn, model_id)
            if not delete_model_tag(conn, model_id, key):
                raise errors.TagNotFound("logged model", model_id, key)

        self._database.write(change)
