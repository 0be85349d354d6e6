from __future__ import annotations

from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ExperimentTag, ViewType

from tests.compat.surface.expect import refused

V = mlflow.__version__


def check_create_get_rename_delete_restore(client: MlflowClient, folder: Path) -> None:
    ident = client.create_experiment(f"exp ü {V}", tags={"a": "1", "b": ""})
    got = client.get_experiment(ident)
    assert (got.name, got.lifecycle_stage) == (f"exp ü {V}", "active")
    assert got.tags == {"a": "1", "b": ""}
    assert got.artifact_location == f"mlflow-artifacts:/{ident}"
    assert got.creation_time <= got.last_update_time
    client.rename_experiment(ident, f"exp 2 {V}")
    assert client.get_experiment_by_name(f"exp ü {V}") is None
    assert client.get_experiment_by_name(f"exp 2 {V}").experiment_id == ident
    run = client.create_run(ident)
    client.delete_experiment(ident)
    assert client.get_experiment(ident).lifecycle_stage == "deleted"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with refused("INVALID_PARAMETER_VALUE"):
        client.create_run(ident)
    client.restore_experiment(ident)
    assert client.get_experiment(ident).lifecycle_stage == "active"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"


def check_default_experiment_exists(client: MlflowClient, folder: Path) -> None:
    assert client.get_experiment("0").name == "Default"


def check_a_name_is_given_once(client: MlflowClient, folder: Path) -> None:
    ident = client.create_experiment(f"once {V}")
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment(f"once {V}")
    client.delete_experiment(ident)
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment(f"once {V}")


def check_missing_experiment(client: MlflowClient, folder: Path) -> None:
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_experiment("987654321")
    assert client.get_experiment_by_name("no such name") is None
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_experiment("987654321")


def check_bad_names_and_locations(client: MlflowClient, folder: Path) -> None:
    with refused("INVALID_PARAMETER_VALUE"):
        client.create_experiment("")
    for place in (
        "file:///etc",
        "/etc",
        "mlflow-artifacts:/../x",
        "s3://b/p?x=1",
        "s3://b/%2e%2e/x",
    ):
        with refused("INVALID_PARAMETER_VALUE"):
            client.create_experiment(f"place {place} {V}", artifact_location=place)


def check_own_location(client: MlflowClient, folder: Path) -> None:
    place = f"mlflow-artifacts:/own-{V}"
    ident = client.create_experiment(f"own {V}", artifact_location=place)
    run = client.create_run(ident)
    assert run.info.artifact_uri == f"{place}/{run.info.run_id}/artifacts"
    client.log_text(run.info.run_id, "hi", "a.txt")
    assert [f.path for f in client.list_artifacts(run.info.run_id)] == ["a.txt"]


def check_tags(client: MlflowClient, folder: Path) -> None:
    ident = client.create_experiment(f"tags {V}")
    client.set_experiment_tag(ident, "k", "v")
    client.set_experiment_tag(ident, "k", "w")
    assert client.get_experiment(ident).tags == {"k": "w"}
    if hasattr(client, "delete_experiment_tag"):
        client.delete_experiment_tag(ident, "k")
        assert client.get_experiment(ident).tags == {}


def check_search(client: MlflowClient, folder: Path) -> None:
    mark = f"mark-{V}"
    made = [
        client.create_experiment(f"s{i} {V}", tags={"mark": mark, "i": str(i)}) for i in range(5)
    ]
    client.delete_experiment(made[4])
    only = f"tags.mark = '{mark}'"

    def names(**query: object) -> list[str]:
        return [e.name.split()[0] for e in client.search_experiments(**query)]

    assert names(filter_string=only) == ["s3", "s2", "s1", "s0"]
    assert names(filter_string=only, order_by=["name ASC"]) == ["s0", "s1", "s2", "s3"]
    assert names(filter_string=only, view_type=ViewType.DELETED_ONLY) == ["s4"]
    assert len(names(filter_string=only, view_type=ViewType.ALL)) == 5
    assert names(filter_string=f"{only} AND name LIKE 's1%'") == ["s1"]
    assert names(filter_string=f"{only} AND name ILIKE 'S2%'") == ["s2"]
    assert names(filter_string=f"{only} AND tags.i != '1'", order_by=["name"]) == ["s0", "s2", "s3"]
    assert names(filter_string=f"{only} AND creation_time > 0", max_results=1) == ["s3"]
    seen, token = [], None
    while True:
        page = client.search_experiments(filter_string=only, max_results=3, page_token=token)
        seen += [e.name.split()[0] for e in page]
        token = page.token
        if not token:
            break
    assert seen == ["s3", "s2", "s1", "s0"]
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_experiments(filter_string="colour = 'red'")
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_experiments(max_results=0)


def check_fluent(client: MlflowClient, folder: Path) -> None:
    ident = mlflow.set_experiment(f"fluent {V}").experiment_id
    mlflow.set_experiment_tags({"x": "1"})
    assert mlflow.get_experiment(ident).tags["x"] == "1"
    assert mlflow.get_experiment_by_name(f"fluent {V}").experiment_id == ident
    assert ExperimentTag("x", "1").key == "x"
