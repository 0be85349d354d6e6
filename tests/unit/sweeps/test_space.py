"""Points of a space."""

from __future__ import annotations

import random

import pytest

from assay.sweeps.space import (
    Choices,
    Fixed,
    Range,
    Space,
    grid_point,
    grid_size,
    point_text,
    random_point,
    read_point,
)

SPACE: Space = {
    "lr": Range(1e-5, 1e-1, log=True),
    "depth": Range(1, 4, whole=True),
    "drop": Range(0, 0.5, step=0.1),
    "layers": Choices([[64], [64, 64]]),
    "optimizer": Fixed("adam"),
}


def test_a_grid_holds_every_combination_once_and_the_last_parameter_changes_first() -> None:
    space: Space = {"a": Choices(["x", "y"]), "b": Fixed(1), "c": Range(0, 0.3, step=0.1)}

    points = [grid_point(space, number) for number in range(int(grid_size(space)))]

    assert [point["c"] for point in points[:4]] == [0, 0.1, 0.2, 0.3]
    assert len({point_text(point) for point in points}) == 8
    assert [point["a"] for point in points] == ["x"] * 4 + ["y"] * 4


def test_a_continuous_range_has_no_grid() -> None:
    assert grid_size(SPACE) == float("inf")


def test_random_points_stay_in_the_space() -> None:
    chance = random.Random(1)

    points = [random_point(SPACE, chance) for _ in range(500)]

    assert all(1e-5 <= point["lr"] <= 1e-1 for point in points)
    assert {point["depth"] for point in points} == {1, 2, 3, 4}
    assert {point["drop"] for point in points} == {0, 0.1, 0.2, 0.3, 0.4, 0.5}
    assert {point["optimizer"] for point in points} == {"adam"}
    # Uniform in the logarithm: half of them are below the geometric mean.
    assert 200 < sum(point["lr"] < 1e-3 for point in points) < 300


def test_the_ends_of_a_logarithmic_range_of_whole_numbers_are_no_rarity() -> None:
    chance = random.Random(2)
    space: Space = {"n": Range(1, 2, log=True, whole=True)}

    ones = sum(random_point(space, chance)["n"] == 1 for _ in range(1_000))

    assert 550 < ones < 780  # log 3 / log 5 = 0.68


def test_a_kept_point_reads_back_exactly() -> None:
    point = random_point(SPACE, random.Random(3))

    assert read_point(SPACE, point_text(point)) == point


@pytest.mark.parametrize("text", ["", "[]", "{", '{"lr": 1}', '{"other": 1}'])
def test_a_point_of_another_space_is_none(text: str) -> None:
    assert read_point(SPACE, text) is None
