"""Rules at work: what becomes of a run that finished, told by a real store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay import errors
from assay.entities.audit import Actor, AuditAction, Cause
from assay.entities.governance import Rule, RuleRun, RuleRunStatus
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ModelId, RunId, new_model_id, new_run_id
from assay.entities.logged_models import LoggedModelOutput, LoggedModelStatus, NewLoggedModel
from assay.entities.metrics import Metric
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun, RunStatus
from assay.entities.tags import Tag
from assay.entities.transitions import RequestStatus
from assay.registry.rules import run_rules
from assay.store.base import Query
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store

ALICE = Cause(Actor("alice", origin="test"))
BOB = Cause(Actor("bob", origin="test"))
LIMIT_S = 30.0
_POLICY = """\
policy: 1
to:
  Staging:
    gates:
      - {metric: acc, at_least: 0.9}
    approvals: {count: 1, from: ["*"]}
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    yield store
    store.close()


def set_rule(store: SqlStore, **facts: Any) -> Rule:
    given = {"rule_id": "", "rule_name": "best", "model_name": "digits", **facts}
    rule = Rule(experiment_id=DEFAULT_EXPERIMENT_ID, **given)
    return store.rules.set(rule, cause=ALICE)


def begin(store: SqlStore, *, acc: float = 0.95) -> RunId:
    run_id = new_run_id()
    store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1_000))
    store.runs.log_batch(run_id, metrics=[Metric("acc", acc, 1_000)])
    return run_id


def log_model(
    store: SqlStore,
    run_id: RunId,
    name: str = "net",
    *,
    step: int = 0,
    status: LoggedModelStatus = LoggedModelStatus.READY,
) -> ModelId:
    model_id = new_model_id()
    store.logged_models.create(
        NewLoggedModel(
            model_id=model_id,
            experiment_id=DEFAULT_EXPERIMENT_ID,
            name=name,
            source_run_id=run_id,
        )
    )
    store.inputs.log_outputs(run_id, [LoggedModelOutput(model_id, step)])
    if status is not LoggedModelStatus.PENDING:
        store.logged_models.finalize(model_id, status)
    return model_id


def end(store: SqlStore, run_id: RunId) -> RunId:
    store.runs.update(run_id, status=RunStatus.FINISHED, end_time=2_000)
    return run_id


def trained(store: SqlStore, *, acc: float = 0.95) -> RunId:
    """A finished run with a model."""
    run_id = begin(store, acc=acc)
    log_model(store, run_id)
    return end(store, run_id)


def only(store: SqlStore) -> RuleRun:
    """What the rule did with its only run."""
    (found,) = store.rules.runs("best")
    return found


def until_closed(store: SqlStore) -> RuleRun:
    """Work rules off until one run is closed."""
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        for closed in run_rules(store):
            return closed
    pytest.fail("the rule waits for ever")


def change(store: SqlStore, assignment: str) -> None:
    """Change the rows of finished runs behind the store's back."""
    statement = Sql(f"UPDATE rule_runs SET {assignment}")
    store.database.write(statement.run)


def actions(store: SqlStore) -> list[str]:
    return [record.action for record in store.audit.page()]


def test_model_of_a_finished_run_is_registered(store: SqlStore) -> None:
    set_rule(store)
    run_id = begin(store)
    model_id = log_model(store, run_id)
    end(store, run_id)
    (done,) = run_rules(store)
    assert (done.status, done.version, done.run_id) == (RuleRunStatus.DONE, 1, run_id)
    version = store.model_versions.get("digits", 1)
    assert (version.run_id, version.model_id) == (run_id, model_id)
    assert version.user_id == "alice"
    assert run_rules(store) == []
    assert only(store) == done


def test_model_that_exists_gets_another_version(store: SqlStore) -> None:
    set_rule(store)
    trained(store)
    trained(store)
    assert sorted(one.version or 0 for one in run_rules(store)) == [1, 2]


