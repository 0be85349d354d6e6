"""Hypothesis strategies of schemas, and of data that fit them."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from assay.models.signatures.data_types import (
    AnyType,
    Array,
    ColumnType,
    DataType,
    Map,
    Object,
    Property,
)
from assay.models.signatures.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

NAMES = st.text(min_size=1, max_size=8)
SCALARS = st.sampled_from(list(DataType))


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(NAMES, st.tuples(inner, st.booleans()), min_size=1, max_size=3)
    return fields.map(
        lambda named: Object([Property(n, kind, need) for n, (kind, need) in named.items()])
    )


TYPES: st.SearchStrategy[ColumnType] = st.recursive(
    st.one_of(SCALARS, st.just(AnyType())),
    lambda inner: st.one_of(inner.map(Array), inner.map(Map), _objects(inner)),
    max_leaves=6,
)


def column_schemas(kinds: st.SearchStrategy[Any] = TYPES) -> st.SearchStrategy[Schema]:
    named = st.dictionaries(NAMES, st.tuples(kinds, st.booleans()), min_size=1, max_size=5).map(
        lambda columns: Schema([ColSpec(kind, n, need) for n, (kind, need) in columns.items()])
    )
    nameless = st.lists(kinds, min_size=1, max_size=4).map(
        lambda types: Schema([ColSpec(kind) for kind in types])
    )
    return st.one_of(named, nameless)


_DTYPES = st.sampled_from(["bool", "int8", "uint64", "float32", "complex64", "str", "object"])
_SHAPES = st.lists(st.integers(-1, 5), min_size=1, max_size=3).map(tuple)

TENSOR_SCHEMAS = st.dictionaries(NAMES, st.tuples(_DTYPES, _SHAPES), min_size=1, max_size=3).map(
    lambda named: Schema([TensorSpec(np.dtype(d), shape, n) for n, (d, shape) in named.items()])
)
SCHEMAS = st.one_of(column_schemas(), TENSOR_SCHEMAS)

_MOMENTS = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))
VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.boolean: st.booleans(),
    DataType.integer: st.integers(-(2**31), 2**31 - 1),
    DataType.long: st.integers(-(2**63), 2**63 - 1),
    DataType.float: st.floats(width=32),
    DataType.double: st.floats(),
    DataType.string: st.text(max_size=5),
    DataType.binary: st.binary(max_size=5),
    DataType.datetime: _MOMENTS,
}


def values_of(kind: ColumnType) -> st.SearchStrategy[Any]:
    """Values of a type."""
    if isinstance(kind, DataType):
        return VALUES[kind]
    if isinstance(kind, Array):
        return st.lists(values_of(kind.dtype), max_size=3)
    if isinstance(kind, Map):
        return st.dictionaries(NAMES, values_of(kind.value_type), max_size=3)
    if isinstance(kind, Object):
        required = {f.name: values_of(f.dtype) for f in kind.properties if f.required}
        optional = {f.name: values_of(f.dtype) for f in kind.properties if not f.required}
        return st.fixed_dictionaries(required, optional=optional)
    return st.one_of(st.none(), st.integers(), st.text(max_size=3))


@st.composite
def rows(draw: st.DrawFn, schema: Schema) -> dict[Any, list[Any]]:
    """Columns of one length that fit; optional ones may hold missing values or be away."""
    length = draw(st.integers(0, 4))
    columns: dict[Any, list[Any]] = {}
    for name, spec in zip(schema.input_names(), schema, strict=True):
        values = values_of(spec.type)
        if not spec.required:
            if draw(st.booleans()):
                continue
            values = st.one_of(st.none(), values)
        columns[name] = draw(st.lists(values, min_size=length, max_size=length))
    return columns


NUMBERS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4).map(
        lambda values: np.array(values, "int64")
    ),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4).map(
        lambda values: np.array(values, "uint64")
    ),
    st.lists(st.integers(-128, 127), min_size=1, max_size=4).map(
        lambda values: np.array(values, "int8")
    ),
    st.lists(st.floats(), min_size=1, max_size=4).map(np.array),
    st.lists(st.floats(width=32), min_size=1, max_size=4).map(
        lambda values: np.array(values, "float32")
    ),
    st.lists(st.booleans(), min_size=1, max_size=4).map(np.array),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=4).map(
        lambda values: pd.array(values, dtype="Int64")
    ),
    st.lists(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats()), min_size=1, max_size=4
    ).map(lambda values: pd.Series(values, dtype=object)),
)

_PARAM_VALUES = {kind: values for kind, values in VALUES.items() if kind is not DataType.binary}

PARAM_SCHEMAS = st.dictionaries(
    NAMES,
    st.sampled_from(list(_PARAM_VALUES)).flatmap(
        lambda kind: st.one_of(
            st.tuples(st.just(kind), _PARAM_VALUES[kind], st.none()),
            st.tuples(st.just(kind), st.lists(_PARAM_VALUES[kind], max_size=3), st.just((-1,))),
        )
    ),
    max_size=4,
).map(lambda named: ParamSchema([ParamSpec(n, *spec) for n, spec in named.items()]))
