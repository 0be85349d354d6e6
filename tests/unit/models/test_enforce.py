from __future__ import annotations

import dataclasses
import datetime
import logging
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from scipy import sparse

from assay.errors import InvalidInput, MissingExtra, SignatureMismatch
from assay.models.signatures.data_types import (
    AnyType,
    Array,
    ColumnType,
    DataType,
    Map,
    Object,
    Property,
)
from assay.models.signatures.enforce import Enforcer, enforce, enforce_params
from assay.models.signatures.infer import infer_schema, infer_signature
from assay.models.signatures.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from assay.models.signatures.validation import validate

HOUSE = Schema([ColSpec("long", "rooms"), ColSpec("double", "area"), ColSpec("string", "town")])


def one(kind: ColumnType | str, *, required: bool = True) -> Schema:
    return Schema([ColSpec(kind, "c", required=required)])


def fitted(values: Any, kind: ColumnType | str, *, required: bool = True) -> Any:
    """The column that comes out of a frame with these values as its column ``c``."""
    return enforce(pd.DataFrame({"c": values}), one(kind, required=required))["c"]


def houses(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"rooms": [3, 4], "area": [70.5, 90.0], "town": ["A", "B"], **columns})


# Frames


def test_frame_that_fits_passes_untouched() -> None:
    enforcer = Enforcer(HOUSE)
    frame = houses()

    assert enforcer(frame) is frame
    other = houses()
    assert enforcer(other) is other


def test_frame_with_objects_is_looked_into_each_time() -> None:
    enforcer = Enforcer(one("string"))
    good = pd.DataFrame({"c": pd.Series(["a", "b"], dtype=object)})
    assert enforcer(good) is good
    assert enforcer(good) is good

    with pytest.raises(SignatureMismatch, match="first bad value 3 in row 1"):
        enforcer(pd.DataFrame({"c": pd.Series(["a", 3], dtype=object)}))


def test_frame_seen_before_with_other_dtypes_is_checked_anew() -> None:
    enforcer = Enforcer(one("double"))
    enforcer(pd.DataFrame({"c": [1.5]}))

    assert enforcer(pd.DataFrame({"c": [1]}))["c"].tolist() == [1.0]
    with pytest.raises(SignatureMismatch):
        enforcer(pd.DataFrame({"c": [True]}))


def test_columns_come_in_the_schemas_order_and_others_are_dropped() -> None:
    frame = houses(extra=[1, 2])[["extra", "town", "area", "rooms"]]

    assert_frame_equal(enforce(frame, HOUSE), houses())


def test_index_stays_even_where_it_repeats() -> None:
    frame = houses(area=[70, 90])
    frame.index = pd.Index([7, 7])

    out = enforce(frame, HOUSE)

    assert out.index.tolist() == [7, 7]
    assert out["area"].tolist() == [70.0, 90.0]
    assert enforce(frame.astype({"rooms": "int8"}), HOUSE).index.tolist() == [7, 7]


def test_frame_that_came_is_never_changed() -> None:
    frame = houses(area=[70, 90])
    before = frame.copy()

    out = enforce(frame, HOUSE)
    out["rooms"] = 0

    assert_frame_equal(frame, before)


def test_missing_columns_are_listed_together_with_near_names() -> None:
    frame = houses().rename(columns={"area": "arae"}).drop(columns="town")

    with pytest.raises(SignatureMismatch) as error:
        enforce(frame, HOUSE)

    assert error.value.problems == ["Missing columns: 'area' (did you mean 'arae'?), 'town'."]


def test_all_mismatches_are_told_at_once() -> None:
    frame = pd.DataFrame({"rooms": [2.0, 3.5], "area": ["x", "y"]})

    with pytest.raises(SignatureMismatch) as error:
        enforce(frame, HOUSE)

    assert str(error.value) == (
        "The data doesn't fit the model's signature:\n"
        "- Missing column: 'town'.\n"
        "- Column 'rooms': expected long, got double (first bad value 3.5 in row 1).\n"
        "- Column 'area': expected double, got string (first bad value 'x' in row 0)."
    )


