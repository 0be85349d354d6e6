"""Gates: what passes, what fails, and what is said of it."""

from __future__ import annotations

import math

import pytest

from assay.entities.transitions import CheckStatus, GateResult
from assay.policies.bounds import Amount, Bounds
from assay.policies.gates import CheckGate, CheckKind, MetricGate, RecomputedGate, judge, judge_all

PASSED, FAILED = CheckStatus.PASSED, CheckStatus.FAILED
UP = Bounds(not_worse_by=Amount(0.1))
PERCENT = Bounds(not_worse_by=Amount(0.5, percent=True))


def found(bounds: Bounds, value: float | None, holder: float | None = None) -> GateResult:
    """The result beside a holder that has this number; ``None``: nothing holds the place."""
    return judge(
        MetricGate("acc", bounds),
        3,
        figures={} if value is None else {"acc": value},
        holder=None if holder is None else {"acc": holder},
        holder_version=None if holder is None else 7,
        now_ms=1_000,
    )


@pytest.mark.parametrize(
    ("bounds", "value", "status"),
    [
        (Bounds(at_least=0.95), 0.95, PASSED),
        (Bounds(at_least=0.95), 0.9499999999999999, FAILED),
        (Bounds(above=0.95), 0.95, FAILED),
        (Bounds(above=0.95), 0.9500000000000001, PASSED),
        (Bounds(at_most=0.1), 0.1, PASSED),
        (Bounds(below=0.1), 0.1, FAILED),
        (Bounds(at_least=0, at_most=1), 0.5, PASSED),
        (Bounds(at_least=0, at_most=1), 1.5, FAILED),
        (Bounds(at_least=0), -0.0, PASSED),
        (Bounds(at_least=0), math.inf, PASSED),
        (Bounds(at_least=0), -math.inf, FAILED),
        (Bounds(at_least=0), math.nan, FAILED),
        (Bounds(at_most=0), math.nan, FAILED),
        (Bounds(at_least=0), None, FAILED),
    ],
)
def test_number_is_held_against_its_own_limits(
    bounds: Bounds, value: float | None, status: CheckStatus
) -> None:
    assert found(bounds, value).status is status


@pytest.mark.parametrize(
    ("bounds", "holder", "value", "status"),
    [
        (Bounds(not_worse_by=Amount(0.1)), 0.9, 0.8, PASSED),
        (Bounds(not_worse_by=Amount(0.1)), 0.9, 0.79999, FAILED),
        # In binary 0.7 + 0.1 is a little less than 0.8, and 0.3 - 0.1 a little less than 0.2.
        (Bounds(not_worse_by=Amount(0.1), higher_is_better=False), 0.7, 0.8, PASSED),
        (Bounds(better_by=Amount(0.1), higher_is_better=False), 0.3, 0.2, PASSED),
        (Bounds(not_worse_by=Amount(0.1), higher_is_better=False), 0.7, 0.81, FAILED),
        (PERCENT, 0.8, 0.796, PASSED),
        (PERCENT, 0.8, 0.7959, FAILED),
        # Percents are of the magnitude: a negative number turns nothing around.
        (Bounds(not_worse_by=Amount(10, percent=True)), -1.0, -1.1, PASSED),
        (Bounds(not_worse_by=Amount(10, percent=True)), -1.0, -1.11, FAILED),
        (PERCENT, 0.0, 0.0, PASSED),
        (PERCENT, 0.0, -5e-324, FAILED),
        (Bounds(better_by=Amount(0.01)), 0.9, 0.91, PASSED),
        (Bounds(better_by=Amount(0.01)), 0.9, 0.909, FAILED),
        (Bounds(better_by=Amount(0.0)), 0.9, 0.9, FAILED),
        (Bounds(better_by=Amount(0.0)), 0.9, 0.9000000000000001, PASSED),
        (Bounds(better_by=Amount(5, percent=True)), 0.0, 0.0, FAILED),
        (Bounds(not_worse_by=Amount(0.0)), 0.9, 0.9, PASSED),
        (Bounds(not_worse_by=Amount(1e308)), -1.7e308, -1.7976931348623157e308, PASSED),
        (UP, math.inf, 1.0, FAILED),
        (UP, math.inf, math.inf, PASSED),
        (UP, -math.inf, 1.0, PASSED),
        (Bounds(better_by=Amount(50, percent=True)), -math.inf, -1e308, PASSED),
        (Bounds(better_by=Amount(0.1)), math.inf, math.inf, FAILED),
        (Bounds(better_by=Amount(0.1), higher_is_better=False), math.inf, 1e308, PASSED),
    ],
)
def test_number_is_held_against_that_of_the_holder(
    bounds: Bounds, holder: float, value: float, status: CheckStatus
) -> None:
    assert found(bounds, value, holder).status is status


