from __future__ import annotations

import dataclasses
import datetime
import logging
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from scipy import sparse

from assay.errors import InvalidInput
from assay.models.signatures.data_types import (
    AnyType,
    Array,
    ColumnType,
    DataType,
    Object,
    Property,
)
from assay.models.signatures.infer import infer_param_schema, infer_signature
from assay.models.signatures.schema import ColSpec, ParamSpec, Schema, TensorSpec


def inputs_of(data: Any) -> Schema:
    inputs = infer_signature(data).inputs
    assert inputs is not None
    return inputs


def types_of(data: Any) -> list[Any]:
    return inputs_of(data).input_types()


def test_signature_has_inputs_outputs_and_params() -> None:
    signature = infer_signature(pd.DataFrame({"a": [1.0]}), np.zeros(3), {"n": 1})

    assert signature.inputs == Schema([ColSpec("double", "a")])
    assert signature.outputs == Schema([TensorSpec("float64", (-1,))])
    assert signature.params is not None
    assert signature.params.params == [ParamSpec("n", "long", 1)]


def test_nothing_to_infer_from_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs inputs, outputs or params"):
        infer_signature()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1], "int8"), DataType.integer),
        (np.array([1], "uint16"), DataType.integer),
        (np.array([1], "uint32"), DataType.long),
        (np.array([1], "uint64"), DataType.long),
        (np.array([1], "float16"), DataType.float),
        (np.array([True]), DataType.boolean),
        (["x"], DataType.string),
        ([b"x"], DataType.binary),
        ([datetime.date(2024, 1, 1)], DataType.datetime),
        (pd.to_datetime(["2024-01-01"]).tz_localize("UTC"), DataType.datetime),
        (pd.Categorical(["x", "y"]), DataType.string),
        (pd.Categorical([1, 2]), DataType.long),
        (pd.arrays.SparseArray([0.0, 1.0]), DataType.double),
        ([[1], [2, 3]], Array("long")),
        ([(1.5,), ()], Array("double")),
        ([np.array([1.0]), np.array([2.0, 3.0])], Array("double")),
        ([{"a": 1}, {"a": 2, "b": "x"}], None),
        (pd.Series([], dtype=object), DataType.string),
    ],
)
def test_type_of_a_pandas_column(values: Any, kind: ColumnType | None) -> None:
    expected = kind or Object([Property("a", "long"), Property("b", "string", required=False)])

    assert inputs_of(pd.DataFrame({"c": values})) == Schema([ColSpec(expected, "c")])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.array([1, None], dtype="Int64"), DataType.long),
        (pd.array([1, None], dtype="Int8"), DataType.integer),
        (pd.array([True, None], dtype="boolean"), DataType.boolean),
        (pd.array([1.5, None], dtype="Float32"), DataType.float),
        (pd.array(["a", None], dtype="string"), DataType.string),
        (pd.arrays.ArrowExtensionArray(pa.array([1, None])), DataType.long),
        (pd.arrays.ArrowExtensionArray(pa.array([["a"], None])), Array("string")),
        ([1.0, np.nan], DataType.double),
        ([None, "a"], DataType.string),
        (pd.to_datetime(["2024-01-01", None]), DataType.datetime),
        ([[1.0], None], Array("double")),
        ([None, None], AnyType()),
    ],
)
def test_column_with_missing_values_keeps_its_type_and_is_optional(
    values: Any, kind: ColumnType
) -> None:
    frame = pd.DataFrame({"c": values, "d": [1, 2]})

    assert inputs_of(frame) == Schema([ColSpec(kind, "c", required=False), ColSpec("long", "d")])


def test_column_of_mixed_types_is_any_and_leaves_the_others_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        types = types_of(pd.DataFrame({"a": [1, "x"], "b": [1, 2]}))

    assert types == [AnyType(), DataType.long]
    assert "'a' can't be told: some values are of type long, others of string" in caplog.text


def test_unsigned_integers_beyond_int64_are_any(caplog: pytest.LogCaptureFixture) -> None:
    assert types_of(pd.DataFrame({"a": np.array([2**63], "uint64")})) == [AnyType()]
    assert "uint64" in caplog.text