def test_ten_mismatches_are_shown_at_most() -> None:
    schema = Schema([ColSpec("long", f"c{i}") for i in range(13)])

    with pytest.raises(SignatureMismatch) as error:
        enforce(pd.DataFrame({f"c{i}": ["x"] for i in range(13)}), schema)

    assert len(error.value.problems) == 13
    assert str(error.value).count("expected long") == 10
    assert str(error.value).endswith("and 3 more.")


def test_a_column_twice_is_refused() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["c", "c"])

    with pytest.raises(SignatureMismatch, match="'c' is there more than once"):
        enforce(frame, one("long"))


def test_optional_column_may_stay_away() -> None:
    schema = Schema([ColSpec("long", "a"), ColSpec("double", "b", required=False)])

    assert enforce(pd.DataFrame({"a": [1]}), schema).columns.tolist() == ["a"]


def test_columns_without_names_are_taken_by_position() -> None:
    schema = Schema([ColSpec("long"), ColSpec("double")])

    out = enforce(pd.DataFrame({"x": [1], "y": [2], "z": ["dropped"]}), schema)

    assert out.to_dict("list") == {"x": [1], "y": [2.0]}
    with pytest.raises(SignatureMismatch, match="Expected 2 columns, got 1"):
        enforce(pd.DataFrame({"x": [1]}), schema)


# Scalars


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [
        (np.array([1, 2], "int8"), "integer", "int32"),
        (np.array([1, 2], "uint32"), "long", "int64"),
        (np.array([1, 2], "int64"), "integer", "int32"),
        (np.array([1, 2], "uint64"), "long", "int64"),
        (np.array([1, 2], "int32"), "double", "float64"),
        (np.array([1, 2**53], "int64"), "double", "float64"),
        (np.array([1, -(2**24)], "int64"), "float", "float32"),
        (np.array([0.1, 2], "float32"), "double", "float64"),
        (np.array([0.5, np.nan]), "float", "float32"),
        (pd.array([1, 2], dtype="Int64"), "long", "int64"),
        (pd.array([1, None], dtype="Int64"), "double", "float64"),
        (pd.array([1.5, None], dtype="Float64"), "double", "float64"),
        (pd.array([True, False], dtype="boolean"), "boolean", "bool"),
        (pd.Series([1, 2], dtype=object), "long", "int64"),
        (pd.Series([1, 2.5, None], dtype=object), "double", "float64"),
        (pd.Series([Decimal("0.1"), None], dtype=object), "double", "float64"),
        (pd.Series([True, False], dtype=object), "boolean", "bool"),
        (pd.arrays.ArrowExtensionArray(pa.array([1, 2])), "long", "int64"),
        (pd.arrays.SparseArray([1, 0]), "double", "float64"),
    ],
)
def test_cast_that_keeps_every_value_is_made(values: Any, kind: str, dtype: str) -> None:
    given = pd.Series(values)

    out = fitted(values, kind)

    assert out.dtype == dtype
    assert [None if pd.isna(v) else v for v in out] == [
        None if pd.isna(v) else (float(v) if isinstance(v, Decimal) else v) for v in given
    ]


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([1.0, 3.5], "long", "expected long, got double (first bad value 3.5 in row 1)"),
        (
            [1.0, 2.0],
            "long",
            "expected long, got double (first bad value 1.0 in row 0; cast the column to int64",
        ),
        ([1.0, np.nan], "long", "expected long, got a missing value (first in row 1; a column"),
        ([1, 2**53 + 1], "double", f"got long (first bad value {2**53 + 1} in row 1, not exact"),
        ([0, 2**24 + 1], "float", "in row 1, not exact as float"),
        ([0, 2**31], "integer", f"first bad value {2**31} in row 1, beyond 32 bits"),
        (np.array([2**63], "uint64"), "long", "beyond 64 bits"),
        ([0.5, 0.1], "float", "expected float, got double (first bad value 0.1 in row 1, not"),
        ([True], "long", "expected long, got boolean (first bad value True in row 0)"),
        ([True], "double", "expected double, got boolean"),
        ([1, 0], "boolean", "expected boolean, got long (first bad value 1 in row 0)"),
        ([1], "string", "expected string, got long (first bad value 1 in row 0)"),
        (["a"], "long", "expected long, got string (first bad value 'a' in row 0)"),
        (["a"], "binary", "expected binary, got string"),
        ([b"a"], "string", "expected string, got binary (first bad value b'a' in row 0)"),
        ([1], "datetime", "expected datetime, got long"),
        (["1.2.2024"], "datetime", "expected datetime, got string (first bad value '1.2.2024'"),
        (["2024-13-01"], "datetime", "expected datetime, got dates that don't go together"),
        (pd.array([1, None], dtype="Int64"), "long", "got a missing value (first in row 1"),
        (pd.array([True, None], dtype="boolean"), "boolean", "got a missing value"),
        (pd.Series([1, "a"], dtype=object), "long", "got string (first bad value 'a' in row 1)"),
        (pd.Series([1, True], dtype=object), "long", "got boolean"),
        (pd.Series([2**70], dtype=object), "long", "got a larger integer (first bad value"),
        (pd.Series([None, 2**53 + 1, 0.5], dtype=object), "double", "is not exact as double"),
        (
            pd.Series([Decimal("0.12345678901234567890")], dtype=object),
            "double",
            "got a decimal (value 0.12345678901234567890 has more digits",
        ),
        (pd.to_timedelta(["1s"]), "long", "expected long, got timedelta64"),
        (pd.Categorical([1, 2]), "string", "expected string, got a category of long"),
    ],
)
def test_cast_that_would_change_a_value_is_refused(values: Any, kind: str, message: str) -> None:
    with pytest.raises(SignatureMismatch) as error:
        fitted(values, kind)

    assert message in str(error.value)
    assert str(error.value).startswith("Column 'c': expected ")


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [
        (pd.array([1, None], dtype="Int64"), "long", "Int64"),
        (pd.array([1, 2], dtype="Int64"), "long", "Int64"),
        (pd.array([1, None], dtype="Int32"), "long", "Int64"),
        ([1.0, np.nan], "long", "Int64"),
        ([1.0, np.nan], "integer", "Int32"),
        (pd.Series([2**60 + 1, None], dtype=object), "long", "Int64"),
        (pd.Series([None, None], dtype=object), "long", "Int64"),
        (pd.array([True, None], dtype="boolean"), "boolean", "boolean"),
        (pd.Series([True, None], dtype=object), "boolean", "boolean"),
        ([np.nan, np.nan], "boolean", "boolean"),
        ([None, None], "datetime", "datetime64[ns]"),
        ([np.nan, np.nan], "string", "object"),
        ([1, 2], "long", "int64"),
    ],
)
def test_optional_column_keeps_its_missing_values(values: Any, kind: str, dtype: str) -> None:
    given = pd.Series(values)

    out = fitted(values, kind, required=False)

    assert out.dtype == dtype
    assert out.isna().tolist() == given.isna().tolist()
    assert out.dropna().tolist() == given.dropna().tolist()


