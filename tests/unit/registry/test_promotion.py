"""Promotion: the best run's model is registered once, and its move is asked for."""

from __future__ import annotations

import math
import time

import pytest

import assay.registry
from assay.errors import (
    Conflict,
    ExperimentNotFound,
    InvalidFilter,
    InvalidInput,
    NotFound,
    RegisteredModelNotFound,
    TransitionRefused,
)
from assay.registry.best_run import Best
from assay.registry.promotion import await_request, promote, register_best
from tests.unit.registry.conftest import Registry

_APPROVED = "policy: 1\nto:\n  Production:\n    approvals: {from: [bob]}\n"
_BEST = "metrics.acc.max"


@pytest.mark.parametrize(
    ("text", "key", "largest"),
    [
        ("metrics.acc.max", "acc", True),
        ("metrics.val.loss.min", "val.loss", False),
        (" metrics.`top 5`.max ", "top 5", True),
    ],
)
def test_best_says_which_metric_and_which_end(text: str, key: str, largest: bool) -> None:
    assert Best.parse(text) == (key, largest)


@pytest.mark.parametrize("text", ["", "acc.max", "metrics.acc", "metrics.max", "params.a.max"])
def test_best_that_says_neither_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="which run is best"):
        Best.parse(text)


@pytest.mark.parametrize(("best", "want"), [("metrics.acc.max", 0.9), ("metrics.acc.min", 0.5)])
def test_best_run_of_an_experiment_is_registered(
    registry: Registry, best: str, want: float
) -> None:
    for acc in (0.5, 0.9, 0.7):
        registry.train(acc=acc)
    registry.train("others", acc=0.1)
    registry.train("others", acc=1.0)

    version = register_best("digits", "experiment=digits", best)

    assert version.run_id is not None
    assert registry.client.get_run(version.run_id).data.metrics["acc"] == want
    assert (version.name, version.version, version.user_id) == ("digits", 1, "ann")


def test_registering_the_best_twice_finds_the_same_version(registry: Registry) -> None:
    registry.train(acc=0.5)

    first = register_best("it's digits", "digits", _BEST)
    again = register_best("it's digits", "digits", _BEST)

    assert again.version == first.version == 1


def test_of_equal_runs_the_latest_is_best(registry: Registry) -> None:
    registry.train(acc=0.5)
    latest = registry.train(acc=0.5)

    assert register_best("digits", "digits", _BEST).run_id == latest


@pytest.mark.parametrize("best", ["metrics.acc.max", "metrics.acc.min"])
def test_runs_whose_metric_is_nan_or_missing_are_never_best(registry: Registry, best: str) -> None:
    registry.train(acc=math.nan)
    good = registry.train(acc=0.5)
    registry.train(loss=0.1)

    assert register_best("digits", "digits", best).run_id == good


def test_runs_without_a_model_are_passed_over(registry: Registry) -> None:
    good = registry.train(acc=0.5)
    registry.train(acc=0.9, model=False)

    assert register_best("digits", "digits", _BEST).run_id == good


def test_experiment_is_found_by_its_id(registry: Registry) -> None:
    run_id = registry.train(acc=0.5)
    experiment_id = registry.client.get_run(run_id).info.experiment_id

    assert register_best("digits", f"experiment={experiment_id}", _BEST).run_id == run_id


def test_experiment_without_a_fitting_run_registers_nothing(registry: Registry) -> None:
    registry.train(acc=0.5, model=False)

    with pytest.raises(NotFound, match=r"No finished run .* has the metric 'acc'"):
        register_best("digits", "digits", _BEST)
    with pytest.raises(ExperimentNotFound):
        register_best("digits", "unheard of", _BEST)

    with pytest.raises(RegisteredModelNotFound):
        registry.client.get_registered_model("digits")


def test_gate_that_does_not_hold_says_the_value_and_registers_nothing(registry: Registry) -> None:
    registry.train(acc=0.5, loss=2.0)

    with pytest.raises(TransitionRefused) as caught:
        promote(
            "digits",
            to="Staging",
            from_="experiment=digits",
            best=_BEST,
            gates=["metrics.acc >= 0.9", "metrics.loss < 3", "metrics.f1 > 0"],
        )

    assert caught.value.reasons == [
        "metrics.acc >= 0.9 does not hold (acc is 0.5)",
        "metrics.f1 > 0 does not hold",
    ]
    with pytest.raises(RegisteredModelNotFound):
        registry.client.get_registered_model("digits")


def test_gate_that_does_not_parse_is_a_mistake(registry: Registry) -> None:
    registry.train(acc=0.5)

    with pytest.raises(InvalidFilter):
        promote("digits", to="Staging", from_="digits", best=_BEST, gates=["metrics.acc =="])


def test_gates_of_a_version_are_held_against_its_run(registry: Registry) -> None:
    version = registry.register(acc=0.5)

    with pytest.raises(TransitionRefused, match="Moving models:/digits/1"):
        promote("digits", to="Staging", version=version.version, gates=["metrics.acc > 0.5"])

    assert promote("digits", to="Staging", gates=["metrics.acc >= 0.5"]).status == "completed"


def test_gates_of_a_version_without_run_are_refused(registry: Registry) -> None:
    registry.script("return rows")

    with pytest.raises(InvalidInput, match="belongs to no run"):
        promote("digits", to="Staging", gates=["metrics.acc >= 0.5"])


def test_without_a_version_the_highest_number_is_promoted(registry: Registry) -> None:
    for acc in (0.5, 0.6, 0.7):
        registry.register(acc=acc)
    promote("digits", to="Staging", version=3)

    assert promote("digits", to="Production").version == 3
    assert promote("digits", to="@champion").version == 3


def test_contradicting_choices_are_refused(registry: Registry) -> None:
    registry.register(acc=0.5)

    with pytest.raises(InvalidInput, match="Give both"):
        promote("digits", to="Staging", from_="digits")
    with pytest.raises(InvalidInput, match="not both"):
        promote("digits", to="Staging", version=1, from_="digits", best=_BEST)
    registry.client.create_registered_model("empty")
    with pytest.raises(InvalidInput, match="has no version"):
        promote("empty", to="Staging")


def test_request_waits_for_approval_and_ends_when_it_is_given(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(acc=0.5)
    assay.registry.set_policy("digits", _APPROVED)
    request = promote("digits", to="Production", reason="better")
    told: list[str] = []

    assert request.status == "open"
    with pytest.raises(Conflict, match="has an open request"):
        promote("digits", to="Production")
    with pytest.raises(TimeoutError, match="still open"):
        await_request(request.request_id, end=time.monotonic(), told=lambda r: told.append(r.name))
    monkeypatch.setenv("ASSAY_USER", "bob")
    assay.registry.approve(request.request_id, reason="good")

    assert told == ["digits"]
    assert await_request(request.request_id).status == "completed"
    assert assay.registry.holder_at("digits", "Production") == [1]


def test_promotion_that_waits_too_long_is_told(registry: Registry) -> None:
    registry.register(acc=0.5)
    assay.registry.set_policy("digits", _APPROVED)

    with pytest.raises(TimeoutError, match="still open"):
        promote("digits", to="Production", wait=True, timeout_s=0)


def test_statuses_and_kinds_that_nobody_knows_are_refused(registry: Registry) -> None:
    registry.register(acc=0.5)

    with pytest.raises(InvalidInput, match="waiting"):
        assay.registry.requests("digits", statuses=["waiting"])
    with pytest.raises(InvalidInput, match="planet"):
        assay.registry.lineage("planet", "digits/1")