def test_target_is_requested_in_the_name_of_the_rules_author(store: SqlStore) -> None:
    set_rule(store, target="Staging")
    store.policies.set("", _POLICY, cause=ALICE)
    run_id = trained(store)
    (done,) = run_rules(store)
    assert done.request_id is not None
    request = store.requests.get(done.request_id)
    assert (request.name, request.version, request.target) == ("digits", 1, "Staging")
    assert (request.status, request.requested_by) == (RequestStatus.OPEN, "alice")
    assert run_id in request.comment
    with pytest.raises(errors.PermissionDenied):
        store.requests.approve(request.request_id, cause=ALICE)
    approved = store.requests.approve(request.request_id, cause=BOB)
    assert approved.status is RequestStatus.COMPLETED


def test_without_a_policy_the_version_is_moved_at_once(store: SqlStore) -> None:
    set_rule(store, target="@champion")
    trained(store)
    run_rules(store)
    assert store.model_versions.by_alias("digits", "champion").version == 1


def test_what_a_rule_did_is_audited(store: SqlStore) -> None:
    set_rule(store)
    run_id = trained(store)
    run_rules(store)
    fired = store.audit.page(name="digits")[-1]
    assert fired.action == AuditAction.RULE_FIRED
    assert (fired.actor, fired.origin, fired.version) == ("alice", "rule best", 1)
    assert fired.details["run_id"] == run_id
    assert run_id in fired.reason


def test_run_that_does_not_fit_is_skipped_without_a_trace_in_the_audit_log(store: SqlStore) -> None:
    set_rule(store, filter="metrics.acc > 0.9")
    trained(store, acc=0.5)
    before = actions(store)
    (skipped,) = run_rules(store)
    assert skipped.status is RuleRunStatus.SKIPPED
    assert "filter" in skipped.message
    assert actions(store) == before


def test_skipped_run_that_finishes_again_is_looked_at_again(store: SqlStore) -> None:
    set_rule(store, filter="metrics.acc > 0.9")
    run_id = trained(store, acc=0.5)
    run_rules(store)
    store.runs.update(run_id, status=RunStatus.RUNNING)
    store.runs.log_batch(run_id, metrics=[Metric("acc", 0.99, 3_000, 1)])
    end(store, run_id)
    (done,) = run_rules(store)
    assert done.status is RuleRunStatus.DONE
    end(store, run_id)
    assert run_rules(store) == []


@pytest.mark.parametrize("what", ["resumed", "deleted", "switched off", "without a model"])
def test_run_that_is_of_no_use_any_more_is_skipped(store: SqlStore, what: str) -> None:
    set_rule(store)
    run_id = end(store, begin(store)) if what == "without a model" else trained(store)
    if what == "resumed":
        store.runs.update(run_id, status=RunStatus.RUNNING)
    elif what == "deleted":
        store.runs.delete(run_id)
    elif what == "switched off":
        set_rule(store, enabled=False)
    (skipped,) = run_rules(store)
    assert skipped.status is RuleRunStatus.SKIPPED
    with pytest.raises(errors.RegisteredModelNotFound):
        store.registered_models.get("digits")


def test_last_model_of_several_is_taken(store: SqlStore) -> None:
    set_rule(store)
    run_id = begin(store)
    last = log_model(store, run_id, step=9)
    log_model(store, run_id, step=2)
    end(store, run_id)
    run_rules(store)
    assert store.model_versions.get("digits", 1).model_id == last


def test_named_model_of_several_is_taken(store: SqlStore) -> None:
    set_rule(store, logged_model="small")
    run_id = begin(store)
    wanted = log_model(store, run_id, "small")
    log_model(store, run_id, "large", step=9)
    end(store, run_id)
    run_rules(store)
    assert store.model_versions.get("digits", 1).model_id == wanted


def test_run_without_the_named_model_is_skipped(store: SqlStore) -> None:
    set_rule(store, logged_model="small")
    trained(store)
    (skipped,) = run_rules(store)
    assert skipped.message == "The run made no model named 'small'."


def test_model_of_an_older_client_is_taken_from_the_runs_artifacts(store: SqlStore) -> None:
    set_rule(store)
    run_id = begin(store)
    history = [{"artifact_path": "first"}, "odd", {"artifact_path": "models/net"}]
    tag = Tag("mlflow.log-model.history", json.dumps(history))
    store.runs.log_batch(run_id, tags=[tag])
    end(store, run_id)
    (done,) = run_rules(store)
    version = store.model_versions.get("digits", done.version or 0)
    assert (version.source, version.run_id) == (f"runs:/{run_id}/models/net", run_id)
    change(store, "status = 'waiting', next_time = 0")
    (again,) = run_rules(store)
    assert again.version == done.version


