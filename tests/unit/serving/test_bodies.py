"""The fast road takes only what the general road gives the same array for."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.models.mlmodel import Model
from assay.models.signatures.data_types import DataType
from assay.models.signatures.enforce import enforce
from assay.models.signatures.schema import Schema, Signature
from assay.models.signatures.specs import ColSpec
from assay.serving.protocols.bodies import UnsupportedContent, array_reader, media_type, read_body

_NAMES = ["a", "b b", "ç"]
_NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.none(),
    st.booleans(),
    st.text(max_size=3),
)
_TYPES = st.sampled_from([DataType.double, DataType.long, DataType.integer])


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    columns = draw(st.permutations(_NAMES))
    if draw(st.booleans()) and draw(st.booleans()):
        columns = [*columns[: draw(st.integers(0, 3))], *draw(st.sampled_from([[], ["more"]]))]
    plain = st.one_of(st.integers(-100, 100), st.floats(-5, 5)) if draw(st.booleans()) else _NUMBERS
    rows = draw(st.lists(st.lists(plain, min_size=len(columns), max_size=len(columns)), max_size=3))
    body: dict[str, Any]
    if draw(st.booleans()):
        body = {"dataframe_split": {"columns": columns, "data": rows}}
    else:
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        body = {"dataframe_records": records}
    body |= draw(st.sampled_from([{}, {}, {"params": {}}, {"x": 1}]))
    return json.dumps(body).encode()


@given(_bodies(), st.lists(_TYPES, min_size=3, max_size=3))
def test_both_roads_lead_to_the_same_array(body: bytes, types: list[DataType]) -> None:
    schema = Schema([ColSpec(kind, name) for kind, name in zip(types, _NAMES, strict=True)])
    reader = array_reader(schema)
    assert reader is not None

    fast = reader.read(body)

    if fast is None:
        return
    model = Model(signature=Signature(inputs=schema))
    frame = enforce(read_body(body, "application/json", model).data, schema)
    slow = frame.to_numpy()
    assert list(frame.columns) == _NAMES
    assert fast.shape == slow.shape
    assert fast.dtype == slow.dtype
    assert np.array_equal(fast, slow)


def test_what_a_client_usually_sends_takes_the_fast_road() -> None:
    reader = array_reader(Schema([ColSpec("double", name) for name in _NAMES]))
    assert reader is not None
    split = {"dataframe_split": {"columns": _NAMES, "data": [[1, 2.5, -3e5]]}}
    turned = {"dataframe_split": {"columns": _NAMES[::-1], "data": [[1, 2.5, -3e5]]}}
    records = {"dataframe_records": [dict.fromkeys(_NAMES, 0.5)]}

    read = [reader.read(json.dumps(one).encode()) for one in (split, turned, records)]

    assert [one.tolist() for one in read] == [[[1, 2.5, -3e5]], [[-3e5, 2.5, 1]], [[0.5] * 3]]


def test_an_integer_that_no_float_can_be_goes_the_general_road() -> None:
    reader = array_reader(Schema([ColSpec("double", "a")]))
    assert reader is not None

    assert reader.read(b'{"dataframe_records": [{"a": 9007199254740993}]}') is None
    assert reader.read(b'{"dataframe_records": [{"a": 9007199254740991}]}') is not None


@pytest.mark.parametrize(
    "columns",
    [
        [ColSpec("string", "a")],
        [ColSpec("float", "a")],
        [ColSpec("double", "a", required=False)],
        [ColSpec("double")],
        [ColSpec("boolean", "a")],
    ],
)
def test_other_signatures_have_no_fast_road(columns: list[ColSpec]) -> None:
    assert array_reader(Schema(columns)) is None


def test_content_types_are_read_as_people_write_them() -> None:
    assert media_type("") == "application/json"
    assert media_type("application/json; charset=UTF-8") == "application/json"
    assert media_type("Text/CSV") == "text/csv"
    for other in ("text/plain", "application/json; charset=latin-1", "application/jsonp"):
        with pytest.raises(UnsupportedContent):
            media_type(other)


@given(st.binary(max_size=40))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    schema = Schema([ColSpec("double", "a")])
    reader = array_reader(schema)
    assert reader is not None
    reader.read(body)
    model = Model(signature=Signature(inputs=schema))
    for kind in ("application/json", "text/csv", "application/vnd.apache.parquet"):
        with suppress(InvalidInput):
            read_body(body, kind, model)
