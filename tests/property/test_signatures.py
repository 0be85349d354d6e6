"""Signatures: JSON that loses nothing, in both programs, and enforcement that changes nothing."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.types import ParamSchema as MlflowParamSchema
from mlflow.types import Schema as MlflowSchema

from assay.errors import InvalidInput, SignatureMismatch
from assay.models.signatures.data_types import DataType
from assay.models.signatures.enforce import Enforcer, enforce
from assay.models.signatures.infer import infer_schema
from assay.models.signatures.schema import ColSpec, ParamSchema, Schema, TensorSpec
from tests.property.signature_strategies import (
    NUMBERS,
    PARAM_SCHEMAS,
    SCHEMAS,
    column_schemas,
    rows,
)

OF_TYPES = ("type", "name", "items", "values", "properties", "required", "optional")
KEYS = (*OF_TYPES, "tensor-spec", "dtype", "shape", "default")

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from(["array", "object", "map", "long", "tensor", "", "float32", "i4,i4"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Equal values; missing ones and NaN are all the same."""
    if isinstance(one, np.ndarray):
        one = one.tolist()
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    missing = bool(pd.isna(one)), bool(pd.isna(other))
    return missing == (True, True) or (missing == (False, False) and bool(one == other))


def outcome(data: Any, schema: Schema) -> tuple[Any, str]:
    """What comes out, or the message of the refusal."""
    try:
        return enforce(data, schema), ""
    except SignatureMismatch as error:
        return None, error.message


@given(SCHEMAS)
def test_schema_comes_back_from_json(schema: Schema) -> None:
    again = Schema.from_json(schema.to_json())

    assert again == schema
    assert hash(again) == hash(schema)


@pytest.mark.mlflow
@given(SCHEMAS)
def test_mlflow_reads_and_writes_the_same_json(schema: Schema) -> None:
    theirs = MlflowSchema.from_json(schema.to_json())

    assert theirs.to_json() == schema.to_json()


@pytest.mark.mlflow
@given(PARAM_SCHEMAS)
def test_mlflow_reads_and_writes_the_same_json_of_params(params: ParamSchema) -> None:
    again = ParamSchema.from_json(params.to_json())

    assert again.to_json() == params.to_json()
    assert MlflowParamSchema.from_json(params.to_json()).to_json() == params.to_json()


@given(JSON)
def test_any_json_is_a_schema_or_a_clear_error(value: Any) -> None:
    for read in (Schema.from_json, ParamSchema.from_json):
        with contextlib.suppress(InvalidInput):
            read(json.dumps(value))


@given(column_schemas().flatmap(lambda schema: st.tuples(st.just(schema), rows(schema))))
def test_data_that_fit_keep_every_value(case: tuple[Schema, dict[Any, list[Any]]]) -> None:
    schema, columns = case
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in columns.items()},
        columns=list(columns),
    )
    enforcer = Enforcer(schema)

    out = enforcer(frame)

    if schema.has_input_names() or out is not frame:
        assert list(out.columns) == list(columns)
    for name, values in columns.items():
        assert same(out[name].tolist(), values)
    # What came out fits as it is, the first time and every time after it.
    for _ in range(2):
        assert same(enforcer(out).to_dict("list"), out.to_dict("list"))


@given(NUMBERS, st.sampled_from(list(DataType)), st.booleans())
@example(np.array([2**53 + 1]), DataType.double, True)
@example(np.array([2.0**63]), DataType.long, False)
def test_a_cast_keeps_every_value_or_is_refused(
    values: Any, kind: DataType, required: bool
) -> None:
    frame = pd.DataFrame({"c": values})

    out, refusal = outcome(frame, Schema([ColSpec(kind, "c", required)]))
    if out is None:
        assert "Column 'c': expected" in refusal
        return
    out = out["c"]

    given_values = frame["c"].tolist()
    if kind is DataType.float and frame["c"].dtype == object:
        # Python's floats have no width: they are read as the nearest.
        with np.errstate(over="ignore"):
            given_values = [None if pd.isna(v) else float(np.float32(v)) for v in given_values]
    assert same(out.tolist(), given_values)
    assert not any(isinstance(v, bool) for v in out if kind is not DataType.boolean)


@given(NUMBERS, st.sampled_from(["bool", "int8", "int64", "uint64", "float32", "float64"]))
def test_a_cast_of_an_array_keeps_every_value_or_is_refused(values: Any, dtype: str) -> None:
    array = np.asarray(values)
    if array.dtype == object:
        return

    out, refusal = outcome(array, Schema([TensorSpec(dtype, (-1,))]))
    if out is None:
        assert f"expected {dtype}" in refusal
        return

    assert out.dtype == dtype
    # Python compares integers and floats exactly, NumPy doesn't.
    assert same(out.tolist(), array.tolist())


@given(column_schemas().flatmap(rows))
def test_data_fit_the_schema_inferred_from_them(columns: dict[Any, list[Any]]) -> None:
    if not columns:
        return
    frame = pd.DataFrame({name: pd.Series(values) for name, values in columns.items()})

    out = enforce(frame, infer_schema(frame))

    for name in columns:
        assert same(out[name].tolist(), frame[name].tolist())