def test_rule_waits_until_the_files_of_the_model_are_complete(store: SqlStore) -> None:
    set_rule(store)
    run_id = begin(store)
    model_id = log_model(store, run_id, status=LoggedModelStatus.PENDING)
    end(store, run_id)
    assert run_rules(store) == []
    waiting = only(store)
    assert (waiting.status, waiting.attempts) == (RuleRunStatus.WAITING, 1)
    assert model_id in waiting.message
    store.logged_models.finalize(model_id, LoggedModelStatus.READY)
    assert until_closed(store).status is RuleRunStatus.DONE


def test_rule_does_not_wait_for_ever(store: SqlStore) -> None:
    set_rule(store)
    run_id = begin(store)
    model_id = log_model(store, run_id, status=LoggedModelStatus.PENDING)
    end(store, run_id)
    change(store, "time = 0")
    (failed,) = run_rules(store)
    assert failed.status is RuleRunStatus.FAILED
    assert model_id in failed.message


def test_model_whose_files_were_lost_fails_the_rule(store: SqlStore) -> None:
    set_rule(store)
    run_id = begin(store)
    log_model(store, run_id, status=LoggedModelStatus.FAILED)
    end(store, run_id)
    (failed,) = run_rules(store)
    assert (failed.status, failed.version) == (RuleRunStatus.FAILED, None)


def test_gate_that_refuses_is_told_as_the_outcome(store: SqlStore) -> None:
    set_rule(store, target="Staging")
    store.policies.set("", _POLICY, cause=ALICE)
    trained(store, acc=0.5)
    (done,) = run_rules(store)
    assert done.status is RuleRunStatus.DONE
    assert done.request_id is not None
    assert store.requests.get(done.request_id).status is RequestStatus.REFUSED
    assert "refused" in done.message
    assert "0.9" in done.message


def test_move_that_the_policy_does_not_know_fails_the_rule(store: SqlStore) -> None:
    set_rule(store, target="Production")
    policy = "policy: 1\ntransitions: [None -> Staging, Staging -> Production]\n"
    store.policies.set("", policy, cause=ALICE)
    trained(store)
    (failed,) = run_rules(store)
    assert (failed.status, failed.version) == (RuleRunStatus.FAILED, 1)
    assert "Production" in failed.message
    assert store.model_versions.get("digits", 1).current_stage == "None"
    assert actions(store)[-1] == AuditAction.RULE_FIRED


def test_worker_that_died_before_it_was_done_changes_nothing_twice(store: SqlStore) -> None:
    set_rule(store, target="Staging")
    store.policies.set("", _POLICY, cause=ALICE)
    trained(store)
    (first,) = run_rules(store)
    change(store, "status = 'waiting', next_time = 0, version = NULL, request_id = NULL")
    (second,) = run_rules(store)
    assert (second.version, second.request_id) == (first.version, first.request_id)
    assert len(store.requests.search(name="digits")) == 1
    assert len(store.model_versions.search(Query(filter="name = 'digits'"))) == 1


def test_version_that_somebody_registered_already_is_taken(store: SqlStore) -> None:
    set_rule(store, target="Staging")
    run_id = begin(store)
    model_id = log_model(store, run_id)
    store.registered_models.create("digits", cause=BOB)
    new = NewModelVersion(name="digits", source=f"models:/{model_id}", model_id=model_id)
    store.model_versions.create(new, cause=BOB)
    store.model_versions.transition("digits", 1, "Staging", cause=BOB)
    end(store, run_id)
    (done,) = run_rules(store)
    assert (done.status, done.version, done.request_id) == (RuleRunStatus.DONE, 1, None)
    assert "already" in done.message


def test_several_rules_of_one_experiment_act_each(store: SqlStore) -> None:
    set_rule(store)
    set_rule(store, rule_name="second", model_name="numbers")
    trained(store)
    assert len(run_rules(store)) == 2
    assert (
        store.model_versions.get("digits", 1).run_id
        == store.model_versions.get("numbers", 1).run_id
    )
