"""Columns of a pandas frame against their types.

A column that fits is given back as it is, the same Series. Casts keep every value:

- integers and floats: as ``casts``; a nullable column of an optional integer stays nullable
  (``Int64``), and so becomes one that pandas turned into floats to mark missing values;
- text in ISO 8601, dates and datetimes of objects become datetimes;
- categories stay categories, if what they stand for fits.

Missing values are refused only where the type can't hold them: required integers and booleans.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from assay.models.signatures.casts import FLOATS, INTEGERS, BadValue, cast_exactly, dtype_words
from assay.models.signatures.data_types import AnyType, ColumnType, DataType
from assay.models.signatures.enforce_values import ISO_MOMENT, fit_value, value_words
from assay.models.signatures.infer_values import is_missing
from assay.models.signatures.misfit import Misfit, first_bad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["fit_column", "holds_text", "is_exact"]

# Any stands for pandas' Series throughout: pandas is optional and untyped here.


def fit_column(series: Any, kind: ColumnType, *, required: bool) -> Any:
    """The Series if it is of the type, or cast to it without loss; index and name stay.

    Raises:
        Misfit: neither.
    """
    if isinstance(kind, AnyType):
        return series
    if is_exact(series.dtype, kind):
        return series
    word = type(series.dtype).__name__
    if word == "CategoricalDtype":
        return _fit_category(series, kind)
    if word == "ArrowDtype":
        series = _without_arrow(series)
    elif word == "SparseDtype" and series.dtype.subtype != _numpy_dtype(kind):
        series = series.sparse.to_dense()
    elif word == "SparseDtype":
        return series
    if not isinstance(kind, DataType):
        return _fit_nested(series, kind, required=required)
    if not required and series.dtype.kind in "fO" and len(series) and bool(series.isna().all()):
        return _all_missing(series, kind)
    if kind in INTEGERS:
        return _fit_integers(series, kind, required=required)
    if kind in FLOATS:
        return _fit_floats(series, kind)
    return _OTHERS[kind](series, required)


def is_exact(dtype: Any, kind: ColumnType) -> bool:
    """Whether a dtype is the type itself, so that its values need no look."""
    return isinstance(kind, DataType) and dtype.name == _EXACT.get(kind)


def holds_text(values: Any, kind: ColumnType) -> bool:
    """A quick look whether a column of texts has nothing but texts, one of them at least."""
    if kind is not DataType.string:
        return False
    import pandas as pd

    return bool(pd.api.types.infer_dtype(values, skipna=True) == "string")


def _numpy_dtype(kind: ColumnType) -> np.dtype[Any] | None:
    return kind.to_numpy() if isinstance(kind, DataType) else None


def _made(series: Any, values: Any, dtype: Any = None) -> Any:
    import pandas as pd

    return pd.Series(values, index=series.index, name=series.name, dtype=dtype)


def _fit_category(series: Any, kind: ColumnType) -> Any:
    categories = series.dtype.categories
    try:
        fit_column(categories.to_series(), kind, required=True)
    except Misfit as misfit:
        raise Misfit(f"a category of {misfit.got}", misfit.detail.partition(" in row")[0]) from None
    return series


def _without_arrow(series: Any) -> Any:
    plain = series.convert_dtypes(dtype_backend="numpy_nullable")
    return plain.astype(object) if type(plain.dtype).__name__ == "ArrowDtype" else plain


def _all_missing(series: Any, kind: DataType) -> Any:
    """An optional column without a value: pandas gives it floats or objects whatever it was."""
    dtype = _NULLABLE.get(kind)
    if dtype is not None:
        import pandas as pd

        return _made(series, [pd.NA] * len(series), dtype)
    if kind in (DataType.string, DataType.binary):
        return series if series.dtype.kind == "O" else series.astype(object)
    return _made(series, series.astype("float64").to_numpy(), kind.to_numpy())


def _fit_nested(series: Any, kind: ColumnType, *, required: bool) -> Any:
    if series.dtype.kind != "O":
        raise Misfit(dtype_words(series.dtype))
    values = series.tolist()
    fitted = [_fit_cell(value, row, kind, required) for row, value in enumerate(values)]
    if all(new is old for new, old in zip(fitted, values, strict=True)):
        return series
    import numpy as np

    # Filled one by one: NumPy would make lists of one length the axes of the column.
    cells = np.empty(len(fitted), dtype=object)
    for row, cell in enumerate(fitted):
        cells[row] = cell
    return _made(series, cells)


def _fit_cell(value: Any, row: int, kind: ColumnType, required: bool) -> Any:
    try:
        return fit_value(value, kind, required=required)
    except Misfit as misfit:
        misfit.detail = f"{misfit.detail} in row {row}" if misfit.detail else f"row {row}"
        raise


def _first_row(series: Any, is_bad: Callable[[Any], bool]) -> int:
    return next(row for row, value in enumerate(series.tolist()) if is_bad(value))


def _refuse_object(series: Any, fits: Callable[[Any], bool]) -> None:
    """Raise for the first value of a column of objects that is neither missing nor fits."""
    for row, value in enumerate(series.tolist()):
        if not is_missing(value) and not fits(value):
            raise Misfit(value_words(value), first_bad(value, row))


def _missing_row(mask: NDArray[Any]) -> int:
    return int(mask.argmax())


def _refuse_missing(mask: NDArray[Any]) -> None:
    if mask.any():
        raise Misfit(
            "a missing value",
            f"first in row {_missing_row(mask)}; a column that may have such must be optional",
        )


def _fit_integers(series: Any, kind: DataType, *, required: bool) -> Any:
    dtype = kind.to_numpy()
    if not required and series.dtype.name == _NULLABLE[kind]:
        return series
    mask = series.isna().to_numpy()
    values = _present_numbers(series, mask)
    if values.dtype.kind == "f":
        values = _whole(values, mask, series.dtype.kind, kind)
    if values.dtype.kind not in "iu":
        raise Misfit(dtype_words(values.dtype))
    if required:
        _refuse_missing(mask)
    cast = _cast(values, dtype, mask)
    if mask.any() or (not required and _is_masked(series)):
        return _nullable(series, cast, mask)
    return _made(series, cast)


def _whole(values: NDArray[Any], mask: NDArray[Any], source: str, kind: DataType) -> NDArray[Any]:
    """Floats that stand for integers, because pandas had no other way to mark missing ones."""
    import numpy as np

    # 2**63 itself is a float that int64 can't hold.
    fits = (values == np.floor(values)) & (np.abs(values) < 2.0**63)
    if not fits.all() or not mask.any() or source not in "fO":
        index = int(np.flatnonzero(~fits)[0]) if not fits.all() else 0
        row = int(np.flatnonzero(~mask)[index]) if len(values) else 0
        detail = first_bad(values[index], row) if len(values) else ""
        if fits.all() and len(values):
            detail += f"; cast the column to {kind.to_numpy().name} if its values are whole"
        raise Misfit(dtype_words(values.dtype), detail)
    return values.astype(np.int64)


def _present_numbers(series: Any, mask: NDArray[Any]) -> NDArray[Any]:
    """The values that are there, as an array of numbers.

    Raises:
        Misfit: some are none.
    """
    if series.dtype.kind == "O":
        return _numbers_of_objects(series, mask)
    if series.dtype.kind not in "iuf":
        raise Misfit(dtype_words(series.dtype), _first_detail(series, mask))
    if not _is_masked(series):
        values: NDArray[Any] = series.to_numpy()
        return values[~mask] if mask.any() else values
    present = series[~mask] if mask.any() else series
    numbers: NDArray[Any] = present.to_numpy(dtype=series.dtype.numpy_dtype)
    return numbers


def _first_detail(series: Any, mask: NDArray[Any]) -> str:
    if mask.all():
        return ""
    row = int((~mask).argmax())
    return first_bad(series.iloc[row], row)


def _numbers_of_objects(series: Any, mask: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    _refuse_object(series, _is_number)
    present = [value for value, gone in zip(series.tolist(), mask, strict=True) if not gone]
    if any(isinstance(value, Decimal) for value in present):
        present = [_decimal_as_float(value) for value in present]
    if any(isinstance(value, float) for value in present):
        _exact_beside_floats(present)
        return np.array(present, dtype=np.float64)
    try:
        return np.array(present, dtype=np.int64)
    except OverflowError:
        row = _first_row(series, lambda v: isinstance(v, int) and not -(2**63) <= v < 2**63)
        raise Misfit("a larger integer", first_bad(series.iloc[row], row)) from None


def _is_number(value: Any) -> bool:
    plain = value.item() if hasattr(value, "item") else value
    return isinstance(plain, int | float | Decimal) and not isinstance(plain, bool)


def _exact_beside_floats(values: list[Any]) -> None:
    for value in values:
        if isinstance(value, int) and int(float(value)) != value:
            raise Misfit("long", f"value {value} is not exact as double")


def _decimal_as_float(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    number = float(value)
    # Read back digit by digit: 0.1 keeps its meaning though no float is exactly that.
    if math.isfinite(number) and Decimal(repr(number)) != value:
        raise Misfit("a decimal", f"value {value} has more digits than a double keeps")
    return number


def _cast(
    values: NDArray[Any], dtype: np.dtype[Any], mask: NDArray[Any], *, unsized: bool = False
) -> NDArray[Any]:
    import numpy as np

    try:
        return cast_exactly(values, dtype, unsized=unsized)
    except BadValue as bad:
        row = int(np.flatnonzero(~mask)[bad.index])
        value, comma, why = bad.detail.partition(",")
        raise Misfit(bad.got, f"{value} in row {row}{comma}{why}") from None


def _is_masked(series: Any) -> bool:
    """Whether the dtype is one of pandas' nullable ones, such as ``Int64``."""
    return hasattr(series.dtype, "numpy_dtype") and type(series.dtype).__name__ != "ArrowDtype"


