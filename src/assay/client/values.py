"""Values that people log: numbers of any library, and steps."""

from __future__ import annotations

import operator
from typing import Any

from assay.errors import InvalidInput

_MAX_STEP = 2**63 - 1


def as_number(key: str, value: Any) -> float:
    """``value`` as a float: Python's numbers, NumPy's and Torch's scalars, one-element arrays.

    Raises:
        InvalidInput: it is none of these.
    """
    item = getattr(value, "item", None)
    try:
        # ``item`` first: ``float`` of a one-element array is deprecated in NumPy, and this is the
        # one call that works for every library's scalar on every device.
        return float(value if item is None else item())
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        shown = repr(value)
        raise InvalidInput(
            f"Metric {key!r} needs a number, not {shown if len(shown) <= 80 else type(value)}."
            f" ({error})"
        ) from None


def as_step(step: Any) -> int:
    """``step`` as an integer; ``None`` is 0, and a float without a fraction is the integer it
    means.

    Raises:
        InvalidInput: it is no integer, or none of 64 bits.
    """
    if step is None:
        return 0
    try:
        whole = operator.index(step)
    except TypeError:
        whole = _whole(step)
    if not -_MAX_STEP - 1 <= whole <= _MAX_STEP:
        raise InvalidInput(f"A step is a 64-bit integer, not {step!r}.")
    return whole


def _whole(step: Any) -> int:
    try:
        number = float(step)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidInput(f"A step is an integer, not {step!r}.")
