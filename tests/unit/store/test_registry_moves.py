"""Requests and rollbacks of several people, in time: who may do what, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.entities.audit import Actor, AuditAction, Cause
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId, new_run_id
from assay.entities.metrics import Metric
from assay.entities.model_versions import ROLLED_BACK_TAG, NewModelVersion
from assay.entities.runs import NewRun
from assay.entities.transitions import CheckStatus, GateResult, RequestStatus, TransitionRequest
from assay.store.sql.store import SqlStore, open_sql_store

MODEL = "digits"
DAY_MS = 86_400_000
APPROVED = """
policy: 1
to:
  Production:
    approvals: {count: 2, from: [bob, carol, "role:lead"], expires_after: 7d}
"""
CHECKED = """
policy: 1
to:
  Production:
    gates:
      - {metric: acc, at_least: 0.5}
      - {metric: acc, better_than_holder_by: 0.1, higher_is_better: true}
      - digests: intact
    approvals: {count: 1, from: [bob], expires_after: 1h}
"""


def by(name: str, *roles: str, verified: bool = False, reason: str = "") -> Cause:
    return Cause(Actor(name, roles=roles, verified=verified, origin="test"), reason)


ALICE, BOB, CAROL = by("alice"), by("bob"), by("carol")


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    # Requests wait for days: time is moved, there is no other way to see them expire.
    clock = Clock()
    for module in ("requests", "request_steps"):
        monkeypatch.setattr(f"assay.store.sql.{module}.now_ms", clock)
    return clock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/a.db")
    store.registered_models.create(MODEL, cause=ALICE)
    yield store
    store.close()


def trained(store: SqlStore, acc: float | None = None, author: Cause = ALICE) -> tuple[int, RunId]:
    """Register a version of a run that logged ``acc``."""
    run_id = new_run_id()
    store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1))
    if acc is not None:
        log(store, run_id, acc)
    new = NewModelVersion(name=MODEL, source=f"runs:/{run_id}/model")
    return store.model_versions.create(new, cause=author).version, run_id


def log(store: SqlStore, run_id: RunId, acc: float, step: int = 0) -> None:
    store.runs.log_batch(run_id, metrics=[Metric("acc", acc, 1_000 + step, step)])


def ask(
    store: SqlStore, version: int, target: str = "Production", cause: Cause = ALICE
) -> TransitionRequest:
    return store.requests.create(MODEL, version, target, cause=cause)


def stage(store: SqlStore, version: int) -> str:
    return store.model_versions.get(MODEL, version).current_stage


def passed(place: int) -> GateResult:
    return GateResult(place=place, kind="", condition="", status=CheckStatus.PASSED)


def actions(store: SqlStore) -> list[str]:
    return [one.action for one in store.audit.page(name=MODEL)]


def test_move_waits_for_as_many_people_as_the_policy_names(store: SqlStore) -> None:
    version, _ = trained(store)
    store.policies.set(MODEL, APPROVED, cause=ALICE)
    ident = ask(store, version).request_id
    for _ in range(2):
        waiting = store.requests.approve(ident, cause=BOB)
        assert waiting.status_reason.startswith("1 of 2 approvals")
    done = store.requests.approve(ident, cause=by("dora", "lead"))
    assert done.status is RequestStatus.COMPLETED
    assert [vote.actor for vote in done.votes] == ["bob", "dora"]
    assert actions(store)[-5:] == [
        AuditAction.REQUEST_CREATED,
        *[AuditAction.REQUEST_APPROVED] * 3,
        AuditAction.REQUEST_COMPLETED,
    ]


def test_nobody_votes_who_may_not_and_nothing_is_kept_of_it(store: SqlStore) -> None:
    version, _ = trained(store, author=CAROL)
    store.policies.set(MODEL, APPROVED, cause=ALICE)
    ident = ask(store, version, cause=BOB).request_id
    head = store.audit.head()
    for cause in (BOB, CAROL, ALICE, by(""), by("role:lead"), by("dora", "leader")):
        with pytest.raises(errors.PermissionDenied):
            store.requests.approve(ident, cause=cause)
    assert store.requests.get(ident).votes == []
    assert store.audit.head() == head


def test_only_who_made_a_request_or_manages_takes_it_back(store: SqlStore) -> None:
    version, _ = trained(store)
    store.policies.set(MODEL, APPROVED, cause=ALICE)
    ident = ask(store, version).request_id
    for cause in (BOB, by("eve", "manager"), by("eve", "worker", verified=True)):
        with pytest.raises(errors.PermissionDenied):
            store.requests.cancel(ident, cause=cause)
    manager = by("eve", "manager", verified=True, reason="too early")
    closed = store.requests.cancel(ident, cause=manager)
    assert closed.status is RequestStatus.CANCELLED
    assert "too early" in closed.status_reason


def test_request_expires_for_readers_at_once_and_is_closed_by_the_next_write(
    store: SqlStore, clock: Clock
) -> None:
    version, _ = trained(store)
    store.policies.set(MODEL, APPROVED, cause=ALICE)
    made = ask(store, version)
    clock.now += 7 * DAY_MS - 1
    assert store.requests.get(made.request_id).is_open
    clock.now += 1
    head = store.audit.head()
    assert store.requests.get(made.request_id).status is RequestStatus.EXPIRED
    assert store.requests.search(statuses=[RequestStatus.OPEN]).items == []
    (found,) = store.requests.search(statuses=[RequestStatus.EXPIRED]).items
    assert found.closed_time == made.expires_time
    assert store.audit.head() == head
    again = ask(store, version)
    assert again.is_open
    assert actions(store)[-2:] == [AuditAction.REQUEST_EXPIRED, AuditAction.REQUEST_CREATED]


def test_late_vote_closes_an_expired_request_and_says_so(store: SqlStore, clock: Clock) -> None:
    version, _ = trained(store)
    store.policies.set(MODEL, APPROVED, cause=ALICE)
    ident = ask(store, version).request_id
    store.requests.approve(ident, cause=BOB)
    clock.now += 7 * DAY_MS
    for _ in range(2):
        with pytest.raises(errors.Conflict, match="expired"):
            store.requests.approve(ident, cause=CAROL)
    assert stage(store, version) == "None"
    assert actions(store)[-1] == AuditAction.REQUEST_EXPIRED


def test_lease_of_a_worker_ends_and_another_takes_over(store: SqlStore, clock: Clock) -> None:
    version, _ = trained(store, 0.9)
    store.policies.set(MODEL, CHECKED, cause=ALICE)
    ident = ask(store, version).request_id
    assert store.requests.claim("w1", lease_s=60, cause=ALICE) is not None
    clock.now += 59_000
    assert store.requests.claim("w2", cause=ALICE) is None
    clock.now += 1_000
    assert store.requests.claim("w2", cause=ALICE) is not None
    with pytest.raises(errors.Conflict):
        store.requests.record_checks(ident, [passed(2)], worker="w1", cause=ALICE)
    store.requests.record_checks(ident, [passed(2)], worker="w2", cause=ALICE)
    clock.now += 3_600_000
    assert store.requests.claim("w2", cause=ALICE) is None


def test_only_workers_of_those_who_signed_in_judge_checks(store: SqlStore) -> None:
    version, _ = trained(store, 0.9)
    store.policies.set(MODEL, CHECKED, cause=ALICE)
    ident = ask(store, version).request_id
    manager = by("eve", "manager", verified=True)
    with pytest.raises(errors.PermissionDenied):
        store.requests.claim("w", cause=manager)
    worker = by("ci", "worker", verified=True)
    assert store.requests.claim("w", cause=worker) is not None
    with pytest.raises(errors.PermissionDenied):
        store.requests.record_checks(ident, [passed(2)], worker="w", cause=manager)
    assert store.requests.record_checks(ident, [passed(2)], worker="w", cause=worker).is_open


def test_only_managers_of_those_who_signed_in_change_policies(store: SqlStore) -> None:
    with pytest.raises(errors.PermissionDenied):
        store.policies.set(MODEL, APPROVED, cause=by("ci", "worker", verified=True))
    store.policies.set(MODEL, APPROVED, cause=by("eve", "manager", verified=True))
    with pytest.raises(errors.PermissionDenied):
        store.policies.remove(MODEL, cause=by("ci", verified=True))


def test_metrics_are_judged_again_when_the_move_is_made(store: SqlStore) -> None:
    version, run_id = trained(store, 0.9)
    store.policies.set(MODEL, CHECKED, cause=ALICE)
    made = ask(store, version)
    assert [one.status.value for one in made.checks] == ["passed", "passed", "pending"]
    store.requests.claim("w", cause=ALICE)
    store.requests.record_checks(made.request_id, [passed(2)], worker="w", cause=ALICE)
    log(store, run_id, 0.4, step=1)
    closed = store.requests.approve(made.request_id, cause=BOB)
    assert closed.status is RequestStatus.REFUSED
    assert closed.checks[0].value == 0.4
    assert closed.checks[2].status is CheckStatus.PASSED
    assert stage(store, version) == "None"


def test_version_is_held_against_the_holder(store: SqlStore) -> None:
    store.policies.set(MODEL, CHECKED.split("      - digests", maxsplit=1)[0], cause=ALICE)
    first, second, third = (trained(store, acc)[0] for acc in (0.6, 0.65, 0.8))
    assert ask(store, first).status is RequestStatus.COMPLETED
    refused = ask(store, second)
    assert refused.status is RequestStatus.REFUSED
    assert refused.checks[1].value == 0.65
    assert refused.checks[1].limit == pytest.approx(0.7)
    assert ask(store, third).status is RequestStatus.COMPLETED
    assert (stage(store, first), stage(store, third)) == ("Archived", "Production")


def test_not_a_number_passes_no_gate(store: SqlStore) -> None:
    store.policies.set(MODEL, CHECKED, cause=ALICE)
    refused = ask(store, trained(store, float("nan"))[0])
    assert refused.status is RequestStatus.REFUSED
    assert "it is NaN" in refused.status_reason


def test_governed_alias_moves_by_request_and_takes_over(store: SqlStore) -> None:
    text = APPROVED.replace("Production", '"@champion"').replace("count: 2", "count: 1")
    first, second = (trained(store)[0] for _ in range(2))
    store.policies.set(MODEL, text, cause=ALICE)
    for version in (first, second):
        with pytest.raises(errors.TransitionRefused):
            store.registered_models.set_alias(MODEL, "champion", version, cause=ALICE)
        ident = ask(store, version, "@champion").request_id
        store.requests.approve(ident, cause=BOB)
    assert store.registered_models.get(MODEL).aliases == {"champion": second}
    back = store.requests.rollback(MODEL, "@champion", cause=ALICE)
    assert [one.version for one in back] == [first]


def test_place_that_was_emptied_meanwhile_is_a_conflict(store: SqlStore) -> None:
    first, second = (trained(store)[0] for _ in range(2))
    ask(store, first)
    store.policies.set(MODEL, APPROVED, cause=ALICE)
    ident = ask(store, second).request_id
    store.model_versions.transition(MODEL, first, "Archived", cause=ALICE)
    store.requests.approve(ident, cause=BOB)
    with pytest.raises(errors.TransitionConflict):
        store.requests.approve(ident, cause=CAROL)
    assert stage(store, second) == "None"
    assert store.requests.get(ident).status is RequestStatus.CONFLICT


def test_rollback_restores_a_place_that_was_left(store: SqlStore) -> None:
    first, second = (trained(store)[0] for _ in range(2))
    ask(store, first)
    ask(store, second)
    store.model_versions.transition(MODEL, second, "Staging", cause=ALICE)
    back = store.requests.rollback(MODEL, "Production", cause=ALICE)
    assert [one.version for one in back] == [second]
    (record,) = store.audit.page(after=store.audit.head().seq - 1)
    assert record.details["moves"] == [
        {"target": "Production", "from": [], "to": [second]},
        {"target": "Staging", "from": [second], "to": []},
    ]
    again = store.requests.rollback(MODEL, "Production", cause=ALICE)
    assert [one.version for one in again] == [first]


def test_rollback_restores_all_who_held_a_place_that_nothing_governs(store: SqlStore) -> None:
    versions = [trained(store)[0] for _ in range(3)]
    for version in versions[:2]:
        store.model_versions.transition(MODEL, version, "Production", cause=ALICE)
    ask(store, versions[2])
    back = store.requests.rollback(MODEL, "Production", cause=ALICE)
    assert sorted(one.version for one in back) == versions[:2]
    assert stage(store, versions[2]) == "Archived"


def test_rollback_is_left_to_whom_the_policy_names(store: SqlStore) -> None:
    first, second = (trained(store)[0] for _ in range(2))
    ask(store, first)
    ask(store, second)
    text = APPROVED + 'rollback: {by: [carol, "role:lead"]}\n'
    store.policies.set(MODEL, text, cause=ALICE)
    head = store.audit.head()
    for cause in (ALICE, by(""), by("role:lead")):
        with pytest.raises(errors.TransitionRefused):
            store.requests.rollback(MODEL, "Production", cause=cause)
    assert store.audit.head() == head
    store.requests.rollback(MODEL, "Production", cause=by("dora", "lead", reason="it drifts"))
    assert (stage(store, first), stage(store, second)) == ("Production", "Archived")
    note = store.model_versions.get(MODEL, second).tags[ROLLED_BACK_TAG]
    assert "by dora" in note
    assert "it drifts" in note


def test_version_that_comes_back_is_no_longer_marked_as_rolled_back(store: SqlStore) -> None:
    first, second = (trained(store)[0] for _ in range(2))
    ask(store, first)
    ask(store, second)
    store.requests.rollback(MODEL, "Production", cause=ALICE)
    ask(store, second)
    store.requests.rollback(MODEL, "Production", cause=ALICE)
    assert ROLLED_BACK_TAG in store.model_versions.get(MODEL, second).tags
    assert ROLLED_BACK_TAG not in store.model_versions.get(MODEL, first).tags


def test_new_model_of_an_old_name_has_no_past(store: SqlStore) -> None:
    for _ in range(2):
        ask(store, trained(store)[0])
    store.registered_models.delete(MODEL, cause=ALICE)
    store.registered_models.create(MODEL, cause=ALICE)
    ask(store, trained(store)[0])
    with pytest.raises(errors.InvalidInput):
        store.requests.rollback(MODEL, "Production", cause=ALICE)
    assert len(store.requests.search(name=MODEL).items) == 1


def test_change_of_the_default_policy_cancels_requests_of_all_models(store: SqlStore) -> None:
    store.policies.set("", APPROVED, cause=ALICE)
    made = ask(store, trained(store)[0])
    store.policies.set("", APPROVED.replace("7d", "8d"), cause=ALICE)
    assert store.requests.get(made.request_id).status is RequestStatus.CANCELLED
    assert stage(store, made.version) == "None"
    assert actions(store)[-1] == AuditAction.REQUEST_CANCELLED
