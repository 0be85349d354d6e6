"""Requests in SQL: what the log and webhooks are told of each step, and what nobody may pass by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from assay import errors
from assay.entities.ids import new_run_id
from assay.entities.metrics import Metric
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun
from assay.entities.transitions import (
    CheckStatus,
    GateResult,
    RequestStatus,
    TransitionRequest,
)
from assay.entities.webhooks import OWN_EVENTS
from assay.store.registry import NewWebhook
from assay.store.sql.policy_rows import PolicyRow, add_revision
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store
from tests.unit.store.registry_state import assert_whole, make_versions, somebody

ANN, BOB = somebody("ann", reason="ann says"), somebody("bob", reason="bob says")
WAITING = """
policy: 1
to:
  Production:
    gates: [{metric: acc, at_least: 0.9}, {digests: intact}]
    approvals: {from: [bob, maker, "role:ml-lead"], expires_after: 7d}
"""
VOTED = "policy: 1\nto: {Production: {approvals: {from: [bob, carol, 'role:ml-lead']}}}\n"
PASSED = GateResult(place=1, kind="digests", condition="", status=CheckStatus.PASSED)


def opened(uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(uri)
    yield store
    store.close()


class RequestTests:
    """What holds on both databases."""

    @pytest.fixture
    def asked(self, store: SqlStore) -> TransitionRequest:
        """An open request that waits for a check and an approval."""
        run_id = new_run_id()
        store.runs.create(NewRun(run_id, "0", 1))  # type: ignore[arg-type]
        store.runs.log_batch(run_id, metrics=[Metric("acc", 0.95, 1, 0)])
        make_versions(store, "m", 1)
        new = NewModelVersion(name="m", source=f"runs:/{run_id}/model", run_id=run_id)
        store.model_versions.create(new, cause=somebody("maker"))
        store.policies.set("m", WAITING, cause=somebody("boss"))
        return store.requests.create("m", 2, "Production", cause=ANN)

    def test_every_step_is_a_record(self, store: SqlStore, asked: TransitionRequest) -> None:
        store.requests.claim("w", cause=ANN)
        store.requests.record_checks(asked.request_id, [PASSED], worker="w", cause=ANN)
        store.requests.approve(asked.request_id, cause=BOB)
        records = list(store.audit.iterate("m"))[-4:]
        assert [record.action for record in records] == [
            "request.created",
            "request.checked",
            "request.approved",
            "request.completed",
        ]
        created, checked, approved, completed = records
        assert created.details["results"][0]["value"] == "0.95"
        assert created.reason == "ann says"
        assert checked.details["results"][0]["status"] == "passed"
        assert (approved.actor, approved.reason) == ("bob", "bob says")
        assert completed.details["approved_by"] == ["bob"]
        assert [result["status"] for result in completed.details["results"]] == ["passed"] * 2
        assert completed.details["moves"] == [{"target": "Production", "from": [], "to": [2]}]
        assert {record.details["request"] for record in records} == {asked.request_id}
        assert_whole(store, "m")

    def test_request_of_a_policy_that_changed_unseen_is_cancelled_when_it_is_touched(
        self, store: SqlStore, asked: TransitionRequest
    ) -> None:
        def change(conn: Connection) -> None:
            owner = Sql("SELECT registered_id FROM registered_models").one(conn)
            assert owner is not None
            add_revision(conn, PolicyRow(owner[0], 2, VOTED, "eve", 1))

        store.database.write(change)
        with pytest.raises(errors.Conflict, match="policy was changed"):
            store.requests.approve(asked.request_id, cause=BOB)
        assert store.requests.get(asked.request_id).status is RequestStatus.CANCELLED
        assert_whole(store, "m")

    def test_governed_place_gets_one_holder_again(self, store: SqlStore) -> None:
        make_versions(store, "m", 3)
        for version in (1, 2):
            store.model_versions.transition("m", version, "Production", cause=ANN)
        store.policies.set("m", VOTED, cause=ANN)
        request = store.requests.create("m", 3, "Production", cause=ANN)
        assert request.expected == (1, 2)
        store.requests.approve(request.request_id, cause=BOB)
        assert assert_whole(store, "m").places == {"Archived": [1, 2], "Production": [3]}
        held = store.requests.rollback("m", "Production", cause=BOB)
        assert [it.version for it in held] == [2]
        assert assert_whole(store, "m").places == {"Archived": [1, 3], "Production": [2]}

    def test_webhooks_are_told_of_each_step(
        self, store: SqlStore, asked: TransitionRequest
    ) -> None:
        hook = store.webhooks.create(
            NewWebhook(name="w", url="https://1.1.1.1/", events=sorted(OWN_EVENTS, key=str)),
            cause=ANN,
        )
        store.requests.cancel(asked.request_id, cause=ANN)
        store.policies.set("m", VOTED, cause=ANN)
        request = store.requests.create("m", 2, "Production", cause=ANN)
        store.requests.approve(request.request_id, cause=BOB)
        store.policies.remove("m", cause=ANN)
        store.requests.create("m", 1, "Production", cause=ANN)
        store.requests.rollback("m", "Production", cause=ANN)
        told = [
            (str(it.event), it.payload.get("version"))
            for it in reversed(store.webhooks.deliveries(hook.webhook_id))
        ]
        assert sorted(told) == sorted(
            [
                ("transition_request.closed", "2"),
                ("transition_request.created", "2"),
                ("transition_request.approved", "2"),
                ("model_version_stage.changed", "2"),
                ("transition_request.completed", "2"),
                ("transition_request.created", "1"),
                ("model_version_stage.changed", "1"),
                ("model_version_stage.changed", "2"),
                ("transition_request.completed", "1"),
                ("model_version_stage.changed", "2"),
                ("model_version_stage.changed", "1"),
                ("model_version.rolled_back", "1"),
            ]
        )


class TestSqlite(RequestTests):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        yield from opened(f"sqlite:///{tmp_path}/assay.db")


@pytest.mark.postgres
class TestPostgres(RequestTests):
    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        yield from opened(postgres_uri)
