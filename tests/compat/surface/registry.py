from __future__ import annotations

import json
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from tests.compat.surface.expect import experiment_id, refused

V = mlflow.__version__
IS_3 = V.startswith("3")


def run_with_files(client: MlflowClient) -> str:
    """A run with a folder ``model``."""
    run_id: str = client.create_run(experiment_id()).info.run_id
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    return run_id


def versions(client: MlflowClient, name: str, count: int) -> str:
    """A registered model with so many versions of one run, whose id is returned."""
    client.create_registered_model(name)
    run_id = run_with_files(client)
    for _ in range(count):
        client.create_model_version(name, f"runs:/{run_id}/model", run_id)
    return run_id


def log_doubler(**options: object) -> object:
    class Doubler(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [x * 2 for x in model_input]

    called = {"name": "doubler"} if IS_3 else {"artifact_path": "doubler"}
    with mlflow.start_run():
        return mlflow.pyfunc.log_model(
            python_model=Doubler(), pip_requirements=["mlflow"], **called, **options
        )


def check_registered_model_from_creation_to_deletion(client: MlflowClient, folder: Path) -> None:
    made = client.create_registered_model(f"net ü {V}", tags={"a": "1", "e": ""}, description="d")
    assert (made.name, made.description, made.tags) == (f"net ü {V}", "d", {"a": "1", "e": ""})
    assert made.creation_timestamp <= made.last_updated_timestamp
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_registered_model(f"net ü {V}")
    assert client.update_registered_model(made.name, "changed").description == "changed"
    client.rename_registered_model(made.name, f"net 2 {V}")
    renamed = client.get_registered_model(f"net 2 {V}")
    assert renamed.description == "changed"
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_registered_model(made.name)
    client.create_registered_model(f"net 3 {V}")
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.rename_registered_model(renamed.name, f"net 3 {V}")
    client.set_registered_model_tag(renamed.name, "b", "2")
    client.set_registered_model_tag(renamed.name, "b", "3")
    client.delete_registered_model_tag(renamed.name, "a")
    client.delete_registered_model_tag(renamed.name, "never-there")
    assert client.get_registered_model(renamed.name).tags == {"b": "3", "e": ""}
    client.delete_registered_model(renamed.name)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_registered_model(renamed.name)


def check_names_that_are_refused(client: MlflowClient, folder: Path) -> None:
    for name in ("", "a/b", "a:b", "..", "a%2fb"):
        with refused("INVALID_PARAMETER_VALUE", trying=name):
            client.create_registered_model(name)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_registered_model("no such model")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.set_registered_model_tag("no such model", "k", "v")


def check_version_from_creation_to_deletion(client: MlflowClient, folder: Path) -> None:
    name = f"versions {V}"
    run_id = versions(client, name, 1)
    made = client.create_model_version(
        name,
        f"runs:/{run_id}/model",
        run_id,
        tags={"t": "1"},
        run_link="https://example.org/run",
        description="second",
    )
    assert (made.name, str(made.version), made.run_id) == (name, "2", run_id)
    assert (made.current_stage, made.status) == ("None", "READY")
    assert (made.description, made.run_link) == ("second", "https://example.org/run")
    assert (made.source, made.tags) == (f"runs:/{run_id}/model", {"t": "1"})
    changed = client.update_model_version(name, "2", "changed")
    assert changed.description == client.get_model_version(name, "2").description == "changed"
    client.set_model_version_tag(name, "2", "u", "3")
    client.delete_model_version_tag(name, "2", "t")
    client.delete_model_version_tag(name, "2", "never-there")
    assert client.get_model_version(name, "2").tags == {"u": "3"}
    client.delete_model_version(name, "2")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_model_version(name, "2")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.set_model_version_tag(name, "2", "u", "3")
    again = client.create_model_version(name, f"runs:/{run_id}/model", run_id)
    assert str(again.version) == "3"
    with refused("INVALID_PARAMETER_VALUE"):
        client.get_model_version(name, "first")


def check_stages(client: MlflowClient, folder: Path) -> None:
    name = f"stages {V}"
    versions(client, name, 4)
    assert client.transition_model_version_stage(name, "1", "production").current_stage == (
        "Production"
    )
    client.transition_model_version_stage(name, "2", "Production")
    client.transition_model_version_stage(name, "3", "Staging")

    def stages() -> dict[str, str]:
        return {
            str(v.version): v.current_stage for v in client.search_model_versions(f"name='{name}'")
        }

    assert stages() == {"1": "Production", "2": "Production", "3": "Staging", "4": "None"}
    latest = {v.current_stage: str(v.version) for v in client.get_latest_versions(name)}
    assert latest == {"Production": "2", "Staging": "3", "None": "4"}
    assert [str(v.version) for v in client.get_latest_versions(name, ["staging"])] == ["3"]
    assert client.get_latest_versions(name, ["Archived"]) == []
    shown = client.get_registered_model(name).latest_versions
    assert {v.current_stage: str(v.version) for v in shown} == latest
    client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    assert stages() == {"1": "Archived", "2": "Archived", "3": "Production", "4": "None"}
    client.set_model_version_tag(name, key="here", value="yes", stage="Production")
    assert client.get_model_version(name, "3").tags == {"here": "yes"}
    assert client.get_model_version_stages(name, "3") == [
        "None",
        "Staging",
        "Production",
        "Archived",
    ]
    with refused("INVALID_PARAMETER_VALUE"):
        client.transition_model_version_stage(name, "3", "Nowhere")
    with refused("INVALID_PARAMETER_VALUE"):
        client.transition_model_version_stage(name, "3", "None", archive_existing_versions=True)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.transition_model_version_stage(name, "9", "Staging")


def check_aliases(client: MlflowClient, folder: Path) -> None:
    name = f"aliases {V}"
    versions(client, name, 2)
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "2")
    client.set_registered_model_alias(name, "best_yet", "2")
    assert {a: str(v) for a, v in client.get_registered_model(name).aliases.items()} == {
        "champion": "2",
        "best_yet": "2",
    }
    found = client.get_model_version_by_alias(name, "champion")
    assert (str(found.version), sorted(found.aliases)) == ("2", ["best_yet", "champion"])
    client.delete_registered_model_alias(name, "best_yet")
    client.delete_registered_model_alias(name, "never-there")
    assert client.get_model_version(name, "2").aliases == ["champion"]
    with refused("INVALID_PARAMETER_VALUE"):
        client.get_model_version_by_alias(name, "best_yet")
    for alias in ("latest", "v2", "a b"):
        with refused("INVALID_PARAMETER_VALUE", trying=alias):
            client.set_registered_model_alias(name, alias, "1")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.set_registered_model_alias(name, "champion", "9")
    client.delete_model_version(name, "2")
    with refused("INVALID_PARAMETER_VALUE"):
        client.get_model_version_by_alias(name, "champion")


