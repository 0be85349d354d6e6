"""Drift is told where there is some, and not where chance alone is at work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from assay import data
from assay.data.column_profile import (
    QUANTILES,
    Profile,
    profile_of,
    profile_of_column,
    profile_of_dataset,
    read_profile,
)
from assay.data.drift import ColumnDrift, Limits, drift_of, psi
from assay.errors import InvalidInput

_RANDOM = np.random.default_rng(3)


def _one(before: Any, now: Any, **limits: Any) -> ColumnDrift:
    (found,) = drift_of(profile_of({"x": before}), {"x": now, "new": now}, Limits(**limits))
    return found


def test_the_index_is_that_of_the_textbook() -> None:
    # Siddiqi's own way of adding it up: (actual - expected) * ln(actual / expected).
    assert psi([0.5, 0.5], [0.5, 0.5]) == 0
    expected = 0.2 * np.log(0.7 / 0.5) - 0.2 * np.log(0.3 / 0.5)
    assert psi([50, 50], [700, 300]) == pytest.approx(expected)
    assert psi([10, 0], [0, 10]) > 5


def test_the_same_distribution_is_stable_and_another_has_drifted() -> None:
    before = _RANDOM.gamma(2.0, size=5_000)

    same = [_one(before, _RANDOM.gamma(2.0, size=200)) for _ in range(40)]
    moved = _one(before, _RANDOM.gamma(2.0, size=200) + 1)

    assert not any(one.has_drifted for one in same)
    assert sum(one.verdict == "stable" for one in same) > 30
    assert moved.verdict == "drift"
    assert moved.p_value is not None
    assert moved.p_value < 1e-6


def test_the_distance_of_a_profile_is_nearly_that_of_all_the_data() -> None:
    before, now = _RANDOM.normal(size=3_000), _RANDOM.normal(0.3, size=800)

    found = _one(before, now)

    assert found.ks == pytest.approx(ks_2samp(before, now).statistic, abs=2 / QUANTILES)


@pytest.mark.parametrize("shift", [1, -1])
def test_few_numbers_are_told_apart_one_by_one(shift: int) -> None:
    before = np.ones(500)

    assert _one(before, before[:300]).verdict == "stable"
    assert _one(before, before[:300] + shift).verdict == "drift"


def test_names_that_change_their_share_or_are_new_have_drifted() -> None:
    before = ["a"] * 500 + ["b"] * 500

    assert _one(before, ["a"] * 150 + ["b"] * 150).verdict == "stable"
    assert _one(before, ["a"] * 270 + ["b"] * 30).verdict == "drift"
    assert _one(before, ["c"] * 300).verdict == "drift"
    assert _one(before, [1, 2] * 150).verdict == "drift"


def test_missing_values_count_as_a_change() -> None:
    before = _RANDOM.normal(size=1_000)
    now = before[:400].copy()
    now[:200] = np.nan

    found = _one(before, now)

    assert found.verdict == "drift"
    assert (found.missing_before, found.missing) == (0.0, 0.5)
    assert _one(before, [None] * 300).missing == 1.0
    assert _one([None] * 300, [None] * 300).verdict == "stable"


def test_few_rows_and_other_kinds_are_told_as_that() -> None:
    before = _RANDOM.normal(size=1_000)

    assert _one(before, before[:50] + 9).verdict == "too few rows"
    assert _one(before, ["x"] * 300).verdict == "other kind"
    assert _one(before, before[:50] + 9, min_rows=10).verdict == "drift"


def test_limits_are_those_that_were_given() -> None:
    before = _RANDOM.normal(size=2_000)
    now = _RANDOM.normal(0.4, size=1_000)

    assert _one(before, now, psi=5.0).verdict == "watch"
    assert _one(before, now, psi=0.05).verdict == "drift"
    assert _one(before, now, psi=5.0, ks=0.1).verdict == "drift"


_CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(st.lists(_CELLS, min_size=1, max_size=30), st.lists(_CELLS, min_size=1, max_size=30))
def test_any_values_can_be_compared(before: list[Any], now: list[Any]) -> None:
    profile = profile_of({"x": before})
    assert msgspec.json.decode(msgspec.json.encode(profile), type=Profile) == profile

    for found in drift_of(profile, {"x": now}, Limits(min_rows=1)):
        assert found.psi is None or found.psi >= 0


def test_frames_have_profiles_whatever_their_types() -> None:
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None, 3], dtype="Int64"),
            "t": pd.to_datetime(["2026-01-01", None, "2026-01-02"]),
            "c": pd.Categorical(["a", "b", None]),
            "b": [True, False, True],
            "l": [[1], [2], [3]],
        }
    )

    profile = profile_of({name: frame[name].to_numpy() for name in frame})

    kinds = {name: (one.kind, one.missing) for name, one in profile.columns.items()}
    assert set(kinds) == {"i", "t", "c", "b"}
    assert kinds["c"] == ("category", 1)
    assert kinds["b"] == ("category", 0)
    assert profile_of_column([]) is not None


def test_data_sets_of_all_kinds_have_profiles(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    array = np.array([[1.0, 2.0], [3.0, 4.0]])

    of_pandas, of_polars, of_csv = (
        profile_of_dataset(one)
        for one in (
            data.from_pandas(frame),
            data.from_polars(pl.from_pandas(frame)),
            data.from_csv(tmp_path / "x.csv"),
        )
    )

    assert of_pandas == of_polars == of_csv
    assert list(profile_of_dataset(data.from_numpy(array)).columns) == ["input.0", "input.1"]
    assert list(profile_of_dataset(data.from_numpy({"a": array[0]})).columns) == ["a"]
    with pytest.raises(InvalidInput, match="no table"):
        profile_of_dataset(data.from_numpy(np.zeros((2, 2, 2))))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", json.dumps({"rows": 1, "columns": {}, "version": 9}).encode(), b"\xff"],
)
def test_files_that_are_no_profile_are_told(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "profile.json"
    file.write_bytes(text)

    with pytest.raises(InvalidInput, match=r"profile\.json"):
        read_profile(file)


def test_columns_of_a_profile_are_of_one_length() -> None:
    with pytest.raises(InvalidInput):
        profile_of({"a": [1], "b": [1, 2]})
    with pytest.raises(InvalidInput):
        profile_of({})