def _nullable(series: Any, present: NDArray[Any], mask: NDArray[Any]) -> Any:
    import numpy as np
    import pandas as pd

    full = np.zeros(len(mask), dtype=present.dtype)
    full[~mask] = present
    made = pd.arrays.BooleanArray if present.dtype.kind == "b" else pd.arrays.IntegerArray
    return _made(series, made(full, mask.copy()))


def _fit_floats(series: Any, kind: DataType) -> Any:
    import numpy as np

    dtype = kind.to_numpy()
    mask = series.isna().to_numpy()
    unsized = series.dtype.kind == "O"
    present = _cast(_present_numbers(series, mask), dtype, mask, unsized=unsized)
    if not mask.any():
        return _made(series, present)
    full = np.full(len(mask), np.nan, dtype=dtype)
    full[~mask] = present
    return _made(series, full)


def _fit_booleans(series: Any, required: bool) -> Any:
    if series.dtype == bool:
        return series
    if series.dtype.kind == "O":
        _refuse_object(series, lambda value: type(value).__name__ in ("bool", "bool_"))
    elif series.dtype.kind != "b":
        raise Misfit(dtype_words(series.dtype), _first_detail(series, series.isna().to_numpy()))
    mask = series.isna().to_numpy()
    if required:
        _refuse_missing(mask)
    if not required and _is_masked(series):
        return series
    present = series[~mask].to_numpy(dtype=bool)
    return _nullable(series, present, mask) if mask.any() else _made(series, present)


