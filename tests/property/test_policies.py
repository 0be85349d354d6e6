"""Policies, gates, decisions and holders in random forms, against plain models of each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assay.entities.audit import Actor, AuditAction, AuditRecord
from assay.entities.transitions import (
    CheckStatus,
    GateResult,
    RequestStatus,
    TransitionRequest,
    Vote,
)
from assay.errors import InvalidInput, PermissionDenied
from assay.policies.bounds import Amount, Bounds
from assay.policies.decisions import decide, require_vote
from assay.policies.gates import CHECK_WORDS, CheckGate, CheckKind, Gate, MetricGate, judge
from assay.policies.holders import before, holders_at, trail
from assay.policies.policy import Approvals, TargetRules, describe, parse_policy

numbers = st.sampled_from((0.0, 0.1, 0.5, 0.7, 1.0, -1.0, 1e-9, 1e300)) | st.floats(
    allow_nan=False, allow_infinity=False
)
amounts = st.floats(0, 1e6) | st.sampled_from(("0 %", "0.5 %", "10%", "250 %"))
stage_names = st.from_regex(r"[A-Z][a-z]{2,6}", fullmatch=True).filter(
    lambda name: name not in ("Latest", "None", "Archived")
)
user_names = st.sampled_from(("ann", "bob", "carol", "role:lead", "role:qa"))


@st.composite
def metric_gates(draw: st.DrawFn) -> dict[str, Any]:
    gate: dict[str, Any] = {"metric": f"m{draw(st.integers(0, 1_000_000))}"}
    low, high = sorted((draw(numbers), draw(numbers)))
    if draw(st.booleans()):
        gate["at_least"] = low
    if draw(st.booleans()):
        gate["at_most"] = high
    if len(gate) == 1 or draw(st.booleans()):
        name = draw(st.sampled_from(("not_worse_than_holder_by", "better_than_holder_by")))
        gate |= {name: draw(amounts), "higher_is_better": draw(st.booleans())}
    return gate


check_gates = st.sampled_from([{str(kind): word} for kind, (word, _) in CHECK_WORDS.items()])
gate_lists = st.lists(
    metric_gates() | check_gates,
    min_size=1,
    max_size=6,
    unique_by=lambda g: str(g.get("metric", g)),
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    """A policy as a person writes it, without mistakes."""
    own = draw(st.lists(stage_names, min_size=1, max_size=4, unique_by=str.lower))
    policy: dict[str, Any] = {"policy": 1, "stages": ["None", *own, "Archived"]}
    if draw(st.booleans()):
        path = ["None", *own]
        policy["transitions"] = [f"{a} -> {b}" for a, b in pairwise(path)]
    targets = st.sampled_from(own) | st.sampled_from(("@champion", "@blue"))
    approvals = st.fixed_dictionaries(
        {"count": st.integers(1, 3)},
        optional={
            "from": st.just(["role:lead", "ann"]),
            "author_may_approve": st.booleans(),
            "expires_after": st.sampled_from(("7d", "90s")),
            "signed_in": st.booleans(),
        },
    )
    rules = st.fixed_dictionaries({"gates": gate_lists}, optional={"approvals": approvals})
    policy["to"] = draw(st.dictionaries(targets, rules, min_size=1, max_size=3))
    return policy


def dumped(entries: dict[str, Any], **style: Any) -> str:
    # PyYAML writes an anchor for a list that stands in two places: here each is one of its own.
    return str(yaml.safe_dump(unshared(entries), sort_keys=False, allow_unicode=True, **style))


def unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unshared(one) for key, one in value.items()}
    return [unshared(one) for one in value] if isinstance(value, list) else value


@given(policies())
def test_policy_without_mistakes_means_what_it_says(written: dict[str, Any]) -> None:
    policy = parse_policy(dumped(written))

    assert list(policy.stages) == written["stages"]
    assert list(policy.targets) == list(written["to"])
    for name, rules in written["to"].items():
        found = policy.rules_for(name.upper() if not name.startswith("@") else name)
        assert found is not None
        for gate, text in zip(found.gates, rules["gates"], strict=True):
            assert gate.kind in text
            if isinstance(gate, MetricGate):
                assert gate.bounds.at_least == text.get("at_least")
                assert gate.bounds.at_most == text.get("at_most")
        assert (found.approvals is None) == ("approvals" not in rules)


@given(policies())
def test_policy_means_the_same_in_every_style_of_yaml(written: dict[str, Any]) -> None:
    block = parse_policy(dumped(written))

    assert describe(parse_policy(dumped(written, default_flow_style=True))) == describe(block)
    assert describe(parse_policy(json.dumps(written))) == describe(block)


WORDS = (
    *("policy", "1", "to", "Production", "gates", "metric", "at_least", "0.5", "stages", "by"),
    *("transitions", "None -> Staging", "approvals", "count", "from", "@champion", "rollback"),
    *(": ", "- ", "[", "]", "{", "}", ", ", "'", '"', "*", "&a", "~", "!x", "#", "|", "é"),
    *("\n", "  ", "\t"),
)
words = st.sampled_from(WORDS)


def refusal(parse: Callable[[str], object], text: str) -> str | None:
    """Why a text is refused; ``None``: it isn't."""
    try:
        parse(text)
    except InvalidInput as error:
        return error.message
    return None