def test_whole_floats_without_missing_values_are_no_integers() -> None:
    with pytest.raises(SignatureMismatch, match="expected long, got double"):
        fitted([1.0, 2.0], "long", required=False)
    with pytest.raises(SignatureMismatch, match=r"first bad value 2\.5 in row 2"):
        fitted([1.0, np.nan, 2.5], "long", required=False)


def test_missing_values_of_texts_and_floats_need_no_leave() -> None:
    assert fitted([1.5, np.nan], "double").isna().tolist() == [False, True]
    assert fitted(["a", None], "string").isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "values",
    [
        pd.Categorical(["x", "y"]),
        pd.array(["x"], dtype="string"),
        pd.Series(["x", None], dtype=object),
    ],
)
def test_texts_of_all_kinds_stay_what_they_are(values: Any) -> None:
    assert fitted(values, "string").dtype == pd.Series(values).dtype


def test_moments_of_any_unit_and_zone_stay_what_they_are() -> None:
    for dtype in ("datetime64[s]", "datetime64[ns]", "datetime64[ns, UTC]"):
        given = pd.Series(pd.to_datetime(["2024-01-01"], utc="UTC" in dtype)).astype(dtype)
        assert fitted(given, "datetime").dtype == given.dtype


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-02", "2024-01-03T00:00:00"],
        [datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)],
        pd.Series([datetime.datetime(2024, 1, 2), np.datetime64("2024-01-03")], dtype=object),
    ],
)
def test_iso_texts_and_dates_become_moments(values: Any) -> None:
    out = fitted(values, "datetime")

    assert out.dtype.kind == "M"
    assert out.tolist() == [pd.Timestamp(2024, 1, 2), pd.Timestamp(2024, 1, 3)]


