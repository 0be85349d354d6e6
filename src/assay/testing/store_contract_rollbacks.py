"""The store contract: rollbacks."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.model_versions import ROLLED_BACK_TAG
from assay.store.base import Store
from assay.testing.store_contract_requests import (
    APPROVED,
    BECAUSE,
    Act,
    RequestContract,
    in_stage,
)


class RollbackContract(RequestContract):
    """Going back."""

    def test_rollback_gives_a_stage_back_step_by_step(self, store: Store, digits: str) -> None:
        for version in (1, 2, 3):
            store.requests.create(digits, version, "Production", cause=BECAUSE)
        for back, taken_out in ((2, 3), (1, 2)):
            held = store.requests.rollback(digits, "production", cause=BECAUSE)
            assert [(it.version, it.current_stage) for it in held] == [(back, "Production")]
            assert in_stage(store, digits, "Production") == [back]
            out = store.model_versions.get(digits, taken_out)
            assert out.current_stage == "Archived"
            assert "Production" in out.tags[ROLLED_BACK_TAG]
            assert "because of a test" in out.tags[ROLLED_BACK_TAG]
        with pytest.raises(errors.InvalidInput, match="no other version"):
            store.requests.rollback(digits, "Production", cause=BECAUSE)

    def test_rollback_of_an_alias(self, store: Store, digits: str) -> None:
        for version in (1, 2):
            store.registered_models.set_alias(digits, "champion", version, cause=BECAUSE)
        held = store.requests.rollback(digits, "@champion", cause=BECAUSE)
        assert [it.version for it in held] == [1]
        assert held[0].aliases == ["champion"]
        assert store.model_versions.by_alias(digits, "champion").version == 1
        assert ROLLED_BACK_TAG in store.model_versions.get(digits, 2).tags
        store.registered_models.delete_alias(digits, "champion", cause=BECAUSE)
        store.requests.rollback(digits, "@champion", cause=BECAUSE)
        assert store.model_versions.by_alias(digits, "champion").version == 1

    def test_rollback_passes_over_what_was_deleted(self, store: Store, digits: str) -> None:
        for version in (1, 2, 3):
            store.requests.create(digits, version, "Production", cause=BECAUSE)
        store.model_versions.delete(digits, 2, cause=BECAUSE)
        held = store.requests.rollback(digits, "Production", cause=BECAUSE)
        assert [it.version for it in held] == [1]

    def test_version_that_holds_the_place_again_loses_the_mark(
        self, store: Store, digits: str
    ) -> None:
        for version in (1, 2):
            store.requests.create(digits, version, "Production", cause=BECAUSE)
        store.requests.rollback(digits, "Production", cause=BECAUSE)
        store.requests.create(digits, 2, "Production", cause=BECAUSE)
        assert ROLLED_BACK_TAG in store.model_versions.get(digits, 2).tags
        store.requests.create(digits, 3, "Production", cause=BECAUSE)
        held = store.requests.rollback(digits, "Production", cause=BECAUSE)
        assert [(it.version, it.tags) for it in held] == [(2, {})]

    def test_rollback_needs_no_request_but_may_be_left_to_some(
        self, store: Store, digits: str, acting: Act
    ) -> None:
        for version in (1, 2):
            store.requests.create(digits, version, "Production", cause=BECAUSE)
        store.policies.set(digits, APPROVED + "rollback: {by: [bob]}\n", cause=BECAUSE)
        ann, bob = acting("ann"), acting("bob")
        with pytest.raises(errors.TransitionRefused, match="bob"):
            ann.store.requests.rollback(digits, "Production", cause=ann.cause)
        bob.store.requests.rollback(digits, "Production", cause=bob.cause)
        assert in_stage(store, digits, "Production") == [1]

    @pytest.mark.parametrize("target", ["Beta", "None", "Archived", "Production", "@x", "@latest"])
    def test_rollback_of_what_was_never_held_is_refused(
        self, store: Store, digits: str, target: str
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.requests.rollback(digits, target, cause=BECAUSE)
        with pytest.raises(errors.RegisteredModelNotFound):
            store.requests.rollback("nobody", "Production", cause=BECAUSE)
