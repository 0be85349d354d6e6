from __future__ import annotations

from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus

from tests.compat.surface.expect import experiment_id, fresh_experiment, refused


def check_lifecycle(client: MlflowClient, folder: Path) -> None:
    run = client.create_run(experiment_id())
    model = client.create_logged_model(
        experiment_id(),
        name="net",
        source_run_id=run.info.run_id,
        tags={"t": "1"},
        params={"p": "2"},
        model_type="agent",
    )
    assert (model.name, model.status, model.model_type) == (
        "net",
        LoggedModelStatus.PENDING,
        "agent",
    )
    assert model.model_id.startswith("m-")
    assert (model.tags, model.params) == ({"t": "1"}, {"p": "2"})
    assert model.artifact_location.endswith(f"/models/{model.model_id}/artifacts")
    done = client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    assert done.status == LoggedModelStatus.READY
    client.set_logged_model_tags(model.model_id, {"u": "3"})
    client.delete_logged_model_tag(model.model_id, "t")
    assert client.get_logged_model(model.model_id).tags == {"u": "3"}
    client.log_model_params(model.model_id, {"q": "4"})
    assert client.get_logged_model(model.model_id).params == {"p": "2", "q": "4"}
    client.delete_logged_model(model.model_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_logged_model(model.model_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_logged_model_tag(model.model_id, "u")


def check_inputs_and_outputs(client: MlflowClient, folder: Path) -> None:
    run = client.create_run(experiment_id()).info.run_id
    model = client.create_logged_model(experiment_id(), name="m")
    client.log_inputs(run, models=[LoggedModelInput(model.model_id)])
    client.log_outputs(run, [LoggedModelOutput(model.model_id, 7)])
    got = client.get_run(run)
    assert [m.model_id for m in got.inputs.model_inputs] == [model.model_id]
    assert [(m.model_id, m.step) for m in got.outputs.model_outputs] == [(model.model_id, 7)]


def check_metrics_of_models(client: MlflowClient, folder: Path) -> None:
    run = client.create_run(experiment_id()).info.run_id
    model = client.create_logged_model(experiment_id(), name="m", source_run_id=run)
    client.log_metric(run, "acc", 0.5, step=1, model_id=model.model_id)
    client.log_metric(
        run, "acc", 0.9, step=2, model_id=model.model_id, dataset_name="d", dataset_digest="g"
    )
    metrics = client.get_logged_model(model.model_id).metrics
    assert {(m.key, m.value, m.dataset_name) for m in metrics} >= {("acc", 0.9, "d")}
    assert all(m.run_id == run for m in metrics)


def check_search(client: MlflowClient, folder: Path) -> None:
    ident = fresh_experiment("models")
    run = client.create_run(ident).info.run_id
    for i in range(5):
        model = client.create_logged_model(ident, name=f"n{i}", params={"i": str(i)})
        client.log_metric(run, "acc", i / 10, model_id=model.model_id, step=i)
        if i < 2:
            client.finalize_logged_model(model.model_id, "READY")

    def names(**query: object) -> list[str]:
        return [m.name for m in client.search_logged_models([ident], **query)]

    assert sorted(names()) == ["n0", "n1", "n2", "n3", "n4"]
    assert names(filter_string="name = 'n3'") == ["n3"]
    assert names(filter_string="params.i = '2'") == ["n2"]
    assert sorted(names(filter_string="metrics.acc > 0.25")) == ["n3", "n4"]
    ordered = [{"field_name": "metrics.acc", "ascending": False}]
    assert names(order_by=ordered) == ["n4", "n3", "n2", "n1", "n0"]
    seen, token = [], None
    while True:
        page = client.search_logged_models(
            [ident], order_by=ordered, max_results=2, page_token=token
        )
        seen += [m.name for m in page]
        token = page.token
        if not token:
            break
    assert seen == ["n4", "n3", "n2", "n1", "n0"]
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_logged_models([ident], filter_string="colour = 'x'")


def check_files(client: MlflowClient, folder: Path) -> None:
    model = client.create_logged_model(experiment_id(), name="files")
    (folder / "m" / "sub").mkdir(parents=True)
    (folder / "m" / "MLmodel").write_text("flavors: {}")
    (folder / "m" / "sub" / "w.bin").write_bytes(b"\0\1")
    client.log_model_artifacts(model.model_id, str(folder / "m"))
    assert {f.path for f in client.list_logged_model_artifacts(model.model_id)} == {
        "MLmodel",
        "sub",
    }
    got = mlflow.artifacts.download_artifacts(f"models:/{model.model_id}")
    assert (Path(got) / "sub" / "w.bin").read_bytes() == b"\0\1"


def check_a_real_model(client: MlflowClient, folder: Path) -> None:
    class Doubler(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [x * 2 for x in model_input]

    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(
            name="doubler", python_model=Doubler(), pip_requirements=["mlflow"]
        )
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [m.model_id for m in outputs] == [info.model_id]
    assert client.get_logged_model(info.model_id).status == LoggedModelStatus.READY
    assert mlflow.pyfunc.load_model(info.model_uri).predict([1, 2]) == [2, 4]
