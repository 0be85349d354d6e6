"""Garbage collection and the registry: what holds the files of a version stays in the bin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.ids import (
    DEFAULT_EXPERIMENT_ID,
    ExperimentId,
    ModelId,
    RunId,
    new_model_id,
    new_run_id,
)
from assay.entities.logged_models import NewLoggedModel
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun
from assay.store.sql.purge import find_purgeable, purge_experiments, purge_models, purge_runs
from assay.store.sql.store import SqlStore, open_sql_store

CAUSE = Cause(Actor("alice", origin="test"))
MODEL = "digits"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/a.db")
    store.registered_models.create(MODEL, cause=CAUSE)
    yield store
    store.close()


def make_run(store: SqlStore, experiment_id: ExperimentId = DEFAULT_EXPERIMENT_ID) -> RunId:
    run_id = new_run_id()
    store.runs.create(NewRun(run_id, experiment_id, 1))
    return run_id


def make_model(store: SqlStore, experiment_id: ExperimentId = DEFAULT_EXPERIMENT_ID) -> ModelId:
    return store.logged_models.create(NewLoggedModel(new_model_id(), experiment_id)).model_id


def register(store: SqlStore, source: str, name: str = MODEL) -> int:
    new = NewModelVersion(name=name, source=source)
    return store.model_versions.create(new, cause=CAUSE).version


def test_run_that_holds_the_files_of_a_version_stays(store: SqlStore) -> None:
    kept, gone = make_run(store), make_run(store)
    version = register(store, f"runs:/{kept}/model")
    for run_id in (kept, gone):
        store.runs.delete(run_id)
    found = find_purgeable(store.database)
    assert (set(found.runs), found.kept) == ({gone}, {kept: f"{MODEL}/1"})
    assert find_purgeable(store.database, run_ids=[kept]).runs == {}
    purge_runs(store.database, found.runs)
    assert store.model_versions.download_uri(MODEL, version).endswith(f"{kept}/artifacts/model")
    store.model_versions.delete(MODEL, version, cause=CAUSE)
    assert set(find_purgeable(store.database).runs) == {kept}


def test_logged_model_of_a_version_stays(store: SqlStore) -> None:
    kept, gone = make_model(store), make_model(store)
    version = register(store, f"models:/{kept}")
    for model_id in (kept, gone):
        store.logged_models.delete(model_id)
    found = find_purgeable(store.database)
    assert (set(found.models), found.kept) == ({gone}, {kept: f"{MODEL}/1"})
    purge_models(store.database, found.models)
    assert kept in store.model_versions.download_uri(MODEL, version)
    store.model_versions.delete(MODEL, version, cause=CAUSE)
    assert set(find_purgeable(store.database).models) == {kept}


@pytest.mark.parametrize("of", ["run", "logged model"])
def test_experiment_that_holds_the_files_of_a_version_stays(store: SqlStore, of: str) -> None:
    experiment_id = store.experiments.create("e").experiment_id
    run_id, model_id = make_run(store, experiment_id), make_model(store, experiment_id)
    register(store, f"runs:/{run_id}/model" if of == "run" else f"models:/{model_id}")
    store.experiments.delete(experiment_id)
    found = find_purgeable(store.database)
    assert found.experiments == {}
    assert found.kept[experiment_id] == f"{MODEL}/1"
    assert (run_id if of == "run" else model_id) not in {*found.runs, *found.models}
    with pytest.raises(errors.Conflict, match=f"{MODEL}/1"):
        purge_experiments(store.database, [experiment_id])
    store.registered_models.delete(MODEL, cause=CAUSE)
    assert set(find_purgeable(store.database).experiments) == {experiment_id}
    assert purge_experiments(store.database, [experiment_id]) == 1


def test_copy_keeps_the_files_of_its_original(store: SqlStore) -> None:
    run_id = make_run(store)
    register(store, f"runs:/{run_id}/model")
    store.registered_models.create("copies", cause=CAUSE)
    register(store, f"models:/{MODEL}/1", "copies")
    store.registered_models.delete(MODEL, cause=CAUSE)
    store.runs.delete(run_id)
    found = find_purgeable(store.database)
    assert (found.runs, found.kept) == ({}, {run_id: "copies/1"})
    assert store.model_versions.download_uri("copies", 1).endswith(f"{run_id}/artifacts/model")


def test_nothing_in_the_bin_can_be_registered(store: SqlStore) -> None:
    run_id, model_id = make_run(store), make_model(store)
    store.runs.delete(run_id)
    store.logged_models.delete(model_id)
    with pytest.raises(errors.InactiveResource):
        register(store, f"runs:/{run_id}/model")
    with pytest.raises(errors.NotFound):
        register(store, f"models:/{model_id}")


def test_history_of_a_version_outlives_its_purged_run(store: SqlStore) -> None:
    run_id = make_run(store)
    version = register(store, f"runs:/{run_id}/model")
    store.model_versions.delete(MODEL, version, cause=CAUSE)
    store.runs.delete(run_id)
    purge_runs(store.database, find_purgeable(store.database).runs)
    gone = store.audit.page(name=MODEL)[-1]
    assert gone.details["run_id"] == run_id
    assert store.audit.verify().ok
