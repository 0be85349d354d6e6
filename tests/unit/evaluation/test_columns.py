from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from assay.errors import InvalidInput
from assay.evaluation.columns import as_array, column, pick, row_count, take_rows, with_column

COLUMNS = {"a": [1, 2, 3], "b": ["x", "y", "z"]}
FRAMES: list[Any] = [
    pd.DataFrame(COLUMNS, index=[7, 8, 9]),
    pl.DataFrame(COLUMNS),
    {name: np.array(values) for name, values in COLUMNS.items()},
]


@pytest.mark.parametrize("frame", FRAMES, ids=["pandas", "polars", "mapping"])
def test_all_frames_have_one_face(frame: Any) -> None:
    rows = np.array([2, 0])

    assert row_count(frame) == 3
    assert column(frame, "a", "targets").tolist() == [1, 2, 3]
    assert column(pick(frame, ["b"]), "b", "slice").tolist() == ["x", "y", "z"]
    assert column(take_rows(frame, rows), "b", "slice").tolist() == ["z", "x"]
    changed = with_column(frame, "a", np.array([1, 2, 0]))
    assert column(changed, "a", "x").tolist() == [2, 3, 1]
    assert column(frame, "a", "x").tolist() == [1, 2, 3]
    with pytest.raises(InvalidInput, match="no column 'c' for the targets; there are: a, b"):
        column(frame, "c", "targets")


def test_a_column_of_an_array_is_shuffled_by_its_position() -> None:
    array = np.arange(6.0).reshape(3, 2)
    assert with_column(array, "1", np.array([2, 1, 0]))[:, 1].tolist() == [5, 3, 1]


def test_an_array_has_no_names() -> None:
    with pytest.raises(InvalidInput, match="the data are an array"):
        column(np.zeros((2, 2)), "a", "targets")


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pd.Series([1, None, 3], dtype="Int64"), [1.0, None, 3.0]),
        (pd.Series([1, 2], dtype="Int8"), [1, 2]),
        (pd.Series(["a", None], dtype="string"), ["a", None]),
        (pd.Series([True, False], dtype="boolean"), [True, False]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        (pl.Series([1.5, 2.5]), [1.5, 2.5]),
    ],
)
def test_extension_types_are_plain_arrays(series: Any, expected: list[Any]) -> None:
    found = [None if one is None or one != one else one for one in as_array(series).tolist()]
    assert found == expected