def check_search_of_registered_models(client: MlflowClient, folder: Path) -> None:
    mark = f"mark-{V}"
    for i in range(5):
        client.create_registered_model(f"s{i} {V}", tags={"mark": mark, "i": str(i)})
    only = f"tags.mark = '{mark}'"

    def names(**query: object) -> list[str]:
        return [m.name.split()[0] for m in client.search_registered_models(**query)]

    assert names(filter_string=only) == ["s0", "s1", "s2", "s3", "s4"]
    assert names(filter_string=only, order_by=["name DESC"])[0] == "s4"
    assert names(filter_string=f"{only} and tags.i != '1'") == ["s0", "s2", "s3", "s4"]
    assert names(filter_string=f"{only} and name LIKE 's2%'") == ["s2"]
    assert names(filter_string=f"{only} and name ILIKE 'S3%'") == ["s3"]
    changed = client.update_registered_model(f"s1 {V}", "newest")
    assert changed.last_updated_timestamp >= changed.creation_timestamp
    ordered = {"filter_string": only, "order_by": ["last_updated_timestamp DESC", "name"]}
    assert names(**ordered)[0] == "s1"
    seen, token = [], None
    while True:
        page = client.search_registered_models(only, max_results=2, page_token=token)
        seen += [m.name.split()[0] for m in page]
        token = page.token
        if not token:
            break
    assert seen == ["s0", "s1", "s2", "s3", "s4"]
    found = mlflow.search_registered_models(filter_string=only)
    assert len(found) == 5
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_registered_models("colour = 'red'")
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_registered_models(max_results=1_001)


