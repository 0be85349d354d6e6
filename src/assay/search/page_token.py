"""Page tokens: where in its order a search goes on.

A token holds the order's values of the last row given out, so the next page starts there by
comparison: page 1,000 costs what page 1 does, and rows added or deleted meanwhile neither repeat
nor hide others. It is plain data, checked field by field, and bound to its query by a
fingerprint. It is no secret and grants nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from assay.errors import InvalidPageToken

VERSION: Final = 1
"""Raise it when the layout below changes: tokens live minutes, so older ones are refused."""
_MAX_LENGTH: Final = 400_000
"""Room for the longest values that an order may meet: 32 tags of 8,000 characters."""

Scalar = int | float | str


class Position(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where one column of the order stands: ``value``, or NaN, or missing."""

    value: Scalar | None = None
    is_nan: bool = False


class PageToken(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a token says."""

    version: int
    fingerprint: str
    now_ms: int
    """What ``now`` meant on the first page; it means the same on all."""
    positions: tuple[Position, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PageToken)


def fingerprint(*parts: object) -> str:
    """A short digest of everything that makes a query this query and not another."""
    packed = _encoder.encode(parts)
    return hashlib.blake2b(packed, digest_size=12).hexdigest()


def encode(*, fingerprint: str, now_ms: int, positions: Sequence[Position]) -> str:
    """The token as text that is safe in URLs."""
    packed = _encoder.encode(PageToken(VERSION, fingerprint, now_ms, tuple(positions)))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(text: str, *, fingerprint: str, types: Sequence[type]) -> PageToken:
    """The token of this text.

    Args:
        text: what the client sent.
        fingerprint: of the query it came with.
        types: what each column of the order holds: ``int``, ``float`` or ``str``.

    Raises:
        InvalidPageToken: it is damaged, or was given out for another query.
    """
    if len(text) > _MAX_LENGTH:
        raise InvalidPageToken("it is too long")
    try:
        packed = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
        token = _decoder.decode(packed)
    except (ValueError, UnicodeError, binascii.Error, msgspec.DecodeError) as error:
        raise InvalidPageToken("it is damaged") from error
    if token.version != VERSION or token.fingerprint != fingerprint:
        raise InvalidPageToken
    fits = len(token.positions) == len(types) and -(2**63) <= token.now_ms < 2**63
    if not fits or not all(map(_fits, token.positions, types)):
        raise InvalidPageToken("it is damaged")
    return token


def _fits(position: Position, expected: type) -> bool:
    value = position.value
    if value is None:
        return not position.is_nan or expected is not str
    if position.is_nan or type(value) is not expected or value != value:  # noqa: PLR0124 — NaN
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not isinstance(value, str) or "\0" not in value
