"""The store contract: requests, their checks and votes."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.model_versions import ModelVersion, VersionSignature
from assay.entities.transitions import CheckStatus, GateResult, RequestStatus, TransitionRequest
from assay.store.base import Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import ContractPart, point, start
from assay.testing.store_contract_model_versions import log_model, make_version

BECAUSE = local_cause("because of a test")
APPROVED = """
policy: 1
to:
  Production: {approvals: {count: 2, from: [bob, carol, ann]}}
  "@champion": {approvals: {from: [bob]}}
"""
GATED = """
policy: 1
to:
  Production:
    gates:
      - {metric: acc, at_least: 0.9}
      - {metric: acc, not_worse_than_holder_by: 0.01, higher_is_better: true}
"""
LOOKED_AT = """
policy: 1
to:
  Production:
    gates:
      - {metric: acc, at_least: 0.9}
      - digests: intact
      - golden: replayed
      - signature: made
"""


class Acting(NamedTuple):
    """A store as somebody uses it."""

    store: Store
    cause: Cause


Act = Callable[[str], Acting]


def trained(store: Store, name: str, acc: float) -> ModelVersion:
    """A version whose run logged this accuracy."""
    run_id = start(store).info.run_id
    store.runs.log_batch(run_id, metrics=[point("acc", acc)])
    return make_version(store, name, source=f"models:/{log_model(store, run_id).model_id}")


def in_stage(store: Store, name: str, stage: str) -> list[int]:
    """The versions in a stage."""
    found = store.registered_models.latest(name, [stage])
    return [version.version for version in found]


def told(request: TransitionRequest, places: dict[int, CheckStatus]) -> list[GateResult]:
    """What a worker tells of some gates."""
    return [
        GateResult(place=place, kind="any", condition="any", status=status, message=f"gate {place}")
        for place, status in places.items()
        if place < len(request.checks)
    ]


class RequestContract(ContractPart):
    """Requests."""

    @pytest.fixture
    def acting(self, store: Store) -> Act:
        """The store as used by somebody; a store that tells by itself who that is has its own."""

        def act(name: str) -> Acting:
            return Acting(store, Cause(Actor(name, origin="local"), f"says {name}"))

        return act

    @pytest.fixture
    def digits(self, store: Store) -> str:
        """The name of a registered model with versions of 0.95, 0.80, 0.96 and 0.93 accuracy."""
        name = store.registered_models.create("digits", cause=BECAUSE).name
        for acc in (0.95, 0.80, 0.96, 0.93):
            trained(store, name, acc)
        return name

    @pytest.fixture
    def approved(self, store: Store, digits: str) -> str:
        """The same with a policy that asks for approvals."""
        store.policies.set(digits, APPROVED, cause=BECAUSE)
        return digits

    def test_without_a_policy_the_move_is_made_at_once(self, store: Store, digits: str) -> None:
        for version in (1, 2):
            request = store.requests.create(digits, version, "production", cause=BECAUSE)
            assert request.status is RequestStatus.COMPLETED
            assert (request.target, request.policy_revision) == ("Production", 0)
            assert in_stage(store, digits, "Production") == [version]
        assert store.model_versions.get(digits, 1).current_stage == "Archived"
        store.requests.create(digits, 1, "@champion", cause=BECAUSE)
        assert store.model_versions.by_alias(digits, "champion").version == 1
        assert request.comment == BECAUSE.reason

    def test_request_for_where_the_version_is_already_is_refused(
        self, store: Store, digits: str
    ) -> None:
        for target in ("Production", "@champion"):
            store.requests.create(digits, 1, target, cause=BECAUSE)
            with pytest.raises(errors.InvalidInput):
                store.requests.create(digits, 1, target, cause=BECAUSE)
        with pytest.raises(errors.InvalidInput):
            store.requests.create(digits, 2, "None", cause=BECAUSE)

    @pytest.mark.parametrize("target", ["Beta", "@latest", "@v3", "", "@", "a/b", "latest"])
    def test_request_for_a_place_that_is_none_is_refused(
        self, store: Store, digits: str, target: str
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.requests.create(digits, 1, target, cause=BECAUSE)

    def test_request_of_a_missing_model_or_version_is_not_found(
        self, store: Store, digits: str
    ) -> None:
        with pytest.raises(errors.RegisteredModelNotFound):
            store.requests.create("nobody", 1, "Production", cause=BECAUSE)
        with pytest.raises(errors.ModelVersionNotFound):
            store.requests.create(digits, 9, "Production", cause=BECAUSE)

    def test_missing_request_is_not_found(self, store: Store) -> None:
        calls: list[Callable[[], object]] = [
            lambda: store.requests.get("r-0"),
            lambda: store.requests.approve("r-0", cause=BECAUSE),
            lambda: store.requests.reject("r-0", cause=BECAUSE),
            lambda: store.requests.cancel("r-0", cause=BECAUSE),
            lambda: store.requests.record_checks("r-0", [], worker="w", cause=BECAUSE),
            lambda: store.requests.claim("w", request_id="r-0", cause=BECAUSE),
        ]
        for call in calls:
            with pytest.raises(errors.RegistryItemNotFound):
                call()

    def test_gates_over_metrics_are_judged_at_once(self, store: Store, digits: str) -> None:
        store.policies.set(digits, GATED, cause=BECAUSE)
        good = store.requests.create(digits, 1, "Production", cause=BECAUSE)
        assert good.status is RequestStatus.COMPLETED
        assert [check.status for check in good.checks] == [CheckStatus.PASSED] * 2
        bad = store.requests.create(digits, 2, "Production", cause=BECAUSE)
        assert bad.status is RequestStatus.REFUSED
        assert (bad.checks[0].value, bad.checks[0].limit) == (0.80, 0.9)
        assert "metrics.acc >= 0.9" in bad.status_reason
        assert "0.8" in bad.status_reason
        worse = store.requests.create(digits, 4, "Production", cause=BECAUSE)
        assert worse.status is RequestStatus.REFUSED
        assert "version 1" in worse.status_reason
        better = store.requests.create(digits, 3, "Production", cause=BECAUSE)
        assert better.status is RequestStatus.COMPLETED
        assert in_stage(store, digits, "Production") == [3]
        assert store.model_versions.get(digits, 1).current_stage == "Archived"

    def test_promotion_takes_the_place_although_no_step_to_the_archive_is_listed(
        self, store: Store, digits: str
    ) -> None:
        text = GATED + "transitions: [None -> Production]\n"
        store.policies.set(digits, text, cause=BECAUSE)
        for version in (1, 3):
            store.requests.create(digits, version, "Production", cause=BECAUSE)
        assert in_stage(store, digits, "Production") == [3]
        assert store.model_versions.get(digits, 1).current_stage == "Archived"

    def test_move_happens_with_the_last_approval(
        self, store: Store, approved: str, acting: Act
    ) -> None:
        ann, bob, carol = map(acting, ("ann", "bob", "carol"))
        request = ann.store.requests.create(approved, 1, "Production", cause=ann.cause)
        assert request.status is RequestStatus.OPEN
        assert (request.requested_by, request.comment) == ("ann", "says ann")
        assert "0 of 2 approvals" in request.status_reason
        waiting = bob.store.requests.approve(request.request_id, cause=bob.cause)
        assert "1 of 2 approvals" in waiting.status_reason
        again = bob.store.requests.approve(request.request_id, cause=bob.cause)
        assert again.status is RequestStatus.OPEN
        assert in_stage(store, approved, "Production") == []
        done = carol.store.requests.approve(request.request_id, cause=carol.cause)
        assert done.status is RequestStatus.COMPLETED
        assert [(v.actor, v.approve, v.comment) for v in done.votes] == [
            ("bob", True, "says bob"),
            ("carol", True, "says carol"),
        ]
        assert store.requests.get(request.request_id) == done
        assert in_stage(store, approved, "Production") == [1]

    def test_author_and_strangers_may_not_approve(
        self, store: Store, approved: str, acting: Act
    ) -> None:
        ann, dave = acting("ann"), acting("dave")
        request = ann.store.requests.create(approved, 1, "Production", cause=ann.cause)
        for somebody in (ann, dave):
            with pytest.raises(errors.PermissionDenied):
                somebody.store.requests.approve(request.request_id, cause=somebody.cause)
        with pytest.raises(errors.PermissionDenied):
            dave.store.requests.reject(request.request_id, cause=dave.cause)
        with pytest.raises(errors.PermissionDenied):
            dave.store.requests.cancel(request.request_id, cause=dave.cause)
        assert store.requests.get(request.request_id).votes == []

    def test_one_rejection_closes_a_request(self, store: Store, approved: str, acting: Act) -> None:
        ann, bob = acting("ann"), acting("bob")
        request = ann.store.requests.create(approved, 1, "Production", cause=ann.cause)
        closed = bob.store.requests.reject(request.request_id, cause=bob.cause)
        assert closed.status is RequestStatus.REJECTED
        assert "says bob" in closed.status_reason
        assert closed.closed_time is not None
        calls: list[Callable[[], object]] = [
            lambda: bob.store.requests.approve(request.request_id, cause=bob.cause),
            lambda: ann.store.requests.cancel(request.request_id, cause=ann.cause),
            lambda: store.requests.record_checks(request.request_id, [], worker="w", cause=BECAUSE),
        ]
        for call in calls:
            with pytest.raises(errors.Conflict, match="rejected"):
                call()

    def test_request_is_taken_back_by_who_made_it(self, approved: str, acting: Act) -> None:
        ann = acting("ann")
        request = ann.store.requests.create(approved, 1, "Production", cause=ann.cause)
        with pytest.raises(errors.Conflict, match=request.request_id):
            ann.store.requests.create(approved, 1, "Production", cause=ann.cause)
        closed = ann.store.requests.cancel(request.request_id, cause=ann.cause)
        assert closed.status is RequestStatus.CANCELLED
        again = ann.store.requests.create(approved, 1, "Production", cause=ann.cause)
        assert again.status is RequestStatus.OPEN

    def test_request_whose_place_changed_hands_becomes_a_conflict(
        self, store: Store, approved: str, acting: Act
    ) -> None:
        ann, bob = acting("ann"), acting("bob")
        first, second = (
            ann.store.requests.create(approved, version, "@champion", cause=ann.cause)
            for version in (1, 2)
        )
        bob.store.requests.approve(first.request_id, cause=bob.cause)
        with pytest.raises(errors.TransitionConflict, match="held by 1"):
            bob.store.requests.approve(second.request_id, cause=bob.cause)
        closed = store.requests.get(second.request_id)
        assert closed.status is RequestStatus.CONFLICT
        assert closed.votes[0].actor == "bob"
        assert store.model_versions.by_alias(approved, "champion").version == 1

    def test_gates_of_files_wait_for_a_worker(self, store: Store, digits: str) -> None:
        store.policies.set(digits, LOOKED_AT, cause=BECAUSE)
        request = store.requests.create(digits, 1, "Production", cause=BECAUSE)
        assert request.status is RequestStatus.OPEN
        kinds = [(check.kind, check.status.value) for check in request.checks]
        assert kinds == [
            ("metric", "passed"),
            ("digests", "pending"),
            ("golden", "pending"),
            ("signature", "pending"),
        ]
        ident = request.request_id
        assert store.requests.claim("w1", cause=BECAUSE) == request
        assert store.requests.claim("w2", cause=BECAUSE) is None
        assert store.requests.claim("w1", request_id=ident, cause=BECAUSE) == request
        passed = told(request, {1: CheckStatus.PASSED, 2: CheckStatus.PASSED})
        with pytest.raises(errors.Conflict):
            store.requests.record_checks(ident, passed, worker="w2", cause=BECAUSE)
        waiting = store.requests.record_checks(ident, passed, worker="w1", cause=BECAUSE)
        assert (waiting.checks[1].by, waiting.checks[1].message) == ("w1", "gate 1")
        assert waiting.checks[1].condition == request.checks[1].condition
        assert store.requests.record_checks(ident, passed, worker="w1", cause=BECAUSE) == waiting
        signed = told(request, {3: CheckStatus.PASSED})
        with pytest.raises(errors.InvalidInput, match="no signature"):
            store.requests.record_checks(ident, signed, worker="w1", cause=BECAUSE)
        signature = VersionSignature(key_id="0" * 64, signer="w1", time=1, bundle="{}")
        store.signatures.add(digits, 1, signature, cause=BECAUSE)
        done = store.requests.record_checks(ident, signed, worker="w1", cause=BECAUSE)
        assert done.status is RequestStatus.COMPLETED
        assert in_stage(store, digits, "Production") == [1]

    def test_failed_check_refuses_the_request(self, store: Store, digits: str) -> None:
        store.policies.set(digits, LOOKED_AT, cause=BECAUSE)
        request = store.requests.create(digits, 1, "Production", cause=BECAUSE)
        store.requests.claim("w", cause=BECAUSE)
        failed = told(request, {1: CheckStatus.PASSED, 2: CheckStatus.FAILED})
        closed = store.requests.record_checks(request.request_id, failed, worker="w", cause=BECAUSE)
        assert closed.status is RequestStatus.REFUSED
        assert closed.status_reason == "golden predictions replayed: gate 2"
        assert store.requests.claim("w", cause=BECAUSE) is None

    def test_worker_tells_only_of_gates_that_it_judges(self, store: Store, digits: str) -> None:
        store.policies.set(digits, LOOKED_AT, cause=BECAUSE)
        request = store.requests.create(digits, 1, "Production", cause=BECAUSE)
        store.requests.claim("w", cause=BECAUSE)
        ident = request.request_id
        for place in (0, 9):
            wrong = GateResult(place=place, kind="a", condition="b", status=CheckStatus.PASSED)
            with pytest.raises(errors.InvalidInput):
                store.requests.record_checks(ident, [wrong], worker="w", cause=BECAUSE)
        passed = told(request, {1: CheckStatus.PASSED})
        store.requests.record_checks(ident, passed, worker="w", cause=BECAUSE)
        failed = told(request, {1: CheckStatus.FAILED})
        with pytest.raises(errors.InvalidInput, match="already"):
            store.requests.record_checks(ident, failed, worker="w", cause=BECAUSE)

    @pytest.mark.parametrize("lease_s", [0.0, -1.0, float("inf"), float("nan"), 1e9])
    def test_lease_that_is_none_is_refused(self, store: Store, lease_s: float) -> None:
        with pytest.raises(errors.InvalidInput):
            store.requests.claim("w", lease_s=lease_s, cause=BECAUSE)

    def test_requests_are_found_by_model_version_and_status(
        self, store: Store, approved: str, acting: Act
    ) -> None:
        ann = acting("ann")
        made = [
            ann.store.requests.create(approved, version, "Production", cause=ann.cause)
            for version in (1, 2, 3)
        ]
        ann.store.requests.cancel(made[1].request_id, cause=ann.cause)
        idents = [it.request_id for it in made]
        find = store.requests.search
        everything = {it.request_id for it in find()}
        assert everything == set(idents)
        assert [it.request_id for it in find(name=approved, version=3)] == [idents[2]]
        opened = find(name=approved, statuses=[RequestStatus.OPEN])
        assert {it.request_id for it in opened} == {idents[0], idents[2]}
        assert [it.request_id for it in find(statuses=[RequestStatus.CANCELLED])] == [idents[1]]
        assert find(statuses=[RequestStatus.COMPLETED, RequestStatus.EXPIRED]).items == []

    def test_requests_come_in_pages(self, store: Store, approved: str, acting: Act) -> None:
        ann = acting("ann")
        for version in (1, 2, 3):
            ann.store.requests.create(approved, version, "Production", cause=ann.cause)
        whole = [it.request_id for it in store.requests.search()]
        first = store.requests.search(max_results=2)
        assert first.token is not None
        rest = store.requests.search(max_results=2, page_token=first.token)
        assert [it.request_id for it in [*first, *rest]] == whole
        assert rest.token is None
        with pytest.raises(errors.InvalidPageToken):
            store.requests.search(name=approved, page_token=first.token)
        for wrong in (0, -1, 100_000):
            with pytest.raises(errors.InvalidInput):
                store.requests.search(max_results=wrong)
        with pytest.raises(errors.InvalidInput):
            store.requests.search(version=1)
        with pytest.raises(errors.RegisteredModelNotFound):
            store.requests.search(name="nobody")

    def test_deleted_version_takes_its_requests_along(
        self, store: Store, approved: str, acting: Act
    ) -> None:
        ann = acting("ann")
        request = ann.store.requests.create(approved, 1, "Production", cause=ann.cause)
        store.model_versions.delete(approved, 1, cause=BECAUSE)
        closed = store.requests.get(request.request_id)
        assert closed.status is RequestStatus.CANCELLED
        store.registered_models.delete(approved, cause=BECAUSE)
        with pytest.raises(errors.RegistryItemNotFound):
            store.requests.get(request.request_id)