def check_search_of_versions(client: MlflowClient, folder: Path) -> None:
    name = f"found {V}"
    run_id = versions(client, name, 3)
    client.set_model_version_tag(name, "2", "mark", "x")
    client.set_registered_model_alias(name, "champion", "3")

    def numbers(filter_string: str, **query: object) -> list[str]:
        return [str(v.version) for v in client.search_model_versions(filter_string, **query)]

    only = f"name = '{name}'"
    assert numbers(only, order_by=["version_number ASC"]) == ["1", "2", "3"]
    client.update_model_version(name, "2", "changed")
    assert numbers(only)[0] == "2"
    assert sorted(numbers(f"run_id = '{run_id}'")) == ["1", "2", "3"]
    assert sorted(numbers(f"source_path = 'runs:/{run_id}/model'")) == ["1", "2", "3"]
    assert numbers(f"{only} and tags.mark = 'x'") == ["2"]
    assert numbers(f"{only} and version_number > 2") == ["3"]
    assert numbers(f"run_id IN ('{run_id}') and name = 'no such model'") == []
    by_number = client.search_model_versions(f"{only} and version_number = 3")
    assert [v.aliases for v in by_number] == [["champion"]]
    seen, token = [], None
    while True:
        page = client.search_model_versions(
            only, max_results=2, order_by=["version_number DESC"], page_token=token
        )
        seen += [str(v.version) for v in page]
        token = page.token
        if not token:
            break
    assert seen == ["3", "2", "1"]
    assert len(mlflow.search_model_versions(filter_string=only)) == 3
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_model_versions("colour = 'red'")


def check_sources_that_are_refused(client: MlflowClient, folder: Path) -> None:
    name = f"sources {V}"
    run_id = versions(client, name, 1)
    other = run_with_files(client)
    place = client.get_run(run_id).info.artifact_uri
    for source in (
        "/etc",
        "file:///etc",
        f"{place}/../../x",
        f"{place}/%2e%2e/x",
        f"{place}/%252e%252e/x",
        f"{place}/model#x",
        f"{place}/model?x=1",
        f"{client.get_run(other).info.artifact_uri}/model",
        f"runs:/{other}/model",
    ):
        with refused("INVALID_PARAMETER_VALUE", trying=source):
            client.create_model_version(name, source, run_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.create_model_version("no such model", f"runs:/{run_id}/model", run_id)


def check_files_of_a_version(client: MlflowClient, folder: Path) -> None:
    name = f"files {V}"
    versions(client, name, 1)
    assert client.get_model_version_download_uri(name, "1")
    got = mlflow.artifacts.download_artifacts(f"models:/{name}/1")
    assert (Path(got) / "MLmodel").read_text() == "flavors: {}"


def check_copies(client: MlflowClient, folder: Path) -> None:
    name = f"original {V}"
    run_id = versions(client, name, 1)
    client.set_model_version_tag(name, "1", "k", "v")
    client.set_registered_model_alias(name, "champion", "1")
    copy = client.copy_model_version(f"models:/{name}@champion", f"copy {V}")
    assert (copy.name, str(copy.version), copy.run_id) == (f"copy {V}", "1", run_id)
    assert (copy.source, copy.tags) == (f"models:/{name}/1", {"k": "v"})
    again = client.copy_model_version(f"models:/copy {V}/1", f"copy {V}")
    assert str(again.version) == "2"
    original = client.get_model_version_download_uri(name, "1")
    for version in ("1", "2"):
        assert client.get_model_version_download_uri(f"copy {V}", version) == original
    got = mlflow.artifacts.download_artifacts(f"models:/copy {V}/2")
    assert (Path(got) / "MLmodel").exists()


def check_a_real_model_is_registered_and_loaded(client: MlflowClient, folder: Path) -> None:
    name = f"doubler {V}"
    info = log_doubler(registered_model_name=name)
    assert str(info.registered_model_version) == "1"
    again = mlflow.register_model(info.model_uri, name, tags={"by": "hand"})
    assert (str(again.version), again.run_id, again.tags) == ("2", info.run_id, {"by": "hand"})
    client.set_registered_model_alias(name, "champion", "1")
    client.transition_model_version_stage(name, "2", "Production")
    for selector in ("/1", "/2", "@champion", "/Production", "/latest"):
        loaded = mlflow.pyfunc.load_model(f"models:/{name}{selector}")
        assert loaded.predict([1, 2]) == [2, 4], selector
    mlflow.register_model(f"runs:/{info.run_id}/doubler", name)
    assert mlflow.pyfunc.load_model(f"models:/{name}/3").predict([3]) == [6]
    if IS_3:
        tag = client.get_logged_model(info.model_id).tags["mlflow.modelVersions"]
        assert {"name": name, "version": "1"} in [
            {"name": one["name"], "version": str(one["version"])} for one in json.loads(tag)
        ]
