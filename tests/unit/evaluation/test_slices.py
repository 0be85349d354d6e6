from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.evaluation.slices import MAX_VALUES, cut

FRAME: dict[str, np.ndarray[Any, Any]] = {
    "country": np.array(["DE", "FR", "DE", None, "FR", "DE"], dtype=object),
    "age": np.array([10.0, 20.0, 30.0, 40.0, np.nan, 60.0]),
}


def parts(rules: Any, frame: dict[str, np.ndarray[Any, Any]] = FRAME) -> dict[str, list[bool]]:
    found = cut(
        rules, column=lambda name: frame[name], frame=frame, size=len(next(iter(frame.values())))
    )
    return {f"{one.by}={one.name}": one.mask.tolist() for one in found}


def rows(found: dict[str, list[bool]]) -> dict[str, int]:
    return {name: sum(mask) for name, mask in found.items()}


def test_values_are_slices_and_missing_is_one() -> None:
    assert rows(parts("country")) == {"country=DE": 3, "country=FR": 2, "country=missing": 1}


def test_few_numbers_are_slices_by_value() -> None:
    assert len(parts(["age"])) == 6


def test_edges_make_bins_that_hold_their_lower_end() -> None:
    found = parts({"age": [20, 40]})
    assert rows(found) == {
        "age=below 20": 1,
        "age=20 to 40": 2,
        "age=from 40": 2,
        "age=missing": 1,
    }


def test_a_number_makes_quantile_bins() -> None:
    frame = {"x": np.arange(100.0)}
    assert rows(parts({"x": 4}, frame)) == {
        "x=below 24.75": 25,
        "x=24.75 to 49.5": 25,
        "x=49.5 to 74.25": 25,
        "x=from 74.25": 25,
    }
    assert len(parts("x", frame)) == 4


def test_functions_and_masks_mark_rows() -> None:
    found = parts(
        {
            "adults": lambda frame: frame["age"] >= 18,
            "first": np.arange(6) < 2,
            "land": "country",
        }
    )
    assert rows(found) == {
        "adults=": 4,
        "first=": 2,
        "land=DE": 3,
        "land=FR": 2,
        "land=missing": 1,
    }


def test_rare_values_join() -> None:
    names = [f"v{at:02d}" for at in range(30)]
    frame = {"x": np.array(names + names[:20], dtype=object)}
    found = rows(parts("x", frame))
    assert len(found) == MAX_VALUES + 1
    assert found["x=other"] == 10


def test_empty_slices_are_left_out() -> None:
    assert parts({"none": lambda frame: np.zeros(6, dtype=bool)}) == {}


@pytest.mark.parametrize(
    ("rules", "match"),
    [
        ({"x": np.array([True])}, "6 booleans"),
        ({"x": lambda frame: [1, 2, 3]}, "6 booleans"),
        ({"country": 4}, "can't be binned"),
        ({"age": 1}, "at least 2 bins"),
        ({"x": np.array(["a"])}, "must be a column"),
    ],
)
def test_rules_that_mark_nothing_are_refused(rules: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        parts(rules)