def test_failure_tells_condition_value_and_limit() -> None:
    result = found(Bounds(at_least=0.95), 0.91)

    assert result == GateResult(
        place=3,
        kind="metric",
        condition="metrics.acc >= 0.95",
        status=FAILED,
        value=0.91,
        limit=0.95,
        message="it is 0.91, and must be >= 0.95",
        by="store",
        time=1_000,
    )


def test_failure_beside_the_holder_tells_who_that_is_and_what_it_has() -> None:
    result = found(PERCENT, 0.7, 0.8)

    assert (result.value, result.limit) == (0.7, 0.796)
    assert result.message == ("it is 0.7, and must be >= 0.796 (version 7, the holder, has 0.8)")


def test_failure_tells_every_limit_that_is_broken() -> None:
    result = found(Bounds(at_least=0.9, not_worse_by=Amount(0.01)), 0.5, 0.95)

    assert result.limit == 0.9
    assert "must be >= 0.9 and >= 0.94" in result.message


def test_passing_tells_the_first_limit() -> None:
    result = found(Bounds(at_least=0.9, at_most=1), 0.95)

    assert (result.status, result.value, result.limit, result.message) == (PASSED, 0.95, 0.9, "")


def test_comparison_passes_where_nothing_holds_the_place_and_says_so() -> None:
    result = found(Bounds(better_by=Amount(0.1)), 0.5)

    assert (result.status, result.limit) == (PASSED, None)
    assert "nothing to compare with" in result.message


def test_limits_of_its_own_hold_where_nothing_holds_the_place() -> None:
    assert found(Bounds(at_least=0.9, better_by=Amount(0.1)), 0.5).status is FAILED


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({}, "the version has no metric 'acc'"),
        ({"loss": 1.0}, "the version has no metric 'acc'"),
        ({"val_acc": 1.0}, "the version has no metric 'acc' (it has 'val_acc')"),
        ({"acc": math.nan}, "it is NaN"),
    ],
)
def test_missing_number_fails_and_is_named(figures: dict[str, float], message: str) -> None:
    result = judge(
        MetricGate("acc", Bounds(at_least=0)),
        0,
        figures=figures,
        holder=None,
        holder_version=None,
        now_ms=0,
    )

    assert (result.status, result.message) == (FAILED, message)


@pytest.mark.parametrize(
    ("holder", "message"),
    [
        ({}, "version 7, the holder, has no metric 'acc', so there is nothing to compare with"),
        ({"acc": math.nan}, "version 7, the holder, has NaN, so there is nothing to compare with"),
    ],
)
def test_comparison_fails_where_the_holder_has_no_such_number(
    holder: dict[str, float], message: str
) -> None:
    result = judge(
        MetricGate("acc", UP), 0, figures={"acc": 1.0}, holder=holder, holder_version=7, now_ms=0
    )

    assert (result.status, result.message) == (FAILED, message)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(at_least=0.9, at_most=1.0), "metrics.acc >= 0.9 and <= 1"),
        (Bounds(above=1e-7, below=2.5), "metrics.acc > 1e-07 and < 2.5"),
        (PERCENT, "metrics.acc not worse than the holder by more than 0.5 % (higher is better)"),
        (
            Bounds(better_by=Amount(0.01), higher_is_better=False),
            "metrics.acc better than the holder by at least 0.01 (lower is better)",
        ),
        (
            Bounds(not_worse_by=Amount(0.0)),
            "metrics.acc not worse than the holder (higher is better)",
        ),
        (Bounds(better_by=Amount(0.0)), "metrics.acc better than the holder (higher is better)"),
    ],
)
def test_condition_reads_as_people_say_it(bounds: Bounds, words: str) -> None:
    assert MetricGate("acc", bounds).condition == words


def test_recomputed_gate_is_judged_by_the_figures_of_a_worker() -> None:
    gate = RecomputedGate(
        metric="accuracy_score",
        bounds=Bounds(at_least=0.9, not_worse_by=Amount(0.0)),
        data="runs:/r/t.csv",
        digest="ab" * 32,
        targets="y",
        model_type="classifier",
    )
    result = judge(
        gate,
        1,
        figures={"accuracy_score": 0.92},
        holder={"accuracy_score": 0.93},
        holder_version=2,
        now_ms=5,
        by="worker-1",
    )

    assert (result.kind, result.by, result.status) == ("recomputed", "worker-1", FAILED)
    assert (result.value, result.limit) == (0.92, 0.93)
    assert result.condition.startswith("recomputed accuracy_score >= 0.9 and not worse than")
    assert result.condition.endswith("on runs:/r/t.csv")


def test_only_metric_gates_are_judged_at_once() -> None:
    results = judge_all(
        [CheckGate(CheckKind.GOLDEN), MetricGate("acc", Bounds(at_least=0.5))],
        figures={"acc": 0.6},
        holder=None,
        holder_version=None,
        now_ms=9,
    )

    assert [(r.place, r.kind, r.status) for r in results] == [
        (0, "golden", CheckStatus.PENDING),
        (1, "metric", PASSED),
    ]
    assert results[0].by == ""
