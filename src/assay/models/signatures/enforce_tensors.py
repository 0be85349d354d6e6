"""Arrays against tensor specs: dtype cast without loss, shape with -1 for any length.

Arrays of objects pass as MLflow lets them: where the spec is ``object``, and as ragged ones where
the spec leaves an inner axis open. Lists are read with the spec's dtype, as a literal would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.errors import InvalidInput, SignatureMismatch
from assay.models.signatures.casts import cast_exactly
from assay.models.signatures.enforce_values import did_you_mean
from assay.models.signatures.misfit import Misfit
from assay.models.signatures.recognise import (
    is_frame,
    is_polars,
    is_series,
    is_sparse,
    is_tensor,
    made_by,
)
from assay.models.signatures.schema import Schema
from assay.models.signatures.specs import TensorSpec

__all__ = ["TensorPlan", "fit_tensors"]


class TensorPlan:
    """A spec made ready for a quick look at arrays that fit as they are."""

    __slots__ = ("_dtype", "_fixed", "_ndim", "spec")

    def __init__(self, spec: TensorSpec) -> None:
        self.spec = spec
        self._dtype = spec.type
        self._ndim = len(spec.shape)
        self._fixed = tuple((i, n) for i, n in enumerate(spec.shape) if n != -1)

    def fits(self, array: Any) -> bool:
        """Whether dtype and shape are the spec's."""
        if array.dtype is not self._dtype and array.dtype != self._dtype:
            return False
        return self.fits_shape(array.shape)

    def fits_shape(self, shape: tuple[int, ...]) -> bool:
        """Whether the shape is the spec's."""
        if len(shape) != self._ndim:
            return False
        return all(shape[axis] == length for axis, length in self._fixed)

    def fit(self, value: Any) -> Any:
        """The value as an array of the spec.

        Raises:
            Misfit: it can't be one.
        """
        if is_sparse(value):
            return self._fit_sparse(value)
        array = _as_array(value, self.spec)
        unsized = isinstance(value, list | tuple | int | float)
        if array.dtype.kind == "O" and self._takes_objects(array):
            return array
        if array.dtype.kind == "O" and self._dtype.kind != "O":
            array, unsized = _without_objects(array), True
        self._check_shape(array.shape)
        if array.size == 0 and unsized:
            # An empty list is of no dtype; NumPy says float64.
            return array.astype(self._dtype)
        return cast_exactly(array, self._dtype, unsized=unsized)

    def _takes_objects(self, array: Any) -> bool:
        if self._dtype.kind == "O" and self.spec.shape == (-1,):
            return True
        return array.ndim == 1 and self._ndim > 1 and -1 in self.spec.shape[1:]

    def _fit_sparse(self, matrix: Any) -> Any:
        self._check_shape(matrix.shape)
        if matrix.dtype == self._dtype:
            return matrix
        cast = cast_exactly(matrix.data, self._dtype)
        return type(matrix)((cast, matrix.indices, matrix.indptr), shape=matrix.shape)

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if not self.fits_shape(shape):
            expected = f"shape {self.spec.shape}"
            raise Misfit(str(tuple(shape)), expected=expected)


def _as_array(value: Any, spec: TensorSpec) -> Any:
    import numpy as np

    if hasattr(value, "detach"):
        # PyTorch: off the graph, and off the accelerator.
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except ValueError:
        if spec.type.kind != "O" and -1 not in spec.shape[1:]:
            raise Misfit("lists of several lengths", expected=repr(spec)) from None
        array = np.empty(len(value), dtype=object)
        for row, item in enumerate(value):
            array[row] = item
    if array.dtype.kind == "O" and array.dtype != spec.type and isinstance(value, dict | set):
        raise Misfit(type(value).__name__)
    return array


def _without_objects(array: Any) -> Any:
    """The array that the objects' own values make; ragged ones and strangers stay objects."""
    import numpy as np

    try:
        return np.array(array.tolist())
    except ValueError:
        raise Misfit("objects") from None


