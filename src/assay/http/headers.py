"""Headers on every response, and which bodies travel compressed."""

from __future__ import annotations

import itertools
import os
import re
import zlib
from collections.abc import Mapping

COMPRESS_OVER_BYTES = 1_000
_LEVEL = 1
"""gzip's cheapest level: JSON shrinks to a tenth, higher levels gain little for three times the
time."""

API_POLICY = b"default-src 'none'; frame-ancestors 'none'; sandbox"
"""What a browser may do with an answer that is no page of ours: nothing."""

INERT = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Goes with every response."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.\-]{1,64}\Z")


class RequestIds:
    """Gives each request an id: the client's if it is harmless, else a fresh one."""

    def __init__(self) -> None:
        self._prefix = os.urandom(4).hex()
        self._next = itertools.count(1).__next__

    def of(self, given: bytes | None) -> str:
        """The id of a request whose ``X-Request-ID`` is ``given``."""
        if given is not None and _REQUEST_ID.match(given):
            return given.decode("ascii")
        return f"{self._prefix}-{self._next():x}"


def accepts_gzip(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client takes gzip."""
    for part in headers.get(b"accept-encoding", b"").split(b","):
        name, _, quality = part.strip().partition(b";")
        if name.strip() in (b"gzip", b"*"):
            return quality.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


def pack(body: bytes) -> bytes:
    """``body`` as gzip."""
    packer = zlib.compressobj(level=_LEVEL, wbits=31)
    return packer.compress(body) + packer.flush()
