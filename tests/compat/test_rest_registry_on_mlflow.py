"""The registry of our REST store against a real, plain MLflow server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay import errors
from assay.client.version_uris import files_of_version, find_version
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId, new_model_id, new_run_id
from assay.entities.logged_models import LoggedModel, LoggedModelStatus, NewLoggedModel
from assay.entities.model_versions import ModelVersionStatus, NewModelVersion
from assay.entities.runs import NewRun
from assay.store.base import Query
from assay.store.rest import RestStore, open_rest_store
from assay.store.user import local_cause

pytestmark = [pytest.mark.mlflow, pytest.mark.slow]

CAUSE = local_cause("a plain server ignores it")


@pytest.fixture
def store(mlflow_url: str) -> Iterator[RestStore]:
    store = open_rest_store(mlflow_url)
    yield store
    store.close()


@pytest.fixture
def run_id(store: RestStore) -> RunId:
    return store.runs.create(NewRun(new_run_id(), DEFAULT_EXPERIMENT_ID, 1_000)).info.run_id


@pytest.fixture
def name(store: RestStore) -> str:
    made = store.registered_models.create(
        f"nét {new_run_id()}", description="d", tags={"a": "ü/1"}, cause=CAUSE
    )
    assert (made.description, made.tags, made.aliases) == ("d", {"a": "ü/1"}, {})
    return made.name


def model_of(store: RestStore, run_id: RunId) -> LoggedModel:
    made = store.logged_models.create(
        NewLoggedModel(new_model_id(), DEFAULT_EXPERIMENT_ID, source_run_id=run_id)
    )
    return store.logged_models.finalize(made.model_id, LoggedModelStatus.READY)


def test_registered_models_live_as_in_every_store(store: RestStore, name: str) -> None:
    models = store.registered_models
    with pytest.raises(errors.AlreadyExists):
        models.create(name, cause=CAUSE)
    assert models.update(name, "changed", cause=CAUSE).description == "changed"
    models.set_tag(name, "b", "2", cause=CAUSE)
    models.delete_tag(name, "a", cause=CAUSE)
    models.delete_tag(name, "never there", cause=CAUSE)
    renamed = models.rename(name, f"{name} 2", cause=CAUSE)
    assert models.get(renamed.name).tags == {"b": "2"}
    with pytest.raises(errors.RegisteredModelNotFound) as caught:
        models.get(name)
    assert caught.value.name == name
    models.delete(renamed.name, cause=CAUSE)
    with pytest.raises(errors.RegisteredModelNotFound):
        models.delete(renamed.name, cause=CAUSE)


def test_versions_live_as_in_every_store(store: RestStore, name: str, run_id: RunId) -> None:
    versions = store.model_versions
    made = versions.create(
        NewModelVersion(
            name=name, source=f"runs:/{run_id}/model", description="one", tags={"t": "1"}
        ),
        cause=CAUSE,
    )
    assert (made.version, made.run_id, made.current_stage) == (1, run_id, "None")
    assert (made.description, made.tags, made.status) == (
        "one",
        {"t": "1"},
        ModelVersionStatus.READY,
    )
    assert versions.update(name, 1, "changed", cause=CAUSE).description == "changed"
    versions.set_tag(name, 1, "u", "", cause=CAUSE)
    versions.delete_tag(name, 1, "t", cause=CAUSE)
    assert versions.get(name, 1).tags == {"u": ""}
    assert versions.download_uri(name, 1).endswith("model")
    versions.delete(name, 1, cause=CAUSE)
    with pytest.raises(errors.ModelVersionNotFound) as caught:
        versions.get(name, 1)
    assert (caught.value.name, caught.value.version) == (name, "1")
    with pytest.raises(errors.InvalidInput):
        versions.create(NewModelVersion(name=name, source="/etc"), cause=CAUSE)


def test_a_logged_model_is_registered_by_its_id(store: RestStore, name: str, run_id: RunId) -> None:
    model = model_of(store, run_id)
    made = store.model_versions.create(
        NewModelVersion(name=name, source=model.model_uri, run_id=run_id), cause=CAUSE
    )
    assert (made.model_id, made.run_id, made.source) == (model.model_id, run_id, model.model_uri)
    assert "mlflow.modelVersions" in store.logged_models.get(model.model_id).tags
    copy = store.model_versions.create(NewModelVersion(name=name, source=made.uri), cause=CAUSE)
    assert (copy.version, copy.source, copy.run_id) == (2, made.uri, run_id)
    original = store.model_versions.download_uri(name, 1)
    assert files_of_version(store, copy.uri) == original


def test_stages_and_aliases_name_versions(store: RestStore, name: str, run_id: RunId) -> None:
    for _ in range(3):
        new = NewModelVersion(name=name, source=f"runs:/{run_id}/model")
        store.model_versions.create(new, cause=CAUSE)
    moved = store.model_versions.transition(name, 1, "production", cause=CAUSE)
    assert moved.current_stage == "Production"
    store.model_versions.transition(name, 2, "Production", archive_existing=True, cause=CAUSE)
    store.registered_models.set_alias(name, "champion", 1, cause=CAUSE)
    shown = store.registered_models.get(name)
    assert shown.aliases == {"champion": 1}
    latest = {one.current_stage: one.version for one in shown.latest_versions}
    assert latest == {"None": 3, "Production": 2, "Archived": 1}
    found = [
        find_version(store, name, selector).version
        for selector in ("2", "Production", "archived", "latest", "@champion")
    ]
    assert found == [2, 2, 1, 3, 1]
    store.registered_models.delete_alias(name, "champion", cause=CAUSE)
    with pytest.raises(errors.AliasNotFound) as caught:
        store.model_versions.by_alias(name, "champion")
    assert (caught.value.name, caught.value.alias) == (name, "champion")
    with pytest.raises(errors.InvalidInput):
        store.model_versions.transition(name, 2, "Nowhere", cause=CAUSE)


def test_searches_find_page_by_page(store: RestStore, name: str, run_id: RunId) -> None:
    for _ in range(3):
        new = NewModelVersion(name=name, source=f"runs:/{run_id}/model")
        store.model_versions.create(new, cause=CAUSE)
    query = {"filter": f"name = '{name}'", "order_by": ("version_number ASC",), "max_results": 2}
    first = store.model_versions.search(Query(**query))  # type: ignore[arg-type]
    assert [one.version for one in first] == [1, 2]
    rest = store.model_versions.search(Query(**query, page_token=first.token))  # type: ignore[arg-type]
    assert ([one.version for one in rest], rest.token) == ([3], None)
    models = store.registered_models.search(Query(filter=f"name = '{name}'"))
    assert [one.name for one in models] == [name]
    with pytest.raises(errors.InvalidInput):
        store.registered_models.search(Query(filter="colour = 'red'"))
    with pytest.raises(errors.InvalidPageToken):
        store.model_versions.search(Query(page_token="zz!"))


def test_what_only_assay_servers_do_is_refused_clearly(store: RestStore, name: str) -> None:
    with pytest.raises(errors.InvalidInput, match="not an Assay server"):
        store.policies.find(name)
