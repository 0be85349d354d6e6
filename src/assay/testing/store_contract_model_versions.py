"""The store contract: model versions."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ModelId, RunId, new_model_id
from assay.entities.logged_models import LoggedModel, NewLoggedModel
from assay.entities.model_versions import ModelVersion, ModelVersionStatus, NewModelVersion
from assay.entities.runs import Run
from assay.store.base import Query, Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, ContractPart, start

BECAUSE = local_cause("because of a test")


def log_model(store: Store, run_id: RunId | None = None, name: str = "net") -> LoggedModel:
    """A logged model, of a run if one is given."""
    return store.logged_models.create(
        NewLoggedModel(new_model_id(), DEFAULT_EXPERIMENT_ID, name=name, source_run_id=run_id)
    )


def make_version(store: Store, name: str, **facts: object) -> ModelVersion:
    """Register a fresh logged model; ``facts`` are fields of ``NewModelVersion``."""
    given: dict[str, object] = {"source": f"models:/{log_model(store).model_id}", **facts}
    new = NewModelVersion(name=name, **given)  # type: ignore[arg-type]
    return store.model_versions.create(new, cause=BECAUSE)


class ModelVersionContract(ContractPart):
    """Model versions."""

    @pytest.fixture
    def name(self, store: Store) -> str:
        """The name of a registered model without versions."""
        return store.registered_models.create("digits", cause=BECAUSE).name

    @pytest.fixture
    def trained(self, store: Store) -> Run:
        """A run of the default experiment."""
        return start(store)

    def test_created_version_reads_back(self, store: Store, name: str, trained: Run) -> None:
        model = log_model(store, trained.info.run_id)
        made = make_version(
            store,
            name,
            source=f"models:/{model.model_id}",
            description=AWKWARD,
            tags={"a": AWKWARD},
            run_link="https://runs.example/1",
        )
        assert store.model_versions.get(name, 1) == made
        assert (made.version, made.current_stage) == (1, "None")
        assert made.status is ModelVersionStatus.READY
        assert (made.run_id, made.model_id) == (trained.info.run_id, model.model_id)
        assert (made.description, made.tags) == (AWKWARD, {"a": AWKWARD})
        assert store.model_versions.download_uri(name, 1) == model.artifact_location

    def test_version_numbers_are_not_used_again(self, store: Store, name: str) -> None:
        assert [make_version(store, name).version for _ in range(2)] == [1, 2]
        store.model_versions.delete(name, 2, cause=BECAUSE)
        assert make_version(store, name).version == 3

    def test_version_of_a_run_uri_is_below_the_run(
        self, store: Store, name: str, trained: Run
    ) -> None:
        made = make_version(store, name, source=f"runs:/{trained.info.run_id}/some/model")
        assert made.run_id == trained.info.run_id
        place = store.model_versions.download_uri(name, 1)
        assert place == f"{trained.info.artifact_uri}/some/model"

    def test_version_of_an_address_below_the_run(
        self, store: Store, name: str, trained: Run
    ) -> None:
        source = f"{trained.info.artifact_uri}/model"
        make_version(store, name, source=source, run_id=trained.info.run_id)
        assert store.model_versions.download_uri(name, 1) == source

    def test_copied_version_keeps_its_source_and_finds_the_files(
        self, store: Store, name: str
    ) -> None:
        first = make_version(store, name)
        store.registered_models.create("copies", cause=BECAUSE)
        copy = make_version(store, "copies", source=f"models:/{name}/1")
        assert (copy.source, copy.model_id) == (f"models:/{name}/1", first.model_id)
        place = store.model_versions.download_uri(name, 1)
        assert store.model_versions.download_uri("copies", 1) == place

    @pytest.mark.parametrize(
        "source",
        [
            "file:///etc",
            "/etc/passwd",
            "{run}/../../other/artifacts/m",
            "{run}/%2e%2e/x",
            "{run}/%252e%252e/x",
            "{run}/m#fragment",
            "{run}/m?query",
            "{run}x/m",
            "{other}/m",
            "mlflow-artifacts:/",
            "https://elsewhere.example/m",
            "s3://bucket/m",
            "",
        ],
    )
    def test_source_outside_of_the_named_run_is_refused(
        self, store: Store, name: str, trained: Run, source: str
    ) -> None:
        other = start(store)
        text = source.format(run=trained.info.artifact_uri, other=other.info.artifact_uri)
        with pytest.raises(errors.InvalidInput):
            make_version(store, name, source=text, run_id=trained.info.run_id)
        assert store.model_versions.search(Query(filter=f"name = '{name}'")).items == []

    def test_source_of_another_run_than_named_is_refused(
        self, store: Store, name: str, trained: Run
    ) -> None:
        other = start(store)
        with pytest.raises(errors.InvalidInput):
            make_version(
                store, name, source=f"runs:/{other.info.run_id}/m", run_id=trained.info.run_id
            )

    def test_source_that_does_not_exist_is_not_found(self, store: Store, name: str) -> None:
        with pytest.raises(errors.NotFound):
            make_version(store, name, source=f"models:/m-{'0' * 32}")
        with pytest.raises(errors.RunNotFound):
            make_version(store, name, source=f"runs:/{'0' * 32}/m")
        with pytest.raises(errors.NotFound):
            make_version(store, name, source="models:/nobody/1")
        with pytest.raises(errors.RegisteredModelNotFound):
            make_version(store, "nobody")

    def test_missing_version_is_not_found(self, store: Store, name: str) -> None:
        versions = store.model_versions
        for call in (
            lambda: versions.get(name, 1),
            lambda: versions.update(name, 1, "text", cause=BECAUSE),
            lambda: versions.delete(name, 1, cause=BECAUSE),
            lambda: versions.set_tag(name, 1, "a", "b", cause=BECAUSE),
            lambda: versions.transition(name, 1, "Staging", cause=BECAUSE),
            lambda: versions.download_uri(name, 1),
        ):
            with pytest.raises(errors.ModelVersionNotFound):
                call()

    def test_description_and_tags_of_a_version_change(self, store: Store, name: str) -> None:
        make_version(store, name)
        versions = store.model_versions
        assert versions.update(name, 1, AWKWARD, cause=BECAUSE).description == AWKWARD
        versions.set_tag(name, 1, "a", AWKWARD, cause=BECAUSE)
        versions.set_tag(name, 1, "b", "2", cause=BECAUSE)
        versions.delete_tag(name, 1, "b", cause=BECAUSE)
        versions.delete_tag(name, 1, "never there", cause=BECAUSE)
        assert versions.get(name, 1).tags == {"a": AWKWARD}

    def test_version_moves_between_stages_in_any_case(self, store: Store, name: str) -> None:
        make_version(store, name)
        moved = store.model_versions.transition(name, 1, "pRoDuCtIoN", cause=BECAUSE)
        assert moved.current_stage == "Production"
        with pytest.raises(errors.InvalidInput):
            store.model_versions.transition(name, 1, "Nowhere", cause=BECAUSE)

    def test_existing_versions_are_archived_if_asked(self, store: Store, name: str) -> None:
        for _ in range(3):
            make_version(store, name)
        move = store.model_versions.transition
        move(name, 1, "Production", cause=BECAUSE)
        move(name, 2, "Production", cause=BECAUSE)
        move(name, 3, "Production", archive_existing=True, cause=BECAUSE)
        stages = [store.model_versions.get(name, v).current_stage for v in (1, 2, 3)]
        assert stages == ["Archived", "Archived", "Production"]
        with pytest.raises(errors.InvalidInput):
            move(name, 3, "Archived", archive_existing=True, cause=BECAUSE)

    def test_deleted_version_takes_its_aliases_with_it(self, store: Store, name: str) -> None:
        make_version(store, name)
        store.registered_models.set_alias(name, "champion", 1, cause=BECAUSE)
        store.model_versions.delete(name, 1, cause=BECAUSE)
        assert store.registered_models.get(name).aliases == {}
        with pytest.raises(errors.ModelVersionNotFound):
            store.model_versions.get(name, 1)

    def test_versions_are_searched_in_pages(self, store: Store, name: str, trained: Run) -> None:
        for number in range(5):
            make_version(store, name, tags={"odd": "yes" if number % 2 else "no"})
        make_version(store, name, source=f"runs:/{trained.info.run_id}/m")
        search = store.model_versions.search

        def found(**query: object) -> list[int]:
            return [one.version for one in search(Query(**query))]  # type: ignore[arg-type]

        assert sorted(found()) == [1, 2, 3, 4, 5, 6]
        assert found(order_by=["version_number ASC"], max_results=2) == [1, 2]
        assert found(filter="tags.odd = 'yes'", order_by=["version_number DESC"]) == [4, 2]
        assert found(filter=f"run_id = '{trained.info.run_id}'") == [6]
        assert found(filter=f"name = '{name}' and version_number > 4") in ([6, 5], [5, 6])
        store.registered_models.set_alias(name, "champion", 3, cause=BECAUSE)
        assert search(Query(filter="version_number = 3")).items[0].aliases == ["champion"]
        seen: list[int] = []
        token = None
        while True:
            query = Query(order_by=["version_number ASC"], max_results=4, page_token=token)
            page = search(query)
            seen += [one.version for one in page]
            token = page.token
            if token is None:
                break
        assert seen == [1, 2, 3, 4, 5, 6]
        with pytest.raises(errors.InvalidInput):
            found(filter="metrics.acc > 1")

    def test_registered_logged_model_tells_its_versions(self, store: Store, name: str) -> None:
        version = make_version(store, name)
        tags = store.logged_models.get(ModelId(version.model_id or "")).tags
        assert '"digits"' in tags["mlflow.modelVersions"]
