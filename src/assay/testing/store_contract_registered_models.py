"""The store contract: registered models, their tags and aliases."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.registered_models import RegisteredModel
from assay.store.base import Query, Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, ContractPart
from assay.testing.store_contract_model_versions import make_version

BECAUSE = local_cause("because of a test")
HOSTILE = [
    "a/b",
    "a:b",
    "..",
    ".",
    "",
    "  ",
    "a\\b",
    "a\nb",
    "a%2fb",
    "%252e%252e",
    " a",
    "x" * 257,
]


class RegisteredModelContract(ContractPart):
    """Registered models."""

    @pytest.fixture
    def model(self, store: Store) -> RegisteredModel:
        """A registered model without versions."""
        return store.registered_models.create("digits", cause=BECAUSE)

    def test_created_registered_model_reads_back(self, store: Store) -> None:
        made = store.registered_models.create(
            "ünï 50% @home", description=AWKWARD, tags={"team": AWKWARD}, cause=BECAUSE
        )
        assert store.registered_models.get("ünï 50% @home") == made
        assert (made.description, made.tags) == (AWKWARD, {"team": AWKWARD})
        assert (made.aliases, made.latest_versions) == ({}, [])

    def test_name_of_a_registered_model_is_taken(
        self, store: Store, model: RegisteredModel
    ) -> None:
        with pytest.raises(errors.AlreadyExists):
            store.registered_models.create("digits", cause=BECAUSE)
        store.registered_models.create("Digits", cause=BECAUSE)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_name_of_a_registered_model_is_refused(self, store: Store, name: str) -> None:
        with pytest.raises(errors.InvalidInput):
            store.registered_models.create(name, cause=BECAUSE)

    def test_missing_registered_model_is_not_found(self, store: Store) -> None:
        models = store.registered_models
        for call in (
            lambda: models.get("nobody"),
            lambda: models.rename("nobody", "somebody", cause=BECAUSE),
            lambda: models.update("nobody", "text", cause=BECAUSE),
            lambda: models.delete("nobody", cause=BECAUSE),
            lambda: models.set_tag("nobody", "a", "b", cause=BECAUSE),
            lambda: models.set_alias("nobody", "champion", 1, cause=BECAUSE),
            lambda: models.latest("nobody"),
        ):
            with pytest.raises(errors.RegisteredModelNotFound):
                call()

    def test_renamed_model_keeps_versions_tags_and_aliases(
        self, store: Store, model: RegisteredModel
    ) -> None:
        make_version(store, "digits")
        store.registered_models.set_tag("digits", "team", "a", cause=BECAUSE)
        store.registered_models.set_alias("digits", "champion", 1, cause=BECAUSE)
        renamed = store.registered_models.rename("digits", "handwriting", cause=BECAUSE)
        assert (renamed.name, renamed.tags, renamed.aliases) == (
            "handwriting",
            {"team": "a"},
            {"champion": 1},
        )
        assert store.model_versions.get("handwriting", 1).name == "handwriting"
        with pytest.raises(errors.RegisteredModelNotFound):
            store.registered_models.get("digits")

    def test_renaming_to_a_taken_or_hostile_name_is_refused(
        self, store: Store, model: RegisteredModel
    ) -> None:
        store.registered_models.create("other", cause=BECAUSE)
        with pytest.raises(errors.AlreadyExists):
            store.registered_models.rename("digits", "other", cause=BECAUSE)
        with pytest.raises(errors.InvalidInput):
            store.registered_models.rename("digits", "a/b", cause=BECAUSE)
        assert store.registered_models.get("digits") == model

    def test_description_is_changed(self, store: Store, model: RegisteredModel) -> None:
        changed = store.registered_models.update("digits", AWKWARD, cause=BECAUSE)
        assert changed.description == AWKWARD
        assert changed.last_updated_timestamp >= model.last_updated_timestamp

    def test_tags_of_a_registered_model_are_set_replaced_and_deleted(
        self, store: Store, model: RegisteredModel
    ) -> None:
        models = store.registered_models
        models.set_tag("digits", "a", "1", cause=BECAUSE)
        models.set_tag("digits", "a", AWKWARD, cause=BECAUSE)
        models.set_tag("digits", "b", "2", cause=BECAUSE)
        assert models.get("digits").tags == {"a": AWKWARD, "b": "2"}
        models.delete_tag("digits", "a", cause=BECAUSE)
        models.delete_tag("digits", "never there", cause=BECAUSE)
        assert models.get("digits").tags == {"b": "2"}

    def test_alias_stands_for_one_version_at_a_time(
        self, store: Store, model: RegisteredModel
    ) -> None:
        make_version(store, "digits")
        make_version(store, "digits")
        models = store.registered_models
        models.set_alias("digits", "champion", 1, cause=BECAUSE)
        models.set_alias("digits", "champion", 2, cause=BECAUSE)
        assert models.get("digits").aliases == {"champion": 2}
        assert store.model_versions.by_alias("digits", "champion").version == 2
        assert store.model_versions.get("digits", 2).aliases == ["champion"]
        models.delete_alias("digits", "champion", cause=BECAUSE)
        models.delete_alias("digits", "champion", cause=BECAUSE)
        with pytest.raises(errors.InvalidInput):
            store.model_versions.by_alias("digits", "champion")

    @pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V22", "a b", "a/b", "@a"])
    def test_reserved_or_hostile_alias_is_refused(
        self, store: Store, model: RegisteredModel, alias: str
    ) -> None:
        make_version(store, "digits")
        with pytest.raises(errors.InvalidInput):
            store.registered_models.set_alias("digits", alias, 1, cause=BECAUSE)
        assert store.registered_models.get("digits").aliases == {}

    def test_alias_of_a_missing_version_is_refused(
        self, store: Store, model: RegisteredModel
    ) -> None:
        with pytest.raises(errors.ModelVersionNotFound):
            store.registered_models.set_alias("digits", "champion", 1, cause=BECAUSE)

    def test_deleted_model_is_gone_with_its_versions(
        self, store: Store, model: RegisteredModel
    ) -> None:
        make_version(store, "digits", tags={"a": "b"})
        store.registered_models.set_alias("digits", "champion", 1, cause=BECAUSE)
        store.model_versions.transition("digits", 1, "Production", cause=BECAUSE)
        store.registered_models.delete("digits", cause=BECAUSE)
        with pytest.raises(errors.RegisteredModelNotFound):
            store.registered_models.get("digits")
        assert store.model_versions.search(Query(filter="name = 'digits'")).items == []
        again = store.registered_models.create("digits", cause=BECAUSE)
        assert (again.aliases, again.latest_versions) == ({}, [])
        assert make_version(store, "digits").version == 1

    def test_latest_is_the_highest_version_of_each_stage(
        self, store: Store, model: RegisteredModel
    ) -> None:
        for _ in range(4):
            make_version(store, "digits")
        for version in (1, 2):
            store.model_versions.transition("digits", version, "Staging", cause=BECAUSE)
        latest = store.registered_models.latest("digits")
        assert [(one.version, one.current_stage) for one in latest] == [(2, "Staging"), (4, "None")]
        staged = store.registered_models.latest("digits", ["staging"])
        assert [one.version for one in staged] == [2]
        assert store.registered_models.latest("digits", ["Production"]) == []
        with pytest.raises(errors.InvalidInput):
            store.registered_models.latest("digits", ["Nowhere"])

    def test_registered_models_are_searched_by_name_and_tag_in_pages(self, store: Store) -> None:
        for number in range(7):
            store.registered_models.create(
                f"m{number}", tags={"odd": "yes" if number % 2 else "no"}, cause=BECAUSE
            )
        search = store.registered_models.search

        def names(**query: object) -> list[str]:
            return [one.name for one in search(Query(**query))]  # type: ignore[arg-type]

        assert names() == [f"m{number}" for number in range(7)]
        assert names(order_by=["name DESC"], max_results=2) == ["m6", "m5"]
        assert names(filter="tags.odd = 'yes'") == ["m1", "m3", "m5"]
        assert names(filter="name LIKE 'm_' and tags.odd != 'yes'") == ["m0", "m2", "m4", "m6"]
        assert names(filter="name ILIKE 'M3'") == ["m3"]
        seen: list[str] = []
        token = None
        while True:
            page = search(Query(filter="tags.odd = 'no'", max_results=3, page_token=token))
            seen += [one.name for one in page]
            token = page.token
            if token is None:
                break
        assert seen == ["m0", "m2", "m4", "m6"]
        with pytest.raises(errors.InvalidInput):
            names(filter="colour = 'x'")
        with pytest.raises(errors.InvalidInput):
            names(page_token="damaged")  # noqa: S106 - a page token is no password
