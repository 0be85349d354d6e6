"""Golden predictions: kept without loss, compared with a tolerance that follows the precision."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from assay.errors import InvalidInput, InvalidModel
from assay.models import golden
from assay.models.golden import Golden, Tolerance, compare, encode

OUTPUTS: list[Any] = [
    np.array([1.5, math.nan, math.inf, -0.0]),
    np.array([[1, 2], [3, 4]], dtype=np.int8),
    np.array([True, False]),
    np.array(["a", "ü"]),
    np.array([b"x", None], dtype=object),
    np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
    np.float32(1.25),
    np.array(2.5),
    pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
    pd.Series([1, 2, 3]),
    pl.DataFrame({"a": [1, 2]}),
    sparse.csr_matrix([[0, 1.5]]),
    [1, "a", None, True, 2.5, b"bytes"],
    {"label": "x", "score": 0.5},
    {1: "a", ("b", 2): [math.nan]},
    pd.Timestamp("2020-01-01"),
    "text",
    None,
]


def kept(output: Any) -> Golden:
    """What comes back from the file's text."""
    return msgspec.json.decode(msgspec.json.encode(Golden(encode(output))), type=Golden)


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda o: f"{type(o).__name__}")
def test_every_kind_of_output_is_equal_to_itself_after_the_round_trip(output: Any) -> None:
    assert compare(kept(output), output) == []


@pytest.mark.parametrize(
    ("want", "got", "where"),
    [
        (np.array([1.0, 2.0]), np.array([1.0, 2.001]), "[1]"),
        (np.array([1.0, math.nan]), np.array([1.0, 2.0]), "[1]"),
        (np.array([1, 2]), np.array([1, 3]), "[1]"),
        (np.array([1.0, 2.0]), np.array([1.0]), ""),
        (np.array([1.0]), np.array([1]), ""),
        (["a", "b"], ["a", "c"], "[1]"),
        (["a", "b"], ["a"], ""),
        ({"s": 0.5}, {"s": 0.6}, "['s']"),
        ({"s": 0.5}, {"t": 0.5}, ""),
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [2.0]}), "['a'][0]"),
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]}), ""),
        (1, True, ""),
        (1.0, 2.0, ""),
        (b"a", b"b", ""),
    ],
)
def test_a_difference_is_told_with_its_place(want: Any, got: Any, where: str) -> None:
    found = compare(kept(want), got)
    assert [one.where for one in found] == [where]


def test_the_tolerance_follows_the_precision_of_the_numbers() -> None:
    exact = np.array([1.0, 2.0])
    assert compare(kept(exact), exact * (1 + 1e-7)) == []
    assert compare(kept(exact), exact * (1 + 1e-5)) != []
    single = exact.astype(np.float32)
    assert compare(kept(single), single * np.float32(1 + 1e-5)) == []
    assert compare(kept(single), single * np.float32(1 + 1e-3)) != []


def test_a_tolerance_of_the_user_counts_instead() -> None:
    want = Golden(encode(np.array([100.0])), Tolerance(relative=0.1, absolute=0.0))
    assert compare(want, np.array([109.0])) == []
    assert compare(want, np.array([111.0])) != []


def test_many_differences_are_cut_short() -> None:
    found = compare(kept(np.zeros(1000)), np.ones(1000))
    assert len(found) == golden.MAX_DIFFERENCES


def test_an_output_without_a_form_is_told() -> None:
    with pytest.raises(InvalidInput, match="golden=False"):
        encode(object())


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / golden.FILE).write_text("{")
    with pytest.raises(InvalidModel, match="can't be read"):
        golden.read(tmp_path)
    (tmp_path / golden.FILE).write_text('{"output": 1, "version": 9}')
    with pytest.raises(InvalidModel, match="update Assay"):
        golden.read(tmp_path)


def test_too_large_an_output_is_not_kept(tmp_path: Path) -> None:
    assert not golden.write(tmp_path, np.zeros(2_000_000))
    assert golden.read(tmp_path) is None
