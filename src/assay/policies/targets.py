"""Targets: what a policy asks before a version may take a stage or an alias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from assay.entities.model_versions import ARCHIVED, NO_STAGE
from assay.entities.registry_names import check_target
from assay.policies.gate_parts import read_gates
from assay.policies.gates import Gate
from assay.policies.parts import Part, known_are, shown
from assay.policies.stages import Transitions, find_stage, reachable

ANYBODY: Final = "*"
ROLE: Final = "role:"
MAX_TARGETS: Final = 100
MAX_VOTERS: Final = 100
_MAX_USER_LENGTH: Final = 200
_APPROVALS: Final = ("count", "from", "author_may_approve", "expires_after", "signed_in")


class Approvals(msgspec.Struct, frozen=True, kw_only=True):
    """Who has to say yes."""

    count: int = 1
    """How many different people."""
    voters: tuple[str, ...] = (ANYBODY,)
    """Names of users, ``role:<name>``, or ``*`` for anybody who has a name."""
    author_may_approve: bool = False
    """Whether who made the request or registered the version may vote for it."""
    expires_after_ms: int | None = None
    """How long a request waits; ``None``: for ever."""
    signed_in: bool = False
    """Whether only names count that were proved by a token."""


class TargetRules(msgspec.Struct, frozen=True):
    """What a move to a target needs: at least one gate, or approvals."""

    gates: tuple[Gate, ...] = ()
    approvals: Approvals | None = None


def read_targets(
    part: Part | None, stages: Sequence[str], transitions: Transitions
) -> dict[str, TargetRules]:
    """The governed targets by name, stages as the list spells them.

    Raises:
        InvalidPolicy: a target is unknown, can't be governed or reached, or asks for nothing.
    """
    targets: dict[str, TargetRules] = {}
    if part is None:
        return targets
    given = part.named()
    if len(given) > MAX_TARGETS:
        part.fail(f"there are {len(given)} targets, at most {MAX_TARGETS} are allowed")
    for name, one in given.items():
        target = _target(one, name, stages)
        if target in targets:
            one.fail(f"{shown(target)} is governed twice (case plays no part)")
        if not target.startswith("@") and target not in reachable(stages, transitions):
            one.fail(
                f"no version could ever get there: the transitions lead to {shown(target)} from no"
                " stage that a new version can come to"
            )
        targets[target] = _rules(one)
    return targets


def _target(part: Part, name: str, stages: Sequence[str]) -> str:
    if name.startswith("@"):
        return Part(part.where, name).name(check_target)
    stage = find_stage(stages, name)
    if stage is None:
        near = known_are(name, [*stages, "@<alias>"])
        part.fail(f"there is no stage {shown(name)}; {near}")
    if stage == NO_STAGE:
        part.fail(f"{NO_STAGE} can't be governed: every new version begins there")
    if stage == ARCHIVED:
        part.fail(f"{ARCHIVED} can't be governed: a holder goes there when another takes its place")
    return stage


def _rules(part: Part) -> TargetRules:
    if part.value is None or part.value == {}:
        part.fail("it asks for nothing; give it gates or approvals, or leave it out")
    entries = part.entries(("gates", "approvals"))
    return TargetRules(
        gates=read_gates(entries["gates"]) if "gates" in entries else (),
        approvals=_approvals(entries["approvals"]) if "approvals" in entries else None,
    )


def _approvals(part: Part) -> Approvals:
    entries = part.entries(_APPROVALS)
    count = entries["count"].whole() if "count" in entries else 1
    voters = read_voters(entries["from"]) if "from" in entries else (ANYBODY,)
    if count < 1:
        entries["count"].fail(f"it must be at least 1, not {count}; leave out approvals for none")
    if count > MAX_VOTERS:
        entries["count"].fail(f"it must be at most {MAX_VOTERS}")
    if count > len(voters) and not any(v == ANYBODY or v.startswith(ROLE) for v in voters):
        entries["count"].fail(f"it asks for {count} approvals, but only {len(voters)} may give one")
    expires = entries["expires_after"].duration_ms() if "expires_after" in entries else None
    flags = {
        name: entries[name].flag()
        for name in ("author_may_approve", "signed_in")
        if name in entries
    }
    return Approvals(count=count, voters=voters, expires_after_ms=expires, **flags)


def read_voters(part: Part) -> tuple[str, ...]:
    """Users, roles or ``*``.

    Raises:
        InvalidPolicy: one can't be a name, or is listed twice.
    """
    voters: list[str] = []
    items = part.items()
    if len(items) > MAX_VOTERS:
        part.fail(f"there are {len(items)} names, at most {MAX_VOTERS} are allowed")
    for one in items:
        voter = _voter(one)
        if voter in voters:
            one.fail(f"{shown(voter)} is listed twice")
        voters.append(voter)
    if ANYBODY in voters and len(voters) > 1:
        part.fail("'*' is anybody: the other names say nothing beside it")
    return tuple(voters)


def _voter(part: Part) -> str:
    voter = part.text()
    name = voter.removeprefix(ROLE)
    if not name or len(name) > _MAX_USER_LENGTH or ":" in name or name != name.strip():
        part.fail(f"it must be a user's name, 'role:<name>' or '*', not {shown(voter)}")
    return voter