def test_columns_named_by_numbers_keep_them() -> None:
    assert inputs_of(pd.DataFrame([[1.0, 2.0]])).input_names() == [0, 1]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "2 levels"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "same name: a"),
        (pd.DataFrame({1.5: [1]}), "got 1.5"),
    ],
)
def test_frame_without_usable_names_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        infer_signature(frame)


def test_series_is_one_column() -> None:
    assert inputs_of(pd.Series([1.0, None], name="y")) == Schema(
        [ColSpec("double", "y", required=False)]
    )
    # Unnamed columns are always required.
    assert inputs_of(pd.Series([1.0, None])) == Schema([ColSpec("double")])


def test_polars_frame_gives_what_pandas_does() -> None:
    frame = pl.DataFrame(
        {
            "i": pl.Series([1, None], dtype=pl.Int32),
            "u": pl.Series([1, 2], dtype=pl.UInt64),
            "f": [1.0, float("nan")],
            "s": ["a", None],
            "c": pl.Series(["a", "b"], dtype=pl.Categorical),
            "d": [datetime.date(2024, 1, 1)] * 2,
            "b": [b"x", b"y"],
            "l": [[1.5], None],
            "o": [{"a": 1, "b": None}, {"a": 2, "b": "x"}],
            "n": [None, None],
        }
    )

    expected = Schema(
        [
            ColSpec("integer", "i", required=False),
            ColSpec("long", "u"),
            ColSpec("double", "f", required=False),
            ColSpec("string", "s", required=False),
            ColSpec("string", "c"),
            ColSpec("datetime", "d"),
            ColSpec("binary", "b"),
            ColSpec(Array("double"), "l", required=False),
            ColSpec(Object([Property("a", "long"), Property("b", "string", required=False)]), "o"),
            ColSpec(AnyType(), "n", required=False),
        ]
    )
    assert inputs_of(frame) == expected
    assert inputs_of(frame.lazy()) == expected
    assert inputs_of(frame["i"]) == Schema([ColSpec("integer", "i", required=False)])


def test_polars_column_without_a_type_is_any(caplog: pytest.LogCaptureFixture) -> None:
    assert types_of(pl.DataFrame({"t": [datetime.timedelta(1)]})) == [AnyType()]
    assert "Duration" in caplog.text


@pytest.mark.parametrize(
    ("data", "spec"),
    [
        (np.zeros((3, 4), np.float32), TensorSpec("float32", (-1, 4))),
        (np.array(["a", "bb"]), TensorSpec("str", (-1,))),
        (np.array([b"a"]), TensorSpec("bytes", (-1,))),
        (np.array(["a", 1], dtype=object), TensorSpec("object", (-1,))),
        (np.float64(1) * np.ones(()), None),
        (sparse.csr_matrix(np.eye(3)), TensorSpec("float64", (-1, 3))),
        (sparse.csc_array(np.eye(3, dtype=np.float32)), TensorSpec("float32", (-1, 3))),
    ],
)
def test_arrays_are_tensors_of_any_number_of_rows(data: Any, spec: TensorSpec | None) -> None:
    expected = spec or ColSpec("double")

    assert inputs_of(data) == Schema([expected])


def test_array_without_axes_is_a_tensor_without_axes() -> None:
    assert inputs_of(np.array(1.5)) == Schema([TensorSpec("float64", ())])


class TorchLike:
    """What PyTorch's tensors have, without PyTorch."""

    dtype = "torch.bfloat16"
    shape = (2, 3)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.zeros((2, 3), np.float32)


def test_tensors_of_other_libraries_are_known_by_what_they_have() -> None:
    assert inputs_of(TorchLike()) == Schema([TensorSpec("float32", (-1, 3))])
    assert inputs_of({"x": TorchLike()}) == Schema([TensorSpec("float32", (-1, 3), "x")])


