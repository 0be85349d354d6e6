"""The total order of values: −inf … −0.0, 0.0 … inf, and NaN last.

NaN equals NaN whatever its payload, while −0.0 and 0.0 are two values. Without NumPy, whose import
those who read a run's latest values don't need; ``points`` does the same for arrays.
"""

from __future__ import annotations

import math
import struct
from typing import Final

__all__ = ["NAN_KEY", "SIGN", "value_key"]

SIGN: Final = -(2**63)
NAN_KEY: Final = 2**64 - 1
_FLOAT = struct.Struct("<d")
_BITS = struct.Struct("<q")


def value_key(value: float) -> int:
    """An integer with the total order of the values."""
    if math.isnan(value):
        return NAN_KEY
    bits: int = _BITS.unpack(_FLOAT.pack(value))[0]
    return bits - SIGN if bits >= 0 else -bits - 1
