"""The store contract: the audit log."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

import pytest

from assay import errors
from assay.entities.audit import AuditAction, AuditHead
from assay.policies.chain import verify_records
from assay.store.base import Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, HALF_A_PAIR, ContractPart
from assay.testing.store_contract_model_versions import make_version

BECAUSE = local_cause(AWKWARD)
NOTHING = AuditHead(0, "0" * 64)


class AuditContract(ContractPart):
    """The audit log."""

    @pytest.fixture
    def history(self, store: Store) -> str:
        """The name of a model to which some things have happened."""
        name = store.registered_models.create("digits", tags={"a": "b"}, cause=BECAUSE).name
        for _ in range(2):
            make_version(store, name)
        store.model_versions.transition(name, 1, "Production", cause=BECAUSE)
        store.registered_models.set_alias(name, "champion", 2, cause=BECAUSE)
        store.model_versions.transition(name, 2, "Production", archive_existing=True, cause=BECAUSE)
        return name

    def test_empty_log_is_whole(self, store: Store) -> None:
        assert store.audit.head() == NOTHING
        assert store.audit.page() == []
        report = store.audit.verify()
        assert (report.ok, report.records, report.head) == (True, 0, NOTHING)

    def test_each_change_is_a_record_that_tells_who_and_why(
        self, store: Store, history: str
    ) -> None:
        records = store.audit.page()
        assert [record.seq for record in records] == [1, 2, 3, 4, 5, 6]
        assert [record.action for record in records] == [
            AuditAction.MODEL_CREATED,
            AuditAction.VERSION_CREATED,
            AuditAction.VERSION_CREATED,
            AuditAction.STAGE_CHANGED,
            AuditAction.ALIAS_SET,
            AuditAction.STAGE_CHANGED,
        ]
        last = records[-1]
        assert (last.name, last.version, last.reason) == (history, 2, AWKWARD)
        assert last.actor == BECAUSE.actor.name
        assert last.registered_id == records[0].registered_id is not None
        assert last.details["moves"] == [
            {"target": "Production", "from": [1], "to": [2]},
            {"target": "Archived", "from": [], "to": [1]},
        ]
        assert records[4].details["moves"] == [{"target": "@champion", "from": [], "to": [2]}]

    def test_chain_holds_and_ends_at_the_head(self, store: Store, history: str) -> None:
        report = store.audit.verify()
        assert report.ok
        assert report.records == 6
        assert report.head == store.audit.head()
        records = list(store.audit.iterate())
        assert verify_records(records, report.head).ok
        assert records[-1].digest == report.head.digest

    def test_noted_head_is_in_the_chain(self, store: Store, history: str) -> None:
        noted = store.audit.head()
        store.model_versions.transition(history, 1, "Staging", cause=BECAUSE)
        assert store.audit.verify(noted).ok
        other = AuditHead(noted.seq, "f" * 64)
        problem = store.audit.verify(other).problem
        assert problem is not None
        assert problem.seq == noted.seq
        later = store.audit.verify(AuditHead(99, "f" * 64)).problem
        assert later is not None
        assert later.seq == 8

    def test_setting_what_is_set_already_is_no_record(self, store: Store, history: str) -> None:
        before = store.audit.head()
        store.model_versions.transition(history, 2, "production", cause=BECAUSE)
        store.registered_models.set_alias(history, "champion", 2, cause=BECAUSE)
        store.registered_models.delete_alias(history, "other", cause=BECAUSE)
        assert store.audit.head() == before

    def test_refused_change_is_no_record(self, store: Store, history: str) -> None:
        before = store.audit.head()
        with pytest.raises(errors.InvalidInput):
            store.model_versions.transition(history, 1, "Beta", cause=BECAUSE)
        with pytest.raises(errors.ModelVersionNotFound):
            store.registered_models.set_alias(history, "x", 9, cause=BECAUSE)
        with pytest.raises(errors.InvalidInput):
            store.model_versions.transition(
                history, 1, "Archived", archive_existing=True, cause=BECAUSE
            )
        assert store.audit.head() == before

    def test_log_is_read_in_pages(self, store: Store, history: str) -> None:
        first = store.audit.page(max_results=4)
        rest = store.audit.page(after=first[-1].seq, max_results=4)
        assert [record.seq for record in [*first, *rest]] == [1, 2, 3, 4, 5, 6]
        assert list(store.audit.iterate(history)) == [*first, *rest]

    def test_history_of_a_model_outlives_its_name_and_itself(
        self, store: Store, history: str
    ) -> None:
        store.registered_models.rename(history, "figures", cause=BECAUSE)
        store.registered_models.create(history, cause=BECAUSE)
        assert len(store.audit.page(name="figures")) == 7
        assert len(store.audit.page(name=history)) == 1
        store.registered_models.delete("figures", cause=BECAUSE)
        assert len(store.audit.page(name="figures")) == 8
        with pytest.raises(errors.RegisteredModelNotFound):
            store.audit.page(name="nobody")

    def test_holders_at_any_time_are_read_from_the_log(self, store: Store, history: str) -> None:
        records = store.audit.page(name=history)
        assert store.audit.holders(history, "Production", records[-1].time) == [2]
        assert store.audit.holders(history, "archived", records[-1].time) == [1]
        assert store.audit.holders(history, "@champion", records[-1].time) == [2]
        assert store.audit.holders(history, "Production", records[0].time - 1) == []
        store.model_versions.delete(history, 2, cause=BECAUSE)
        end = store.audit.page(name=history)[-1].time
        assert store.audit.holders(history, "Production", end) == []
        assert store.audit.holders(history, "@champion", end) == []
        store.registered_models.delete(history, cause=BECAUSE)
        assert store.audit.holders(history, "Archived", 2**60) == []
        with pytest.raises(errors.InvalidInput):
            store.audit.holders(history, "a/b", end)

    @pytest.mark.parametrize("reason", [HALF_A_PAIR, "a\0b", "x" * 10_001])
    def test_reason_that_cannot_be_kept_is_refused(
        self, store: Store, history: str, reason: str
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.model_versions.transition(history, 1, "Staging", cause=local_cause(reason))
        assert store.model_versions.get(history, 1).current_stage == "Archived"
