"""The store contract: changes of many runs at once."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import RunId
from assay.entities.lifecycle import LifecycleStage
from assay.entities.runs import RunStatus
from assay.store.base import Store
from assay.store.run_views import BulkRuns
from assay.testing.store_contract_base import AWKWARD, ContractPart, start

ABSENT = RunId("f" * 32)


class RunBulkContract(ContractPart):
    """Deleting, restoring, tagging and stopping."""

    @pytest.fixture
    def many(self, store: Store, experiment: Experiment) -> list[RunId]:
        """More runs than one batch changes."""
        return [
            start(store, experiment.experiment_id, run_name=f"run {i}", start_time=i).info.run_id
            for i in range(230)
        ]

    def test_all_that_match_are_deleted_but_some_and_restored(
        self, store: Store, experiment: Experiment, many: list[RunId]
    ) -> None:
        matching = BulkRuns(
            experiment_ids=[experiment.experiment_id],
            filter="start_time >= 10",
            except_run_ids=many[-3:],
        )
        result = store.run_views.delete(matching)
        assert (result.changed, result.failures) == (217, [])
        assert set(result.run_ids) == set(many[10:-3])
        assert store.runs.get(many[10]).info.lifecycle_stage is LifecycleStage.DELETED
        assert store.runs.get(many[-1]).info.lifecycle_stage is LifecycleStage.ACTIVE
        assert store.run_views.delete(BulkRuns(run_ids=result.run_ids)).changed == 0
        again = store.run_views.restore(BulkRuns(run_ids=result.run_ids))
        assert again.changed == 217
        count = store.runs.count([experiment.experiment_id])
        assert count == {experiment.experiment_id: {RunStatus.RUNNING: 230}}

    def test_tags_are_set_and_deleted_and_failures_are_told(
        self, store: Store, many: list[RunId]
    ) -> None:
        store.runs.delete(many[1])
        runs = BulkRuns(run_ids=[many[0], many[1], ABSENT, many[2], many[0]])
        result = store.run_views.set_tags(runs, {"team": AWKWARD, "mlflow.runName": "renamed"})
        assert (result.changed, result.run_ids) == (2, [many[0], many[2]])
        assert [failure.run_id for failure in result.failures] == [many[1], ABSENT]
        assert "not found" in result.failures[1].message
        found = store.runs.get(many[2])
        assert (found.data.tags["team"], found.info.run_name) == (AWKWARD, "renamed")
        store.runs.log_batch(many[0], tags=[])
        store.runs.delete_tag(many[0], "team")
        result = store.run_views.delete_tags(
            BulkRuns(run_ids=[many[0], many[2]]), ["team", "not there"]
        )
        assert result.run_ids == [many[2]]
        assert "team" not in store.runs.get(many[2]).data.tags

    def test_only_running_runs_are_stopped(self, store: Store, many: list[RunId]) -> None:
        store.runs.update(many[0], status=RunStatus.FINISHED, end_time=5)
        result = store.run_views.stop(BulkRuns(run_ids=many[:2]))
        assert (result.run_ids, result.failures) == ([many[1]], [])
        stopped = store.runs.get(many[1]).info
        assert stopped.status is RunStatus.KILLED
        assert stopped.end_time is not None
        assert store.runs.get(many[0]).info.end_time == 5

    def test_what_cannot_be_changed_is_refused_before_anything_is(
        self, store: Store, experiment: Experiment, many: list[RunId]
    ) -> None:
        some = BulkRuns(run_ids=many[:1])
        for tags in ({}, {"": "x"}, {"a": "\0"}, {str(i): "" for i in range(101)}):
            with pytest.raises(errors.InvalidInput):
                store.run_views.set_tags(some, tags)
        for keys in ([], ["\0"]):
            with pytest.raises(errors.InvalidInput):
                store.run_views.delete_tags(some, keys)
        for runs in (
            BulkRuns(run_ids=[RunId("\0")]),
            BulkRuns(run_ids=[ABSENT] * 10_001),
            BulkRuns(experiment_ids=[experiment.experiment_id], filter="nonsense"),
        ):
            with pytest.raises(errors.InvalidInput):
                store.run_views.delete(runs)
        assert set(store.runs.get(many[0]).data.tags) == {"mlflow.runName"}

    def test_nothing_named_changes_nothing(self, store: Store, many: list[RunId]) -> None:
        assert store.run_views.delete(BulkRuns()).changed == 0
        assert store.run_views.delete(BulkRuns(run_ids=[])).changed == 0
        assert store.runs.get(many[0]).info.lifecycle_stage is LifecycleStage.ACTIVE
