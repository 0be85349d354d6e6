"""``Client``: the calls of MLflow's client, against a real store."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from assay.client.client import Client
from assay.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunStatus,
    Tag,
    ViewType,
)
from assay.errors import (
    ExperimentNotFound,
    InvalidInput,
    LimitExceeded,
    ParamChanged,
    RunNotFound,
    TagNotFound,
)

NOT_OURS = (
    "assessment",
    "dataset",
    "label",
    "mcp",
    "prompt",
    "span",
    "trace",
    "webhook",
    "workspace",
)
"""Parts of names that tell calls of MLflow's client that are about other things."""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path / ".assay")
    yield made
    made.close()


def _calls() -> list[str]:
    names = [name for name, _ in inspect.getmembers(mlflow.MlflowClient, inspect.isfunction)]
    public = [name for name in names if not name.startswith("_")]
    return [name for name in public if not any(part in name for part in NOT_OURS)]


@pytest.mark.parametrize("name", _calls())
def test_every_call_of_mlflow_is_there_with_its_arguments(name: str) -> None:
    ours, theirs = getattr(Client, name), getattr(mlflow.MlflowClient, name)
    own = inspect.signature(ours).parameters
    expected = list(inspect.signature(theirs).parameters)
    assert list(own)[: len(expected)] == expected


def test_experiment_from_creation_to_restoration(client: Client) -> None:
    ident = client.create_experiment("e", tags={"a": 1})
    client.set_experiment_tag(ident, "b", 2)
    client.delete_experiment_tag(ident, "a")
    client.rename_experiment(ident, "f")
    found = client.get_experiment_by_name("f")
    assert found is not None
    assert (found.experiment_id, found.tags) == (ident, {"b": "2"})
    client.delete_experiment(ident)
    page = client.search_experiments(view_type=ViewType.DELETED_ONLY)
    assert [one.name for one in page] == ["f"]
    client.restore_experiment(ident)
    assert {one.name for one in client.search_experiments()} == {"Default", "f"}
    with pytest.raises(ExperimentNotFound):
        client.get_experiment("999")


def test_run_from_creation_to_its_end(client: Client) -> None:
    run = client.create_run("0", start_time=1_000, tags={"mlflow.user": "ada"}, run_name="r")
    assert (run.info.status, run.info.user_id, run.info.run_name) == ("RUNNING", "ada", "r")
    client.update_run(run.info.run_id, name="renamed")
    client.set_terminated(run.info.run_id, "FAILED", end_time=2_000)
    stored = client.get_run(run.info.run_id)
    assert (stored.info.status, stored.info.end_time) == (RunStatus.FAILED, 2_000)
    assert stored.info.run_name == "renamed"
    client.delete_run(run.info.run_id)
    assert len(client.search_runs(["0"])) == 0
    client.restore_run(run.info.run_id)
    assert len(client.search_runs(["0"])) == 1
    with pytest.raises(InvalidInput, match="no status"):
        client.set_terminated(run.info.run_id, "GONE")
    with pytest.raises(RunNotFound):
        client.get_run("f" * 32)


def test_history_has_all_points_in_order(client: Client) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_metric(run_id, "m", 2, timestamp=20, step=1)
    client.log_metric(run_id, "m", 1, timestamp=10)
    points = client.get_metric_history(run_id, "m")
    assert [(p.timestamp, p.step, p.value) for p in points] == [(10, 0, 1.0), (20, 1, 2.0)]
    assert client.history(run_id, "m").values.tolist() == [1.0, 2.0]
    assert client.get_metric_history(run_id, "none") == []


def test_batch_is_all_or_nothing(client: Client) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "p", 1)
    with pytest.raises(ParamChanged):
        client.log_batch(
            run_id,
            metrics=[Metric("m", 1.0, 0)],
            params=[Param("p", "2")],
            tags=[Tag("t", "v")],
        )
    stored = client.get_run(run_id)
    assert stored.data.metrics == {}
    assert "t" not in stored.data.tags


