"""Inputs, outputs and logged models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import assay
from assay.entities import LoggedModelInput, LoggedModelOutput
from assay.errors import InvalidInput, LoggedModelNotFound


def test_input_is_kept_once_with_context_and_tags() -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    dataset = assay.data.from_pandas(frame, source="x.csv", name="train")
    with assay.start_run() as run:
        assay.log_input(dataset, context="training", tags={"fold": 1})
        assay.log_input(dataset, context="training", tags={"fold": 1})
    inputs = assay.get_run(run.info.run_id).inputs.dataset_inputs
    assert [one.dataset for one in inputs] == [dataset.to_entity()]
    assert {tag.key: tag.value for tag in inputs[0].tags} == {
        "mlflow.data.context": "training",
        "fold": "1",
    }


def test_several_inputs_in_step() -> None:
    one = assay.data.from_numpy(np.zeros(2), name="one")
    two = assay.data.from_numpy(np.ones(2), name="two")
    with assay.start_run() as run:
        assay.log_inputs([one, None, two], ["a", None, "b"], [None, None, {"k": "v"}])
        with pytest.raises(InvalidInput, match="one length"):
            assay.log_inputs([one], ["a", "b"])
        with pytest.raises(InvalidInput, match="data set"):
            assay.log_input("x.csv")  # type: ignore[arg-type]
    names = [used.dataset.name for used in assay.get_run(run.info.run_id).inputs.dataset_inputs]
    assert sorted(names) == ["one", "two"]


def test_dataset_of_another_run_can_be_used_again() -> None:
    with assay.start_run() as first:
        assay.log_input(assay.data.from_numpy(np.zeros(2)))
    used = assay.get_run(first.info.run_id).inputs.dataset_inputs[0].dataset
    with assay.start_run() as second:
        assay.log_input(used)
    assert assay.get_run(second.info.run_id).inputs.dataset_inputs[0].dataset == used
    assert assay.data.get_source(used).source_type == "code"


def test_logged_model_from_pending_to_ready() -> None:
    with assay.start_run() as run:
        model = assay.initialize_logged_model("net", params={"depth": 3}, model_type="cnn")
        assert model.status == "LOGGED_MODEL_PENDING"
        assay.log_model_params({"width": 8}, model.model_id)
        assay.set_logged_model_tags(model.model_id, {"a": 1, "b": 2})
        assay.delete_logged_model_tag(model.model_id, "a")
        ready = assay.finalize_logged_model(model.model_id, "READY")
    assert ready.status == "LOGGED_MODEL_READY"
    found = assay.get_logged_model(model.model_id)
    assert found.source_run_id == run.info.run_id
    assert found.params == {"depth": "3", "width": "8"}
    assert found.tags["b"] == "2"
    assert "a" not in found.tags
    last = assay.last_logged_model()
    assert last is not None
    assert last.model_id == model.model_id


def test_models_are_found_by_their_facts() -> None:
    with assay.start_run():
        for name in ("one", "two"):
            assay.create_external_model(name, params={"n": name})
    frame = assay.search_logged_models(filter_string="name = 'two'")
    assert frame["name"].tolist() == ["two"]
    listed = assay.search_logged_models(output_format="list")
    assert {model.name for model in listed} == {"one", "two"}
    assay.delete_logged_model(listed[0].model_id)
    with pytest.raises(LoggedModelNotFound):
        assay.get_logged_model(listed[0].model_id)


def test_active_model_by_name_is_made_once_and_given_back() -> None:
    assert assay.get_active_model_id() is None
    with assay.set_active_model(name="m") as first:
        assert assay.get_active_model_id() == first.model_id
        with assay.set_active_model(name="other") as other:
            assert assay.get_active_model_id() == other.model_id
        assert assay.get_active_model_id() == first.model_id
    assert assay.get_active_model_id() is None
    assert assay.set_active_model(name="m").model_id == first.model_id
    assay.clear_active_model()
    assert assay.get_active_model_id() is None


def test_active_model_needs_a_name_or_an_id_that_fit() -> None:
    model = assay.create_external_model("m")
    with pytest.raises(InvalidInput):
        assay.set_active_model()
    with pytest.raises(InvalidInput, match="named 'm'"):
        assay.set_active_model(model_id=model.model_id, name="n")
    with pytest.raises(InvalidInput, match="Name a model"):
        assay.log_model_params({"a": 1})


def test_models_in_and_out_of_a_run() -> None:
    model = assay.create_external_model("m")
    with assay.start_run() as run:
        assay.log_input(model=LoggedModelInput(model.model_id))
        assay.log_outputs([LoggedModelOutput(model.model_id, 4)])
    stored = assay.get_run(run.info.run_id)
    assert [one.model_id for one in stored.inputs.model_inputs] == [model.model_id]
    assert [(one.model_id, one.step) for one in stored.outputs.model_outputs] == [
        (model.model_id, 4)
    ]


def test_profile_of_training_data_is_kept_with_the_run() -> None:
    train = pd.DataFrame({"age": [31, 44, 52], "plan": ["a", "b", "a"]})
    with assay.start_run() as run:
        assay.log_input(assay.data.from_pandas(train), context="training", profile=True)
    kept = assay.artifacts.load_dict(f"runs:/{run.info.run_id}/assay/data-profile.json")
    assert kept["rows"] == 3
    assert kept["columns"]["age"]["quantiles"] == [31, 44, 52]
    assert kept["columns"]["plan"]["classes"] == {"a": 2, "b": 1}
    (used,) = assay.get_run(run.info.run_id).inputs.dataset_inputs
    with assay.start_run() as other, pytest.raises(InvalidInput, match="profile"):
        assay.log_input(used.dataset, profile=True)
    assert assay.get_run(other.info.run_id).inputs.dataset_inputs == []