def test_nanoseconds_of_iso_texts_are_kept() -> None:
    [moment] = fitted(["2024-01-02T03:04:05.123456789Z"], "datetime")

    assert moment == pd.Timestamp("2024-01-02T03:04:05.123456789Z")
    assert moment.nanosecond == 789


# Nested values


PERSON = Object(
    [
        Property("name", "string"),
        Property("tags", Array("string"), required=False),
        Property("sizes", Map("double"), required=False),
    ]
)


def test_nested_values_that_fit_stay_the_same_objects() -> None:
    person = {"name": "A", "tags": ["x", None], "sizes": {"a": 1.5}}
    frame = pd.DataFrame({"c": [person, {"name": "B", "tags": None}]})

    assert enforce(frame, one(PERSON)) is frame
    assert frame["c"][0] is person


def test_integers_inside_become_floats_where_the_type_says_so() -> None:
    given = {"name": "A", "sizes": {"a": 1}}

    [out] = fitted([given], PERSON)

    assert out == {"name": "A", "sizes": {"a": 1.0}}
    assert type(out["sizes"]["a"]) is float
    assert type(given["sizes"]["a"]) is int


def test_arrays_in_cells_are_cast_as_columns_are() -> None:
    [out] = fitted([np.array([1, 2], "int32")], Array("long"))

    assert out.dtype == np.int64
    [moments] = fitted([np.array(["2024-01-01"], "datetime64[D]")], Array("datetime"))
    assert moments.dtype.kind == "M"
    [matrix] = fitted([np.ones((2, 2), np.float32)], Array(Array("double")))
    assert matrix.shape == (2, 2)


def test_cells_of_one_length_stay_lists() -> None:
    out = fitted([[1, 2], [3, 4]], Array("double"))

    assert out.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_dataclass_and_tuple_count_as_object_and_array() -> None:
    @dataclasses.dataclass
    class Person:
        name: str

    assert len(fitted([Person("A")], PERSON)) == 1
    assert fitted([("a", "b")], Array("string")).tolist() == [("a", "b")]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ({"name": 3}, PERSON, "Column 'c'.name: expected string, got long (value 3 in row 0)"),
        (
            {"name": "A", "tags": ["x", 5]},
            PERSON,
            "Column 'c'.tags[1]: expected string, got long (value 5 in row 0)",
        ),
        ({"tags": []}, PERSON, "got an object without 'name' (keys ['tags'] in row 0)"),
        (
            {"name": "A", "tag": []},
            PERSON,
            "got an object with the unknown property 'tag' (did you mean 'tags'?) (row 0)",
        ),
        ({"name": "A", "sizes": {1: 2.0}}, PERSON, "'c'.sizes: expected Map(str -> double)"),
        ("A", PERSON, "got string (value 'A' in row 0)"),
        (None, PERSON, "got a missing value"),
        ("abc", Array("string"), "expected Array(string), got string"),
        ([1.5], Array("long"), "Column 'c'[0]: expected long, got double"),
        ([True], Array("long"), "got boolean"),
        ([2**63], Array("long"), "expected long"),
        ([2**53 + 1], Array("double"), "expected double, got long"),
        ([{}], Array(Map("long")), None),
        (np.ones((2, 2)), Array("double"), "got an array of 2 axes"),
        (np.array([1.5]), Array("long"), "got double"),
        ([["2024-02-30"]], Array(Array("datetime")), "is no ISO 8601 date"),
        ([b"x"], Array("string"), "got binary"),
    ],
)
def test_nested_value_that_does_not_fit_is_told_with_its_place(
    value: Any, kind: ColumnType, message: str | None
) -> None:
    frame = pd.DataFrame({"c": pd.Series([value], dtype=object)})
    if message is None:
        assert enforce(frame, one(kind)) is frame
        return
    with pytest.raises(SignatureMismatch) as error:
        enforce(frame, one(kind))
    assert message in str(error.value)


def test_numbers_where_arrays_are_expected_are_refused() -> None:
    with pytest.raises(SignatureMismatch, match=r"expected Array\(long\), got long"):
        fitted([1, 2], Array("long"))


