"""What a policy's text means, and what of it is refused, where and why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.entities.model_versions import STAGES
from assay.errors import InvalidPolicy
from assay.policies.bounds import Amount, Bounds
from assay.policies.gates import CheckGate, CheckKind, MetricGate, RecomputedGate
from assay.policies.policy import Approvals, Policy, describe, parse_policy

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "policies").glob("*.yaml"))
PAGES = (ROOT / "docs" / "guides" / "policies.md", ROOT / "docs" / "formats" / "policy.md")
TOLD = [
    text for page in PAGES for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", page.read_text())
]
DIGEST = "ab" * 32
RECOMPUTED = (
    "{recomputed: accuracy_score, data: runs:/r1/t.csv, targets: y, model_type: classifier,"
    f" digest: {DIGEST}, at_least: 0.9"
)


def with_gates(*gates: str) -> Policy:
    listed = "".join(f"\n      - {gate}" for gate in gates)
    return parse_policy(f"policy: 1\nto:\n  Production:\n    gates:{listed}")


def with_approvals(entries: str) -> Policy:
    return parse_policy(f"policy: 1\nto:\n  Production:\n    approvals: {entries}")


def refusal(text: str) -> InvalidPolicy:
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text)
    return caught.value


def bounds_of(gate: str) -> Bounds:
    found = with_gates(gate).targets["Production"].gates[0]
    assert isinstance(found, MetricGate)
    return found.bounds


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_is_a_policy(path: Path) -> None:
    assert parse_policy(path.read_text()).targets


@pytest.mark.parametrize("text", TOLD, ids=range(len(TOLD)))
def test_policy_that_a_page_shows_is_one(text: str) -> None:
    assert parse_policy(text).targets


def test_policy_that_says_nothing_else_allows_everything_between_mlflows_stages() -> None:
    policy = parse_policy("policy: 1")

    assert policy.stages == STAGES
    assert policy.allows("none", "PRODUCTION")
    assert policy.rules_for("Production") is None
    assert policy.rollback_by == ()


def test_none_and_archived_are_always_among_the_stages() -> None:
    assert parse_policy("policy: 1\nstages: [Canary, Live]").stages == (
        "None",
        "Canary",
        "Live",
        "Archived",
    )
    assert parse_policy("policy: 1\nstages: [archived, Live, none]").stages == (
        "Archived",
        "Live",
        "None",
    )


def test_words_that_are_flags_in_older_yaml_are_stages() -> None:
    assert parse_policy("policy: 1\nstages: [on, Off, yes, No]").stages[1:-1] == (
        "on",
        "Off",
        "yes",
        "No",
    )


def test_stage_is_found_in_any_case_and_reads_back_as_it_is_listed() -> None:
    policy = parse_policy("policy: 1\nstages: [Shadow]\nto: {shadow: {approvals: {count: 1}}}")

    assert policy.canonical("SHADOW") == "Shadow"
    assert policy.canonical("Production") is None
    assert policy.rules_for("shaDow") == policy.targets["Shadow"]
    assert policy.rules_for("Production") is None


def test_alias_is_governed_in_exactly_its_spelling() -> None:
    policy = parse_policy('policy: 1\nto: {"@champion": {approvals: {count: 1}}}')

    assert policy.rules_for("@champion") is not None
    assert policy.rules_for("@Champion") is None
    assert policy.rules_for("champion") is None


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("None", "Staging", True),
        ("none", "staging", True),
        ("None", "Production", False),
        ("Staging", "Production", True),
        ("Production", "Archived", True),
        ("None", "Archived", True),
        ("Production", "Production", True),
        ("Archived", "None", True),
        ("Archived", "Staging", True),
        ("Production", "Elsewhere", False),
        ("Elsewhere", "Archived", False),
    ],
)
def test_step_is_allowed_only_where_a_transition_says_so(
    before: str, after: str, allowed: bool
) -> None:
    policy = parse_policy(
        "policy: 1\ntransitions: [none -> Staging, Staging → Production,"
        ' "* -> Archived", "Archived -> *"]'
    )

    assert policy.allows(before, after) is allowed


@pytest.mark.parametrize(
    ("gate", "bounds"),
    [
        ("{metric: m, at_least: 1}", Bounds(at_least=1.0)),
        ("{metric: m, above: 1e-3, below: +2.5E2}", Bounds(above=0.001, below=250.0)),
        ("{metric: m, at_least: -1, at_most: -.5}", Bounds(at_least=-1.0, at_most=-0.5)),
        (
            '{metric: m, not_worse_than_holder_by: "0.5 %", higher_is_better: true}',
            Bounds(not_worse_by=Amount(0.5, percent=True)),
        ),
        (
            "{metric: m, better_than_holder_by: 2%, higher_is_better: false}",
            Bounds(better_by=Amount(2.0, percent=True), higher_is_better=False),
        ),
        (
            "{metric: m, not_worse_than_holder_by: 0, higher_is_better: true}",
            Bounds(not_worse_by=Amount(0.0)),
        ),
    ],
)
def test_conditions_of_a_metric_are_read(gate: str, bounds: Bounds) -> None:
    assert bounds_of(gate) == bounds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("golden: replayed", CheckKind.GOLDEN),
        ("environment: verified", CheckKind.ENVIRONMENT),
        ("digests: intact", CheckKind.DIGESTS),
        ("card: present", CheckKind.CARD),
        ("signature: made", CheckKind.SIGNATURE),
    ],
)
def test_check_of_a_worker_is_read(text: str, kind: CheckKind) -> None:
    assert with_gates(text).targets["Production"].gates == (CheckGate(kind),)


def test_recomputed_gate_is_read() -> None:
    (gate,) = with_gates(RECOMPUTED + "}").targets["Production"].gates

    assert gate == RecomputedGate(
        metric="accuracy_score",
        bounds=Bounds(at_least=0.9),
        data="runs:/r1/t.csv",
        digest=DIGEST,
        targets="y",
        model_type="classifier",
    )


@pytest.mark.parametrize(
    "data", ["data/test.csv", "/data/test.csv", "mlflow-artifacts:/1/r/test.csv", "runs:/r/a/b.csv"]
)
def test_recomputed_gate_takes_data_of_runs_and_paths(data: str) -> None:
    assert with_gates(RECOMPUTED.replace("runs:/r1/t.csv", data) + "}").targets


def test_approvals_have_cautious_defaults() -> None:
    assert with_approvals("{count: 1}").targets["Production"].approvals == Approvals(
        count=1,
        voters=("*",),
        author_may_approve=False,
        expires_after_ms=None,
        signed_in=False,
    )


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("7d", 604_800_000),
        ("12h", 43_200_000),
        ("30m", 1_800_000),
        ("90s", 90_000),
        ("1d 12h", 129_600_000),
        ("1h30m", 5_400_000),
        ("3650d", 315_360_000_000),
    ],
)
def test_durations_are_read(text: str, milliseconds: int) -> None:
    approvals = with_approvals(f"{{expires_after: {text}}}").targets["Production"].approvals

    assert approvals is not None
    assert approvals.expires_after_ms == milliseconds


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("{}", "", "not an empty set of entries"),
        ("to: {}", "", "begin it with 'policy: 1'"),
        ("policy: '1'", "policy", "not the text '1'"),
        ("policy: true", "policy", "not true"),
        ("policy: 0", "policy", "there is no format 0"),
        ("policy: 2", "policy", "newer than this Assay"),
        ("policy: 1\ntransition: []", "", "did you mean 'transitions'"),
        ("policy: 1\nstages: Live", "stages", "must be a list"),
        ("policy: 1\nstages: []", "stages", "not an empty list"),
        ("policy: 1\nstages: [Live, live]", "stages[1]", "listed twice"),
        ("policy: 1\nstages: [Live, ~]", "stages[1]", "not nothing"),
        ("policy: 1\nstages: [1]", "stages[0]", "not the number 1; quotes"),
        ("policy: 1\nstages: [latest]", "stages[0]", "must begin with a letter"),
        ("policy: 1\nstages: ['a/b']", "stages[0]", "must begin with a letter"),
        ("policy: 1\ntransitions: []", "transitions", "not an empty list"),
        ("policy: 1\ntransitions: [None]", "transitions[0]", "'Staging -> Production'"),
        ("policy: 1\ntransitions: [a -> b -> c]", "transitions[0]", "is written as"),
        (
            "policy: 1\ntransitions: [None -> Produktion]",
            "transitions[0]",
            "did you mean 'Production'",
        ),
        ("policy: 1\ntransitions: [Staging -> staging]", "transitions[0]", "to itself"),
        (
            "policy: 1\ntransitions: [None -> Staging, none->staging]",
            "transitions[1]",
            "listed twice",
        ),
        ("policy: 1\nto: {Prod: {}}", "to.Prod", "no stage 'Prod'"),
        ("policy: 1\nto: {'@v3': {}}", "to.@v3", "reserved"),
        ("policy: 1\nto: {'@': {}}", "to.@", "alias"),
        ("policy: 1\nto: {none: {approvals: {}}}", "to.none", "can't be governed"),
        ("policy: 1\nto: {Archived: {approvals: {}}}", "to.Archived", "can't be governed"),
        ("policy: 1\nto: {Staging: }", "to.Staging", "asks for nothing"),
        ("policy: 1\nto: {Staging: {}}", "to.Staging", "asks for nothing"),
        ("policy: 1\nto: {Staging: {gates: []}}", "to.Staging.gates", "not an empty list"),
        ("policy: 1\nto: {Staging: {gate: []}}", "to.Staging", "did you mean 'gates'"),
        (
            "policy: 1\nto: {Staging: {approvals: {count: 1}}, staging: {approvals: {count: 1}}}",
            "to.staging",
            "governed twice",
        ),
        (
            "policy: 1\ntransitions: [None -> Staging]\nto: {Production: {approvals: {count: 1}}}",
            "to.Production",
            "no version could ever get there",
        ),
        (
            "policy: 1\ntransitions: [Staging -> Production]\n"
            "to: {Production: {approvals: {count: 1}}}",
            "to.Production",
            "no version could ever get there",
        ),
        ("policy: 1\nrollback: {}", "rollback", "must be entries"),
        ("policy: 1\nrollback: {by: []}", "rollback.by", "must be a list"),
        ("policy: 1\nrollback: {from: [a]}", "rollback", "known are by"),
    ],
)
def test_mistake_in_a_policy_is_named_with_its_place(text: str, where: str, why: str) -> None:
    error = refusal(text)

    assert error.where == where
    assert why in error.why


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ("{}", "must be entries"),
        ("metric", "must be entries"),
        ("{metrics: m, at_least: 1}", "did you mean 'metric'"),
        ("{metric: m, golden: replayed}", "gates of their own"),
        ("{metric: m}", "has no condition"),
        ("{metric: m, higher_is_better: true}", "has no condition"),
        ("{metric: m, atleast: 1}", "did you mean 'at_least'"),
        ("{metric: m, at_least: '1'}", "not the text '1'"),
        ("{metric: m, at_least: true}", "not true"),
        ("{metric: m, at_least: .nan}", "finite"),
        ("{metric: m, at_least: -.inf}", "finite"),
        ("{metric: m, at_least: 1e999}", "finite"),
        ("{metric: ../m, at_least: 1}", "Invalid metric"),
        ("{metric: 3, at_least: 1}", "must be a text"),
        ("{metric: m, at_least: 2, at_most: 1}", "no number meets both at_least 2 and at_most 1"),
        ("{metric: m, above: 1, at_most: 1}", "no number meets both above 1 and at_most 1"),
        ("{metric: m, at_least: 1, above: 0}", "two forms of one condition"),
        ("{metric: m, not_worse_than_holder_by: 1}", "needs higher_is_better"),
        ("{metric: m, not_worse_than_holder_by: -1, higher_is_better: true}", "negative"),
        ("{metric: m, not_worse_than_holder_by: 5 percent, higher_is_better: true}", "'0.5 %'"),
        ("{metric: m, not_worse_than_holder_by: .inf, higher_is_better: true}", "finite"),
        ("{metric: m, better_than_holder_by: 1, higher_is_better: 1}", "true or false"),
        ("golden: yes", "must be replayed, not 'yes'"),
        ("golden: true", "must be replayed, not true"),
        ("{golden: replayed, at_least: 1}", "there is no entry 'at_least' here"),
        ("{recomputed: r2_score, at_least: 1}", "needs data and digest and targets and model_type"),
        (RECOMPUTED.replace("classifier", "ranker") + "}", "must be classifier or regressor"),
        (RECOMPUTED.replace(DIGEST, "12ab") + "}", "64 hexadecimal digits"),
        (RECOMPUTED.replace("runs:/r1/t.csv", "file:///etc/passwd") + "}", "must be runs:/"),
        (RECOMPUTED.replace("runs:/r1/t.csv", "https://h/t.csv") + "}", "must be runs:/"),
        (RECOMPUTED.replace("runs:/r1/t.csv", "runs:/r1") + "}", "names no file"),
        (RECOMPUTED.replace("runs:/r1/t.csv", "runs:/r1/../t.csv") + "}", "Invalid artifact path"),
        (RECOMPUTED.replace("runs:/r1/t.csv", "a/%252e%252e/b") + "}", "Invalid artifact path"),
        (RECOMPUTED.replace("runs:/r1/t.csv", "'runs:/r1/t.csv#x'") + "}", "no place"),
        (RECOMPUTED.replace("runs:/r1/t.csv", "runs:/r1/t.csv%3Fx") + "}", "no place"),
    ],
)
def test_gate_that_means_nothing_is_refused(gate: str, why: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        with_gates("card: present", gate)

    assert caught.value.where.startswith("to.Production.gates[1]")
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("golden: replayed", "golden: replayed", "repeats gates[0]"),
        ("{metric: m, at_least: 2}", "{metric: m, at_most: 1}", "at_least 2 and at_most 1"),
        ("{metric: m, below: 1}", "{metric: m, at_least: 1}", "at_least 1 and below 1"),
        (
            "{metric: m, better_than_holder_by: 0, higher_is_better: true}",
            "{metric: m, not_worse_than_holder_by: 1, higher_is_better: false}",
            "higher_is_better differs",
        ),
        (
            RECOMPUTED + "}",
            RECOMPUTED.replace("at_least: 0.9", "at_most: 0.8") + "}",
            "at_least 0.9 and at_most 0.8",
        ),
    ],
)
def test_gates_that_contradict_each_other_are_refused(one: str, other: str, why: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        with_gates(one, other)

    assert caught.value.where == "to.Production.gates[1]"
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{metric: m, at_least: 1}", "{metric: m, at_most: 1}"),
        ("{metric: m, at_least: 2}", "{metric: n, at_most: 1}"),
        ("{metric: accuracy_score, at_most: 0.5}", RECOMPUTED + "}"),
        (RECOMPUTED + "}", RECOMPUTED.replace(DIGEST, "cd" * 32) + "}"),
    ],
)
def test_gates_that_a_version_can_meet_together_stand(one: str, other: str) -> None:
    assert len(with_gates(one, other).targets["Production"].gates) == 2


@pytest.mark.parametrize(
    ("entries", "where", "why"),
    [
        ("{}", "", "must be entries"),
        ("{count: 0}", ".count", "at least 1"),
        ("{count: 1.5}", ".count", "whole number"),
        ("{count: true}", ".count", "whole number"),
        ("{count: 101}", ".count", "at most 100"),
        ("{count: 3, from: [ann, bob]}", ".count", "only 2 may give one"),
        ("{from: ann}", ".from", "must be a list"),
        ("{from: [ann, ann]}", ".from[1]", "listed twice"),
        ("{from: [ann, '*']}", ".from", "'*' is anybody"),
        ("{from: ['role:']}", ".from[0]", "'role:<name>'"),
        ("{from: ['a:b']}", ".from[0]", "must be a user's name"),
        ("{from: [007]}", ".from[0]", "not the number 7"),
        ('{from: ["a\\nb"]}', ".from[0]", "on one line"),
        ("{author_may_approve: no}", ".author_may_approve", "true or false"),
        ("{expires_after: 0}", ".expires_after", "must be a duration such as"),
        ("{expires_after: 0d}", ".expires_after", "longer than 0"),
        ("{expires_after: 7}", ".expires_after", "must be a duration"),
        ("{expires_after: 1h 1d}", ".expires_after", "must be a duration"),
        ("{expires_after: 9999d}", ".expires_after", "at most 3650d"),
        ("{expires: 7d}", "", "did you mean 'expires_after'"),
    ],
)
def test_approvals_that_nobody_could_give_are_refused(entries: str, where: str, why: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        with_approvals(entries)

    assert caught.value.where == "to.Production.approvals" + where
    assert why in caught.value.why


def test_more_approvals_than_names_stand_where_a_role_is_among_them() -> None:
    assert with_approvals("{count: 3, from: [ann, 'role:lead']}").targets


@pytest.mark.parametrize(
    "text",
    [
        "policy: 1\nstages: [" + ", ".join(f"s{i}" for i in range(49)) + "]",
        "policy: 1\nto: {Production: {gates: ["
        + ", ".join(f"{{metric: m{i}, at_least: 1}}" for i in range(51))
        + "]}}",
        "policy: 1\nrollback: {by: [" + ", ".join(f"u{i}" for i in range(101)) + "]}",
        "policy: 1\nto: {"
        + ", ".join(f"'@a{i}x': {{approvals: {{count: 1}}}}" for i in range(101))
        + "}",
    ],
)
def test_too_many_of_anything_are_refused(text: str) -> None:
    assert "are allowed" in refusal(text).why


def test_description_has_everything_in_words() -> None:
    policy = parse_policy(
        "policy: 1\ntransitions: ['* -> Production']\n"
        "to: {Production: {gates: [{metric: m, at_least: 0.5}, golden: replayed],"
        " approvals: {from: [ann], expires_after: 1h}}}\nrollback: {by: [ann]}"
    )

    assert describe(policy) == {
        "stages": ["None", "Staging", "Production", "Archived"],
        "transitions": ["* -> Production"],
        "targets": {
            "Production": {
                "gates": [
                    {
                        "place": 0,
                        "kind": "metric",
                        "condition": "metrics.m >= 0.5",
                        "by_store": True,
                    },
                    {
                        "place": 1,
                        "kind": "golden",
                        "condition": "golden predictions replayed",
                        "by_store": False,
                    },
                ],
                "approvals": {
                    "count": 1,
                    "from": ["ann"],
                    "author_may_approve": False,
                    "expires_after_ms": 3_600_000,
                    "signed_in": False,
                },
            }
        },
        "rollback_by": ["ann"],
    }