@given(st.lists(words, max_size=40).map("".join) | st.text(max_size=200))
def test_any_text_is_a_policy_or_an_invalid_one(text: str) -> None:
    why = refusal(parse_policy, text)

    assert why is None or (why.startswith("Invalid policy") and why.isprintable())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
KEYS = ("stages", "transitions", "to", "rollback")


@given(st.dictionaries(st.sampled_from(KEYS), values, min_size=1))
def test_any_value_in_any_place_is_read_or_refused(entries: dict[str, Any]) -> None:
    why = refusal(parse_policy, dumped({"policy": 1, **entries}))

    assert why is None or (why.startswith("Invalid policy") and why.isprintable())


def exact(number: float) -> Fraction:
    """The number as it is written, which is what limits are computed from."""
    return Fraction(repr(number))


tidy = st.integers(-10_000, 10_000).map(lambda n: n / 1_000)
"""Numbers of three decimals, which meet their limits exactly time and again."""


@given(
    value=tidy,
    holder=tidy,
    by=st.integers(0, 3_000).map(lambda n: n / 1_000),
    percent=st.booleans(),
    better=st.booleans(),
    higher=st.booleans(),
)
def test_comparison_with_the_holder_is_exact_in_decimal(
    value: float, holder: float, by: float, percent: bool, better: bool, higher: bool
) -> None:
    amount = Amount(by, percent)
    bounds = (
        Bounds(better_by=amount, higher_is_better=higher)
        if better
        else Bounds(not_worse_by=amount, higher_is_better=higher)
    )
    step = exact(by) * (abs(exact(holder)) / 100 if percent else 1)
    ahead = (exact(value) - exact(holder)) * (1 if higher else -1)
    expected = (ahead >= step and ahead > 0) if better else ahead >= -step

    result = judge(
        MetricGate("m", bounds),
        0,
        figures={"m": value},
        holder={"m": holder},
        holder_version=1,
        now_ms=0,
    )

    assert (result.status is CheckStatus.PASSED) == expected


anything = st.floats(width=64)


@given(
    figures=st.dictionaries(st.sampled_from(("m", "n")), anything),
    holder=st.none() | st.dictionaries(st.sampled_from(("m", "n")), anything),
    low=numbers,
    by=st.floats(0, 1e308),
    percent=st.booleans(),
    higher=st.booleans(),
)
def test_judging_never_fails_and_passes_only_real_numbers(
    figures: dict[str, float],
    holder: dict[str, float] | None,
    low: float,
    by: float,
    percent: bool,
    higher: bool,
) -> None:
    bounds = Bounds(at_least=low, not_worse_by=Amount(by, percent), higher_is_better=higher)
    result = judge(
        MetricGate("m", bounds), 0, figures=figures, holder=holder, holder_version=1, now_ms=0
    )

    assert result.status is not CheckStatus.PENDING
    if result.status is CheckStatus.PASSED:
        assert figures["m"] >= low
        assert holder is None or not math.isnan(holder["m"])
    else:
        assert result.message


GATES: tuple[Gate, ...] = (MetricGate("m", Bounds(at_least=0.0)), CheckGate(CheckKind.CARD))
PEOPLE = ("ann", "bob", "carol", "dave")
ROLES = {"ann": ("lead",), "bob": (), "carol": ("lead", "qa"), "dave": ("qa",)}