def test_column_of_anything_is_not_looked_into() -> None:
    frame = pd.DataFrame({"c": pd.Series([1, "a", None], dtype=object)})

    assert enforce(frame, one(AnyType())) is frame


# Other forms


@pytest.mark.parametrize(
    "data",
    [
        {"rooms": [3, 4], "area": [70.5, 90.0], "town": ["A", "B"]},
        {"rooms": np.array([3, 4]), "area": (70.5, 90), "town": pd.Series(["A", "B"]), "x": [0, 0]},
        [
            {"rooms": 3, "area": 70.5, "town": "A"},
            {"town": "B", "rooms": 4, "area": 90, "extra": 1},
        ],
        [[3, 70.5, "A"], (4, 90, "B")],
        pl.DataFrame({"rooms": [3, 4], "area": [70.5, 90.0], "town": ["A", "B"]}),
        pl.LazyFrame({"rooms": [3, 4], "area": [70.5, 90.0], "town": ["A", "B"]}),
    ],
)
def test_all_forms_of_columns_give_the_same_frame(data: Any) -> None:
    assert_frame_equal(enforce(data, HOUSE), houses())


def test_dict_of_values_is_one_row() -> None:
    out = enforce({"rooms": 3, "area": 70.5, "town": "A"}, HOUSE)

    assert_frame_equal(out, houses().iloc[:1])


def test_no_rows_give_no_rows() -> None:
    assert enforce([], HOUSE).shape == (0, 3)
    assert enforce(houses().iloc[:0], HOUSE).shape == (0, 3)


def test_missing_values_of_records_leave_integers_alone() -> None:
    schema = Schema([ColSpec("long", "a", required=False)])

    out = enforce([{"a": 2**60 + 1}, {"a": None}, {}], schema)

    assert out["a"].dtype == "Int64"
    assert out["a"][0] == 2**60 + 1
    assert enforce([{}, {}], schema).shape == (2, 0)


def test_record_without_a_required_key_is_refused() -> None:
    with pytest.raises(SignatureMismatch) as error:
        enforce([{"rooms": 1, "area": 2.0, "town": "A"}, {"rooms": 1, "ares": 2.0}], HOUSE)

    assert error.value.problems == [
        "Column 'area' is required, but missing in row 1 (did you mean 'ares'?).",
        "Column 'town' is required, but missing in row 1.",
    ]


def test_pythons_floats_have_no_width() -> None:
    out = enforce([{"c": 0.1}, {"c": 2}], one("float"))

    assert out["c"].tolist() == [np.float32(0.1), 2.0]


def test_array_gets_the_schemas_names_by_position() -> None:
    schema = Schema([ColSpec("double", "a"), ColSpec("double", "b")])

    assert enforce(np.array([[1, 2], [3, 4]]), schema).to_dict("list") == {
        "a": [1.0, 3.0],
        "b": [2.0, 4.0],
    }
    assert enforce(sparse.csr_matrix([[1.0, 0.0]]), schema).columns.tolist() == ["a", "b"]
    with pytest.raises(
        SignatureMismatch, match=r"Expected 2 columns \('a', 'b'\), got an array of"
    ):
        enforce(np.zeros((2, 3)), schema)
    with pytest.raises(SignatureMismatch, match=r"shape \(1, 2, 2\)"):
        enforce(np.zeros((1, 2, 2)), schema)
    with pytest.raises(InvalidInput, match="takes 2 columns"):
        enforce(np.zeros(2), schema)


@pytest.mark.parametrize(
    ("data", "kind", "cells"),
    [
        (["a", "b"], "string", ["a", "b"]),
        ("a", "string", ["a"]),
        (np.array([1, 2]), "long", [1, 2]),
        (np.array(3), "long", [3]),
        (pd.Series([1, 2], name="other"), "long", [1, 2]),
        (pl.Series("other", [1, 2]), "long", [1, 2]),
        ([[1], [2]], "long", [1, 2]),
        ([[1, 2], [3]], Array("long"), [[1, 2], [3]]),
        ({"c": [1, 2]}, Array("long"), [[1, 2]]),
        ({"c": [[1, 2], [3]]}, Array("long"), [[1, 2], [3]]),
        ({"c": {"a": 1}}, Map("long"), [{"a": 1}]),
        ({"c": [{"a": 1}]}, Map("long"), [{"a": 1}]),
        ([{"c": [1]}, {"c": []}], Array("long"), [[1], []]),
    ],
)
def test_forms_of_a_single_column(data: Any, kind: ColumnType, cells: list[Any]) -> None:
    out = enforce(data, one(kind))

    assert out.columns.tolist() == ["c"]
    assert out["c"].tolist() == cells


