"""Optuna's samplers and pruners over trials that the store keeps."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import InvalidInput
from assay.sweeps.guide import Guide, check_optuna
from assay.sweeps.optuna_study import Finished
from assay.sweeps.reading import make_spec
from assay.sweeps.space import Point
from assay.sweeps.spec import SweepSpec

SPACE = {
    "x": {"min": -5.0, "max": 5.0},
    "n": {"min": 1, "max": 9, "int": True},
    "kind": [[1], [2, 3]],
    "fixed": "yes",
}


def spec_with(**changes: Any) -> SweepSpec:
    entries = {
        "parameters": SPACE,
        "metric": "loss",
        "method": "optuna",
        "trials": 40,
        "seed": 5,
        **changes,
    }
    return make_spec(entries)


def loss(point: Point) -> float:
    return float((point["x"] - 1) ** 2 + point["n"] + len(point["kind"]))


def points(guide: Guide, first: int, last: int) -> list[Point]:
    found = []
    for number in range(first, last):
        point = guide.ask(number)
        assert point is not None
        guide.tell(number, loss(point))
        found.append(point)
    return found


def test_tpe_finds_better_points_than_chance() -> None:
    by_tpe = points(Guide(spec_with()), 0, 40)
    by_chance = points(Guide(spec_with(method="random")), 0, 40)

    assert sum(map(loss, by_tpe[20:])) < 0.7 * sum(map(loss, by_chance[20:]))
    assert {point["fixed"] for point in by_tpe} == {"yes"}


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "random", "nsgaii"])
def test_a_rebuilt_study_goes_on_as_the_one_that_never_stopped(sampler: str) -> None:
    spec = spec_with(sampler={"name": sampler})
    whole = points(Guide(spec), 0, 30)

    again = Guide(spec)
    ended = [
        Finished(
            number=number,
            point=point,
            value=loss(point),
            pruned=False,
            reports={},
            start_ms=10 * number,
            end_ms=10 * number + 5,
        )
        for number, point in enumerate(whole[:17])
    ]
    lost = again.rebuild(list(whole[:17]), ended)

    assert lost == {}
    assert points(again, 17, 30) == whole[17:]


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_a_rebuilt_study_knows_what_was_under_way_and_fills_what_was_lost(sampler: str) -> None:
    spec = spec_with(sampler={"name": sampler})
    guide = Guide(spec)
    whole = points(guide, 0, 6)
    ended = [
        Finished(number, point, None if number == 2 else 1.0, False, {}, number, number + 1)
        for number, point in enumerate(whole[:4])
    ]

    again = Guide(spec)
    lost = again.rebuild([*whole[:4], whole[4], None], ended)
    again.tell(4, 2.0)
    again.tell(5, None)

    assert list(lost) == [5]
    assert set(lost[5]) == set(SPACE)
    assert again.ask(6) is not None


@pytest.mark.parametrize("pruner", ["median", "successive_halving", {"name": "hyperband"}])
@pytest.mark.parametrize("method", ["grid", "random", "optuna"])
def test_a_pruner_ends_what_is_worse_whatever_chose_the_points(method: str, pruner: Any) -> None:
    space = {"x": list(range(20))}
    guide = Guide(spec_with(parameters=space, method=method, pruner=pruner, trials=20))
    pruned = []
    for number in range(20):
        point = guide.ask(number)
        assert point is not None
        # The first are the best, so that there is something to be worse than.
        is_bad = number >= 8
        for step in range(1, 30):
            if guide.should_prune(number, step, 100.0 if is_bad else 1.0 / step):
                pruned.append(number)
                break
        guide.tell(number, None if number in pruned else 1.0, pruned=number in pruned)

    assert set(pruned) & set(range(8, 20))
    assert 0 not in pruned


def test_a_pruner_remembers_what_earlier_trials_reported() -> None:
    spec = spec_with(parameters={"x": {"min": 0, "max": 1}}, pruner={"name": "median"})
    guide = Guide(spec)
    asked = [guide.ask(number) for number in range(6)]
    ended = [
        Finished(number, point or {}, 0.0, False, {0: 0.0, 1: float("nan")}, number, number)
        for number, point in enumerate(asked)
    ]

    again = Guide(spec)
    again.rebuild(asked, ended)
    again.ask(6)

    assert not again.should_prune(6, -1, 5.0)
    assert not again.should_prune(6, 0, float("nan"))
    assert again.should_prune(6, 0, 5.0)


def test_options_that_optuna_refuses_are_bad_input() -> None:
    with pytest.raises(InvalidInput, match="percentile"):
        check_optuna(spec_with(pruner={"name": "percentile", "percentile": 400}))