def fit_tensors(data: Any, schema: Schema, plans: list[TensorPlan]) -> Any:
    """The data as the array of the one unnamed tensor, or as a dict of arrays by name.

    Raises:
        SignatureMismatch: naming each tensor that is missing or doesn't fit.
        InvalidInput: the data are of no kind that holds tensors.
    """
    if is_polars(data):
        data = data.to_pandas() if made_by(data, "polars", "DataFrame") else data.to_numpy()
    if is_series(data):
        data = data.to_frame()
    if not schema.has_input_names():
        return _fit_unnamed(data, plans[0])
    parts = _parts(data, schema)
    fitted, problems = {}, []
    for plan in plans:
        name = plan.spec.name
        if name not in parts:
            hint = did_you_mean(name, [key for key in parts if key not in schema.input_names()])
            problems.append(f"Tensor {name!r} is missing{hint}.")
            continue
        value = parts[name]
        if made_by(value, "numpy", "ndarray") and plan.fits(value):
            fitted[name] = value
            continue
        try:
            fitted[name] = plan.fit(_cells(value, plan.spec) if is_series(value) else value)
        except Misfit as misfit:
            problems.append(misfit.sentence(f"Tensor {name!r}", plan.spec.type.name))
    if problems:
        raise SignatureMismatch(problems)
    return fitted


def _fit_unnamed(data: Any, plan: TensorPlan) -> Any:
    if isinstance(data, Mapping):
        raise InvalidInput(
            "The model takes one tensor without a name, got a dict: give the array itself."
        )
    try:
        return plan.fit(_array_of_frame(data, plan.spec) if is_frame(data) else data)
    except Misfit as misfit:
        raise SignatureMismatch([misfit.sentence("The input", plan.spec.type.name)]) from None


def _parts(data: Any, schema: Schema) -> Mapping[Any, Any]:
    """Values by name: of a dict, a frame's columns, records, or the only tensor itself."""
    if isinstance(data, Mapping):
        return data
    if is_frame(data):
        return {name: data[name] for name in data.columns}
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        names = set.intersection(*(set(row) for row in data))
        return {name: [row[name] for row in data] for name in names}
    names_wanted = schema.input_names()
    if len(names_wanted) == 1 and (
        isinstance(data, list) or made_by(data, "numpy", "ndarray") or is_tensor(data)
    ):
        return {names_wanted[0]: data}
    raise InvalidInput(
        f"The model takes tensors by name ({', '.join(map(repr, names_wanted[:5]))}): give a dict"
        f" of arrays, got {type(data).__name__}."
    )


def _cells(series: Any, spec: TensorSpec) -> Any:
    """A column as a tensor: scalars make its only axis, lists and arrays the inner ones."""
    import numpy as np

    if series.dtype.kind != "O":
        column = series.to_numpy()
        return column.reshape(-1, 1) if spec.shape[1:] == (1,) else column
    cells = [cell.tolist() if hasattr(cell, "tolist") else cell for cell in series.tolist()]
    arrays = [cell for cell in series.tolist() if made_by(cell, "numpy", "ndarray")]
    rows = np.stack(arrays) if arrays and len(arrays) == len(cells) else _as_array(cells, spec)
    inner = spec.shape[1:]
    if -1 not in inner and rows.dtype.kind != "O" and rows[:1].size == np.prod(inner, dtype=int):
        # A frame holds images and the like flattened: the spec tells their axes.
        rows = rows.reshape(len(cells), *inner)
    return rows if arrays else rows.tolist()


def _array_of_frame(frame: Any, spec: TensorSpec) -> Any:
    import numpy as np

    if frame.shape[1] == 1 and spec.shape != (-1, 1):
        return _cells(frame.iloc[:, 0], spec)
    columns = []
    for i, name in enumerate(frame.columns):
        try:
            # Each by itself: a frame of several dtypes would first meet in one that may lose.
            column = frame.iloc[:, i].to_numpy()
            plain = _without_objects(column) if column.dtype.kind == "O" else column
            columns.append(cast_exactly(plain, spec.type))
        except Misfit as misfit:
            misfit.path, misfit.expected = f", column {name!r}", spec.type.name
            raise
    return np.column_stack(columns) if columns else np.empty((len(frame), 0), spec.type)