def test_batch_above_the_limits_goes_in_several(client: Client) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("m", float(n), n, n) for n in range(2_500)],
        params=[Param(f"p{n}", str(n)) for n in range(250)],
        tags=[Tag(f"t{n}", str(n)) for n in range(250)],
    )
    stored = client.get_run(run_id)
    assert len(client.history(run_id, "m").steps) == 2_500
    assert len(stored.data.params) == 250
    assert stored.data.tags["t249"] == "249"


def test_search_walks_through_pages_by_token(client: Client) -> None:
    ids = [client.create_run("0", start_time=n).info.run_id for n in range(5)]
    seen, token = [], None
    for _ in range(3):
        page = client.search_runs(["0"], max_results=2, page_token=token)
        seen += [run.info.run_id for run in page]
        token = page.token
    assert seen == ids[::-1]
    assert token is None


def test_tags_are_set_and_deleted(client: Client) -> None:
    run_id = client.create_run("0").info.run_id
    client.set_tag(run_id, "t", 1)
    assert client.get_run(run_id).data.tags["t"] == "1"
    client.delete_tag(run_id, "t")
    with pytest.raises(TagNotFound):
        client.delete_tag(run_id, "t")


def test_files_are_logged_listed_and_fetched(client: Client, tmp_path: Path) -> None:
    run_id = client.create_run("0").info.run_id
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    client.log_artifact(run_id, tmp_path / "folder" / "a.txt", "one")
    client.log_artifacts(run_id, tmp_path / "folder", "two")
    client.log_text(run_id, "text", "three/t.txt")
    client.log_dict(run_id, {"k": 1}, "four.json")
    client.log_table(run_id, {"c": [1]}, "five.json")
    client.log_table(run_id, {"c": [2]}, "five.json")
    assert {one.path for one in client.list_artifacts(run_id)} == {
        "one",
        "two",
        "three",
        "four.json",
        "five.json",
    }
    place = Path(client.download_artifacts(run_id, "two"))
    assert (place / "a.txt").read_text() == "a"
    assert client.read_artifact(run_id, "one/a.txt") == b"a"
    assert client.load_table("0", "five.json")["c"].tolist() == [1, 2]


def test_inputs_outputs_and_data_sets(client: Client) -> None:
    run_id = client.create_run("0").info.run_id
    model = client.create_logged_model("0", "m", source_run_id=run_id, params={"a": 1})
    used = DatasetInput(Dataset("d", "1", "local", "{}"), [InputTag("mlflow.data.context", "t")])
    client.log_inputs(run_id, [used], [LoggedModelInput(model.model_id)])
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 3)])
    stored = client.get_run(run_id)
    assert stored.inputs.dataset_inputs == [used]
    assert stored.outputs.model_outputs[0].step == 3
    assert [(one.name, one.context) for one in client.search_datasets(["0"])] == [("d", "t")]


def test_files_of_a_model(client: Client, tmp_path: Path) -> None:
    model = client.create_logged_model("0", "m")
    (tmp_path / "w.bin").write_bytes(b"w")
    client.log_model_artifact(model.model_id, tmp_path / "w.bin", "data")
    listed = client.list_logged_model_artifacts(model.model_id, "data")
    assert [(one.path, one.file_size) for one in listed] == [("data/w.bin", 1)]
    ready = client.finalize_logged_model(model.model_id, "READY")
    assert ready.status == "LOGGED_MODEL_READY"
    with pytest.raises(InvalidInput, match="READY or FAILED"):
        client.finalize_logged_model(model.model_id, "DONE")


def test_client_that_was_closed_opens_again(client: Client) -> None:
    run_id = client.create_run("0").info.run_id
    client.close()
    assert client.get_run(run_id).info.run_id == run_id


def test_page_above_the_limit_is_refused(client: Client) -> None:
    with pytest.raises((LimitExceeded, InvalidInput)):
        client.search_runs(["0"], max_results=50_001)
