"""Experiments: which one a run goes to."""

from __future__ import annotations

from pathlib import Path

import pytest

import assay
from assay.errors import AlreadyExists, ExperimentNotFound, InactiveResource, InvalidInput


def test_run_goes_to_default_unless_an_experiment_is_set() -> None:
    with assay.start_run() as first:
        pass
    experiment = assay.set_experiment("mine")
    with assay.start_run() as second:
        pass
    assert first.info.experiment_id == "0"
    assert second.info.experiment_id == experiment.experiment_id
    assert assay.get_run(second.info.run_id).info.experiment_id == experiment.experiment_id


def test_experiment_that_exists_is_found_again() -> None:
    ident = assay.create_experiment("mine", tags={"team": "a"})
    assert assay.set_experiment("mine").experiment_id == ident
    assert assay.set_experiment(experiment_id=ident).name == "mine"
    found = assay.get_experiment_by_name("mine")
    assert found is not None
    assert found.tags == {"team": "a"}
    assert assay.get_experiment(ident).name == "mine"
    assert assay.get_experiment_by_name("nobody's") is None


def test_explicit_experiment_goes_before_the_one_set() -> None:
    ident = assay.create_experiment("other")
    assay.set_experiment("mine")
    with assay.start_run(experiment_id=ident) as run:
        assert run.info.experiment_id == ident


@pytest.mark.parametrize("prefix", ["ASSAY", "MLFLOW"])
def test_environment_chooses_the_experiment(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{prefix}_EXPERIMENT_NAME", "from outside")
    with assay.start_run() as run:
        pass
    assert assay.get_experiment(run.info.experiment_id).name == "from outside"
    monkeypatch.delenv(f"{prefix}_EXPERIMENT_NAME")
    ident = assay.create_experiment("by id")
    monkeypatch.setenv(f"{prefix}_EXPERIMENT_ID", ident)
    with assay.start_run() as run:
        assert run.info.experiment_id == ident


def test_name_and_id_of_the_environment_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "one")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "77")
    with pytest.raises(InvalidInput, match="MLFLOW_EXPERIMENT_ID"):
        assay.start_run()


def test_unknown_id_and_wrong_arguments_are_refused() -> None:
    with pytest.raises(ExperimentNotFound):
        assay.set_experiment(experiment_id="123456")
    with pytest.raises(ExperimentNotFound):
        assay.start_run(experiment_id="123456")
    with pytest.raises(InvalidInput, match="exactly one"):
        assay.set_experiment()
    with pytest.raises(InvalidInput, match="exactly one"):
        assay.set_experiment("a", "1")


def test_deleted_experiment_takes_no_runs_until_restored() -> None:
    ident = assay.set_experiment("mine").experiment_id
    assay.delete_experiment(ident)
    with pytest.raises(InactiveResource):
        assay.start_run()
    with pytest.raises(InactiveResource):
        assay.set_experiment("mine")
    with pytest.raises(AlreadyExists):
        assay.create_experiment("mine")
    assay.restore_experiment(ident)
    assay.set_experiment("mine")
    with assay.start_run() as run:
        assert run.info.experiment_id == ident


def test_tags_of_the_active_experiment() -> None:
    experiment = assay.set_experiment("mine")
    assay.set_experiment_tag("a", 1)
    assay.set_experiment_tags({"b": 2})
    assert assay.get_experiment(experiment.experiment_id).tags == {"a": "1", "b": "2"}
    assay.delete_experiment_tag("a")
    assert assay.get_experiment(experiment.experiment_id).tags == {"b": "2"}
    with pytest.raises(InvalidInput):
        assay.set_experiment_tag("long", "x" * 20_001)


def test_search_finds_by_name_and_pages_through_all() -> None:
    for number in range(5):
        assay.create_experiment(f"exp{number}")
    names = [one.name for one in assay.search_experiments(filter_string="name LIKE 'exp%'")]
    assert sorted(names) == [f"exp{number}" for number in range(5)]
    assert len(assay.search_experiments(max_results=2)) == 2


def test_artifacts_of_an_experiment_can_lie_elsewhere(project: Path) -> None:
    ident = assay.create_experiment("far", artifact_location=str(project / "elsewhere"))
    with assay.start_run(experiment_id=ident) as run:
        assay.log_text("x", "a.txt")
    assert assay.artifacts.load_text(f"runs:/{run.info.run_id}/a.txt") == "x"
    assert (project / "elsewhere" / run.info.run_id / "artifacts" / "a.txt").read_text() == "x"
