"""Casts of NumPy arrays that keep every value, or don't happen.

Wider always works; narrower, and integers as floats, where each value survives. Kinds are never
mixed otherwise: no float becomes an integer, no number a boolean, no boolean a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.models.signatures.data_types import DataType
from assay.models.signatures.infer_values import Unclear, type_of_dtype
from assay.models.signatures.misfit import Misfit, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BadValue", "cast_exactly", "dtype_words"]


class BadValue(Misfit):
    """A cast that would change a value; ``index`` is its place in the flattened array."""

    def __init__(self, got: str, index: int, value: Any, why: str = "") -> None:
        super().__init__(got, f"first bad value {shown(value)}{why}")
        self.index = index


def dtype_words(dtype: Any) -> str:
    """A dtype in a signature's words, or in its own where there are none."""
    if type(dtype).__name__ == "StringDtype":
        return str(DataType.string)
    try:
        return str(type_of_dtype(dtype))
    except Unclear:
        return str(dtype)


def cast_exactly(
    values: NDArray[Any], dtype: np.dtype[Any], *, unsized: bool = False
) -> NDArray[Any]:
    """The values in another dtype, each of them unchanged.

    Args:
        values: of any shape; returned as it is if it has the dtype already.
        dtype: the dtype to have; texts and bytes fit whatever their length.
        unsized: the values come from Python's floats, which have no width: they are read as the
            nearest of ``dtype``, as a literal would be.

    Raises:
        BadValue: a value would change.
        Misfit: the kinds don't mix.
    """
    source, target = values.dtype.kind, dtype.kind
    if values.dtype == dtype or (source == target and target in "OUS"):
        return values
    if target == "O":
        return values.astype(object)
    if source in "iu" and target in "iu":
        return _as_integers(values, dtype)
    if source in "iu" and target in "fc":
        return _integers_as_floats(values, dtype)
    if source in "fc" and target in "fc" and not (source == "c" and target == "f"):
        return _as_floats(values, dtype, unsized=unsized)
    if source == target == "M" or source == target == "m":
        return _as_moments(values, dtype)
    raise Misfit(dtype_words(values.dtype))


def _as_integers(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    import numpy as np

    if not np.can_cast(values.dtype, dtype, "safe"):
        limits = np.iinfo(dtype)
        # Python's integers: NumPy would compare int64 and uint64 as floats.
        if values.size and not (
            int(values.min()) >= limits.min and int(values.max()) <= limits.max
        ):
            low = values < limits.min if values.dtype.kind == "i" else np.zeros_like(values, bool)
            high = values > limits.max if limits.max <= np.iinfo(values.dtype).max else low
            _refuse(values, low | high, f", beyond {dtype.itemsize * 8} bits")
    return values.astype(dtype)


def _integers_as_floats(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    import numpy as np

    exact_up_to = 2 ** (np.finfo(dtype).nmant + 1)
    if values.size and values.dtype.itemsize * 8 > np.finfo(dtype).nmant:
        bad = values > exact_up_to
        if values.dtype.kind == "i":
            bad |= values < -exact_up_to
        if bad.any():
            _refuse(values, bad, f", not exact as {dtype_words(dtype)}")
    return values.astype(dtype)


def _as_floats(values: NDArray[Any], dtype: np.dtype[Any], *, unsized: bool) -> NDArray[Any]:
    import numpy as np

    if np.can_cast(values.dtype, dtype, "safe"):
        return values.astype(dtype)
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    if unsized:
        bad = np.isfinite(values) & ~np.isfinite(cast)
    else:
        bad = (cast.astype(values.dtype) != values) & ~np.isnan(values)
    if bad.any():
        _refuse(values, bad, f", not exact as {dtype_words(dtype)}")
    return cast


def _as_moments(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    import numpy as np

    cast = values.astype(dtype)
    bad = (cast.astype(values.dtype) != values) & ~np.isnat(values)
    if bad.any():
        _refuse(values, bad, f", not exact as {dtype}")
    return cast


def _refuse(values: NDArray[Any], bad: NDArray[Any], why: str) -> None:
    import numpy as np

    index = int(np.flatnonzero(bad)[0])
    raise BadValue(dtype_words(values.dtype), index, values.ravel()[index], why)


INTEGERS = (DataType.integer, DataType.long)
FLOATS = (DataType.float, DataType.double)
