"""Logging models and loading them again, by every address that names one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import assay
from assay.artifacts.transfer import upload_tree
from assay.artifacts.uri import open_artifact_store
from assay.entities.names import ArtifactPath
from assay.errors import (
    ArtifactNotFound,
    InvalidInput,
    LoggedModelNotFound,
    PredictionsDiffer,
    RegisteredModelNotFound,
    UnknownFlavor,
    UntrustedModel,
)
from assay.fluent.model_places import find_model
from assay.models import digests, golden
from tests.services.mlflow_client import ServerProcess
from tests.services.object_stores import ObjectStoreServer

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0]})
EXPECTED = [1.0, 3.0, 5.0]
PINS = ["scikit-learn"]


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


def regression() -> LinearRegression:
    return LinearRegression().fit(FRAME, EXPECTED)


def log(**arguments: Any) -> Any:
    return assay.sklearn.log_model(
        regression(), input_example=FRAME, pip_requirements=PINS, **arguments
    )


def test_a_logged_model_is_found_by_id_by_run_and_by_path() -> None:
    with assay.start_run() as run:
        assay.log_params({"depth": 3})
        info = log(
            name="net", params={"kind": "linear"}, tags={"t": 1}, model_type="regressor", step=5
        )
    logged = assay.get_logged_model(info.model_id)
    assert (logged.name, logged.model_type, logged.status.name) == ("net", "regressor", "READY")
    assert logged.params == {"depth": "3", "kind": "linear"}
    assert logged.tags["t"] == "1"
    assert logged.source_run_id == run.info.run_id
    outputs = assay.get_run(run.info.run_id).outputs.model_outputs
    assert [(one.model_id, one.step) for one in outputs] == [(info.model_id, 5)]
    last = assay.last_logged_model()
    assert last is not None
    assert last.model_id == info.model_id

    folder = find_model(info.model_uri).folder
    for uri in (
        info.model_uri,
        f"runs:/{run.info.run_id}/net",
        folder,
        str(folder),
        folder.as_uri(),
    ):
        assert assay.pyfunc.load_model(uri).predict(FRAME) == pytest.approx(EXPECTED)
        assert assay.sklearn.load_model(uri).predict(FRAME) == pytest.approx(EXPECTED)
    assert assay.models.get_model_info(info.model_uri) == info


def test_many_checkpoints_of_one_run_are_models_of_their_own() -> None:
    with assay.start_run() as run:
        made = [log(name="net", step=step) for step in range(3)]
        for info in made:
            assay.log_metric("loss", 1.0, model_id=info.model_id)
    assert len({info.model_id for info in made}) == 3
    outputs = assay.get_run(run.info.run_id).outputs.model_outputs
    assert sorted(one.step for one in outputs) == [0, 1, 2]
    found = assay.search_logged_models(output_format="list")
    assert {one.model_id for one in found} == {info.model_id for info in made}
    assert all(one.metrics[0].key == "loss" for one in found)
    newest = find_model(f"runs:/{run.info.run_id}/net")
    assert newest == find_model(made[-1].model_uri)


def test_without_a_run_the_model_belongs_to_the_experiment() -> None:
    assay.set_experiment("alone")
    info = log()
    model = assay.get_logged_model(info.model_id)
    experiment = assay.get_experiment_by_name("alone")
    assert experiment is not None
    assert (model.experiment_id, model.source_run_id) == (experiment.experiment_id, None)
    assert assay.active_run() is None


def test_a_model_that_was_made_before_takes_the_files() -> None:
    made = assay.initialize_logged_model("net")
    info = log(model_id=made.model_id)
    assert info.model_id == made.model_id
    assert assay.get_logged_model(made.model_id).status.name == "READY"


def test_the_flavor_is_seen_from_the_class() -> None:
    info = assay.log_model(regression(), name="net", pip_requirements=PINS)
    assert "sklearn" in info.flavors
    info = assay.log_model(
        regression().predict, name="fn", flavor="python_function", pip_requirements=PINS
    )
    assert set(info.flavors) == {"python_function"}
    with pytest.raises(InvalidInput, match="No flavor takes"):
        assay.log_model(object())
    with pytest.raises(UnknownFlavor):
        assay.log_model(regression(), flavor="none")


def test_a_failed_save_logs_no_model() -> None:
    with assay.start_run(), pytest.raises(InvalidInput):
        log(serialization_format="clay")
    assert assay.search_logged_models(output_format="list") == []


def test_models_kept_as_files_of_a_run_are_found_as_well(tmp_path: Path) -> None:
    assay.sklearn.save_model(regression(), tmp_path / "saved", pip_requirements=PINS)
    with assay.start_run() as run:
        assay.log_artifacts(tmp_path / "saved", "old/model")
    uri = f"runs:/{run.info.run_id}/old/model"
    assert assay.pyfunc.load_model(uri).predict(FRAME) == pytest.approx(EXPECTED)
    address = f"{assay.get_run(run.info.run_id).info.artifact_uri}/old/model"
    assert assay.pyfunc.load_model(address).predict(FRAME) == pytest.approx(EXPECTED)


def test_addresses_that_name_no_model_are_told(tmp_path: Path) -> None:
    with assay.start_run() as run:
        assay.log_text("x", "plain/file.txt")
    for uri, error in {
        "models:/m-" + "0" * 32: LoggedModelNotFound,
        "models:/digits": InvalidInput,
        "models:/digits/Production": RegisteredModelNotFound,
        "models:/digits@champion": RegisteredModelNotFound,
        f"runs:/{run.info.run_id}": InvalidInput,
        f"runs:/{run.info.run_id}/plain": ArtifactNotFound,
        f"runs:/{run.info.run_id}/../../etc": InvalidInput,
        str(tmp_path / "none"): ArtifactNotFound,
        "ftp://host/model": InvalidInput,
    }.items():
        with pytest.raises(error):
            assay.pyfunc.load_model(uri)


def test_what_comes_from_a_server_is_fetched_once(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assay.set_tracking_uri(server.url)
    try:
        with assay.start_run() as run:
            info = log(serialization_format="pickle")
        first = find_model(info.model_uri)
        assert first.origin is not None
        assert first.origin.startswith(server.url)
        stamp = (first.folder / "model.pkl").stat().st_mtime_ns
        again = find_model(f"runs:/{run.info.run_id}/model")
        assert again.folder == first.folder
        assert (again.folder / "model.pkl").stat().st_mtime_ns == stamp
        assert assay.pyfunc.load_model(info.model_uri).predict(FRAME) == pytest.approx(EXPECTED)
        monkeypatch.setenv("ASSAY_ORIGIN_KEY", "/nonexistent/key")
        with pytest.raises(UntrustedModel, match=r"model\.pkl is a pickle"):
            assay.pyfunc.load_model(info.model_uri)
        monkeypatch.setenv("ASSAY_TRUSTED_ORIGINS", server.url)
        assert assay.pyfunc.load_model(info.model_uri).predict(FRAME) == pytest.approx(EXPECTED)
    finally:
        assay.set_tracking_uri("")


def test_every_address_of_files_behind_a_server_works(server: ServerProcess) -> None:
    assay.set_tracking_uri(server.url)
    try:
        info = log()
        location = assay.get_logged_model(info.model_id).artifact_location
        assert location.startswith("mlflow-artifacts:/")
        assert assay.pyfunc.load_model(location).predict(FRAME) == pytest.approx(EXPECTED)
    finally:
        assay.set_tracking_uri("")


@pytest.mark.object_store
def test_a_model_in_an_object_store_is_fetched_by_its_address(
    seaweedfs: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in seaweedfs.environment.items():
        monkeypatch.setenv(name, value)
    assay.sklearn.save_model(regression(), tmp_path / "m", pip_requirements=PINS)
    root = f"{seaweedfs.uri}/{uuid.uuid4().hex}"
    upload_tree(open_artifact_store(root), tmp_path / "m", ArtifactPath("models/net"))
    place = find_model(f"{root}/models/net")
    assert place.origin == f"{root}/models/net"
    assert find_model(f"{root}/models/net").folder == place.folder
    assert assay.pyfunc.load_model(f"{root}/models/net").predict(FRAME) == pytest.approx(EXPECTED)
    with pytest.raises(ArtifactNotFound):
        find_model(f"{root}/models/other")


def test_golden_predictions_are_replayed_at_load_on_request(tmp_path: Path) -> None:
    assay.sklearn.save_model(
        regression(), tmp_path / "m", input_example=FRAME, pip_requirements=PINS
    )
    assert assay.pyfunc.load_model(tmp_path / "m", verify=True) is not None
    golden.write(tmp_path / "m", [0.0, 0.0, 0.0])
    digests.write(tmp_path / "m")
    assert assay.pyfunc.load_model(tmp_path / "m") is not None
    with pytest.raises(PredictionsDiffer, match="expected"):
        assay.pyfunc.load_model(tmp_path / "m", verify=True)


def test_what_verifying_found_is_kept_with_the_model(tmp_path: Path) -> None:
    info = log()
    done = assay.models.verify(info.model_uri)
    assert done.ok
    assert [one.check for one in done.outcomes] == ["digests", "load", "golden predictions"]
    assert assay.get_logged_model(info.model_id).tags["assay.verified"] == "true"
    assay.sklearn.save_model(
        regression(), tmp_path / "m", input_example=FRAME, pip_requirements=PINS
    )
    (tmp_path / "m" / "golden.json").write_text("{}")
    assert not assay.models.verify(tmp_path / "m").ok
    assert msgspec.json.decode((tmp_path / "m" / "verification.json").read_bytes())["ok"] is False
    assert assay.models.verify(tmp_path / "m", record=False).recorded == "not recorded"


@pytest.mark.slow
def test_the_environment_is_proved_when_the_model_is_logged() -> None:
    info = assay.sklearn.log_model(regression(), input_example=FRAME, verify_env=True)
    tags = assay.get_logged_model(info.model_id).tags
    assert tags["assay.environment.verified"] == "true"
    report = msgspec.json.decode(tags["assay.environment.report"])
    assert any(pin.startswith("scikit-learn==") for pin in report["installed"])


def test_a_logged_model_is_evaluated_by_its_address() -> None:
    info = log()
    data = FRAME.assign(y=EXPECTED)
    with assay.start_run() as run:
        result = assay.evaluate(info.model_uri, data, targets="y", model_type="regressor")
    assert result.metrics["mean_absolute_error"] == pytest.approx(0, abs=1e-9)
    assert "mean_absolute_error" in assay.get_run(run.info.run_id).data.metrics


def test_a_model_logged_while_the_server_is_away_arrives_later(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    url = server.start()
    server.stop()
    port = int(url.rpartition(":")[2])
    server.settings = msgspec.structs.replace(server.settings, port=port)
    assay.set_tracking_uri(url)
    try:
        with assay.start_run() as run:
            info = log(name="net", params={"k": 1})
        server.start()
        assay.flush_async_logging()
        model = assay.get_logged_model(info.model_id)
        assert (model.status.name, model.params) == ("READY", {"k": "1"})
        assert model.source_run_id == run.info.run_id
        assert assay.pyfunc.load_model(info.model_uri).predict(FRAME) == pytest.approx(EXPECTED)
    finally:
        assay.set_tracking_uri("")
        server.stop()
