"""Runs in SQL: their life, what they log in batches, and how many are read at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from assay import errors
from assay.entities import limits
from assay.entities.ids import ExperimentId, RunId, check_run_id
from assay.entities.lifecycle import LifecycleStage
from assay.entities.metrics import Metric
from assay.entities.names import check_run_name, check_value
from assay.entities.page import Page
from assay.entities.params import Param
from assay.entities.run_names import new_run_name
from assay.entities.runs import NewRun, Run, RunData, RunInfo, RunInputs, RunOutputs, RunStatus
from assay.entities.tags import RUN_NAME, Tag
from assay.store.base import Query, RunStore, RunTable
from assay.store.importing import IMPORTING
from assay.store.sql.active import require_active_run
from assay.store.sql.checks import check_int, now_ms
from assay.store.sql.database import Database
from assay.store.sql.experiments import place_under, require_active_experiment
from assay.store.sql.finished_runs import note_finished
from assay.store.sql.inputs import datasets_of_runs, models_from_runs, models_into_runs
from assay.store.sql.metric_summaries import latest_metrics, rank
from assay.store.sql.params import log_params, params_of_runs, parse_params
from assay.store.sql.statements import Sql
from assay.store.sql.tags import delete_run_tag, parse_run_tags, set_run_tags, tags_of_runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SqlRuns", "hydrate", "require_active_run", "run_infos"]

_INFO: Final = (
    "run_id, experiment_id, run_name, status, start_time, artifact_uri, end_time, user_id,"
    " lifecycle_stage"
)
_INFOS = Sql(f"SELECT {_INFO} FROM runs WHERE run_id IN (??)")  # noqa: S608
_INSERT = Sql(
    "INSERT INTO runs (run_id, experiment_id, run_name, status, start_time, artifact_uri, user_id,"
    " lifecycle_stage, deleted_with_experiment) VALUES (?, ?, ?, 'RUNNING', ?, ?, ?, 'active', ?)"
    " ON CONFLICT (run_id) DO NOTHING"
)
_UPDATE = Sql("UPDATE runs SET status = ?, end_time = ? WHERE run_id = ?")
_DELETE = Sql(
    "UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = ?"
    " WHERE run_id = ? AND lifecycle_stage = 'active'"
)
_RESTORE = Sql(
    "UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL, deleted_with_experiment = ?"
    " WHERE run_id = ?"
)
_COUNT = Sql(
    "SELECT experiment_id, status, count(*) FROM runs"
    " WHERE experiment_id IN (??) AND lifecycle_stage = 'active' GROUP BY experiment_id, status"
)
_EXISTS = Sql("SELECT 1 FROM runs WHERE run_id = ?")
_STATUS: Final = {status.value: status for status in RunStatus}
_STAGE: Final = {stage.value: stage for stage in LifecycleStage}
_ENDED: Final = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)
_NO_INPUTS: Final = RunInputs()
_NO_OUTPUTS: Final = RunOutputs()


def run_infos(conn: Connection, run_ids: Sequence[RunId]) -> dict[RunId, RunInfo]:
    """The infos of those runs that exist."""
    return {row[0]: _info(row) for row in _INFOS.all(conn, list(run_ids))}


def run_info(conn: Connection, run_id: RunId) -> RunInfo:
    """The info of one run. Raises ``RunNotFound``."""
    info = run_infos(conn, [run_id]).get(run_id)
    if info is None:
        raise errors.RunNotFound(run_id)
    return info


def _info(row: tuple[Any, ...]) -> RunInfo:
    return RunInfo(
        row[0],
        row[1],
        row[2],
        _STATUS[row[3]],
        row[4],
        row[5],
        row[6],
        row[7],
        _STAGE[row[8]],
    )


def hydrate(conn: Connection, run_ids: Sequence[RunId]) -> list[Run]:
    """The runs with these ids, in their order, with all they recorded but histories.

    Seven statements, however many runs; ids that don't exist are left out.
    """
    ids = list(run_ids)
    infos = run_infos(conn, ids)
    params = params_of_runs(conn, ids)
    tags = tags_of_runs(conn, ids)
    latest = latest_metrics(conn, ids)
    datasets = datasets_of_runs(conn, ids)
    used = models_into_runs(conn, ids)
    made = models_from_runs(conn, ids)
    runs = []
    for run_id in ids:
        info = infos.get(run_id)
        if info is None:
            continue
        points = latest.get(run_id, [])
        data = RunData(
            {point.key: point.value for point in points},
            params.get(run_id, {}),
            tags.get(run_id, {}),
            points,
        )
        inputs, outputs = _NO_INPUTS, _NO_OUTPUTS
        if run_id in datasets or run_id in used:
            inputs = RunInputs(datasets.get(run_id, []), used.get(run_id, []))
        if run_id in made:
            outputs = RunOutputs(made[run_id])
        runs.append(Run(info, data, inputs, outputs))
    return runs


def get_run(conn: Connection, run_id: RunId) -> Run:
    """One run, deleted or not. Raises ``RunNotFound``."""
    found = hydrate(conn, [run_id])
    if not found:
        raise errors.RunNotFound(run_id)
    return found[0]


def parse_new_run(run: NewRun) -> tuple[str, dict[str, str]]:
    """The name (made up if there is none) and the tags of a run to be created.

    Raises:
        InvalidInput: something in it is malformed, or its name and tag ``mlflow.runName`` differ.
    """
    check_run_id(run.run_id)
    check_int("start_time", run.start_time)
    check_value("user id", run.user_id)
    tags = parse_run_tags(run.tags)
    tagged = tags.get(RUN_NAME, "")
    if run.run_name and tagged and run.run_name != tagged:
        raise errors.InvalidInput(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different"
            f" values (run_name={run.run_name!r}, mlflow.runName={tagged!r})."
        )
    name = check_run_name(run.run_name.strip() and run.run_name) or tagged or new_run_name()
    tags[RUN_NAME] = name
    return name, tags


def insert_run(conn: Connection, run: NewRun, *, name: str, tags: Mapping[str, str]) -> bool:
    """Insert a parsed run; returns false where its id exists.

    Raises:
        ExperimentNotFound: there is no such experiment.
        InactiveResource: the experiment is deleted.
    """
    place = require_active_experiment(conn, run.experiment_id)
    uri = place_under(place, f"{run.run_id}/artifacts")
    made = _INSERT.run(
        conn, run.run_id, run.experiment_id, name, run.start_time, uri, run.user_id, False
    )
    if made:
        set_run_tags(conn, run.run_id, tags)
    return made > 0


def create_run(conn: Connection, run: NewRun, *, name: str, tags: Mapping[str, str]) -> Run:
    """Make a parsed run, or find it made before.

    Raises:
        AlreadyExists: another run has this id.
    """
    if insert_run(conn, run, name=name, tags=tags):
        return get_run(conn, run.run_id)
    found = get_run(conn, run.run_id)
    info = found.info
    asked = (run.experiment_id, run.start_time, run.user_id)
    if (info.experiment_id, info.start_time, info.user_id) != asked:
        raise errors.AlreadyExists("run", run.run_id)
    return found


def update_run(
    conn: Connection,
    run_id: RunId,
    *,
    status: RunStatus | None,
    end_time: int | None,
    run_name: str | None,
) -> RunInfo:
    """Change what is not ``None`` of an active run; an empty name changes nothing, as in MLflow."""
    require_active_run(conn, run_id)
    if run_name:
        set_run_tags(conn, run_id, {RUN_NAME: run_name})
    info = run_info(conn, run_id)
    if status is not None or end_time is not None:
        new_status = info.status if status is None else status
        new_end = info.end_time if end_time is None else end_time
        _UPDATE.run(conn, new_status.value, new_end, run_id)
        if new_status in _ENDED:
            rank(conn, run_id)
        if status is RunStatus.FINISHED:
            note_finished(conn, run_id)
        info = run_info(conn, run_id)
    return info


def mark_running(conn: Connection, run_id: RunId) -> None:
    """Mark an active run as running again."""
    require_active_run(conn, run_id)
    _UPDATE.run(conn, RunStatus.RUNNING.value, None, run_id)


def mark_scheduled(conn: Connection, run_id: RunId) -> None:
    """Let an active run wait for somebody to carry it out."""
    require_active_run(conn, run_id)
    _UPDATE.run(conn, RunStatus.SCHEDULED.value, None, run_id)


def check_batch(metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[Tag]) -> None:
    """Refuse a batch that is larger than MLflow takes.

    Raises:
        LimitExceeded: it is.
    """
    for what, items, most in (
        ("metrics", metrics, limits.MAX_BATCH_METRICS),
        ("params", params, limits.MAX_BATCH_PARAMS),
        ("tags", tags, limits.MAX_BATCH_TAGS),
    ):
        if len(items) > most:
            raise errors.LimitExceeded(
                f"The number of {what} in a batch", limit=most, got=len(items)
            )
    total = len(metrics) + len(params) + len(tags)
    if total > limits.MAX_BATCH_ITEMS:
        raise errors.LimitExceeded(
            "The number of metrics, params and tags in a batch",
            limit=limits.MAX_BATCH_ITEMS,
            got=total,
        )


def _appender() -> Callable[[Connection, RunId, Sequence[Metric]], None]:
    # NumPy, 80 ms that only points need.
    with IMPORTING:
        from assay.store.sql.metrics import append_metrics

    return append_metrics


def batch_change(
    run_id: RunId,
    *,
    metrics: Sequence[Metric],
    params: Sequence[Param],
    tags: Sequence[Tag],
) -> Callable[[Connection], None]:
    """The change that logs a batch, its params and tags checked here and now."""
    check_batch(metrics, params, tags)
    parsed_params = parse_params(run_id, params)
    parsed_tags = parse_run_tags({tag.key: tag.value for tag in tags})
    append = _appender() if metrics else None

    def change(conn: Connection) -> None:
        if append is not None:
            append(conn, run_id, metrics)  # asks for an active run itself
        else:
            require_active_run(conn, run_id)
        log_params(conn, run_id, parsed_params)
        set_run_tags(conn, run_id, parsed_tags)

    return change


class SqlRuns(RunStore):
    """Runs of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, run: NewRun) -> Run:
        """Make a run in an active experiment, with status RUNNING."""
        name, tags = parse_new_run(run)
        return self._database.write(lambda conn: create_run(conn, run, name=name, tags=tags))

    def get(self, run_id: RunId) -> Run:
        """The run with all it recorded but histories, deleted or not."""
        with self._database.read() as conn:
            return get_run(conn, run_id)

    def update(
        self,
        run_id: RunId,
        *,
        status: RunStatus | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> RunInfo:
        """Change what is not ``None``."""
        if end_time is not None:
            check_int("end_time", end_time)
        if run_name is not None:
            check_run_name(run_name)
        return self._database.write(
            lambda conn: update_run(
                conn, run_id, status=status, end_time=end_time, run_name=run_name
            )
        )

    def delete(self, run_id: RunId) -> None:
        """Move it to the bin; a deleted one stays there."""

        def change(conn: Connection) -> None:
            if _DELETE.run(conn, now_ms(), run_id) == 0 and _EXISTS.one(conn, run_id) is None:
                raise errors.RunNotFound(run_id)

        self._database.write(change)

    def restore(self, run_id: RunId) -> None:
        """Take it back from the bin; an active one stays as it is."""

        def change(conn: Connection) -> None:
            if _RESTORE.run(conn, False, run_id) == 0:
                raise errors.RunNotFound(run_id)

        self._database.write(change)

    def search(self, experiment_ids: Sequence[ExperimentId], query: Query) -> Page[Run]:
        """Runs that match."""
        # SQLAlchemy's tables, 60 ms that a program which only logs doesn't spend.
        with IMPORTING:
            from assay.store.sql.search.runs import search_runs

        with self._database.read() as conn:
            ids, token = search_runs(conn, experiment_ids, query)
            return Page(hydrate(conn, ids), token)

    def table(self, experiment_ids: Sequence[ExperimentId], query: Query) -> RunTable:
        """The same search in columns."""
        # NumPy, 80 ms that only arrays need.
        with IMPORTING:
            from assay.store.sql.search.run_table import run_table

        with self._database.read() as conn:
            return run_table(conn, experiment_ids, query)

    def log_batch(
        self,
        run_id: RunId,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[Tag] = (),
    ) -> None:
        """Log all of it or, when anything is wrong, nothing."""
        self._database.write(batch_change(run_id, metrics=metrics, params=params, tags=tags))

    def delete_tag(self, run_id: RunId, key: str) -> None:
        """Delete a tag."""

        def change(conn: Connection) -> None:
            require_active_run(conn, run_id)
            if not delete_run_tag(conn, run_id, key):
                raise errors.TagNotFound("run", run_id, key)

        self._database.write(change)

    def count(
        self, experiment_ids: Sequence[ExperimentId]
    ) -> dict[ExperimentId, dict[RunStatus, int]]:
        """How many active runs each experiment has, by status."""
        counts: dict[ExperimentId, dict[RunStatus, int]] = {}
        with self._database.read() as conn:
            for experiment_id, status, number in _COUNT.all(conn, list(experiment_ids)):
                counts.setdefault(experiment_id, {})[RunStatus(status)] = number
        return counts