def test_dict_of_arrays_is_named_tensors() -> None:
    data = {"a": np.zeros((2, 3)), "b": np.array(["x"])}

    assert inputs_of(data) == Schema(
        [TensorSpec("float64", (-1, 3), "a"), TensorSpec("str", (-1,), "b")]
    )


def test_dict_of_values_is_columns() -> None:
    data = {"a": 1, "b": "x", "c": None, "d": [1, None], "e": [], "f": {"k": 1.5}}

    assert inputs_of(data) == Schema(
        [
            ColSpec("long", "a"),
            ColSpec("string", "b"),
            ColSpec(AnyType(), "c", required=False),
            ColSpec(Array("long"), "d", required=False),
            ColSpec(AnyType(), "e"),
            ColSpec(Object([Property("k", "double")]), "f"),
        ]
    )


def test_list_of_dicts_is_rows() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": None, "b": "y", "c": [1.0]}]

    assert inputs_of(rows) == Schema(
        [
            ColSpec("long", "a", required=False),
            ColSpec("string", "b"),
            ColSpec(Array("double"), "c", required=False),
        ]
    )


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (["a", "b"], DataType.string),
        ([1, None], DataType.long),
        ([], DataType.string),
        ([[1, 2], [3]], Array("long")),
        ([[{"a": 1}], []], Array(Object([Property("a", "long")]))),
        ("x", DataType.string),
        (True, DataType.boolean),
        (1.5, DataType.double),
        (np.int32(1), DataType.integer),
        (np.int8(1), DataType.integer),
        (np.datetime64("2024-01-01"), DataType.datetime),
        (pd.Timestamp("2024-01-01"), DataType.datetime),
    ],
)
def test_lists_and_values_are_one_unnamed_column(data: Any, kind: ColumnType) -> None:
    assert inputs_of(data) == Schema([ColSpec(kind)])


@pytest.mark.parametrize("data", [{}, [1, "a"], {1: 2}, 2**70, object(), pd.DataFrame()])
def test_data_that_tell_nothing_are_any_and_the_log_says_why(
    data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert inputs_of(data) == Schema([ColSpec(AnyType())])
    assert "inputs of the signature can't be told" in caplog.text


@dataclasses.dataclass
class House:
    rooms: int
    price: float | None
    tags: list[str]


def test_dataclass_is_named_columns() -> None:
    expected = Schema(
        [
            ColSpec("long", "rooms"),
            ColSpec("double", "price", required=False),
            ColSpec(Array("string"), "tags"),
        ]
    )

    assert inputs_of(House) == expected
    assert inputs_of(House(1, 2.0, [])) == expected


def test_pydantic_object_is_refused_with_the_way_out() -> None:
    class Person(pydantic.BaseModel):
        age: int

    with pytest.raises(InvalidInput, match=r"list\[Person\]"):
        infer_signature(Person(age=1))


@pytest.mark.parametrize(
    ("value", "spec"),
    [
        (1, ("long", None)),
        ("x", ("string", None)),
        (True, ("boolean", None)),
        (np.float32(1.5), ("float", None)),
        ([1, 2.5], ("double", (-1,))),
        (np.array([1, 2]), ("long", (-1,))),
        ([], ("double", (-1,))),
        (datetime.datetime(2024, 1, 1), ("datetime", None)),
        ([datetime.date(2024, 1, 1)], ("datetime", (-1,))),
        ({"a": 1}, (Object([Property("a", "long")]), None)),
    ],
)
def test_type_and_shape_of_a_param(value: Any, spec: tuple[Any, Any]) -> None:
    [param] = infer_param_schema({"p": value}).params

    assert (param.dtype, param.shape) == spec


def test_params_without_a_type_are_all_named() -> None:
    with pytest.raises(InvalidInput, match=r"'a': None has no type.*'b': .*2 axes.*'c': .*binary"):
        infer_param_schema({"a": None, "b": [[1]], "c": b"x", "d": 1})


def test_default_of_a_param_is_a_copy() -> None:
    given = {"stop": ["a"]}
    params = infer_param_schema(given)

    given["stop"].append("b")

    assert params.params[0].default == ["a"]