def _fit_strings(series: Any, required: bool) -> Any:
    if type(series.dtype).__name__ == "StringDtype":
        return series
    if series.dtype.kind != "O":
        raise Misfit(dtype_words(series.dtype), _first_detail(series, series.isna().to_numpy()))
    if not _all_of(series, "string"):
        _refuse_object(series, lambda value: isinstance(value, str))
    return series


def _fit_binary(series: Any, required: bool) -> Any:
    if series.dtype.kind not in "OS" or type(series.dtype).__name__ == "StringDtype":
        raise Misfit(dtype_words(series.dtype), _first_detail(series, series.isna().to_numpy()))
    if not _all_of(series, "bytes"):
        _refuse_object(series, lambda value: isinstance(value, bytes | bytearray))
    return series


def _all_of(series: Any, word: str) -> bool:
    """A quick look in C: whether all values are of one class or missing."""
    import pandas as pd

    return pd.api.types.infer_dtype(series, skipna=True) in (word, "empty")


def _fit_moments(series: Any, required: bool) -> Any:
    import pandas as pd

    # Any unit and any time zone: the type names no precision, and a cast could overflow.
    if series.dtype.kind == "M":
        return series
    is_text = type(series.dtype).__name__ == "StringDtype"
    if series.dtype.kind != "O" and not is_text:
        raise Misfit(dtype_words(series.dtype), _first_detail(series, series.isna().to_numpy()))
    _refuse_object(series, _is_moment)
    try:
        plain = series.astype(object) if is_text else series
        texts = is_text or _all_of(series, "string")
        return pd.to_datetime(plain, format="ISO8601" if texts else None, errors="raise")
    except (ValueError, TypeError, OverflowError) as error:
        raise Misfit("dates that don't go together", str(error).partition("\n")[0][:120]) from None


def _is_moment(value: Any) -> bool:
    if isinstance(value, str):
        return ISO_MOMENT.match(value) is not None
    try:
        fit_value(value, DataType.datetime)
    except Misfit:
        return False
    return True


_EXACT: Final = {
    DataType.boolean: "bool",
    DataType.integer: "int32",
    DataType.long: "int64",
    DataType.float: "float32",
    DataType.double: "float64",
}
"""Dtypes that are the type itself, whatever their values."""

_NULLABLE: Final = {
    DataType.boolean: "boolean",
    DataType.integer: "Int32",
    DataType.long: "Int64",
}
"""Pandas' dtypes for what NumPy can't mark as missing."""

_OTHERS: Final[dict[DataType, Callable[[Any, bool], Any]]] = {
    DataType.boolean: _fit_booleans,
    DataType.string: _fit_strings,
    DataType.binary: _fit_binary,
    DataType.datetime: _fit_moments,
}
