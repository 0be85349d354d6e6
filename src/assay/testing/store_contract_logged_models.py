"""The store contract: logged models."""

# ruff: noqa: D102 - the names of tests say it all; a page token is no password
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, ModelId, new_model_id
from assay.entities.logged_models import LoggedModel, LoggedModelStatus, NewLoggedModel
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import Run
from assay.store.base import Store
from assay.testing.store_contract_base import AWKWARD, ContractPart


def make(store: Store, experiment: Experiment, name: str = "net", **facts: object) -> LoggedModel:
    """Create a logged model; ``facts`` are fields of ``NewLoggedModel``."""
    return store.logged_models.create(
        NewLoggedModel(
            model_id=new_model_id(),
            experiment_id=experiment.experiment_id,
            name=name,
            **facts,  # type: ignore[arg-type]
        )
    )


class LoggedModelContract(ContractPart):
    """Logged models."""

    def test_created_model_reads_back_as_returned(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        made = make(
            store,
            experiment,
            model_type="classifier",
            source_run_id=run.info.run_id,
            tags={"a": AWKWARD},
            params={"depth": "3"},
        )
        assert store.logged_models.get(made.model_id) == made
        assert made.status is LoggedModelStatus.PENDING
        assert made.name == "net"
        assert made.model_type == "classifier"
        assert made.source_run_id == run.info.run_id
        assert made.tags == {"a": AWKWARD}
        assert made.params == {"depth": "3"}
        assert made.artifact_location == (
            f"{experiment.artifact_location}/models/{made.model_id}/artifacts"
        )

    def test_model_without_a_name_gets_one(self, store: Store, experiment: Experiment) -> None:
        assert make(store, experiment, "").name

    @pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'])
    def test_model_name_with_a_meaning_in_uris_is_refused(
        self, store: Store, experiment: Experiment, name: str
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            make(store, experiment, name)

    def test_model_in_a_missing_or_deleted_experiment_is_refused(
        self, store: Store, experiment: Experiment
    ) -> None:
        with pytest.raises(errors.ExperimentNotFound):
            store.logged_models.create(NewLoggedModel(new_model_id(), ExperimentId("424242")))
        store.experiments.delete(experiment.experiment_id)
        with pytest.raises(errors.InactiveResource):
            make(store, experiment)

    def test_missing_model_is_not_found(self, store: Store) -> None:
        absent = ModelId("m-" + "0" * 32)
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.get(absent)
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.finalize(absent, LoggedModelStatus.READY)
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.delete(absent)
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.set_tags(absent, {"a": "b"})
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.log_params(absent, [Param("a", "b")])

    def test_finalized_model_has_its_status(self, store: Store, experiment: Experiment) -> None:
        made = make(store, experiment)
        done = store.logged_models.finalize(made.model_id, LoggedModelStatus.READY)
        assert done.status is LoggedModelStatus.READY
        assert done.last_updated_timestamp >= made.last_updated_timestamp
        assert store.logged_models.get(made.model_id) == done

    def test_deleted_model_is_gone_for_readers(self, store: Store, experiment: Experiment) -> None:
        made = make(store, experiment)
        store.logged_models.delete(made.model_id)
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.get(made.model_id)
        with pytest.raises(errors.LoggedModelNotFound):
            store.logged_models.set_tags(made.model_id, {"a": "b"})

    def test_tags_of_a_model_are_set_replaced_and_deleted(
        self, store: Store, experiment: Experiment
    ) -> None:
        ident = make(store, experiment, tags={"a": "1"}).model_id
        assert store.logged_models.set_tags(ident, {"a": "2", "b": "3"}).tags == {
            "a": "2",
            "b": "3",
        }
        store.logged_models.delete_tag(ident, "b")
        assert store.logged_models.get(ident).tags == {"a": "2"}
        with pytest.raises(errors.TagNotFound):
            store.logged_models.delete_tag(ident, "b")

    def test_params_of_a_model_are_written_once(self, store: Store, experiment: Experiment) -> None:
        ident = make(store, experiment, params={"a": "1"}).model_id
        store.logged_models.log_params(ident, [Param("b", "2"), Param("a", "1")])
        with pytest.raises(errors.InvalidInput):
            store.logged_models.log_params(ident, [Param("c", "3"), Param("a", "other")])
        assert store.logged_models.get(ident).params == {"a": "1", "b": "2"}

    def test_metrics_linked_to_a_model_are_shown_with_it(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        ident = make(store, experiment).model_id
        linked = Metric("acc", 0.9, 5, 2, ident, "iris", "d1")
        earlier = Metric("acc", 0.5, 4, 1, ident, "iris", "d1")
        store.runs.log_batch(run.info.run_id, metrics=[linked, earlier, Metric("acc", 0.1, 4, 1)])
        found = store.logged_models.get(ident).metrics
        assert [(m.key, m.value, m.step, m.timestamp) for m in found] == [("acc", 0.9, 2, 5)]
        assert (found[0].dataset_name, found[0].dataset_digest) == ("iris", "d1")
        assert found[0].run_id == run.info.run_id
        assert found[0].model_id == ident


class ModelIdContract(ContractPart):
    """Stores that take the id of a new model from the caller; MLflow's routes can't."""

    def test_creating_a_model_twice_is_the_same_as_once(
        self, store: Store, experiment: Experiment
    ) -> None:
        new = NewLoggedModel(new_model_id(), experiment.experiment_id, tags={"a": "b"})
        first = store.logged_models.create(new)
        assert store.logged_models.create(new) == first

    def test_id_of_another_model_is_taken(self, store: Store, experiment: Experiment) -> None:
        made = make(store, experiment)
        with pytest.raises(errors.AlreadyExists):
            store.logged_models.create(
                NewLoggedModel(made.model_id, experiment.experiment_id, name="other")
            )
