"""The store contract: runs, and what they log in batches."""

# ruff: noqa: D102 - the names of tests say it all; a page token is no password
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, RunId, new_run_id
from assay.entities.lifecycle import LifecycleStage
from assay.entities.params import Param
from assay.entities.runs import NewRun, Run, RunStatus
from assay.entities.tags import RUN_NAME, Tag
from assay.store.base import Store
from assay.testing.store_contract_base import AWKWARD, HALF_A_PAIR, ContractPart, point, start


class RunContract(ContractPart):
    """The life of runs."""

    def test_active_runs_are_counted_by_experiment_and_status(
        self, store: Store, experiment: Experiment
    ) -> None:
        ids = [start(store, experiment.experiment_id).info.run_id for _ in range(4)]
        store.runs.update(ids[0], status=RunStatus.FINISHED, end_time=2_000)
        store.runs.delete(ids[1])
        other = store.experiments.create("without runs").experiment_id
        counts = store.runs.count([experiment.experiment_id, other])
        assert counts == {experiment.experiment_id: {RunStatus.RUNNING: 2, RunStatus.FINISHED: 1}}
        assert store.runs.count([]) == {}

    def test_created_run_reads_back_as_returned(self, store: Store, experiment: Experiment) -> None:
        made = start(
            store,
            experiment.experiment_id,
            start_time=123,
            run_name="first try",
            user_id="ada",
            tags={"a": AWKWARD},
        )
        assert store.runs.get(made.info.run_id) == made
        assert made.info.experiment_id == experiment.experiment_id
        assert made.info.status is RunStatus.RUNNING
        assert (made.info.start_time, made.info.end_time) == (123, None)
        assert (made.info.user_id, made.info.run_name) == ("ada", "first try")
        assert made.info.lifecycle_stage is LifecycleStage.ACTIVE
        assert made.info.artifact_uri == (
            f"{experiment.artifact_location}/{made.info.run_id}/artifacts"
        )
        assert made.data.tags == {"a": AWKWARD, RUN_NAME: "first try"}
        assert made.data.metrics == {}
        assert made.data.params == {}

    def test_run_without_a_name_gets_one(self, store: Store) -> None:
        made = start(store)
        assert made.info.run_name
        assert made.data.tags[RUN_NAME] == made.info.run_name

    def test_name_may_come_as_a_tag(self, store: Store) -> None:
        made = start(store, tags={RUN_NAME: "tagged"})
        assert made.info.run_name == "tagged"

    def test_name_that_differs_from_its_tag_is_refused(self, store: Store) -> None:
        with pytest.raises(errors.InvalidInput):
            start(store, run_name="one", tags={RUN_NAME: "two"})

    def test_run_in_a_missing_experiment_is_refused(self, store: Store) -> None:
        with pytest.raises(errors.ExperimentNotFound):
            start(store, ExperimentId("987654"))

    def test_missing_run_is_not_found(self, store: Store) -> None:
        absent = RunId("f" * 32)
        for call in (store.runs.get, store.runs.delete, store.runs.restore):
            with pytest.raises(errors.RunNotFound):
                call(absent)
        with pytest.raises(errors.RunNotFound):
            store.runs.update(absent, status=RunStatus.FINISHED)
        with pytest.raises(errors.RunNotFound):
            store.runs.log_batch(absent, tags=[Tag("a", "b")])
        with pytest.raises(errors.RunNotFound):
            store.runs.delete_tag(absent, "a")

    def test_update_changes_only_what_is_given(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        info = store.runs.update(ident, status=RunStatus.FAILED, end_time=2_000)
        assert (info.status, info.end_time) == (RunStatus.FAILED, 2_000)
        assert info.run_name == run.info.run_name
        renamed = store.runs.update(ident, run_name="new name")
        assert (renamed.status, renamed.end_time) == (RunStatus.FAILED, 2_000)
        found = store.runs.get(ident)
        assert found.info == renamed
        assert found.data.tags[RUN_NAME] == "new name"

    def test_tag_of_the_name_renames_the_run(self, store: Store, run: Run) -> None:
        store.runs.log_batch(run.info.run_id, tags=[Tag(RUN_NAME, "by tag")])
        assert store.runs.get(run.info.run_id).info.run_name == "by tag"

    def test_deleted_run_is_readable_and_takes_no_changes(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        store.runs.delete(ident)
        assert store.runs.get(ident).info.lifecycle_stage is LifecycleStage.DELETED
        with pytest.raises(errors.InactiveResource):
            store.runs.update(ident, status=RunStatus.FINISHED)
        with pytest.raises(errors.InactiveResource):
            store.runs.log_batch(ident, params=[Param("a", "b")])
        with pytest.raises(errors.InactiveResource):
            store.runs.log_batch(ident, metrics=[point("m", 1.0)])
        with pytest.raises(errors.InactiveResource):
            store.runs.delete_tag(ident, RUN_NAME)

    def test_deleted_run_is_restored(self, store: Store, run: Run) -> None:
        store.runs.delete(run.info.run_id)
        store.runs.delete(run.info.run_id)
        store.runs.restore(run.info.run_id)
        store.runs.restore(run.info.run_id)
        assert store.runs.get(run.info.run_id) == run

    def test_run_deleted_alone_after_a_restore_stays_deleted(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        store.experiments.delete(experiment.experiment_id)
        store.experiments.restore(experiment.experiment_id)
        store.runs.delete(run.info.run_id)
        store.experiments.delete(experiment.experiment_id)
        store.experiments.restore(experiment.experiment_id)
        stage = store.runs.get(run.info.run_id).info.lifecycle_stage
        assert stage is LifecycleStage.DELETED

    def test_tag_is_deleted_once(self, store: Store, run: Run) -> None:
        store.runs.log_batch(run.info.run_id, tags=[Tag("a", "b")])
        store.runs.delete_tag(run.info.run_id, "a")
        assert "a" not in store.runs.get(run.info.run_id).data.tags
        with pytest.raises(errors.TagNotFound):
            store.runs.delete_tag(run.info.run_id, "a")


class RunIdContract(ContractPart):
    """Stores that take the id of a new run from the caller; MLflow's routes can't."""

    def test_creating_a_run_twice_is_the_same_as_once(
        self, store: Store, experiment: Experiment
    ) -> None:
        new = NewRun(new_run_id(), experiment.experiment_id, start_time=7, tags={"a": "b"})
        first = store.runs.create(new)
        assert store.runs.create(new) == first

    def test_id_of_another_run_is_taken(self, store: Store, run: Run) -> None:
        with pytest.raises(errors.AlreadyExists):
            start(store, run.info.experiment_id, run_id=run.info.run_id, start_time=99)

    @pytest.mark.parametrize("ident", ["", "../x", "a b", "ü", "x" * 257, HALF_A_PAIR])
    def test_malformed_run_id_is_refused(self, store: Store, ident: str) -> None:
        with pytest.raises(errors.InvalidInput):
            start(store, run_id=ident)


class BatchContract(ContractPart):
    """``log_batch``: everything or nothing."""

    def test_batch_of_all_kinds_reads_back(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        store.runs.log_batch(
            ident,
            metrics=[point("loss", 0.5, 1), point("loss", 0.25, 2), point("acc", 0.9, 1)],
            params=[Param("lr", "0.1"), Param("note", AWKWARD), Param("empty", "")],
            tags=[Tag("team", "red"), Tag("team", "blue")],
        )
        data = store.runs.get(ident).data
        assert data.metrics == {"loss": 0.25, "acc": 0.9}
        assert data.params == {"lr": "0.1", "note": AWKWARD, "empty": ""}
        assert data.tags["team"] == "blue"
        assert {(m.key, m.value, m.step, m.timestamp) for m in data.latest} == {
            ("loss", 0.25, 2, 1_000),
            ("acc", 0.9, 1, 1_000),
        }

    def test_empty_batch_is_fine(self, store: Store, run: Run) -> None:
        store.runs.log_batch(run.info.run_id)
        assert store.runs.get(run.info.run_id) == run

    def test_same_param_again_is_fine(self, store: Store, run: Run) -> None:
        store.runs.log_batch(run.info.run_id, params=[Param("a", "1")])
        store.runs.log_batch(run.info.run_id, params=[Param("a", "1"), Param("b", "2")])
        assert store.runs.get(run.info.run_id).data.params == {"a": "1", "b": "2"}

    def test_param_logged_again_with_another_value_is_refused_with_its_whole_batch(
        self, store: Store, run: Run
    ) -> None:
        ident = run.info.run_id
        store.runs.log_batch(ident, params=[Param("a", "1")])
        with pytest.raises(errors.InvalidInput, match="'a'"):
            store.runs.log_batch(
                ident,
                metrics=[point("m", 1.0)],
                params=[Param("b", "2"), Param("a", "other")],
                tags=[Tag("t", "v")],
            )
        data = store.runs.get(ident).data
        assert data.params == {"a": "1"}
        assert data.metrics == {}
        assert "t" not in data.tags

    @pytest.mark.parametrize("second", ["1", "2"])
    def test_param_twice_in_one_batch_is_refused(self, store: Store, run: Run, second: str) -> None:
        with pytest.raises(errors.InvalidInput):
            store.runs.log_batch(run.info.run_id, params=[Param("a", "1"), Param("a", second)])
        assert store.runs.get(run.info.run_id).data.params == {}

    def test_long_values_are_cut(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        store.runs.log_batch(ident, params=[Param("p", "é" * 6_001)], tags=[Tag("t", "é" * 8_001)])
        data = store.runs.get(ident).data
        assert data.params == {"p": "é" * 6_000}
        assert data.tags["t"] == "é" * 8_000
        store.runs.log_batch(ident, params=[Param("p", "é" * 6_002)])

    @pytest.mark.parametrize("key", ["", " ", "/a", "a/", "a//b", "../a", "a\0b", "a?b", "x" * 251])
    def test_malformed_key_is_refused_with_its_whole_batch(
        self, store: Store, run: Run, key: str
    ) -> None:
        ident = run.info.run_id
        good = Tag("good", "1")
        with pytest.raises(errors.InvalidInput):
            store.runs.log_batch(ident, params=[Param(key, "1")], tags=[good])
        with pytest.raises(errors.InvalidInput):
            store.runs.log_batch(ident, tags=[good, Tag(key, "1")])
        with pytest.raises(errors.InvalidInput):
            store.runs.log_batch(ident, metrics=[point(key, 1.0)], tags=[good])
        assert store.runs.get(ident) == run

    @pytest.mark.parametrize("value", ["a\0b"])
    def test_value_that_cannot_be_stored_is_refused(
        self, store: Store, run: Run, value: str
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.runs.log_batch(run.info.run_id, params=[Param("p", value)])
        with pytest.raises(errors.InvalidInput):
            store.runs.log_batch(run.info.run_id, tags=[Tag("t", value)])
        assert store.runs.get(run.info.run_id) == run

    def test_batch_beyond_a_limit_is_refused(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        too_many = [
            {"metrics": [point("m", 1.0, i) for i in range(1_001)]},
            {"params": [Param(f"p{i}", "1") for i in range(101)]},
            {"tags": [Tag(f"t{i}", "1") for i in range(101)]},
            {
                "metrics": [point("m", 1.0, i) for i in range(950)],
                "params": [Param(f"p{i}", "1") for i in range(51)],
            },
        ]
        for batch in too_many:
            with pytest.raises(errors.InvalidInput):
                store.runs.log_batch(ident, **batch)  # type: ignore[arg-type]
        assert store.runs.get(ident) == run

    def test_batch_at_the_limits_is_kept(self, store: Store, run: Run) -> None:
        store.runs.log_batch(
            run.info.run_id,
            metrics=[point(f"m{i}", i) for i in range(800)],
            params=[Param(f"p{i}", "1") for i in range(100)],
            tags=[Tag(f"t{i}", "1") for i in range(100)],
        )
        data = store.runs.get(run.info.run_id).data
        assert data.metrics == {f"m{i}": float(i) for i in range(800)}
        assert len(data.params) == 100
        assert len(data.tags) == 101
