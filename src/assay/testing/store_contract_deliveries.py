"""The store contract: deliveries, applied exactly once."""

# ruff: noqa: D102 - the names of tests say it all; a page token is no password
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.datasets import Dataset, DatasetInput
from assay.entities.experiments import Experiment
from assay.entities.ids import (
    ExperimentId,
    RunId,
    WriterId,
    new_experiment_id,
    new_model_id,
    new_run_id,
    new_writer_id,
)
from assay.entities.logged_models import LoggedModelOutput, LoggedModelStatus, NewLoggedModel
from assay.entities.metrics import SeriesKey
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
    SetExperimentTags,
    SetTags,
    StartRun,
    UpdateRun,
)
from assay.entities.runs import Run, RunStatus
from assay.entities.tags import RUN_NAME
from assay.store.base import Store
from assay.testing.store_contract_base import ContractPart
from assay.testing.store_contract_metrics import batch


def deliver(*operations: Operation, at: int = 0, writer: WriterId | None = None) -> Delivery:
    """A delivery of 100 bytes of journal from ``at``."""
    return Delivery(writer or new_writer_id(), at, at + 100, list(operations))


class DeliveryContract(ContractPart):
    """``apply`` and ``position``."""

    def test_a_delivery_that_awaits_its_runs_changes_nothing_while_one_is_missing(
        self, store: Store, run: Run
    ) -> None:
        writer, missing = new_writer_id(), new_run_id()
        delivery = Delivery(
            writer,
            0,
            9,
            [LogParams(run.info.run_id, {"a": "1"}), LogParams(missing, {"a": "1"})],
            await_runs=True,
        )
        with pytest.raises(errors.RunNotFound):
            store.apply(delivery)
        assert store.position(writer) == 0
        assert store.runs.get(run.info.run_id).data.params == {}

        store.apply(deliver(StartRun(missing, 1, experiment_id="0")))
        assert store.apply(delivery).refusals == []

    def test_a_whole_run_arrives_in_one_delivery(self, store: Store) -> None:
        ident = new_run_id()
        used = DatasetInput(Dataset("iris", "d", "local", "{}"))
        receipt = store.apply(
            deliver(
                EnsureExperiment("made", new_experiment_id(), tags={"e": "1"}),
                StartRun(ident, 1_000, experiment_name="made", run_name="one", user_id="ada"),
                LogParams(ident, {"lr": "0.1"}),
                SetTags(ident, {"a": "1", "b": "2"}),
                DeleteTag(ident, "b"),
                DeleteTag(ident, "never there"),
                LogPoints(ident, batch("loss", [(0, 1, 0.5), (1, 2, 0.25)])),
                LogInputs(ident, [used]),
                LogOutputs(ident, [LoggedModelOutput("m-1", 3)]),  # type: ignore[arg-type]
                SetExperimentTags({"f": "2"}, experiment_name="made"),
                UpdateRun(ident, status=RunStatus.FINISHED, end_time=2_000),
            )
        )
        assert (receipt.applied, receipt.position, receipt.refusals) == (True, 100, [])
        experiment = store.experiments.find("made")
        assert experiment is not None
        assert experiment.tags == {"e": "1", "f": "2"}
        run = store.runs.get(ident)
        assert run.info.experiment_id == experiment.experiment_id
        assert (run.info.run_name, run.info.user_id) == ("one", "ada")
        assert (run.info.status, run.info.end_time) == (RunStatus.FINISHED, 2_000)
        assert run.data.params == {"lr": "0.1"}
        assert run.data.tags == {"a": "1", RUN_NAME: "one"}
        assert run.data.metrics == {"loss": 0.25}
        assert run.inputs.dataset_inputs == [used]
        assert run.outputs.model_outputs == [LoggedModelOutput("m-1", 3)]  # type: ignore[arg-type]

    def test_a_model_arrives_with_its_run_and_waits_for_its_files(self, store: Store) -> None:
        run_id, model_id = new_run_id(), new_model_id()
        new = NewLoggedModel(
            model_id=model_id,
            experiment_id=ExperimentId(""),
            name="net",
            model_type="classifier",
            source_run_id=run_id,
            tags={"a": "1"},
            params={"lr": "0.1"},
        )
        receipt = store.apply(
            deliver(
                EnsureExperiment("with a model", new_experiment_id()),
                StartRun(run_id, 1_000, experiment_name="with a model"),
                CreateModel(new, "with a model"),
                LogOutputs(run_id, [LoggedModelOutput(model_id, 7)]),
            )
        )
        assert receipt.refusals == []
        model = store.logged_models.get(model_id)
        assert (model.name, model.model_type, model.source_run_id) == ("net", "classifier", run_id)
        assert model.experiment_id == store.runs.get(run_id).info.experiment_id
        assert (model.tags, model.params) == ({"a": "1"}, {"lr": "0.1"})
        assert model.status is LoggedModelStatus.PENDING
        assert store.runs.get(run_id).outputs.model_outputs == [LoggedModelOutput(model_id, 7)]

    def test_a_model_that_the_rules_refuse_leaves_the_rest(self, store: Store, run: Run) -> None:
        bad = NewLoggedModel(new_model_id(), run.info.experiment_id, name="a/b")
        receipt = store.apply(deliver(CreateModel(bad), SetTags(run.info.run_id, {"a": "1"})))
        assert [refusal.index for refusal in receipt.refusals] == [0]
        assert store.runs.get(run.info.run_id).data.tags["a"] == "1"
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.get(bad.model_id)

    def test_repeated_delivery_is_acknowledged_and_ignored(self, store: Store, run: Run) -> None:
        delivery = deliver(SetTags(run.info.run_id, {"a": "1"}))
        store.apply(delivery)
        store.runs.delete_tag(run.info.run_id, "a")
        receipt = store.apply(delivery)
        assert (receipt.applied, receipt.position) == (False, 100)
        assert "a" not in store.runs.get(run.info.run_id).data.tags

    def test_delivery_that_overlaps_is_a_conflict_and_changes_nothing(
        self, store: Store, run: Run
    ) -> None:
        writer = new_writer_id()
        store.apply(deliver(writer=writer))
        with pytest.raises(errors.Conflict):
            store.apply(deliver(SetTags(run.info.run_id, {"a": "1"}), at=50, writer=writer))
        assert store.position(writer) == 100
        assert "a" not in store.runs.get(run.info.run_id).data.tags

    def test_positions_are_kept_per_writer(self, store: Store) -> None:
        one, two = new_writer_id(), new_writer_id()
        assert store.position(one) == 0
        store.apply(deliver(writer=one))
        store.apply(deliver(at=100, writer=one))
        store.apply(deliver(writer=two))
        assert (store.position(one), store.position(two)) == (200, 100)

    def test_refused_operations_are_told_and_the_others_stand(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        receipt = store.apply(
            deliver(
                LogParams(ident, {"a": "1"}),
                LogParams(ident, {"b": "new", "a": "changed"}),
                SetTags(RunId("0" * 32), {"a": "1"}),
                LogPoints(ident, batch("bad?key", [(0, 0, 0.0)])),
                SetTags(ident, {"after": "yes"}),
            )
        )
        assert [r.index for r in receipt.refusals] == [1, 2, 3]
        assert [r.error_code for r in receipt.refusals] == [
            "INVALID_PARAMETER_VALUE",
            "RESOURCE_DOES_NOT_EXIST",
            "INVALID_PARAMETER_VALUE",
        ]
        assert all(r.message for r in receipt.refusals)
        data = store.runs.get(ident).data
        assert data.params == {"a": "1"}
        assert data.tags["after"] == "yes"
        assert len(store.metrics.history(ident, SeriesKey("bad?key")).steps) == 0

    def test_experiment_that_exists_is_used_whatever_id_was_proposed(
        self, store: Store, experiment: Experiment
    ) -> None:
        ident = new_run_id()
        receipt = store.apply(
            deliver(
                EnsureExperiment(experiment.name, new_experiment_id(), tags={"not": "set"}),
                StartRun(ident, 1, experiment_name=experiment.name),
            )
        )
        assert receipt.refusals == []
        assert store.runs.get(ident).info.experiment_id == experiment.experiment_id
        assert store.experiments.get(experiment.experiment_id).tags == {}

    def test_proposed_id_of_another_experiment_is_replaced(
        self, store: Store, experiment: Experiment
    ) -> None:
        receipt = store.apply(deliver(EnsureExperiment("new", experiment.experiment_id)))
        assert receipt.refusals == []
        made = store.experiments.find("new")
        assert made is not None
        assert made.experiment_id != experiment.experiment_id

    def test_deleted_experiment_of_that_name_is_refused_with_advice(
        self, store: Store, experiment: Experiment
    ) -> None:
        store.experiments.delete(experiment.experiment_id)
        ident = new_run_id()
        receipt = store.apply(
            deliver(
                EnsureExperiment(experiment.name, new_experiment_id()),
                StartRun(ident, 1, experiment_name=experiment.name),
            )
        )
        assert [r.index for r in receipt.refusals] == [0, 1]
        assert "restore" in receipt.refusals[0].message
        with pytest.raises(errors.RunNotFound):
            store.runs.get(ident)

    def test_run_started_again_runs_again_and_keeps_its_name(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        store.runs.update(ident, status=RunStatus.FINISHED, end_time=5_000)
        again = StartRun(ident, 9_000, experiment_id=run.info.experiment_id, tags={"a": "1"})
        assert store.apply(deliver(again)).refusals == []
        found = store.runs.get(ident)
        assert (found.info.status, found.info.end_time) == (RunStatus.RUNNING, None)
        assert found.info.run_name == run.info.run_name
        assert found.info.start_time == run.info.start_time
        assert found.data.tags["a"] == "1"

    def test_end_before_the_start_is_moved_to_the_start(self, store: Store, run: Run) -> None:
        receipt = store.apply(deliver(UpdateRun(run.info.run_id, RunStatus.FINISHED, end_time=5)))
        assert receipt.refusals == []
        assert store.runs.get(run.info.run_id).info.end_time == run.info.start_time

    def test_deleted_run_refuses_what_arrives_for_it(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        store.runs.delete(ident)
        receipt = store.apply(
            deliver(
                StartRun(ident, 1_000, experiment_id=run.info.experiment_id),
                LogParams(ident, {"a": "1"}),
                LogPoints(ident, batch("m", [(0, 0, 0.0)])),
                UpdateRun(ident, status=RunStatus.FINISHED),
            )
        )
        assert [r.index for r in receipt.refusals] == [0, 1, 2, 3]

    @pytest.mark.parametrize(("start", "end"), [(5, 4), (-1, 3), (0, 2**63)])
    def test_malformed_positions_are_refused(self, store: Store, start: int, end: int) -> None:
        with pytest.raises(errors.InvalidInput):
            store.apply(Delivery(new_writer_id(), start, end, []))
