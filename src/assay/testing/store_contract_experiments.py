"""The store contract: experiments."""

# ruff: noqa: D102 - the names of tests say it all; a page token is no password
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, new_experiment_id
from assay.entities.lifecycle import LifecycleStage
from assay.store.base import Store
from assay.testing.store_contract_base import AWKWARD, HALF_A_PAIR, ContractPart, start


class ExperimentContract(ContractPart):
    """Experiments."""

    def test_default_experiment_exists_in_a_fresh_store(self, store: Store) -> None:
        found = store.experiments.get(DEFAULT_EXPERIMENT_ID)
        assert found.name == "Default"
        assert found.artifact_location.endswith("/0")

    def test_created_experiment_reads_back_as_returned(self, store: Store) -> None:
        made = store.experiments.create("vision", tags={"team": AWKWARD, "empty": ""})
        assert store.experiments.get(made.experiment_id) == made
        assert store.experiments.find("vision") == made
        assert made.tags == {"team": AWKWARD, "empty": ""}
        assert made.lifecycle_stage is LifecycleStage.ACTIVE
        assert made.creation_time == made.last_update_time > 0
        assert made.artifact_location.endswith("/" + made.experiment_id)

    def test_artifact_location_is_kept_as_given(self, store: Store) -> None:
        made = store.experiments.create("s3", artifact_location="s3://bucket/some/place")
        assert store.experiments.get(made.experiment_id).artifact_location == (
            "s3://bucket/some/place"
        )

    @pytest.mark.parametrize(
        "location",
        [
            "s3://b/../c",
            "s3://b/%2e%2e/c",
            "s3://b/%252e%252e/c",
            "s3://b?x=1",
            "s3://b#f",
            "runs:/a",
        ],
    )
    def test_artifact_location_that_could_lead_elsewhere_is_refused(
        self, store: Store, location: str
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.experiments.create("bad", artifact_location=location)
        assert store.experiments.find("bad") is None

    def test_name_of_an_active_experiment_is_taken(
        self, store: Store, experiment: Experiment
    ) -> None:
        with pytest.raises(errors.AlreadyExists):
            store.experiments.create(experiment.name)

    def test_name_of_a_deleted_experiment_is_taken_and_the_error_says_how_to_free_it(
        self, store: Store, experiment: Experiment
    ) -> None:
        store.experiments.delete(experiment.experiment_id)
        with pytest.raises(errors.AlreadyExists, match=r"assay gc"):
            store.experiments.create(experiment.name)

    @pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\0b", HALF_A_PAIR, "x" * 501])
    def test_malformed_experiment_name_is_refused(self, store: Store, name: str) -> None:
        with pytest.raises(errors.InvalidInput):
            store.experiments.create(name)

    def test_missing_experiment_is_not_found(self, store: Store) -> None:
        absent = ExperimentId("123456")
        assert store.experiments.find("nobody") is None
        for call in (store.experiments.get, store.experiments.delete, store.experiments.restore):
            with pytest.raises(errors.ExperimentNotFound):
                call(absent)
        with pytest.raises(errors.ExperimentNotFound):
            store.experiments.rename(absent, "x")
        with pytest.raises(errors.ExperimentNotFound):
            store.experiments.set_tags(absent, {"a": "b"})

    def test_renamed_experiment_is_found_by_its_new_name_only(
        self, store: Store, experiment: Experiment
    ) -> None:
        store.experiments.rename(experiment.experiment_id, "renamed")
        assert store.experiments.find("given") is None
        found = store.experiments.find("renamed")
        assert found is not None
        assert found.experiment_id == experiment.experiment_id

    def test_rename_to_its_own_name_is_fine(self, store: Store, experiment: Experiment) -> None:
        store.experiments.rename(experiment.experiment_id, experiment.name)
        assert store.experiments.find(experiment.name) is not None

    def test_rename_to_a_taken_name_is_refused(self, store: Store, experiment: Experiment) -> None:
        with pytest.raises(errors.AlreadyExists):
            store.experiments.rename(experiment.experiment_id, "Default")
        assert store.experiments.get(experiment.experiment_id).name == "given"

    def test_deleted_experiment_takes_no_changes(
        self, store: Store, experiment: Experiment
    ) -> None:
        ident = experiment.experiment_id
        store.experiments.delete(ident)
        assert store.experiments.get(ident).lifecycle_stage is LifecycleStage.DELETED
        with pytest.raises(errors.AssayError) as renamed:
            store.experiments.rename(ident, "other")
        assert renamed.value.http_status == 400
        with pytest.raises(errors.InactiveResource):
            store.experiments.set_tags(ident, {"a": "b"})
        with pytest.raises(errors.InactiveResource):
            start(store, ident)

    def test_deleting_twice_and_restoring_an_active_one_are_not_found(
        self, store: Store, experiment: Experiment
    ) -> None:
        with pytest.raises(errors.ExperimentNotFound):
            store.experiments.restore(experiment.experiment_id)
        store.experiments.delete(experiment.experiment_id)
        with pytest.raises(errors.ExperimentNotFound):
            store.experiments.delete(experiment.experiment_id)

    def test_runs_are_deleted_and_restored_with_their_experiment(
        self, store: Store, experiment: Experiment
    ) -> None:
        ident = experiment.experiment_id
        kept, binned = start(store, ident), start(store, ident)
        store.runs.delete(binned.info.run_id)
        store.experiments.delete(ident)
        stage = store.runs.get(kept.info.run_id).info.lifecycle_stage
        assert stage is LifecycleStage.DELETED
        store.experiments.restore(ident)
        assert store.experiments.get(ident).lifecycle_stage is LifecycleStage.ACTIVE
        stage = store.runs.get(kept.info.run_id).info.lifecycle_stage
        assert stage is LifecycleStage.ACTIVE
        stage = store.runs.get(binned.info.run_id).info.lifecycle_stage
        assert stage is LifecycleStage.DELETED

    def test_tags_are_set_replaced_and_deleted(self, store: Store, experiment: Experiment) -> None:
        ident = experiment.experiment_id
        store.experiments.set_tags(ident, {"a": "1", "b": "x" * 20_000})
        store.experiments.set_tags(ident, {"a": "2"})
        assert store.experiments.get(ident).tags == {"a": "2", "b": "x" * 20_000}
        store.experiments.delete_tag(ident, "b")
        assert store.experiments.get(ident).tags == {"a": "2"}
        with pytest.raises(errors.TagNotFound):
            store.experiments.delete_tag(ident, "b")

    def test_too_long_experiment_tag_is_refused_and_none_of_the_call_is_kept(
        self, store: Store, experiment: Experiment
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.experiments.set_tags(experiment.experiment_id, {"ok": "1", "long": "x" * 20_001})
        assert store.experiments.get(experiment.experiment_id).tags == {}


class ExperimentIdContract(ContractPart):
    """Stores that take the id of a new experiment from the caller; MLflow's routes can't."""

    def test_creating_twice_with_one_id_is_the_same_as_once(self, store: Store) -> None:
        ident = new_experiment_id()
        first = store.experiments.create("twice", experiment_id=ident)
        assert store.experiments.create("twice", experiment_id=ident) == first

    def test_id_of_another_experiment_is_taken(self, store: Store, experiment: Experiment) -> None:
        with pytest.raises(errors.AlreadyExists):
            store.experiments.create("other", experiment_id=experiment.experiment_id)
        assert store.experiments.find("other") is None

    @pytest.mark.parametrize("ident", ["", "abc", "1.5", "-1", "1" * 20])
    def test_malformed_experiment_id_is_refused(self, store: Store, ident: str) -> None:
        with pytest.raises(errors.InvalidInput):
            store.experiments.create("bad id", experiment_id=ExperimentId(ident))
