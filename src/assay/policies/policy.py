"""Policies: a model's stages, the steps between them, and what a move to a place needs.

The text is the truth; a ``Policy`` is what it means. Format: docs/formats/policy.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from assay.errors import InvalidPolicy
from assay.policies.gates import Gate
from assay.policies.parts import Part
from assay.policies.stages import (
    Transitions,
    find_stage,
    read_stages,
    read_transitions,
    step_allowed,
)
from assay.policies.targets import Approvals, TargetRules, read_targets, read_voters

__all__ = ["FORMAT", "Approvals", "Policy", "TargetRules", "describe", "parse_policy"]

FORMAT: Final = 1
"""Version of the format. A file of a higher one is refused: half of a policy must not hold. When
its meaning changes, raise it, keep reading the older ones as before, and tell the difference in
docs/formats/policy.md.
"""
_ENTRIES: Final = ("policy", "stages", "transitions", "to", "rollback")


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy's text means."""

    stages: tuple[str, ...]
    transitions: Transitions = None
    targets: dict[str, TargetRules] = {}
    """By stage, or ``@`` and an alias."""
    rollback_by: tuple[str, ...] = ()
    """Who may roll back; empty: whoever may write."""

    def canonical(self, stage: str) -> str | None:
        """A stage as the list spells it; ``None``: there is no such stage."""
        return find_stage(self.stages, stage)

    def rules_for(self, target: str) -> TargetRules | None:
        """What a move to a stage (in any case) or ``@alias`` needs; ``None``: nothing."""
        key = target if target.startswith("@") else self.canonical(target)
        return None if key is None else self.targets.get(key)

    def allows(self, before: str, after: str) -> bool:
        """Whether a version may go from one stage to another. Staying is always allowed, an
        unknown stage never.
        """
        start, end = self.canonical(before), self.canonical(after)
        return start is not None and end is not None and step_allowed(self.transitions, start, end)


@lru_cache(maxsize=64)
def parse_policy(text: str) -> Policy:
    """The meaning of a policy's text.

    Raises:
        InvalidPolicy: it doesn't parse, goes beyond a limit or contradicts itself; ``where`` is
            the place.
    """
    # A process that meets no policy saves the 15 ms that PyYAML takes.
    from assay.policies.yaml_text import read_yaml

    entries = Part("", read_yaml(text)).entries(_ENTRIES)
    if "policy" not in entries:
        raise InvalidPolicy("", f"it must say its format: begin it with 'policy: {FORMAT}'")
    _check_format(entries["policy"])
    stages = read_stages(entries.get("stages"))
    transitions = read_transitions(entries.get("transitions"), stages)
    return Policy(
        stages=stages,
        transitions=transitions,
        targets=read_targets(entries.get("to"), stages, transitions),
        rollback_by=_rollback(entries.get("rollback")),
    )


def _check_format(part: Part) -> None:
    found = part.whole()
    if found > FORMAT:
        part.fail(f"format {found} is newer than this Assay, which reads {FORMAT}; update it")
    if found != FORMAT:
        part.fail(f"there is no format {found}; it must be {FORMAT}")


def _rollback(part: Part | None) -> tuple[str, ...]:
    if part is None:
        return ()
    return read_voters(part.entries(("by",))["by"])


def describe(policy: Policy) -> dict[str, Any]:
    """A policy as plain values, with conditions in words, for pages and programs."""
    steps = policy.transitions
    return {
        "stages": list(policy.stages),
        "transitions": None if steps is None else [f"{one} -> {other}" for one, other in steps],
        "targets": {name: _described(rules) for name, rules in policy.targets.items()},
        "rollback_by": list(policy.rollback_by),
    }


def _described(rules: TargetRules) -> dict[str, Any]:
    approvals = rules.approvals
    return {
        "gates": list(_gates(rules.gates)),
        "approvals": None
        if approvals is None
        else {
            "count": approvals.count,
            "from": list(approvals.voters),
            "author_may_approve": approvals.author_may_approve,
            "expires_after_ms": approvals.expires_after_ms,
            "signed_in": approvals.signed_in,
        },
    }


def _gates(gates: tuple[Gate, ...]) -> Iterator[dict[str, Any]]:
    for place, gate in enumerate(gates):
        yield {
            "place": place,
            "kind": str(gate.kind),
            "condition": gate.condition,
            "by_store": gate.by_store,
        }
