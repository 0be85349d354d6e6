"""Registering models by every address, and loading versions by every name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import assay
from assay.errors import (
    ArtifactNotFound,
    InvalidInput,
    InvalidName,
    LoggedModelNotFound,
    NotFound,
    RunNotFound,
)
from assay.fluent.model_places import find_model, logged_model_id
from tests.services.mlflow_client import ServerProcess

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


@pytest.fixture(params=["local", "server"])
def place(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[str]:
    """Where models are kept; its name is part of names, because the server is shared."""
    if request.param == "server":
        assay.set_tracking_uri(server.url)
    yield f"{request.node.name.split('[')[0]} {request.param}"
    assay.set_tracking_uri("")


def regression() -> LinearRegression:
    return LinearRegression().fit(FRAME, EXPECTED)


def log(**arguments: Any) -> Any:
    return assay.sklearn.log_model(regression(), pip_requirements=PINS, **arguments)


def predicted(uri: str) -> list[float]:
    return list(assay.pyfunc.load_model(uri, trust=True).predict(FRAME))


def test_every_address_of_a_model_can_be_registered(place: str, tmp_path: Path) -> None:
    with assay.start_run() as run:
        info = log(name="net")
        assay.sklearn.save_model(regression(), tmp_path / "files", pip_requirements=PINS)
        assay.log_artifacts(str(tmp_path / "files"), "older")
    made = [
        assay.register_model(uri, place)
        for uri in (
            info.model_uri,
            f"runs:/{run.info.run_id}/net",
            f"runs:/{run.info.run_id}/older",
            f"models:/{place}/1",
        )
    ]
    assert [one.version for one in made] == [1, 2, 3, 4]
    assert [one.source for one in made] == [
        info.model_uri,
        info.model_uri,
        f"runs:/{run.info.run_id}/older",
        f"models:/{place}/1",
    ]
    assert {one.run_id for one in made} == {run.info.run_id}
    assert [one.model_id for one in made[:2]] == [info.model_id] * 2
    for version in (1, 2, 3, 4):
        assert predicted(f"models:/{place}/{version}") == pytest.approx(EXPECTED)


def test_a_folder_of_this_machine_is_logged_first(place: str, tmp_path: Path) -> None:
    assay.sklearn.save_model(regression(), tmp_path / "files", pip_requirements=PINS)
    with assay.start_run() as run:
        made = assay.register_model(tmp_path / "files", place, tags={"by": "hand"})
    shutil.rmtree(tmp_path / "files")
    assert (made.version, made.run_id, made.tags) == (1, run.info.run_id, {"by": "hand"})
    assert made.model_id is not None
    model = assay.get_logged_model(made.model_id)
    assert (model.status.name, model.source_run_id) == ("READY", run.info.run_id)
    outputs = assay.get_run(run.info.run_id).outputs.model_outputs
    assert [one.model_id for one in outputs] == [made.model_id]
    assert predicted(f"models:/{place}/1") == pytest.approx(EXPECTED)


def test_versions_are_loaded_by_number_stage_and_alias(place: str) -> None:
    first, second = log(), log()
    for info in (first, second):
        assay.register_model(info.model_uri, place)
    client = assay.Client()
    client.set_registered_model_alias(place, "champion", 1)
    client.transition_model_version_stage(place, 1, "Production")
    for selector in ("/1", "/Production", "/production", "@champion"):
        uri = f"models:/{place}{selector}"
        assert find_model(uri).folder == find_model(first.model_uri).folder
        assert logged_model_id(uri) == first.model_id
    for selector in ("/2", "/latest", "/None"):
        assert logged_model_id(f"models:/{place}{selector}") == second.model_id
    assert predicted(f"models:/{place}@champion") == pytest.approx(EXPECTED)
    for selector in ("/9", "/Staging", "@none"):
        with pytest.raises((NotFound, InvalidInput)):
            find_model(f"models:/{place}{selector}")
    with pytest.raises(NotFound):
        find_model("models:/never registered/1")


def test_files_of_a_version_are_read_by_its_address(place: str, tmp_path: Path) -> None:
    assay.register_model(log().model_uri, place)
    assay.Client().set_registered_model_alias(place, "champion", 1)
    version = f"models:/{place}/1"
    assert "MLmodel" in {one.path for one in assay.artifacts.list_artifacts(version)}
    assert "flavors" in assay.artifacts.load_text(f"models:/{place}@champion/MLmodel")
    got = assay.artifacts.download_artifacts(version, dst_path=str(tmp_path))
    assert (Path(got) / "MLmodel").is_file()


def test_a_model_is_logged_and_registered_at_once(place: str) -> None:
    with assay.start_run() as run:
        info = log(registered_model_name=place)
        again = log(registered_model_name=place)
    assert (info.registered_model_version, again.registered_model_version) == (1, 2)
    found = assay.search_model_versions(
        filter_string=f"name = '{place}'", order_by=["version_number"]
    )
    assert [(one.model_id, one.run_id) for one in found] == [
        (info.model_id, run.info.run_id),
        (again.model_id, run.info.run_id),
    ]
    assert log().registered_model_version is None


def test_a_model_made_in_another_run_is_registered_under_that_run(place: str) -> None:
    with assay.start_run() as first:
        made = assay.initialize_logged_model("net")
    with assay.start_run():
        info = log(model_id=made.model_id, registered_model_name=place)
    assert info.registered_model_version == 1
    assert assay.Client().get_model_version(place, 1).run_id == first.info.run_id


def test_names_and_addresses_that_cannot_be_registered(tmp_path: Path) -> None:
    with assay.start_run() as run:
        assay.log_text("x", "plain/file.txt")
    for uri, error in {
        "models:/m-" + "0" * 32: LoggedModelNotFound,
        "runs:/" + "0" * 32 + "/net": RunNotFound,
        f"runs:/{run.info.run_id}": InvalidInput,
        f"runs:/{run.info.run_id}/none": ArtifactNotFound,
        f"runs:/{run.info.run_id}/../../etc": InvalidInput,
        "models:/never/1": NotFound,
        "models:/never": InvalidInput,
        "s3://bucket/somewhere": InvalidInput,
        str(tmp_path / "none"): ArtifactNotFound,
        str(tmp_path): ArtifactNotFound,
    }.items():
        with pytest.raises(error):
            assay.register_model(uri, "net")
    assert assay.search_model_versions() == []


def test_a_bad_name_is_refused_before_anything_is_logged() -> None:
    with pytest.raises(InvalidName):
        log(registered_model_name="a/b")
    with pytest.raises(InvalidName):
        assay.register_model("models:/net/1", "..")
    assert assay.search_logged_models(output_format="list") == []


def test_searches_go_on_until_the_last_page() -> None:
    client = assay.Client()
    for number in range(103):
        client.create_registered_model(f"net {number:03}")
    found = assay.search_registered_models()
    assert [one.name for one in found] == [f"net {number:03}" for number in range(103)]
    some = assay.search_registered_models(101, "name LIKE 'net%'", ["name DESC"])
    assert (len(some), some[0].name) == (101, "net 102")


def test_tags_of_versions() -> None:
    assay.register_model(log().model_uri, "net")
    assay.set_model_version_tag("net", "1", "checked", True)
    assert assay.Client().get_model_version("net", 1).tags == {"checked": "True"}


def test_a_server_that_is_away_does_not_lose_the_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = ServerProcess(tmp_path)
    url = server.start()
    server.stop()
    server.settings = msgspec.structs.replace(server.settings, port=int(url.rpartition(":")[2]))
    assay.set_tracking_uri(url)
    try:
        with assay.start_run():
            info = log(registered_model_name="my net")
        assert info.registered_model_version is None
        assert f"assay registry register {info.model_uri} 'my net'" in caplog.text
        server.start()
        assay.flush_async_logging()
        assert assay.register_model(info.model_uri, "my net").model_id == info.model_id
    finally:
        assay.set_tracking_uri("")
        server.stop()
