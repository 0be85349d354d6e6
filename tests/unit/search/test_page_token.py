"""Page tokens: plain data, bound to a query, refused when they are anything else."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidPageToken
from assay.search import page_token
from assay.search.page_token import Position

PRINT = page_token.fingerprint("runs", "metrics.a > 1")
TYPES = (int, float, str)


def _encode(*positions: Position) -> str:
    return page_token.encode(fingerprint=PRINT, now_ms=5, positions=positions)


@given(
    st.integers(-(2**63), 2**63 - 1) | st.none(),
    st.floats(allow_nan=False) | st.none(),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.none(),
)
def test_a_token_reads_back_as_it_was_made(number: int, real: float, text: str) -> None:
    positions = (Position(number), Position(real), Position(text))
    token = page_token.decode(_encode(*positions), fingerprint=PRINT, types=TYPES)
    assert (token.positions, token.now_ms) == (positions, 5)


def test_a_token_tells_nan_from_missing() -> None:
    text = page_token.encode(fingerprint=PRINT, now_ms=5, positions=[Position(is_nan=True)])
    token = page_token.decode(text, fingerprint=PRINT, types=[float])
    assert token.positions == (Position(None, is_nan=True),)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_no_token(text: str) -> None:
    with pytest.raises(InvalidPageToken):
        page_token.decode(text, fingerprint=PRINT, types=TYPES)


def test_a_token_of_another_query_is_refused() -> None:
    other = page_token.fingerprint("runs", "metrics.a > 2")
    with pytest.raises(InvalidPageToken, match="not issued for this query"):
        page_token.decode(_encode(), fingerprint=other, types=())


@pytest.mark.parametrize(
    "positions",
    [
        (),
        (Position("1"), Position(1.0), Position("")),
        (Position(1), Position(1), Position("")),
        (Position(1), Position(1.0), Position("\0")),
        (Position(2**63), Position(1.0), Position("")),
        (Position(1, is_nan=True), Position(1.0), Position("")),
        (Position(1), Position(1.0), Position(None, is_nan=True)),
        (Position(1), Position(float("nan")), Position("")),
    ],
)
def test_a_token_with_values_of_other_types_is_refused(positions: tuple[Position, ...]) -> None:
    with pytest.raises(InvalidPageToken):
        page_token.decode(_encode(*positions), fingerprint=PRINT, types=TYPES)


def test_a_token_of_another_version_is_refused() -> None:
    packed = msgspec.msgpack.encode([99, PRINT, 5, []])
    with pytest.raises(InvalidPageToken):
        page_token.decode(base64.urlsafe_b64encode(packed).decode(), fingerprint=PRINT, types=())


def test_a_huge_token_is_refused_unread() -> None:
    with pytest.raises(InvalidPageToken, match="too long"):
        page_token.decode("A" * 1_000_000, fingerprint=PRINT, types=())
