"""The store contract: inputs and outputs of runs."""

# ruff: noqa: D102 - the names of tests say it all; a page token is no password
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.datasets import Dataset, DatasetInput, DatasetSummary, InputTag
from assay.entities.experiments import Experiment
from assay.entities.ids import RunId, new_model_id
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput
from assay.entities.runs import Run
from assay.entities.tags import DATASET_CONTEXT
from assay.store.base import Store
from assay.testing.store_contract_base import AWKWARD, ContractPart, start


def _used(name: str, digest: str = "d1", *, context: str = "") -> DatasetInput:
    tags = [InputTag(DATASET_CONTEXT, context)] if context else []
    return DatasetInput(Dataset(name, digest, "local", '{"uri": "x"}'), tags)


class InputContract(ContractPart):
    """Datasets and models that went in, models that came out."""

    def test_inputs_and_outputs_read_back(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        dataset = Dataset("iris", "abc", "local", "{}", schema=AWKWARD, profile="p" * 70_000)
        used = DatasetInput(dataset, [InputTag(DATASET_CONTEXT, "training"), InputTag("a", "b")])
        into, out = LoggedModelInput(new_model_id()), LoggedModelOutput(new_model_id(), step=3)
        store.inputs.log_inputs(ident, datasets=[used], models=[into])
        store.inputs.log_outputs(ident, [out])
        found = store.runs.get(ident)
        assert found.inputs.dataset_inputs == [used]
        assert found.inputs.model_inputs == [into]
        assert found.outputs.model_outputs == [out]

    def test_same_inputs_again_change_nothing(self, store: Store, run: Run) -> None:
        ident = run.info.run_id
        into, out = LoggedModelInput(new_model_id()), LoggedModelOutput(new_model_id())
        store.inputs.log_inputs(ident, datasets=[_used("a", context="train")], models=[into])
        store.inputs.log_outputs(ident, [out])
        before = store.runs.get(ident)
        store.inputs.log_inputs(ident, datasets=[_used("a", context="eval")], models=[into])
        store.inputs.log_outputs(ident, [out])
        assert store.runs.get(ident) == before

    def test_two_runs_share_a_dataset(self, store: Store, experiment: Experiment, run: Run) -> None:
        other = start(store, experiment.experiment_id)
        for ident in (run.info.run_id, other.info.run_id):
            store.inputs.log_inputs(ident, datasets=[_used("a")])
        assert store.runs.get(other.info.run_id).inputs.dataset_inputs == [_used("a")]

    def test_inputs_of_missing_and_deleted_runs_are_refused(self, store: Store, run: Run) -> None:
        with pytest.raises(errors.RunNotFound):
            store.inputs.log_inputs(RunId("0" * 32), datasets=[_used("a")])
        store.runs.delete(run.info.run_id)
        with pytest.raises(errors.InactiveResource):
            store.inputs.log_inputs(run.info.run_id, datasets=[_used("a")])
        with pytest.raises(errors.InactiveResource):
            store.inputs.log_outputs(run.info.run_id, [LoggedModelOutput(new_model_id())])

    @pytest.mark.parametrize(
        "dataset",
        [
            Dataset("", "d", "local", "s"),
            Dataset("n", "", "local", "s"),
            Dataset("n", "d" * 37, "local", "s"),
            Dataset("n" * 501, "d", "local", "s"),
            Dataset("n", "d", "local", "s" * 65_536),
        ],
        ids=["no name", "no digest", "long digest", "long name", "long source"],
    )
    def test_malformed_dataset_is_refused(self, store: Store, run: Run, dataset: Dataset) -> None:
        with pytest.raises(errors.InvalidInput):
            store.inputs.log_inputs(
                run.info.run_id, datasets=[_used("good"), DatasetInput(dataset)]
            )
        assert store.runs.get(run.info.run_id).inputs.dataset_inputs == []

    def test_datasets_of_experiments_are_listed_once_per_context(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        ident = experiment.experiment_id
        second, gone = start(store, ident), start(store, ident)
        store.inputs.log_inputs(
            run.info.run_id, datasets=[_used("a", context="train"), _used("b", "d2")]
        )
        store.inputs.log_inputs(second.info.run_id, datasets=[_used("a", context="eval")])
        store.inputs.log_inputs(gone.info.run_id, datasets=[_used("a", context="eval")])
        found = store.inputs.search_datasets([ident, experiment.experiment_id])
        assert sorted(found, key=repr) == sorted(
            [
                DatasetSummary(ident, "a", "d1", "train"),
                DatasetSummary(ident, "a", "d1", "eval"),
                DatasetSummary(ident, "b", "d2", None),
            ],
            key=repr,
        )
        assert store.inputs.search_datasets([]) == []