@given(
    author=st.sampled_from(PEOPLE),
    voters=st.lists(user_names, min_size=1, unique=True) | st.just(["*"]),
    count=st.integers(1, 3),
    may=st.booleans(),
    cast=st.lists(st.tuples(st.sampled_from(PEOPLE), st.booleans()), max_size=6),
    statuses=st.lists(st.sampled_from(CheckStatus), min_size=2, max_size=2),
    late=st.booleans(),
)
def test_decision_is_what_counting_by_hand_gives(
    author: str,
    voters: list[str],
    count: int,
    may: bool,
    cast: list[tuple[str, bool]],
    statuses: list[CheckStatus],
    late: bool,
) -> None:
    rules = TargetRules(GATES, Approvals(count=count, voters=tuple(voters), author_may_approve=may))
    votes: list[Vote] = []
    request = TransitionRequest(
        request_id="q",
        name="m",
        version=1,
        target="Production",
        expected=(),
        status=RequestStatus.OPEN,
        requested_by=author,
        time=0,
        expires_time=10,
        checks=[
            GateResult(place=place, kind=gate.kind, condition=gate.condition, status=status)
            for place, (gate, status) in enumerate(zip(GATES, statuses, strict=True))
        ],
        votes=votes,
    )
    last: dict[str, bool] = {}
    for person, approve in cast:
        allowed = "*" in voters or any(
            name in voters for name in (person, *(f"role:{role}" for role in ROLES[person]))
        )
        allowed = allowed and (not approve or may or person != author)
        actor = Actor(person, roles=ROLES[person])
        if allowed:
            require_vote(rules, request, actor, authors={author}, approve=approve)
            votes.append(Vote(actor=person, approve=approve, roles=ROLES[person]))
            last[person] = approve
        else:
            with pytest.raises(PermissionDenied):
                require_vote(rules, request, actor, authors={author}, approve=approve)
    if late:
        expected = "expired"
    elif CheckStatus.FAILED in statuses or False in last.values():
        expected = "refused"
    elif CheckStatus.PENDING in statuses or sum(last.values()) < count:
        expected = "waiting"
    else:
        expected = "ready"

    decision = decide(rules, request, now_ms=10 if late else 9)

    assert decision.status == expected
    assert bool(decision.reasons) == (expected != "ready")


class HolderMachine(RuleBasedStateMachine):
    """Two places with one holder each, changed as the store does it and written down as records.

    The model keeps for each place a stack of holders: promoting pushes, rolling back pops.
    """

    TARGETS = ("Production", "@champion")

    def __init__(self) -> None:
        super().__init__()
        self.records: list[AuditRecord] = []
        self.stacks: dict[str, list[tuple[int, ...]]] = {target: [] for target in self.TARGETS}
        self.deleted: set[int] = set()
        self.seen: dict[str, list[list[int]]] = {target: [[]] for target in self.TARGETS}

    def now(self, target: str) -> tuple[int, ...]:
        stack = self.stacks[target]
        return stack[-1] if stack else ()

    def write(self, target: str, held: tuple[int, ...], *, back: bool = False) -> None:
        moves = [
            {"target": target, "from": list(self.seen[target][-1]), "to": list(held)},
            {"target": "Archived", "from": [], "to": [len(self.records)]},
        ]
        time = len(self.records) + 1
        self.records.append(
            AuditRecord(
                seq=time,
                time=time,
                actor="ann",
                verified=False,
                origin="",
                action=AuditAction.ROLLED_BACK if back else AuditAction.STAGE_CHANGED,
                name="m",
                version=None,
                details={"moves": moves, "target": target},
                reason="",
                previous="",
                digest="",
            )
        )
        for place in self.TARGETS:
            last = self.seen[place][-1]
            self.seen[place].append(list(held) if place == target else last)

    @rule(target_=st.sampled_from(TARGETS), version=st.integers(1, 6))
    def promote(self, target_: str, version: int) -> None:
        if version in self.deleted or self.now(target_) == (version,):
            return
        self.stacks[target_].append((version,))
        self.write(target_, (version,))

    @rule(target_=st.sampled_from(TARGETS))
    def archive(self, target_: str) -> None:
        if self.now(target_):
            self.stacks[target_].append(())
            self.write(target_, ())

    @precondition(lambda self: len(self.deleted) < 5)
    @rule(version=st.integers(1, 6))
    def delete(self, version: int) -> None:
        if all(version not in self.now(target) for target in self.TARGETS):
            self.deleted.add(version)

    @rule(target_=st.sampled_from(TARGETS))
    def roll_back(self, target_: str) -> None:
        stack = list(self.stacks[target_])
        current = stack.pop() if stack else ()
        while stack and (not stack[-1] or stack[-1] == current or stack[-1][0] in self.deleted):
            stack.pop()
        existing = set(range(1, 7)) - self.deleted

        found = before(trail(self.records, target_), existing)

        assert found == (stack[-1] if stack else None)
        if found is not None:
            self.stacks[target_] = stack
            self.write(target_, found, back=True)

    @invariant()
    def history_tells_who_held_what_and_when(self) -> None:
        for target in self.TARGETS:
            for time, held in enumerate(self.seen[target]):
                assert holders_at(self.records, target, time) == held
            states = trail(self.records, target)
            assert (states[-1] if states else ()) == self.now(target)


TestHolders = HolderMachine.TestCase
