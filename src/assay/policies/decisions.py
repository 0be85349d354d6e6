"""Decisions: whether a request may be carried out now, and who may vote or roll back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from assay.entities.audit import Actor
from assay.entities.transitions import CheckStatus, TransitionRequest, Vote
from assay.errors import PermissionDenied, TransitionRefused
from assay.policies.policy import Policy
from assay.policies.targets import ANYBODY, ROLE, Approvals, TargetRules

Outcome: TypeAlias = Literal["ready", "waiting", "refused", "expired"]


class Decision(msgspec.Struct, frozen=True):
    """What is to be done with a request."""

    status: Outcome
    reasons: list[str] = []
    """A sentence for each thing that is missing or wrong; empty when it is ready."""


def decide(rules: TargetRules, request: TransitionRequest, *, now_ms: int) -> Decision:
    """What is to be done with an open request, from its checks, votes and age.

    Only votes count that the rules ask for, one for each person; the last of each is its word. A
    gate without a check counts as pending.
    """
    if request.expires_time is not None and now_ms >= request.expires_time:
        return Decision("expired", ["it waited longer than its policy allows"])
    if reasons := [*_failures(request), *_rejections(request)]:
        return Decision("refused", reasons)
    if reasons := [*_missing_checks(rules, request), *_missing_votes(rules, request)]:
        return Decision("waiting", reasons)
    return Decision("ready")


def _failures(request: TransitionRequest) -> Iterator[str]:
    for check in request.checks:
        if check.status is CheckStatus.FAILED:
            yield f"{check.condition}: {check.message}" if check.message else check.condition


def _rejections(request: TransitionRequest) -> Iterator[str]:
    for vote in _last_votes(request):
        if not vote.approve:
            yield f"{vote.actor} rejected it" + (f": {vote.comment}" if vote.comment else "")


def _missing_checks(rules: TargetRules, request: TransitionRequest) -> Iterator[str]:
    passed = {check.place for check in request.checks if check.status is CheckStatus.PASSED}
    for place, gate in enumerate(rules.gates):
        if place not in passed:
            yield f"{gate.condition}: not checked yet"


def _missing_votes(rules: TargetRules, request: TransitionRequest) -> Iterator[str]:
    approvals = rules.approvals
    if approvals is None:
        return
    said_yes = {vote.actor for vote in _last_votes(request) if _counts(approvals, request, vote)}
    if len(said_yes) < approvals.count:
        yield f"{len(said_yes)} of {approvals.count} approvals by {voters_text(approvals.voters)}"


def _last_votes(request: TransitionRequest) -> list[Vote]:
    return list({vote.actor: vote for vote in request.votes}.values())


def _counts(approvals: Approvals, request: TransitionRequest, vote: Vote) -> bool:
    return (
        vote.approve
        and (vote.verified or not approvals.signed_in)
        and (approvals.author_may_approve or vote.actor != request.requested_by)
        and is_named(approvals.voters, vote.actor, vote.roles)
    )


def require_vote(
    rules: TargetRules,
    request: TransitionRequest,
    actor: Actor,
    *,
    authors: Collection[str],
    approve: bool,
) -> None:
    """Check that somebody may vote on a request.

    Args:
        rules: Those of the request's target.
        request: The request.
        actor: Who votes.
        authors: Who made the request, and who registered the version.
        approve: Whether the vote is a yes. Authors whom the policy names may always say no.

    Raises:
        PermissionDenied: the actor may not; the message says why and who may.
    """
    what = f"{'approve' if approve else 'reject'} request {request.request_id}"
    approvals = rules.approvals
    if approvals is None:
        raise PermissionDenied(
            f"Nobody can {what}: the policy asks for no approvals. It waits for its checks, and"
            " can be cancelled."
        )
    if not actor.name:
        raise PermissionDenied(
            f"Somebody without a name can't {what}. Sign in, or say who you are by ASSAY_USER."
        )
    if approvals.signed_in and not actor.verified:
        raise PermissionDenied(
            f"{actor.name!r} can't {what}: the policy wants voters to sign in with a token."
        )
    if not is_named(approvals.voters, actor.name, actor.roles):
        who = voters_text(approvals.voters)
        raise PermissionDenied(f"{actor.name!r} can't {what}: the policy leaves that to {who}.")
    if approve and not approvals.author_may_approve and actor.name in authors:
        raise PermissionDenied(
            f"{actor.name!r} can't {what}: who made the request or registered the version may not"
            " approve it."
        )


def require_rollback(policy: Policy | None, actor: Actor, *, what: str = "Rolling back") -> None:
    """Check that somebody may roll back; without a policy, or one that names nobody, anybody may.

    Raises:
        TransitionRefused: the policy leaves that to others.
    """
    if policy is None or not policy.rollback_by:
        return
    if not is_named(policy.rollback_by, actor.name, actor.roles):
        who = f"{actor.name!r}" if actor.name else "somebody without a name"
        others = voters_text(policy.rollback_by)
        raise TransitionRefused(what, [f"the policy leaves that to {others}, and not to {who}"])


def is_named(voters: Collection[str], name: str, roles: Collection[str]) -> bool:
    """Whether a list of users and roles has somebody; nobody without a name is on any list."""
    if not name:
        return False
    # A claimed name that reads like a role is none.
    own = name in voters and not name.startswith(ROLE)
    return own or ANYBODY in voters or any(ROLE + role in voters for role in roles)


def voters_text(voters: Sequence[str]) -> str:
    """A list of users and roles in words."""
    words = [
        "anybody with a name"
        if voter == ANYBODY
        else f"the role {voter.removeprefix(ROLE)}"
        if voter.startswith(ROLE)
        else voter
        for voter in voters
    ]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
