"""Decisions on requests, votes and rollbacks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from assay.entities.audit import Actor
from assay.entities.transitions import (
    CheckStatus,
    GateResult,
    RequestStatus,
    TransitionRequest,
    Vote,
)
from assay.errors import PermissionDenied, TransitionRefused
from assay.policies.bounds import Bounds
from assay.policies.decisions import decide, require_rollback, require_vote
from assay.policies.gates import CheckGate, CheckKind, MetricGate
from assay.policies.policy import Approvals, Policy, TargetRules

GATES = (MetricGate("acc", Bounds(at_least=0.9)), CheckGate(CheckKind.GOLDEN))
TWO = Approvals(count=2, voters=("alice", "bob", "role:lead"))


def check(place: int, status: CheckStatus, message: str = "") -> GateResult:
    gate = GATES[place]
    return GateResult(
        place=place, kind=gate.kind, condition=gate.condition, status=status, message=message
    )


DONE = [check(0, CheckStatus.PASSED), check(1, CheckStatus.PASSED)]


def yes(actor: str, *roles: str, verified: bool = False) -> Vote:
    return Vote(actor=actor, approve=True, roles=roles, verified=verified)


def no(actor: str, comment: str = "") -> Vote:
    return Vote(actor=actor, approve=False, comment=comment)


def request(
    checks: Sequence[GateResult] = (), votes: Sequence[Vote] = (), expires: int | None = None
) -> TransitionRequest:
    return TransitionRequest(
        request_id="q1",
        name="m",
        version=3,
        target="Production",
        expected=(),
        status=RequestStatus.OPEN,
        requested_by="ann",
        time=0,
        expires_time=expires,
        checks=list(checks),
        votes=list(votes),
    )


@pytest.mark.parametrize(
    ("rules", "asked", "status", "reasons"),
    [
        (TargetRules(GATES), request(DONE), "ready", []),
        (TargetRules((), TWO), request(votes=[yes("alice"), yes("bob")]), "ready", []),
        (TargetRules((), TWO), request(votes=[yes("alice"), yes("eve", "lead")]), "ready", []),
        (
            TargetRules((), TWO),
            request(votes=[yes("alice")]),
            "waiting",
            ["1 of 2 approvals by alice, bob or the role lead"],
        ),
        # One vote a person, and the last counts.
        (
            TargetRules((), TWO),
            request(votes=[yes("alice"), yes("alice")]),
            "waiting",
            ["1 of 2 approvals by alice, bob or the role lead"],
        ),
        (
            TargetRules((), TWO),
            request(votes=[no("alice"), yes("alice"), yes("bob")]),
            "ready",
            [],
        ),
        (
            TargetRules((), TWO),
            request(votes=[yes("alice"), yes("eve", "other"), yes("ann", "lead")]),
            "waiting",
            ["1 of 2 approvals by alice, bob or the role lead"],
        ),
        (
            TargetRules((), Approvals(author_may_approve=True)),
            request(votes=[yes("ann")]),
            "ready",
            [],
        ),
        (
            TargetRules((), Approvals()),
            request(votes=[yes("")]),
            "waiting",
            ["0 of 1 approvals by anybody with a name"],
        ),
        (
            TargetRules((), Approvals(signed_in=True)),
            request(votes=[yes("bob")]),
            "waiting",
            ["0 of 1 approvals by anybody with a name"],
        ),
        (
            TargetRules((), Approvals(signed_in=True)),
            request(votes=[yes("bob", verified=True)]),
            "ready",
            [],
        ),
        (
            TargetRules(GATES),
            request([check(0, CheckStatus.PASSED)]),
            "waiting",
            ["golden predictions replayed: not checked yet"],
        ),
        (
            TargetRules(GATES),
            request([check(0, CheckStatus.PASSED), check(1, CheckStatus.PENDING)]),
            "waiting",
            ["golden predictions replayed: not checked yet"],
        ),
        (
            TargetRules(GATES, Approvals(voters=("bob",))),
            request(DONE[:1]),
            "waiting",
            ["golden predictions replayed: not checked yet", "0 of 1 approvals by bob"],
        ),
        (
            TargetRules(GATES),
            request([check(0, CheckStatus.FAILED, "it is 0.5"), check(1, CheckStatus.PENDING)]),
            "refused",
            ["metrics.acc >= 0.9: it is 0.5"],
        ),
        (
            TargetRules(GATES),
            request([check(0, CheckStatus.FAILED), check(1, CheckStatus.FAILED)]),
            "refused",
            ["metrics.acc >= 0.9", "golden predictions replayed"],
        ),
        (
            TargetRules((), TWO),
            request(votes=[yes("alice"), no("bob", "too early"), yes("eve", "lead")]),
            "refused",
            ["bob rejected it: too early"],
        ),
        (
            TargetRules(GATES),
            request(DONE, expires=1_000),
            "expired",
            ["it waited longer than its policy allows"],
        ),
        (TargetRules(GATES), request(DONE, expires=1_001), "ready", []),
    ],
)
def test_request_is_decided_from_checks_votes_and_age(
    rules: TargetRules, asked: TransitionRequest, status: str, reasons: list[str]
) -> None:
    decision = decide(rules, asked, now_ms=1_000)

    assert (decision.status, decision.reasons) == (status, reasons)


def vote(approvals: Approvals | None, actor: Actor, *, approve: bool = True) -> None:
    require_vote(
        TargetRules(GATES, approvals), request(), actor, authors={"ann", "carl"}, approve=approve
    )


@pytest.mark.parametrize(
    ("approvals", "actor", "why"),
    [
        (None, Actor("bob"), "asks for no approvals"),
        (Approvals(), Actor(""), "without a name"),
        (Approvals(), Actor("", roles=("lead",), verified=True), "without a name"),
        (TWO, Actor("eve"), "leaves that to alice, bob or the role lead"),
        (TWO, Actor("Alice"), "leaves that to alice"),
        (TWO, Actor("lead"), "leaves that to alice"),
        (TWO, Actor("role:lead"), "leaves that to alice"),
        (TWO, Actor("eve", roles=("role:lead", "alice")), "leaves that to alice"),
        (Approvals(), Actor("ann"), "may not approve it"),
        (Approvals(), Actor("carl"), "may not approve it"),
        (Approvals(signed_in=True), Actor("bob"), "sign in with a token"),
    ],
)
def test_vote_that_the_policy_does_not_ask_for_is_denied(
    approvals: Approvals | None, actor: Actor, why: str
) -> None:
    with pytest.raises(PermissionDenied, match=why):
        vote(approvals, actor)


@pytest.mark.parametrize(
    ("approvals", "actor", "approve"),
    [
        (Approvals(), Actor("bob"), True),
        (TWO, Actor("bob"), True),
        (TWO, Actor("eve", roles=("lead",)), True),
        (Approvals(author_may_approve=True), Actor("ann"), True),
        (Approvals(), Actor("ann"), False),
        (Approvals(signed_in=True), Actor("bob", verified=True), True),
    ],
)
def test_vote_that_the_policy_asks_for_is_taken(
    approvals: Approvals, actor: Actor, approve: bool
) -> None:
    vote(approvals, actor, approve=approve)


def policy(*rollback_by: str) -> Policy:
    return Policy(stages=("None", "Archived"), rollback_by=rollback_by)


@pytest.mark.parametrize(
    ("rules", "actor"),
    [
        (None, Actor("")),
        (policy(), Actor("")),
        (policy("*"), Actor("eve")),
        (policy("carol", "role:lead"), Actor("carol")),
        (policy("carol", "role:lead"), Actor("eve", roles=("lead",))),
    ],
)
def test_rollback_is_for_whom_the_policy_names_or_else_for_anybody(
    rules: Policy | None, actor: Actor
) -> None:
    require_rollback(rules, actor)


@pytest.mark.parametrize("actor", [Actor("eve"), Actor("")])
def test_rollback_by_somebody_else_is_refused(actor: Actor) -> None:
    with pytest.raises(TransitionRefused, match="leaves that to carol or the role lead"):
        require_rollback(policy("carol", "role:lead"), actor, what="Rolling back 'm'")
