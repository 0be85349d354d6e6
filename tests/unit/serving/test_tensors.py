"""Tensors of the Open Inference Protocol keep their values, as JSON and as bytes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.errors import InvalidInput
from assay.serving.protocols.tensors import DTYPES, Tensor, from_array, to_array
from assay.serving.protocols.v2 import read_request

_ARRAYS = st.sampled_from(sorted(DTYPES.values())).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3),
        elements={"allow_nan": False, "allow_infinity": False} if dtype[0] == "f" else None,
    )
)
_TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=4)


@given(_ARRAYS, st.booleans())
def test_numbers_come_back_as_they_were(array: np.ndarray, as_bytes: bool) -> None:
    tensor, raw = from_array("x", array, as_bytes=as_bytes)
    tensor = msgspec.json.decode(msgspec.json.encode(tensor), type=Tensor)

    back = to_array(tensor, raw)

    assert (raw is not None) == as_bytes
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert np.array_equal(back, array)


@given(_TEXTS, st.booleans())
def test_texts_come_back_as_they_were(texts: list[str], as_bytes: bool) -> None:
    tensor, raw = from_array("x", np.array(texts, dtype=object), as_bytes=as_bytes)

    assert to_array(tensor, raw).tolist() == texts


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "told"),
    [
        ("FP64", [2], [1.0], "fill the shape"),
        ("FP64", [-1], [1.0], "can't be"),
        ("FP64", [1] * 40, [1.0], "can't be"),
        ("FP64", [1], ["x"], "no FP64"),
        ("INT8", [1], [300], "no INT8"),
        ("INT64", [1], [1.5], "no INT64"),
        ("UINT8", [1], [-1], "no UINT8"),
        ("COMPLEX", [1], [1], "none of BYTES"),
        ("BYTES", [1], [1], "are texts"),
        ("FP64", [2, 2], [[1, 2], [3]], "no FP64"),
        ("FP64", [1 << 40, 1 << 40], [1], "fill the shape"),
    ],
)
def test_what_does_not_go_together_is_named(
    datatype: str, shape: list[int], data: list[object], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        to_array(Tensor("x", shape, datatype, data), None)


def test_bytes_of_lying_lengths_are_refused() -> None:
    for raw in (b"\x05\x00\x00\x00ab", b"\x01\x00", b"\x01\x00\x00\x00\xff"):
        with pytest.raises(InvalidInput):
            to_array(Tensor("x", [1], "BYTES"), raw)
    with pytest.raises(InvalidInput, match="fill the shape"):
        to_array(Tensor("x", [2], "FP32"), b"\x00" * 7)


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (b"{}", ""),
        (b'{"inputs": []}', ""),
        (b"{}", "x"),
        (b"{}", "100"),
        (b'{"inputs": [{"name": "a", "shape": [1], "datatype": "INT8", "data": [1]}]}z', "77"),
        (
            b'{"inputs":[{"name":"a","shape":[1],"datatype":"INT8",'
            b'"parameters":{"binary_data_size":-1}}]}',
            "",
        ),
    ],
)
def test_requests_whose_lengths_do_not_add_up_are_refused(body: bytes, length: str) -> None:
    with pytest.raises(InvalidInput):
        read_request(body, length)