def test_matrix_is_cells_of_arrays_where_the_column_holds_such() -> None:
    out = enforce(np.array([[1, 2], [3, 4]]), one(Array("long")))

    assert [cell.tolist() for cell in out["c"]] == [[1, 2], [3, 4]]


def test_dicts_are_cells_of_an_unnamed_column_of_objects() -> None:
    schema = Schema([ColSpec(Map("long"))])

    assert enforce([{"a": 1}, {"b": 2}], schema)[0].tolist() == [{"a": 1}, {"b": 2}]
    assert enforce({"a": 1}, schema)[0].tolist() == [{"a": 1}]
    with pytest.raises(InvalidInput, match="no names"):
        enforce({"a": 1}, Schema([ColSpec("long")]))


def test_data_nothing_is_known_of_pass_as_they_are() -> None:
    schema = Schema([ColSpec(AnyType())])

    for data in ("x", {"a": 1}, [1, "a"], np.zeros((2, 2)), houses()):
        assert enforce(data, schema) is data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"rooms": [1, 2], "area": [1.0], "town": ["A"]}, "'rooms' has 2, 'area' has 1"),
        ([[1, 2.0]], "Row 0: expected 3 values, got 2 values"),
        ([[1, 2.0, "A"], 5], "Row 1: expected 3 values, got int"),
        ("x", "takes 3 columns, got str"),
        (pd.Series([1]), "takes 3 columns, got Series"),
        (object(), "takes 3 columns, got object"),
    ],
)
def test_form_that_holds_no_such_columns_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        enforce(data, HOUSE)


def test_polars_columns_keep_their_values() -> None:
    zone = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
    frame = pl.DataFrame(
        {
            "i": [2**60 + 1, None],
            "b": [True, None],
            "s": ["a", None],
            "d": [datetime.date(2024, 1, 1), None],
            "z": [zone, None],
            "l": [[1.5], None],
            "o": [{"a": 1}, {"a": 2}],
            "c": pl.Series(["a", "b"], dtype=pl.Categorical),
        }
    )

    out = enforce(frame, infer_schema(frame))

    assert out["i"].dtype == "Int64"
    assert out["i"][0] == 2**60 + 1
    assert out["b"].dtype == "boolean"
    assert out["d"][0] == pd.Timestamp(2024, 1, 1)
    assert out["z"][0] == zone
    assert out["l"][0] == [1.5]
    assert out["o"].tolist() == [{"a": 1}, {"a": 2}]
    assert out["c"].tolist() == ["a", "b"]
    assert out.drop(columns=["o", "c"]).iloc[1].isna().all()


# Tensors


IMAGE = Schema([TensorSpec("float32", (-1, 2, 2))])
NAMED = Schema([TensorSpec("int64", (-1, 2), "ids"), TensorSpec("float64", (-1,), "w")])


def test_array_that_fits_passes_untouched() -> None:
    array = np.zeros((3, 2, 2), np.float32)

    assert Enforcer(IMAGE)(array) is array


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (np.ones((1, 2, 2), np.float16), "float32"),
        (np.ones((1, 2, 2), np.int64), "float32"),
        (np.ones((1, 2, 2)), "float32"),
        (np.array([[["a", "b"], ["c", "d"]]]), "str"),
        (np.ones((1, 2, 2), np.uint8), "int64"),
        (np.ones((1, 2, 2)), "complex128"),
        (np.zeros((1, 2, 2), "datetime64[s]"), "datetime64[ns]"),
        (np.array([[[1, 2], [3, 4]]], dtype=object), "int64"),
    ],
)
def test_arrays_are_cast_without_loss(given: Any, dtype: str) -> None:
    out = enforce(given, Schema([TensorSpec(dtype, (-1, 2, 2))]))

    assert out.dtype.kind == np.dtype(dtype).kind
    assert (out == given).all()


