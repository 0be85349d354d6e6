"""Purge: what is in the bin goes for good, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.entities.datasets import Dataset, DatasetInput
from assay.entities.ids import ExperimentId, RunId, new_model_id, new_run_id
from assay.entities.logged_models import LoggedModelOutput, NewLoggedModel
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.store.sql.purge import find_purgeable, purge_experiments, purge_models, purge_runs
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.sql.tables import metadata


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/a.db")
    yield store
    store.close()


def full_run(store: SqlStore, experiment_id: ExperimentId) -> RunId:
    """A run that recorded something of every kind."""
    ident = new_run_id()
    store.runs.create(NewRun(ident, experiment_id, 1))
    store.runs.log_batch(ident, metrics=[Metric("m", 1.0, 1)], params=[Param("p", "1")])
    dataset = DatasetInput(Dataset("d", "1", "local", "s"))
    store.inputs.log_inputs(ident, datasets=[dataset])
    store.inputs.log_outputs(ident, [LoggedModelOutput(new_model_id())])
    return ident


def counts(store: SqlStore) -> dict[str, int]:
    found = {}
    with store.database.read() as conn:
        for table in metadata.sorted_tables:
            row = Sql(f"SELECT count(*) FROM {table.name}").one(conn)
            found[table.name] = row[0] if row else 0
    return found


def test_purged_run_leaves_no_row_and_its_neighbour_all(store: SqlStore) -> None:
    experiment = store.experiments.create("e").experiment_id
    full_run(store, experiment)
    before = counts(store)
    gone = full_run(store, experiment)
    uri = store.runs.get(gone).info.artifact_uri
    store.runs.delete(gone)
    assert find_purgeable(store.database).runs == {gone: uri}
    assert purge_runs(store.database, [gone]) == 1
    assert purge_runs(store.database, [gone]) == 0
    assert counts(store) == before
    with pytest.raises(errors.RunNotFound):
        store.runs.get(gone)


def test_purged_experiment_takes_all_it_held_and_frees_its_name(store: SqlStore) -> None:
    before = counts(store)
    experiment = store.experiments.create("e", tags={"a": "b"})
    ident = experiment.experiment_id
    binned, kept = full_run(store, ident), full_run(store, ident)
    store.runs.delete(binned)
    model = store.logged_models.create(
        NewLoggedModel(new_model_id(), ident, tags={"a": "b"}, params={"p": "1"})
    )
    store.experiments.delete(ident)
    found = find_purgeable(store.database)
    assert found.experiments == {ident: experiment.artifact_location}
    assert set(found.runs) == {binned, kept}
    assert found.models == {model.model_id: model.artifact_location}
    assert purge_experiments(store.database, found.experiments) == 1
    assert counts(store) == before
    assert store.experiments.create("e").experiment_id != ident


def test_purged_model_is_gone_and_active_ones_are_not_found(store: SqlStore) -> None:
    experiment = store.experiments.create("e").experiment_id
    before = counts(store)
    model = store.logged_models.create(NewLoggedModel(new_model_id(), experiment))
    assert find_purgeable(store.database).models == {}
    store.logged_models.delete(model.model_id)
    assert set(find_purgeable(store.database).models) == {model.model_id}
    assert purge_models(store.database, [model.model_id]) == 1
    assert counts(store) == before


def test_active_things_are_never_purged(store: SqlStore) -> None:
    experiment = store.experiments.create("e").experiment_id
    run = full_run(store, experiment)
    with pytest.raises(errors.InactiveResource):
        purge_runs(store.database, [run])
    with pytest.raises(errors.InactiveResource):
        purge_experiments(store.database, [experiment])
    with pytest.raises(errors.InactiveResource):
        find_purgeable(store.database, run_ids=[run])
    with pytest.raises(errors.InactiveResource):
        find_purgeable(store.database, experiment_ids=[experiment])
    with pytest.raises(errors.RunNotFound):
        find_purgeable(store.database, run_ids=[new_run_id()])
    assert store.runs.get(run).data.params == {"p": "1"}


def test_run_restored_after_it_was_found_is_kept(store: SqlStore) -> None:
    run = full_run(store, store.experiments.create("e").experiment_id)
    store.runs.delete(run)
    found = find_purgeable(store.database)
    store.runs.restore(run)
    with pytest.raises(errors.InactiveResource):
        purge_runs(store.database, found.runs)
    assert store.runs.get(run).data.params == {"p": "1"}


def test_age_and_names_choose_what_is_found(store: SqlStore) -> None:
    one = store.experiments.create("one").experiment_id
    runs = [full_run(store, one) for _ in range(2)]
    other = store.experiments.create("two").experiment_id
    for run in runs:
        store.runs.delete(run)
    store.experiments.delete(other)
    assert find_purgeable(store.database, older_than_ms=3_600_000).runs == {}
    assert find_purgeable(store.database, older_than_ms=3_600_000).experiments == {}
    by_run = find_purgeable(store.database, run_ids=[runs[0]])
    assert (set(by_run.runs), by_run.experiments) == ({runs[0]}, {})
    by_experiment = find_purgeable(store.database, experiment_ids=[other])
    assert (by_experiment.runs, set(by_experiment.experiments)) == ({}, {other})
    everything = find_purgeable(store.database)
    assert (set(everything.runs), set(everything.experiments)) == (set(runs), {other})
