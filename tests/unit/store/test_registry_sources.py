"""Sources of versions in SQL: what may be registered, and whose files it is then."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ModelId, RunId, new_model_id
from assay.entities.logged_models import NewLoggedModel
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.entities.runs import Run
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.user import local_cause
from assay.testing.store_contract_base import start

BECAUSE = local_cause()
_FILES = Sql(
    "SELECT files_run_id, files_model_id, copied_from FROM model_versions ORDER BY version_id"
)


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """The folder that is configured as a root."""
    folder = tmp_path / "shared models"
    (folder / "net").mkdir(parents=True)
    return folder


@pytest.fixture
def store(tmp_path: Path, roots: Path) -> Iterator[SqlStore]:
    store = open_sql_store(
        f"sqlite:///{tmp_path}/assay.db", model_roots=[str(roots), "s3://bucket/models"]
    )
    store.registered_models.create("digits", cause=BECAUSE)
    yield store
    store.close()


@pytest.fixture
def run(store: SqlStore) -> Run:
    return start(store)


def register(store: SqlStore, source: str, name: str = "digits", **facts: Any) -> ModelVersion:
    new = NewModelVersion(name=name, source=source, **facts)
    return store.model_versions.create(new, cause=BECAUSE)


def log_model(store: SqlStore, run_id: RunId | None = None, name: str = "net") -> ModelId:
    new = NewLoggedModel(new_model_id(), DEFAULT_EXPERIMENT_ID, name=name, source_run_id=run_id)
    return store.logged_models.create(new).model_id


def files(store: SqlStore) -> list[tuple[Any, ...]]:
    with store.database.read() as conn:
        return _FILES.all(conn)


def test_places_below_a_configured_root_are_taken(store: SqlStore, roots: Path) -> None:
    for source in (
        f"{roots}/net",
        (roots / "net").as_uri(),
        f"file://localhost{(roots / 'net').as_uri().removeprefix('file://')}/",
        "s3://bucket/models/net",
        "S3://bucket/models",
    ):
        version = register(store, source).version
        assert store.model_versions.download_uri("digits", version) == source.rstrip("/")
    assert set(files(store)) == {(None, None, None)}


@pytest.mark.parametrize(
    "source",
    [
        "{roots} too/net",
        "{relative}/net",
        "{roots}/link",
        "{roots}//net",
        "{roots}/./net",
        "file://elsewhere{roots}/net",
        "s3://bucket/models2",
        "s3://bucket",
        "s3://other/models/net",
        "gs://bucket/models/net",
        "s3://bucket/models/%2e%2e/secret",
        "s3://bucket/models/..%2fsecret",
        "s3://bucket/models/%256e",
        "s3://bucket/models/net;a=b",
        "s3://bucket/models/net%23a",
        "s3://bucket/models/net\\a",
        "s3://bucket/models/net\na",
        "/",
        "file:///",
        "mlflow-artifacts:/0",
        "http://127.0.0.1/api/2.0/mlflow-artifacts/artifacts/0",
    ],
)
def test_places_beside_the_roots_are_refused(store: SqlStore, roots: Path, source: str) -> None:
    (roots / "link").symlink_to(roots.parent, target_is_directory=True)
    text = source.format(roots=roots, relative=str(roots).lstrip("/"))
    with pytest.raises(errors.InvalidInput):
        register(store, text)
    assert files(store) == []


@pytest.mark.parametrize(
    "source",
    [
        "models://digits/1",
        "models://registry/digits/1",
        "runs://{run}/net",
        "models:/digits/1#a",
        "models:/digits/../digits/1",
        "runs:/{run}/../{run}/net",
        "runs:/{run}/%2e%2e/net",
        "runs:/{run}",
        "runs:/",
        "models:/",
    ],
)
def test_hosts_and_tricks_in_uris_of_ours_are_refused(
    store: SqlStore, run: Run, source: str
) -> None:
    register(store, f"runs:/{run.info.run_id}/net")
    with pytest.raises((errors.InvalidInput, errors.NotFound)):
        register(store, source.format(run=run.info.run_id))
    assert len(files(store)) == 1


def test_run_in_the_bin_gives_no_version(store: SqlStore, run: Run) -> None:
    store.runs.delete(run.info.run_id)
    with pytest.raises(errors.InactiveResource):
        register(store, f"runs:/{run.info.run_id}/net")
    with pytest.raises(errors.InactiveResource):
        register(store, f"{run.info.artifact_uri}/net", run_id=run.info.run_id)


def test_logged_model_in_the_bin_gives_no_version(store: SqlStore) -> None:
    model_id = log_model(store)
    store.logged_models.delete(model_id)
    with pytest.raises(errors.LoggedModelNotFound):
        register(store, f"models:/{model_id}")


def test_logged_model_brings_its_run(store: SqlStore, run: Run) -> None:
    model_id = log_model(store, run.info.run_id)
    for facts in ({}, {"run_id": run.info.run_id}, {"model_id": model_id}):
        made = register(store, f"models:/{model_id}", **facts)
        assert (made.run_id, made.model_id) == (run.info.run_id, model_id)
    assert files(store) == [(None, model_id, None)] * 3


def test_folder_of_a_logged_model_is_below_it(store: SqlStore) -> None:
    model_id = log_model(store)
    register(store, f"models:/{model_id}/part/two")
    location = store.logged_models.get(model_id).artifact_location
    assert store.model_versions.download_uri("digits", 1) == f"{location}/part/two"


def test_address_below_a_model_of_the_run_is_that_model(store: SqlStore, run: Run) -> None:
    model_id = log_model(store, run.info.run_id)
    place = store.logged_models.get(model_id).artifact_location
    made = register(store, place, run_id=run.info.run_id)
    assert (made.run_id, made.model_id) == (run.info.run_id, model_id)
    assert files(store) == [(None, model_id, None)]


def test_run_uri_that_names_a_logged_model_is_that_model(store: SqlStore, run: Run) -> None:
    model_id = log_model(store, run.info.run_id, name="net")
    made = register(store, f"runs:/{run.info.run_id}/net")
    assert made.model_id == model_id
    assert register(store, f"runs:/{run.info.run_id}/other").model_id is None
    assert files(store) == [(None, model_id, None), (run.info.run_id, None, None)]


def test_name_of_another_run_or_model_is_refused(store: SqlStore, run: Run) -> None:
    other = start(store).info.run_id
    model_id, other_id = log_model(store, run.info.run_id), log_model(store)
    with pytest.raises(errors.InvalidInput, match="belongs to run"):
        register(store, f"models:/{model_id}", run_id=other)
    with pytest.raises(errors.InvalidInput, match="logged model"):
        register(store, f"models:/{model_id}", model_id=other_id)
    with pytest.raises(errors.InvalidInput, match="belongs to no logged model"):
        register(store, f"{run.info.artifact_uri}/x", run_id=run.info.run_id, model_id=other_id)
    assert files(store) == []


def test_copy_names_the_version_that_an_alias_or_stage_means(store: SqlStore, run: Run) -> None:
    for part in "ab":
        register(store, f"runs:/{run.info.run_id}/{part}")
    store.registered_models.set_alias("digits", "champion", 1, cause=BECAUSE)
    store.model_versions.transition("digits", 1, "Production", cause=BECAUSE)
    store.registered_models.create("copies", cause=BECAUSE)
    for selector, version in (("@champion", 1), ("/production", 1), ("/latest", 2), ("/2", 2)):
        made = register(store, f"models:/digits{selector}", "copies")
        assert (made.source, made.run_id) == (f"models:/digits/{version}", run.info.run_id)
    ids = [row[2] for row in files(store)]
    assert ids == [None, None, 1, 1, 2, 2]


def test_copy_of_a_copy_leads_to_the_files_and_needs_no_run_any_more(
    store: SqlStore, run: Run
) -> None:
    register(store, f"runs:/{run.info.run_id}/net")
    for name, source in (("one", "models:/digits/1"), ("two", "models:/one/1")):
        store.registered_models.create(name, cause=BECAUSE)
        store.runs.delete(run.info.run_id)
        register(store, source, name, run_id=run.info.run_id)
    place = f"{run.info.artifact_uri}/net"
    assert store.model_versions.download_uri("two", 1) == place
    run_id = run.info.run_id
    assert files(store) == [(run_id, None, None), (run_id, None, 1), (run_id, None, 2)]


@pytest.mark.parametrize("selector", ["@nobody", "/Staging", "/9", "/latest", "/nowhere"])
def test_copy_of_what_is_not_there_is_refused(store: SqlStore, selector: str) -> None:
    with pytest.raises((errors.AliasNotFound, errors.ModelVersionNotFound)):
        register(store, f"models:/digits{selector}")


def test_prompt_has_no_files_and_only_a_prompt_has_none(store: SqlStore) -> None:
    made = register(store, "prompt-template", tags={"mlflow.prompt.is_prompt": "true"})
    assert made.source == "prompt-template"
    with pytest.raises(errors.InvalidInput):
        register(store, "prompt-template")


def test_description_that_is_too_long_is_refused(store: SqlStore, run: Run) -> None:
    with pytest.raises(errors.LimitExceeded):
        register(store, f"runs:/{run.info.run_id}/net", description="x" * 100_001)


def _register_at_once(store: SqlStore) -> None:
    names = ["one", "two"]
    for name in names:
        store.registered_models.create(name, cause=BECAUSE)
    model_id = log_model(store)
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda i: register(store, f"models:/{model_id}", names[i % 2]), range(24))
        )
    numbers = {name: sorted(v.version for v in made if v.name == name) for name in names}
    assert numbers == {name: list(range(1, 13)) for name in names}
    text = store.logged_models.get(model_id).tags["mlflow.modelVersions"]
    listed = {(one["name"], one["version"]) for one in msgspec.json.decode(text)}
    assert listed == {(v.name, v.version) for v in made}


def test_registrations_at_once_get_a_number_each_and_are_all_listed(store: SqlStore) -> None:
    _register_at_once(store)


@pytest.mark.postgres
def test_registrations_at_once_get_a_number_each_on_postgres(postgres_uri: str) -> None:
    store = open_sql_store(postgres_uri)
    try:
        _register_at_once(store)
    finally:
        store.close()


def _copy_both_ways_while_deleting(store: SqlStore) -> None:
    for name in ("one", "two"):
        store.registered_models.create(name, cause=BECAUSE)
        for _ in range(8):
            register(store, f"models:/{log_model(store)}", name)

    def act(number: int) -> str:
        here, there = ("one", "two") if number % 2 else ("two", "one")
        version = number // 4 + 1
        try:
            if number % 4 < 2:
                store.model_versions.delete(there, version, cause=BECAUSE)
                return "deleted"
            register(store, f"models:/{there}/{version}", here)
        except errors.ModelVersionNotFound:
            return "too late"
        return "copied"

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(act, range(32)))
    assert done.count("deleted") == 16
    assert done.count("copied") + done.count("too late") == 16
    assert store.audit.verify().ok


@pytest.mark.postgres
def test_copies_and_deletions_at_once_are_all_done_on_postgres(postgres_uri: str) -> None:
    store = open_sql_store(postgres_uri)
    try:
        _copy_both_ways_while_deleting(store)
    finally:
        store.close()