@pytest.mark.parametrize(
    ("given", "spec", "message"),
    [
        (np.zeros((3, 2)), ("float64", (-1, 3)), r"expected shape (-1, 3), got (3, 2)."),
        (np.zeros(3), ("float64", (-1, 3)), r"got (3,)."),
        (np.full((1, 1), 0.1), ("float32", (-1, 1)), "expected float32, got double (first bad"),
        (np.ones((1, 1)), ("int64", (-1, 1)), "The input: expected int64, got double."),
        (np.ones((1, 1), bool), ("int64", (-1, 1)), "got boolean"),
        (np.ones((1, 1), int), ("bool", (-1, 1)), "expected bool, got long"),
        (np.full((1, 1), 2**31), ("int32", (-1, 1)), "beyond 32 bits"),
        (np.full((1, 1), 2**53 + 1), ("float64", (-1, 1)), "not exact as double"),
        (np.full((1, 1), -1), ("uint8", (-1, 1)), "beyond 8 bits"),
        (np.array([["a"]]), ("float64", (-1, 1)), "expected float64, got string"),
        (np.array([["2024-01-01T01"]], "M8[h]"), ("datetime64[D]", (-1, 1)), "not exact"),
        ([[1], [1, 2]], ("float64", (-1, 2)), "got lists of several lengths"),
        ([[1e39]], ("float32", (-1, 1)), "not exact as float"),
        ([[1.5]], ("int64", (-1, 1)), "got double"),
        (np.array([[1, "a"]], dtype=object), ("int64", (-1, 2)), "expected int64, got string"),
    ],
)
def test_array_that_does_not_fit_is_refused(
    given: Any, spec: tuple[str, tuple[int, ...]], message: str
) -> None:
    with pytest.raises(SignatureMismatch) as error:
        enforce(given, Schema([TensorSpec(*spec)]))

    assert message in str(error.value)


def test_lists_are_read_with_the_specs_dtype() -> None:
    out = enforce([[[0.1, 1], [2, 3]]], IMAGE)

    assert out.dtype == np.float32
    assert out[0, 0, 0] == np.float32(0.1)
    assert enforce([], Schema([TensorSpec("int64", (-1,))])).dtype == np.int64


def test_ragged_arrays_pass_where_the_spec_leaves_an_axis_open() -> None:
    ragged = np.array([np.zeros(2), np.zeros(3)], dtype=object)

    assert enforce(ragged, Schema([TensorSpec("float64", (-1, -1))])) is ragged
    assert enforce(ragged, Schema([TensorSpec("object", (-1,))])) is ragged
    assert enforce([[1], [2, 3]], Schema([TensorSpec("int64", (-1, -1))])).dtype == object


def test_named_tensors_come_as_dict_records_or_frame() -> None:
    ids, weights = np.array([[1, 2], [3, 4]]), np.array([0.5, 1.5])
    cells = pd.DataFrame({"ids": [[1, 2], [3, 4]], "w": weights, "extra": 0})
    records = [{"ids": [1, 2], "w": 0.5}, {"ids": [3, 4], "w": 1.5}]

    for data in ({"ids": ids, "w": weights, "extra": ids}, cells, pl.DataFrame(cells), records):
        out = enforce(data, NAMED)
        assert list(out) == ["ids", "w"]
        assert out["ids"].tolist() == ids.tolist()
        assert out["ids"].dtype == np.int64
        assert out["w"].tolist() == weights.tolist()


def test_single_named_tensor_takes_the_array_itself() -> None:
    out = enforce(np.array([1.0]), Schema([TensorSpec("float64", (-1,), "x")]))

    assert out["x"].tolist() == [1.0]


def test_misfits_of_named_tensors_are_told_at_once() -> None:
    with pytest.raises(SignatureMismatch) as error:
        enforce({"idz": np.ones((1, 2), int), "w": np.array(["a"])}, NAMED)

    assert error.value.problems == [
        "Tensor 'ids' is missing (did you mean 'idz'?).",
        "Tensor 'w': expected float64, got string.",
    ]
    with pytest.raises(InvalidInput, match=r"tensors by name \('ids', 'w'\)"):
        enforce(np.zeros(3), NAMED)
    with pytest.raises(InvalidInput, match="give the array itself"):
        enforce({"a": np.zeros(3)}, IMAGE)


