"""When a trial ends by itself, and how traffic is shared."""

from __future__ import annotations

import msgspec
import pytest

from assay.errors import InvalidInput
from assay.policies.traffic import Abort, TrafficRule, check_traffic, parse_traffic
from assay.serving.process.plan import Plan, Route, Share, Version
from assay.serving.watching.counts import Counts, since, total
from assay.serving.watching.ledger import Ledger
from assay.serving.watching.trials import judge


def counts(answered: int = 0, failed: int = 0, *, seconds: float = 0.001, **classes: int) -> Counts:
    made = Counts()
    for _ in range(answered):
        made.note(seconds, "answered")
    for _ in range(failed):
        made.note(seconds, "failed")
    for name, count in classes.items():
        made.outputs.note([name] * count)
    return made


def test_a_trial_is_judged_when_enough_was_seen() -> None:
    assert judge(Abort(after=10), counts(0, 9), counts(100)) is None
    assert judge(Abort(after=10), counts(0, 10), counts(0)) is not None


def test_only_failures_beyond_those_of_the_other_count() -> None:
    assert judge(Abort(errors=0.05), counts(90, 10), counts(900, 100)) is None
    verdict = judge(Abort(errors=0.05), counts(80, 20), counts(900, 100))
    assert verdict is not None
    assert "20.0%" in verdict.reason


def test_a_slower_version_ends_its_trial() -> None:
    slow, quick = counts(200, seconds=0.2), counts(200, seconds=0.001)
    assert judge(Abort(slower=3.0), slow, quick) is not None
    assert judge(Abort(slower=None), slow, quick) is None
    assert judge(Abort(slower=3.0), counts(200, seconds=0.002), quick) is None


def test_other_predictions_end_a_trial_where_that_was_asked() -> None:
    left, right = counts(200, yes=150, no=50), counts(200, yes=50, no=150)
    assert judge(Abort(), left, right) is None
    assert judge(Abort(shift=0.4), left, right) is not None
    assert judge(Abort(shift=0.6), left, right) is None


def test_numbers_shift_by_the_largest_gap_of_their_distributions() -> None:
    low, high = Counts(), Counts()
    low.outputs.note([float(i) for i in range(100)])
    high.outputs.note([float(i + 50) for i in range(100)])
    assert low.outputs.shift_from(high.outputs) == pytest.approx(0.5)
    assert low.outputs.shift_from(low.outputs) == 0


def test_counts_of_processes_add_up_and_differences_of_looks_too() -> None:
    left, right = counts(3, 1, yes=2), counts(4, 0, yes=1, no=1)
    whole = total([left, right])
    assert (whole.answered, whole.failed) == (7, 1)
    assert whole.outputs.classes == {"yes": 3, "no": 1}
    rest = since(whole, left)
    assert (rest.answered, rest.failed, sum(rest.buckets)) == (4, 0, 4)


def test_counts_of_workers_that_are_gone_stay_and_trials_begin_where_they_begin() -> None:
    version = {"folder": "/m", "name": "m"}
    plan = Plan(
        number=1,
        versions=[
            Version(key="a", version="1", **version),
            Version(key="b", version="2", **version),
        ],
        routes=[
            Route(
                name="m",
                source="models:/m@c",
                main="a",
                canaries=[Share("b", 10, "@next")],
                abort=Abort(after=5),
            )
        ],
    )
    ledger = Ledger()
    # What failed before the trial says nothing about it.
    ledger.note("first", {"a": counts(10), "b": counts(0, 50)})
    ledger.begin(plan)
    assert list(ledger.endings()) == []
    ledger.gone("first")
    ledger.note("second", {"a": counts(10), "b": counts(1, 3)})
    assert ledger.totals()["a"].answered == 20
    assert list(ledger.endings()) == []
    ledger.note("second", {"a": counts(10), "b": counts(1, 4)})
    (ending,) = ledger.endings()
    assert (ending.name, ending.selector) == ("m", "@next")


def test_rules_come_back_from_their_text() -> None:
    rule = TrafficRule({"@next": 10.0}, {"3": 100.0}, sticky="x-user", abort=Abort(shift=0.5))
    assert parse_traffic(rule.text()) == rule
    assert rule.without("@next").without("3").is_empty
    assert not rule.without("@next").is_empty


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"canaries": {"@a": 60, "@b": 50}}',
        '{"canaries": {"@a": 0}}',
        '{"canaries": {"@a": 101}}',
        '{"canaries": {"@a": "x"}}',
        '{"canaries": {"@a": 1}, "shadows": {"@a": 1}}',
        '{"sticky": "x y"}',
        '{"sticky": "x\\r\\ny"}',
        '{"version": 2}',
        '{"abort": {"errors": 2}}',
        '{"unknown": 1}',
        '{"canaries": {"' + "x" * 300 + '": 1}}',
        " " * 6_000,
        "[" * 4_000,
    ],
)
def test_texts_that_are_no_rule_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_traffic(text)


def test_too_many_trials_are_refused() -> None:
    many = {str(number): 1.0 for number in range(1, 20)}
    with pytest.raises(InvalidInput, match="at most 16"):
        check_traffic(msgspec.structs.replace(TrafficRule(), canaries=many))
