"""UBJSON documents: whole ones pass, each cut one is told."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.flavors.ubjson import check_whole

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        | st.lists(st.floats(width=32), max_size=5).map(tuple)
    ),
    max_leaves=12,
)


def integer(number: int) -> bytes:
    for marker, code, low, high in (
        (b"i", ">b", -(2**7), 2**7 - 1),
        (b"U", ">B", 0, 2**8 - 1),
        (b"I", ">h", -(2**15), 2**15 - 1),
        (b"l", ">i", -(2**31), 2**31 - 1),
    ):
        if low <= number <= high:
            return marker + struct.pack(code, number)
    return b"L" + struct.pack(">q", number)


def text(words: str) -> bytes:
    content = words.encode("utf-8", "surrogatepass")
    return integer(len(content)) + content


def encoded(value: Any, *, counted: bool) -> bytes:
    """A tuple becomes an array of one type."""
    if value is None or isinstance(value, bool):
        return {None: b"Z", True: b"T", False: b"F"}[value]
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return b"D" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"S" + text(value)
    if isinstance(value, tuple):
        return b"[$d#" + integer(len(value)) + struct.pack(f">{len(value)}f", *value)
    if isinstance(value, list):
        begin, end, parts = b"[", b"]", [encoded(one, counted=counted) for one in value]
    else:
        begin, end = b"{", b"}"
        parts = [text(key) + encoded(one, counted=counted) for key, one in value.items()]
    if counted:
        begin, end = begin + b"#" + integer(len(parts)), b""
    return begin + b"".join(parts) + end


@given(VALUES, st.booleans(), st.data())
def test_whole_documents_pass_and_cut_ones_are_told(
    value: Any, counted: bool, data: st.DataObject
) -> None:
    document = encoded(value, counted=counted)

    check_whole(document)

    cut = document[: data.draw(st.integers(0, len(document) - 1))]
    with pytest.raises(ValueError, match="ends too early"):
        check_whole(cut)


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 5_000,
        b"[$[#i\x01",
        b"[$d]",
        b"[#S",
        b"Si\xff",
        b"[#L\x7f" + b"\xff" * 7,
        b"[$D#L\x7f" + b"\xff" * 7,
        b"{L\x7f" + b"\xff" * 7,
        b"?",
    ],
)
def test_hostile_documents_are_told(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"ends too early|byte \d+"):
        check_whole(document)


def test_array_without_size_needs_no_loop() -> None:
    check_whole(b"[$T#L\x7f" + b"\xff" * 7)
