from __future__ import annotations

from typing import Any

import pytest

from assay.errors import InvalidInput
from assay.evaluation.bootstrap import Interval
from assay.evaluation.thresholds import (
    Check,
    Figures,
    MetricThreshold,
    check_thresholds,
    parse_threshold,
)


def interval(low: float, high: float) -> Interval:
    return Interval(low, high, 0.95, "bca", 1_000)


def check(threshold: MetricThreshold, value: float | None, **options: Any) -> Check:
    baseline = options.pop("baseline", None)
    figures = Figures(
        {} if value is None else {"m": value},
        {"m": options["interval"]} if "interval" in options else {},
        None if baseline is None else {"m": baseline},
        {"m": options["difference"]} if "difference" in options else {},
    )
    (found,) = check_thresholds({"m": threshold}, figures)
    return found


@pytest.mark.parametrize(
    ("options", "value", "baseline", "passed"),
    [
        ({"threshold": 0.9, "greater_is_better": True}, 0.9, None, True),
        ({"threshold": 0.9, "greater_is_better": True}, 0.89, None, False),
        ({"threshold": 0.9, "greater_is_better": False}, 0.9, None, True),
        ({"threshold": 0.9, "greater_is_better": False}, 0.91, None, False),
        ({"min_absolute_change": 0.1, "greater_is_better": True}, 0.75, 0.625, True),
        ({"min_absolute_change": 0.1, "greater_is_better": True}, 0.7, 0.625, False),
        ({"min_absolute_change": 0.1, "greater_is_better": False}, 0.5, 0.625, True),
        ({"min_relative_change": 0.1, "greater_is_better": True}, 1.125, 1.0, True),
        ({"min_relative_change": 0.1, "greater_is_better": True}, 1.05, 1.0, False),
        # The share is one of the magnitude: a negative baseline turns nothing around.
        ({"min_relative_change": 0.1, "greater_is_better": True}, -0.85, -1.0, True),
        ({"min_relative_change": 0.1, "greater_is_better": True}, -1.05, -1.0, False),
        ({"min_relative_change": 0.1, "greater_is_better": True}, 0.0, 0.0, False),
        ({"min_relative_change": 0.1, "greater_is_better": True}, 0.001, 0.0, True),
        ({"min_relative_change": 0.0, "greater_is_better": True}, 0.5, 0.5, True),
        ({"threshold": 0.9, "greater_is_better": True}, float("nan"), None, False),
        ({"threshold": 0.9, "greater_is_better": True}, None, None, False),
    ],
)
def test_thresholds_pass_as_in_mlflow(
    options: dict[str, Any], value: float | None, baseline: float | None, passed: bool
) -> None:
    assert check(MetricThreshold(**options), value, baseline=baseline).passed is passed


def test_confidence_asks_the_worse_end_of_the_interval() -> None:
    sure = MetricThreshold(threshold=0.9, greater_is_better=True, confident=True)

    assert check(sure, 0.93, interval=interval(0.91, 0.95)).passed
    failed = check(sure, 0.93, interval=interval(0.88, 0.95))
    assert failed.failures == ("m = 0.93 may not be ≥ 0.9: its 95 % interval is [0.88, 0.95]",)
    assert not check(sure, 0.93).passed


def test_confidence_in_a_change_asks_the_interval_of_the_difference() -> None:
    sure = MetricThreshold(min_relative_change=0.0, greater_is_better=False, confident=True)

    assert check(sure, 0.4, baseline=0.5, difference=interval(-0.15, -0.05)).passed
    assert not check(sure, 0.4, baseline=0.5, difference=interval(-0.25, 0.05)).passed
    assert not check(sure, 0.4, baseline=0.5).passed


def test_a_missing_metric_names_those_that_are_there() -> None:
    figures = Figures({"b": 1.0, "a": 1.0}, {})
    (found,) = check_thresholds(
        {"m": MetricThreshold(threshold=1, greater_is_better=True)}, figures
    )
    assert found.failures == ("m was not computed; there are: a, b",)


def test_a_comparison_without_a_baseline_is_refused() -> None:
    threshold = MetricThreshold(min_absolute_change=0.1, greater_is_better=True)
    with pytest.raises(InvalidInput, match="needs a baseline"):
        check(threshold, 0.5)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"threshold": 0.5}, "greater_is_better"),
        ({"greater_is_better": True}, "needs threshold"),
        ({"threshold": "0.5", "greater_is_better": True}, "must be a number"),
        ({"threshold": float("nan"), "greater_is_better": True}, "must be a number"),
        ({"min_absolute_change": 0, "greater_is_better": True}, "must be positive"),
        ({"min_relative_change": 1.5, "greater_is_better": True}, "between 0 and 1"),
    ],
)
def test_thresholds_without_sense_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        MetricThreshold(**options)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("accuracy_score>=0.9", "accuracy_score", {"threshold": 0.9, "greater_is_better": True}),
        (" log_loss <= 4e-1 ", "log_loss", {"threshold": 0.4, "greater_is_better": False}),
        ("f1>=baseline", "f1", {"min_relative_change": 0.0, "greater_is_better": True}),
        ("f1>=baseline+0.01", "f1", {"min_absolute_change": 0.01, "greater_is_better": True}),
        ("e<=baseline - 5%", "e", {"min_relative_change": 0.05, "greater_is_better": False}),
        ("r2_score>=-1.5", "r2_score", {"threshold": -1.5, "greater_is_better": True}),
    ],
)
def test_thresholds_are_read_from_text(text: str, name: str, expected: dict[str, Any]) -> None:
    assert parse_threshold(text) == (name, MetricThreshold(**expected))


@pytest.mark.parametrize(
    "text", ["accuracy_score", "a>0.5", ">=0.5", "a>=x", "a>=baseline-0.1", "a<=baseline+1%", "a>="]
)
def test_text_that_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        parse_threshold(text)
