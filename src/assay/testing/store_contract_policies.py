"""The store contract: policies, and what they let happen to stages and aliases."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.transitions import RequestStatus
from assay.store.base import Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, ContractPart
from assay.testing.store_contract_model_versions import make_version

BECAUSE = local_cause("because of a test")
GOVERNED = """
policy: 1
to:
  Production:
    approvals: {count: 1, from: [bob]}
  "@champion":
    approvals: {count: 1, from: [bob]}
"""
STEPS = """
policy: 1
stages: [Staging, Canary, Production]
transitions: [None -> Staging, Staging -> Canary, Canary -> Production, "* -> Archived"]
"""
OPEN = "policy: 1\n"


def put(store: Store, name: str, version: int, stage: str) -> None:
    """Move a version straight to a stage."""
    store.model_versions.transition(name, version, stage, cause=BECAUSE)


class PolicyContract(ContractPart):
    """Policies."""

    @pytest.fixture
    def two(self, store: Store) -> str:
        """The name of a registered model with two versions."""
        name = store.registered_models.create("digits", cause=BECAUSE).name
        for _ in range(2):
            make_version(store, name)
        return name

    def test_policy_that_is_set_reads_back(self, store: Store, two: str) -> None:
        text = f"policy: 1\n# {AWKWARD.splitlines()[0]}\n"
        made = store.policies.set(two, text, cause=BECAUSE)
        assert (made.name, made.revision, made.text) == (two, 1, text)
        assert store.policies.find(two) == made
        assert store.policies.revisions(two) == [made]

    def test_model_without_a_policy_has_none(self, store: Store, two: str) -> None:
        assert store.policies.find(two) is None
        assert store.policies.find("") is None
        assert store.policies.revisions(two) == []

    def test_same_text_again_makes_no_revision(self, store: Store, two: str) -> None:
        first = store.policies.set(two, OPEN, cause=BECAUSE)
        assert store.policies.set(two, OPEN, cause=BECAUSE) == first
        second = store.policies.set(two, GOVERNED, cause=BECAUSE)
        third = store.policies.set(two, OPEN, cause=BECAUSE)
        assert store.policies.revisions(two) == [third, second, first]
        assert [it.revision for it in (first, second, third)] == [1, 2, 3]

    def test_removed_policy_holds_no_more_and_stays_in_the_list(
        self, store: Store, two: str
    ) -> None:
        store.policies.set(two, GOVERNED, cause=BECAUSE)
        store.policies.remove(two, cause=BECAUSE)
        assert store.policies.find(two) is None
        assert [it.text for it in store.policies.revisions(two)] == ["", GOVERNED]
        put(store, two, 1, "Production")
        with pytest.raises(errors.RegistryItemNotFound):
            store.policies.remove(two, cause=BECAUSE)

    def test_default_policy_holds_for_models_without_an_own_one(
        self, store: Store, two: str
    ) -> None:
        default = store.policies.set("", GOVERNED, cause=BECAUSE)
        assert store.policies.find(two) == default
        with pytest.raises(errors.TransitionRefused):
            put(store, two, 1, "Production")
        own = store.policies.set(two, OPEN, cause=BECAUSE)
        assert store.policies.find(two) == own
        put(store, two, 1, "Production")
        store.policies.remove(two, cause=BECAUSE)
        assert store.policies.find(two) == default

    def test_policy_that_contradicts_itself_is_refused_with_the_place(
        self, store: Store, two: str
    ) -> None:
        text = "policy: 1\nto: {Production: {gates: [{metric: a, at_least: 2, at_most: 1}]}}\n"
        with pytest.raises(errors.InvalidPolicy, match=r"to\.Production\.gates\[0\]"):
            store.policies.set(two, text, cause=BECAUSE)
        assert store.policies.find(two) is None

    @pytest.mark.parametrize("name", ["nobody", "a/b"])
    def test_policy_of_a_missing_model_is_not_found(self, store: Store, name: str) -> None:
        with pytest.raises(errors.RegisteredModelNotFound):
            store.policies.set(name, OPEN, cause=BECAUSE)
        with pytest.raises(errors.RegisteredModelNotFound):
            store.policies.find(name)
        with pytest.raises(errors.RegisteredModelNotFound):
            store.policies.revisions(name)

    def test_list_of_stages_that_lacks_one_in_use_is_refused(self, store: Store, two: str) -> None:
        put(store, two, 1, "Production")
        lacking = "policy: 1\nstages: [Canary]\n"
        for name in (two, ""):
            with pytest.raises(errors.InvalidPolicy, match="digits/1 in Production"):
                store.policies.set(name, lacking, cause=BECAUSE)
        put(store, two, 1, "Archived")
        store.policies.set(two, lacking, cause=BECAUSE)
        put(store, two, 1, "Canary")
        with pytest.raises(errors.InvalidPolicy, match="digits/1 in Canary"):
            store.policies.remove(two, cause=BECAUSE)

    def test_model_has_the_stages_of_its_policy(self, store: Store, two: str) -> None:
        store.policies.set(two, STEPS, cause=BECAUSE)
        put(store, two, 1, "staging")
        put(store, two, 1, "canary")
        assert store.model_versions.get(two, 1).current_stage == "Canary"
        with pytest.raises(errors.InvalidInput, match="Canary"):
            put(store, two, 1, "Beta")

    def test_step_that_the_policy_does_not_list_is_refused(self, store: Store, two: str) -> None:
        store.policies.set(two, STEPS, cause=BECAUSE)
        with pytest.raises(errors.TransitionRefused, match="no transition from None to Production"):
            put(store, two, 1, "Production")
        with pytest.raises(errors.TransitionRefused):
            store.requests.create(two, 1, "Production", cause=BECAUSE)
        put(store, two, 1, "Archived")

    def test_direct_move_to_a_governed_place_names_the_request_to_make(
        self, store: Store, two: str
    ) -> None:
        store.policies.set(two, GOVERNED, cause=BECAUSE)
        hint = "assay registry promote digits --version 1 --to Production --request"
        with pytest.raises(errors.TransitionRefused, match=hint):
            put(store, two, 1, "production")
        with pytest.raises(errors.TransitionRefused, match="--to @champion --request"):
            store.registered_models.set_alias(two, "champion", 1, cause=BECAUSE)
        assert store.model_versions.get(two, 1).current_stage == "None"
        store.registered_models.set_alias(two, "challenger", 1, cause=BECAUSE)
        put(store, two, 1, "Staging")

    def test_holder_of_a_governed_place_may_leave_it_but_not_be_deleted(
        self, store: Store, two: str
    ) -> None:
        put(store, two, 1, "Production")
        store.registered_models.set_alias(two, "champion", 2, cause=BECAUSE)
        store.policies.set(two, GOVERNED, cause=BECAUSE)
        for version in (1, 2):
            with pytest.raises(errors.TransitionRefused):
                store.model_versions.delete(two, version, cause=BECAUSE)
        with pytest.raises(errors.TransitionRefused):
            store.registered_models.delete(two, cause=BECAUSE)
        with pytest.raises(errors.TransitionRefused):
            store.registered_models.delete_alias(two, "champion", cause=BECAUSE)
        put(store, two, 1, "Archived")
        store.model_versions.delete(two, 1, cause=BECAUSE)
        assert store.model_versions.by_alias(two, "champion").version == 2

    def test_archiving_the_others_is_a_step_of_each(self, store: Store, two: str) -> None:
        put(store, two, 1, "Staging")
        store.policies.set(two, "policy: 1\ntransitions: [None -> Staging]\n", cause=BECAUSE)
        with pytest.raises(errors.TransitionRefused, match="from Staging to Archived"):
            store.model_versions.transition(two, 2, "Staging", archive_existing=True, cause=BECAUSE)
        put(store, two, 2, "Staging")

    @pytest.mark.parametrize("whose", ["digits", ""])
    def test_changed_policy_cancels_what_the_old_one_governed(
        self, store: Store, two: str, whose: str
    ) -> None:
        store.policies.set(whose, GOVERNED, cause=BECAUSE)
        request = store.requests.create(two, 1, "Production", cause=BECAUSE)
        store.policies.set(whose, GOVERNED + "  Staging: {approvals: {count: 1}}\n", cause=BECAUSE)
        closed = store.requests.get(request.request_id)
        assert closed.status is RequestStatus.CANCELLED
        assert "policy" in closed.status_reason
        again = store.requests.create(two, 1, "Production", cause=BECAUSE)
        store.policies.remove(whose, cause=BECAUSE)
        assert store.requests.get(again.request_id).status is RequestStatus.CANCELLED

    def test_policy_outlives_a_renaming_and_goes_with_the_model(
        self, store: Store, two: str
    ) -> None:
        made = store.policies.set(two, OPEN, cause=BECAUSE)
        store.registered_models.rename(two, "figures", cause=BECAUSE)
        found = store.policies.find("figures")
        assert found is not None
        assert (found.name, found.text, found.revision) == ("figures", made.text, 1)
        store.registered_models.delete("figures", cause=BECAUSE)
        store.registered_models.create("figures", cause=BECAUSE)
        assert store.policies.find("figures") is None
