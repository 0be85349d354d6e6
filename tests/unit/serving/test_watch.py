"""What goes wrong is told once while it lasts, of registered versions; truth joins by ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.data.drift import ColumnDrift
from assay.entities.governance import AlertKind, ServingAlert
from assay.errors import InvalidInput
from assay.serving.log.reading import LogRows
from assay.serving.log.truth import joined_report
from assay.serving.process.plan import Plan, Version
from assay.serving.watching import watch as watch_module
from assay.serving.watching.counts import Counts
from assay.serving.watching.watch import Watch

_VERSION = Version(key="k1", name="digits", version="3", folder="/m")
_FOLDER = Version(key="k2", name="folder", folder="/n")
_PLAN = Plan(number=1, versions=[_VERSION, _FOLDER], routes=[])


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(watch_module, "time", made)
    return made


def _counts(answered: int, failed: int) -> dict[str, Counts]:
    return {key: Counts(answered=answered, failed=failed) for key in ("k1", "k2")}


def test_failures_are_told_when_they_begin_and_again_only_when_they_had_ended(
    clock: Clock,
) -> None:
    told: list[ServingAlert] = []
    one = Watch(errors=0.1, tell=told.append)
    answered = failed = 0
    for second in range(200):
        clock.now += 1
        answered, failed = answered + 10, failed + (5 if 50 <= second < 120 else 0)
        one.counted(_counts(answered, failed), _PLAN)

    assert [(alert.kind, alert.name, alert.version) for alert in told] == [
        (AlertKind.ERRORS, "digits", 3)
    ]
    assert "limit is 10.0%" in told[0].message
    clock.now += 1_000
    for _ in range(20):
        clock.now += 1
        failed += 10
        one.counted(_counts(answered, failed), _PLAN)
    assert len(told) == 2


def test_few_failures_say_nothing(clock: Clock) -> None:
    told: list[ServingAlert] = []
    one = Watch(errors=0.1, tell=told.append)
    one.counted(_counts(0, 0), _PLAN)
    one.counted(_counts(0, 19), _PLAN)
    Watch(tell=told.append).counted(_counts(0, 1_000), _PLAN)

    assert told == []


def test_versions_that_cannot_be_served_and_trials_that_end_are_told() -> None:
    told: list[ServingAlert] = []
    one = Watch(tell=told.append)
    one.refused(_PLAN, {"k1": "x" * 9_000, "k2": "it isn't registered"})
    for _ in range(3):
        one.trial_ended(_VERSION, selector="@next", reason="it is slow")

    assert [alert.kind for alert in told] == [AlertKind.NOT_SERVED, AlertKind.TRIAL_ENDED]
    assert len(told[0].message) == 2_000
    assert told[1].details == {"selector": "@next"}


def test_drift_names_the_columns() -> None:
    told: list[ServingAlert] = []
    one = Watch(tell=told.append)
    moved = ColumnDrift("age", "number", 500, "drift", psi=0.5)
    still = ColumnDrift("size", "number", 500, "stable", psi=0.01)
    for drift in ([moved, still], [moved, still], [still]):
        one.drifted(_VERSION, drift)

    (alert,) = told
    assert alert.details == {"age": "PSI 0.500"}


_DAY = datetime(2026, 3, 1, tzinfo=UTC)


def _rows(predictions: list[Any], **columns: list[Any]) -> LogRows:
    count = len(predictions)
    given: dict[str, list[Any]] = {
        "prediction_id": [str(at) for at in range(count)],
        "row": [0] * count,
        "time": [_DAY + timedelta(days=at % 2) for at in range(count)],
        "version": ["1"] * count,
        "is_shadow": [False] * count,
        "outcome": ["answered"] * count,
        "output.prediction": predictions,
    }
    return LogRows("m", {**given, **columns}, True)


def test_truth_is_measured_by_version_and_period() -> None:
    rows = _rows([1, 1, 0, 0, 1, None], outcome=["answered"] * 5 + ["failed"])
    truth = {("0", 0): 1, ("1", 0): 0, ("2", 0): 0, ("3", 0): 0, ("5", 0): 1, ("nobody", 0): 1}

    joined = joined_report(rows, truth, every="day")

    assert (joined.task, joined.predictions, joined.joined, joined.unknown) == (
        "classifier",
        5,
        4,
        2,
    )
    first, second = joined.reports
    assert (first.period, second.period) == ("2026-03-01", "2026-03-02")
    assert (first.rows, first.metrics["accuracy_score"]) == (2, 1.0)
    assert second.rows == 2


@pytest.mark.parametrize(
    ("predictions", "truths", "task", "metric"),
    [
        ([1.5, 2.5, 3.0], [1.0, 2.25, 3.0], "regressor", "root_mean_squared_error"),
        ([1.5, 2.5, 3.0], [1, 2, 3], "regressor", "max_error"),
        (["a", "b", "a"], ["a", "b", "b"], "classifier", "accuracy_score"),
        ([0.9, 0.2, 0.6], [1, 0, 1], "classifier", "roc_auc"),
        ([1.0, 0.0, 1.0], [True, False, True], "classifier", "f1_score"),
    ],
)
def test_the_kind_of_task_follows_the_values(
    predictions: list[Any], truths: list[Any], task: str, metric: str
) -> None:
    truth = {(str(at), 0): one for at, one in enumerate(truths)}

    joined = joined_report(_rows(predictions), truth)

    assert joined.task == task
    assert joined.reports[0].metrics[metric] is not None


def test_a_period_without_metrics_says_why() -> None:
    joined = joined_report(_rows(["a", "a"]), {("0", 0): "a", ("1", 0): "a"})

    assert joined.reports[0].metrics == {}
    assert joined.reports[0].note


def test_pieces_of_streamed_answers_have_no_metrics() -> None:
    rows = _rows([1, 0], **{"output.pieces": [["a", "b"], ["c"]]})

    joined = joined_report(rows, {("0", 0): "a", ("1", 0): "b"}, output="pieces")

    assert joined.reports[0].metrics == {}
    assert "pieces" in joined.reports[0].note


def test_what_does_not_join_is_told() -> None:
    with pytest.raises(InvalidInput, match="x-assay-prediction-id"):
        joined_report(_rows([1]), {("other", 0): 1})
    with pytest.raises(InvalidInput, match="No output 'score'"):
        joined_report(_rows([1]), {("0", 0): 1}, output="score")
    several = _rows([1], **{"output.a": [1], "output.b": [2]})
    del several.columns["output.prediction"]
    with pytest.raises(InvalidInput, match="Say which output"):
        joined_report(several, {("0", 0): 1})