def test_frame_becomes_one_tensor() -> None:
    spec = Schema([TensorSpec("float64", (-1, 2))])

    out = enforce(pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}), spec)

    assert out.tolist() == [[1.0, 0.5], [2.0, 1.5]]
    with pytest.raises(SignatureMismatch, match=r"input, column 'b': expected float64, got string"):
        enforce(pd.DataFrame({"a": [1], "b": ["x"]}), spec)


def test_flat_cells_of_a_frame_get_the_specs_axes() -> None:
    frame = pd.DataFrame({"image": [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]})

    assert enforce(frame, IMAGE).shape == (2, 2, 2)
    arrays = pd.DataFrame({"image": [np.ones(4, np.float32), np.zeros(4, np.float32)]})
    assert enforce(arrays, IMAGE).shape == (2, 2, 2)
    assert enforce(pd.Series([1.0, 2.0]), Schema([TensorSpec("float64", (-1, 1))])).shape == (2, 1)


def test_sparse_matrix_stays_sparse() -> None:
    matrix = sparse.csr_matrix(np.eye(2))
    schema = infer_schema(matrix)

    assert enforce(matrix, schema) is matrix
    cast = enforce(sparse.csr_matrix(np.eye(2, dtype=np.float32)), schema)
    assert cast.dtype == np.float64
    assert sparse.issparse(cast)
    with pytest.raises(SignatureMismatch, match="shape"):
        enforce(sparse.csr_matrix(np.eye(3)), schema)


def test_without_pandas_columns_are_refused_and_tensors_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(MissingExtra, match=r"assay\[pandas\]"):
        enforce([{"c": 1}], one("long"))
    assert enforce([1.0], Schema([TensorSpec("float32", (-1,))])).tolist() == [1.0]
    assert infer_schema([{"c": 1}]) == one("long")


# Params


PARAMS = ParamSchema(
    [
        ParamSpec("n", "long", 3),
        ParamSpec("t", "double", 0.5),
        ParamSpec("s", "string", ["a"], (-1,)),
    ]
)


def test_params_left_out_have_their_defaults() -> None:
    assert enforce_params({"t": 1}, PARAMS) == {"n": 3, "t": 1.0, "s": ["a"]}
    assert enforce_params(None, PARAMS)["n"] == 3


def test_changed_default_does_not_change_the_signature() -> None:
    enforce_params(None, PARAMS)["s"].append("b")

    assert enforce_params(None, PARAMS)["s"] == ["a"]


def test_wrong_params_are_told_at_once() -> None:
    with pytest.raises(SignatureMismatch) as error:
        enforce_params({"n": 1.5, "tt": 1}, PARAMS)

    assert error.value.problems == [
        "Unknown param 'tt' (did you mean 't'?).",
        "Param 'n': expected long, got 1.5 (float).",
    ]
    with pytest.raises(InvalidInput, match="dict of names and values, got list"):
        enforce_params([1], PARAMS)  # type: ignore[arg-type]


def test_params_of_a_model_without_any_are_ignored_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert enforce_params({"n": 1}, None) == {}
    assert "ignored: 'n'" in caplog.text
    assert enforce_params(None, None) == {}


# Validate


def test_validate_passes_or_raises() -> None:
    signature = infer_signature(houses())

    validate(houses(), signature)
    validate(houses(rooms=np.array([1, 2], "int8")), HOUSE)
    with pytest.raises(SignatureMismatch, match="'rooms': expected long"):
        validate(houses(rooms=[0.5, 1.5]), signature)
    with pytest.raises(InvalidInput, match="nothing of inputs"):
        validate(houses(), infer_signature(None, houses()))


def test_frame_that_was_inferred_from_fits_its_own_signature() -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "c": pd.Categorical(["x", "y"]),
            "l": [["a", None], []],
            "o": [{"a": 1}, {"a": None, "b": [1.5]}],
            "t": pd.to_datetime(["2024-01-01", None]).tz_localize("UTC"),
            "e": [None, None],
        }
    )

    assert enforce(frame, infer_schema(frame)) is frame
    assert DataType.long in infer_schema(frame).input_types()
