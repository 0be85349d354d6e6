"""Dry runs: what a policy would say of a version, with nothing changed."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from assay.client.client import Client
from assay.entities.model_versions import ModelVersion
from assay.entities.transitions import CheckStatus, GateResult
from assay.errors import InvalidInput
from assay.fluent.reading import client_for
from assay.policies.gates import CheckGate, CheckKind, Gate, MetricGate, judge
from assay.policies.policy import Policy, TargetRules, parse_policy
from assay.registry.checks import How, Looker
from assay.registry.figures import figures_of
from assay.store.base import Store


class TargetCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy would say of a move to one target."""

    target: str
    allowed: bool
    """Whether the transitions lead there from the version's stage."""
    holders: list[int]
    results: list[GateResult]
    approvals: str = ""
    """Who would have to say yes; empty: nobody."""

    @property
    def ok(self) -> bool:
        """Whether nothing stands against the move: it would be made, or wait for approvals and a
        worker's signature only.
        """
        return self.allowed and all(one.status is not CheckStatus.FAILED for one in self.results)


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy would say of a version."""

    name: str
    version: int
    targets: list[TargetCheck]

    @property
    def ok(self) -> bool:
        """Whether no gate of any target stands against the version."""
        return all(one.ok for one in self.targets)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        for target, mine in zip(plain["targets"], self.targets, strict=True):
            target["ok"] = mine.ok
        return {**plain, "ok": self.ok}


def check(
    name: str,
    version: int,
    *,
    policy: str | None = None,
    to: str | None = None,
    how: How | None = None,
) -> DryRun:
    """Hold a version against a policy, this process looking at all gates itself.

    Args:
        name: of the registered model.
        version: its number.
        policy: the policy's text; left out, the one in force.
        to: a governed target; left out, all of them.
        how: how the models are looked at. Nothing is signed: the gate passes if there is a key.

    Raises:
        InvalidPolicy: the text doesn't parse or contradicts itself.
        InvalidInput: there is no policy, or it doesn't govern ``to``.
        ModelVersionNotFound: there is no such version.
    """
    client = client_for()
    store = client.store
    chosen = store.model_versions.get(name, version)
    meaning = _policy(store, name, policy)
    targets = _targets(meaning, to)
    how = how or How()
    return DryRun(
        name=chosen.name,
        version=chosen.version,
        targets=[
            _target(client, chosen, meaning, target=one, rules=rules, how=how)
            for one, rules in targets
        ],
    )


def _policy(store: Store, name: str, text: str | None) -> Policy:
    if text is not None:
        return parse_policy(text)
    found = store.policies.find(name)
    if found is None:
        raise InvalidInput(f"The model {name!r} has no policy; give one with policy=.")
    return parse_policy(found.text)


def _targets(policy: Policy, to: str | None) -> list[tuple[str, TargetRules]]:
    if to is None:
        return list(policy.targets.items())
    rules = policy.rules_for(to)
    if rules is None:
        known = ", ".join(policy.targets) or "nothing"
        raise InvalidInput(f"The policy doesn't govern {to!r}; it governs {known}.")
    return [(to if to.startswith("@") else policy.canonical(to) or to, rules)]


def _target(
    client: Client,
    version: ModelVersion,
    policy: Policy,
    *,
    target: str,
    rules: TargetRules,
    how: How,
) -> TargetCheck:
    holders = client.store.audit.holders(version.name, target, time.time_ns() // 1_000_000)
    others = [one for one in holders if one != version.version]
    holder = max(others, default=None)
    mine = figures_of(client, version)
    theirs = (
        None
        if holder is None
        else figures_of(client, client.store.model_versions.get(version.name, holder))
    )
    results: list[GateResult] = []
    waiting: list[tuple[int, Gate]] = []
    for place, gate in enumerate(rules.gates):
        if isinstance(gate, MetricGate):
            now = time.time_ns() // 1_000_000
            results.append(
                judge(gate, place, figures=mine, holder=theirs, holder_version=holder, now_ms=now)
            )
        elif isinstance(gate, CheckGate) and gate.kind is CheckKind.SIGNATURE:
            results.append(_unsigned(gate, place, how))
        else:
            waiting.append((place, gate))
    results += Looker(client, version, holder=holder, how=how).look(waiting)
    return TargetCheck(
        target=target,
        allowed=target.startswith("@") or policy.allows(version.current_stage, target),
        holders=holders,
        results=sorted(results, key=lambda one: one.place),
        approvals=_approvals(rules),
    )


def _unsigned(gate: CheckGate, place: int, how: How) -> GateResult:
    has_key = how.key is not None
    return GateResult(
        place=place,
        kind=str(gate.kind),
        condition=gate.condition,
        status=CheckStatus.PASSED if has_key else CheckStatus.PENDING,
        message="it would be signed" if has_key else "the worker signs it with its key",
        by=how.worker,
    )


def _approvals(rules: TargetRules) -> str:
    wanted = rules.approvals
    if wanted is None:
        return ""
    return f"{wanted.count} of {', '.join(wanted.voters)}"
