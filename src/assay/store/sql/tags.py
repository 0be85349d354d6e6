"""Tags of experiments, runs and logged models: three tables, one set of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from assay import errors
from assay.entities import limits
from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.entities.names import check_key, check_run_name, check_value
from assay.entities.tags import RUN_NAME
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SET: Final = (
    "INSERT INTO {table} ({owner}, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT ({owner}, key) DO UPDATE SET value = excluded.value"
)


def _setter(table: str, owner: str) -> Sql:
    return Sql(_SET.format(table=table, owner=owner))


_SET_RUN = _setter("tags", "run_id")
_SET_EXPERIMENT = _setter("experiment_tags", "experiment_id")
_SET_MODEL = _setter("logged_model_tags", "model_id")
_DELETE_RUN = Sql("DELETE FROM tags WHERE run_id = ? AND key = ?")
_DELETE_EXPERIMENT = Sql("DELETE FROM experiment_tags WHERE experiment_id = ? AND key = ?")
_DELETE_MODEL = Sql("DELETE FROM logged_model_tags WHERE model_id = ? AND key = ?")
_OF_RUNS = Sql("SELECT run_id, key, value FROM tags WHERE run_id IN (??)")
_OF_EXPERIMENTS = Sql(
    "SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id IN (??)"
)
_OF_MODELS = Sql("SELECT model_id, key, value FROM logged_model_tags WHERE model_id IN (??)")
_RENAME_RUN = Sql("UPDATE runs SET run_name = ? WHERE run_id = ?")


def parse_run_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as a run or logged model may have them: keys checked, long values cut as MLflow does.

    An empty ``mlflow.runName`` is left out: a run always has a name.
    """
    parsed = {}
    for key, value in tags.items():
        check_key("tag key", key)
        parsed[key] = check_value("tag value", value)[: limits.MAX_TAG_VALUE_LENGTH]
    name = parsed.get(RUN_NAME)
    if name is not None:
        if name.strip():
            check_run_name(name)
        else:
            del parsed[RUN_NAME]
    return parsed


def parse_model_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as a logged model may have them.

    Their values aren't cut: MLflow keeps lists of model versions as JSON in one of them.
    """
    return {check_key("tag key", k): check_value("tag value", v) for k, v in tags.items()}


def parse_experiment_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as an experiment may have them.

    Raises:
        LimitExceeded: a value is longer than 20,000 characters.
    """
    most = limits.MAX_EXPERIMENT_TAG_VALUE_LENGTH
    for key, value in tags.items():
        check_key("tag key", key)
        if len(check_value("tag value", value)) > most:
            raise errors.LimitExceeded(
                f"The length of the value of experiment tag {key!r}", limit=most, got=len(value)
            )
    return dict(tags)


def set_run_tags(conn: Connection, run_id: RunId, tags: Mapping[str, str]) -> None:
    """Set parsed tags; the tag ``mlflow.runName`` renames the run."""
    if tags:
        _SET_RUN.many(conn, [(run_id, key, value) for key, value in tags.items()])
        if RUN_NAME in tags:
            _RENAME_RUN.run(conn, tags[RUN_NAME], run_id)


def set_experiment_tags(
    conn: Connection, experiment_id: ExperimentId, tags: Mapping[str, str]
) -> None:
    """Set parsed tags of an experiment."""
    if tags:
        _SET_EXPERIMENT.many(conn, [(experiment_id, key, value) for key, value in tags.items()])


def set_model_tags(conn: Connection, model_id: ModelId, tags: Mapping[str, str]) -> None:
    """Set parsed tags of a logged model."""
    if tags:
        _SET_MODEL.many(conn, [(model_id, key, value) for key, value in tags.items()])


def delete_run_tag(conn: Connection, run_id: RunId, key: str) -> bool:
    """Delete a tag; returns whether it was there.

    The name stays when its tag goes, as in MLflow.
    """
    return _DELETE_RUN.run(conn, run_id, key) > 0


def delete_experiment_tag(conn: Connection, experiment_id: ExperimentId, key: str) -> bool:
    """Delete a tag; returns whether it was there."""
    return _DELETE_EXPERIMENT.run(conn, experiment_id, key) > 0


def delete_model_tag(conn: Connection, model_id: ModelId, key: str) -> bool:
    """Delete a tag; returns whether it was there."""
    return _DELETE_MODEL.run(conn, model_id, key) > 0


def tags_of_runs(conn: Connection, run_ids: list[RunId]) -> dict[str, dict[str, str]]:
    """The tags of each run that has some."""
    return collect(_OF_RUNS.all(conn, run_ids))


def tags_of_experiments(
    conn: Connection, experiment_ids: list[ExperimentId]
) -> dict[str, dict[str, str]]:
    """The tags of each experiment that has some."""
    return collect(_OF_EXPERIMENTS.all(conn, experiment_ids))


def tags_of_models(conn: Connection, model_ids: list[ModelId]) -> dict[str, dict[str, str]]:
    """The tags of each logged model that has some."""
    return collect(_OF_MODELS.all(conn, model_ids))


def collect(rows: Iterable[tuple[str, ...]]) -> dict[str, dict[str, str]]:
    """Rows of (owner, key, value) as one dictionary per owner."""
    found: dict[str, dict[str, str]] = {}
    for owner, key, value in rows:
        try:
            found[owner][key] = value
        except KeyError:
            found[owner] = {key: value}
    return found
