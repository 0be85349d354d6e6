"""Data and params made to fit a signature, or refused with all that is wrong.

``Enforcer`` is a schema made ready: a frame or an array that fits already passes untouched, in a
few microseconds. Whatever else comes is brought into the schema's form and cast where no value
changes; everything that doesn't fit is told at once, column by column.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, NamedTuple

from assay.errors import InvalidInput, SignatureMismatch
from assay.models.signatures.data_types import AnyType
from assay.models.signatures.enforce_columns import fit_column, holds_text, is_exact
from assay.models.signatures.enforce_tensors import TensorPlan, fit_tensors
from assay.models.signatures.enforce_values import did_you_mean
from assay.models.signatures.misfit import Misfit
from assay.models.signatures.params import ParamSchema, fit_param
from assay.models.signatures.schema import Schema
from assay.models.signatures.specs import ColSpec, ColumnName, TensorSpec
from assay.models.signatures.tables import as_table

__all__ = ["Enforcer", "enforce", "enforce_params"]

MAX_NAMES: Final = 20
"""Missing columns that a message lists."""

_logger = logging.getLogger(__name__)


class _Layout(NamedTuple):
    """Columns and dtypes of a frame that passed untouched: the next one with the same does too,
    once the columns of objects have been looked into.
    """

    frame: type
    columns: Any
    dtypes: list[Any]
    objects: list[tuple[int, ColSpec]]


class Enforcer:
    """Makes data fit a schema. Thread-safe; keep one for many calls.

    For columns the result is a pandas DataFrame with the schema's columns in its order: others are
    dropped, optional ones that are missing stay away, and the index stays. It may be the very frame
    that came. For tensors it is an array, or a dict of arrays where they have names.
    """

    __slots__ = ("_array", "_columns", "_free", "_named", "_seen", "_tensors", "schema")

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._tensors = [TensorPlan(spec) for spec in schema if isinstance(spec, TensorSpec)]
        self._named = schema.has_input_names()
        self._array = None if self._named or not self._tensors else self._tensors[0]
        columns = [spec for spec in schema if isinstance(spec, ColSpec)]
        names = schema.input_names()
        self._columns: list[tuple[ColumnName, ColSpec]] = list(zip(names, columns, strict=False))
        # One unnamed column of anything is what is said of data that nothing is known of.
        self._free = not self._named and [spec.type for spec in columns] == [AnyType()]
        self._seen: _Layout | None = None

    def __call__(self, data: Any) -> Any:
        """The data in the schema's form.

        Raises:
            SignatureMismatch: naming each column or tensor that is missing or doesn't fit.
            InvalidInput: the data are of no kind that can have the form.
            MissingExtra: the schema has columns and pandas isn't installed.
        """
        seen = self._seen
        if seen is not None:
            if type(data) is seen.frame and self._as_seen(data, seen):
                return data
        elif self._array is not None and hasattr(data, "dtype") and self._passes(data):
            return data
        if self._free:
            return data
        if self._tensors:
            return fit_tensors(data, self.schema, self._tensors)
        return self._fit_frame(as_table(data, self.schema))

    def _passes(self, array: Any) -> bool:
        assert self._array is not None
        return type(array).__module__ == "numpy" and self._array.fits(array)

    def _as_seen(self, frame: Any, seen: _Layout) -> bool:
        columns = frame.columns
        if columns is not seen.columns and not columns.equals(seen.columns):
            return False
        if _dtypes(frame) != seen.dtypes:
            return False
        return all(_fits_as_it_is(frame, at, spec) for at, spec in seen.objects)

    def _fit_frame(self, frame: Any) -> Any:
        problems = self._form_problems(frame)
        if problems and not self._named:
            raise SignatureMismatch(problems)
        found = self._found(frame)
        dtypes = _dtypes(frame)
        changed: dict[int, Any] = {}
        for place, (position, name, spec) in enumerate(found):
            # Making a Series takes longer than all else, so dtypes that tell enough go first.
            if is_exact(dtypes[position], spec.type):
                continue
            series = frame.iloc[:, position]
            try:
                fitted = fit_column(series, spec.type, required=spec.required)
            except Misfit as misfit:
                problems.append(misfit.sentence(f"Column {name!r}", repr(spec.type)))
            else:
                if fitted is not series:
                    changed[place] = fitted
        if problems:
            raise SignatureMismatch(problems)
        positions = [position for position, _, _ in found]
        if positions != list(range(frame.shape[1])):
            frame = frame.iloc[:, positions]
        elif not changed:
            self._remember(frame, dtypes, [spec for _, _, spec in found])
        return _with_columns(frame, changed)

    def _form_problems(self, frame: Any) -> list[str]:
        present = list(frame.columns)
        if not self._named:
            if len(present) >= len(self._columns):
                return []
            return [f"Expected {len(self._columns)} columns, got {len(present)}."]
        known = set(present)
        names = {name for name, _ in self._columns}
        extra = [name for name in present if name not in names]
        missing = [name for name, spec in self._columns if spec.required and name not in known]
        problems = []
        if missing:
            told = [f"{name!r}{did_you_mean(name, extra)}" for name in missing[:MAX_NAMES]]
            more = f" and {len(missing) - MAX_NAMES} more" if len(missing) > MAX_NAMES else ""
            noun = "column" if len(missing) == 1 else "columns"
            problems.append(f"Missing {noun}: {', '.join(told)}{more}.")
        if len(known) < len(present):
            twice = sorted({str(n) for n in present if n in names and present.count(n) > 1})
            problems += [f"Column {name!r} is there more than once." for name in twice]
        return problems

    def _found(self, frame: Any) -> list[tuple[int, ColumnName, ColSpec]]:
        """Position in the frame, name there, and spec of each column of the schema."""
        present = list(frame.columns)
        if not self._named:
            found = zip(present, self._columns, strict=False)
            return [(at, name, spec) for at, (name, (_, spec)) in enumerate(found)]
        places = {name: position for position, name in enumerate(present)}
        return [(places[name], name, spec) for name, spec in self._columns if name in places]

    def _remember(self, frame: Any, dtypes: list[Any], specs: list[ColSpec]) -> None:
        import numpy as np

        # The frame's dtypes go first in the comparison: NumPy tries to read others as its own.
        of_objects = np.dtype(object)
        objects = [(at, spec) for at, spec in enumerate(specs) if dtypes[at] == of_objects]
        self._seen = _Layout(type(frame), frame.columns, dtypes, objects)


def _with_columns(frame: Any, changed: dict[int, Any]) -> Any:
    """The frame with other columns at some positions; the one that came stays as it is."""
    import pandas as pd

    if not changed:
        return frame
    if 2 * len(changed) < frame.shape[1]:
        frame = frame.copy(deep=False)
        for position, series in changed.items():
            frame.isetitem(position, series.array)
        return frame
    columns = {i: changed[i] if i in changed else frame.iloc[:, i] for i in range(frame.shape[1])}
    arrays = {position: series.array for position, series in columns.items()}
    made = pd.DataFrame(arrays, index=frame.index, copy=False)
    made.columns = frame.columns
    return made


def _fits_as_it_is(frame: Any, position: int, spec: ColSpec) -> bool:
    manager: Any = getattr(frame, "_mgr", None)
    if hasattr(manager, "iget_values") and holds_text(manager.iget_values(position), spec.type):
        return True
    series = frame.iloc[:, position]
    try:
        return fit_column(series, spec.type, required=spec.required) is series
    except Misfit:
        return False


def _dtypes(frame: Any) -> list[Any]:
    # ``DataFrame.dtypes`` builds a Series: 12 us of the 15 that a row may cost. The manager has had
    # its methods since pandas 1.1; should they go, the public ways stand in.
    manager = getattr(frame, "_mgr", None)
    if manager is None or not hasattr(manager, "get_dtypes"):
        return list(frame.dtypes)
    dtypes: list[Any] = manager.get_dtypes().tolist()
    return dtypes


def enforce(data: Any, schema: Schema) -> Any:
    """The data in the schema's form; see ``Enforcer``, which is the faster for many calls.

    Raises:
        SignatureMismatch: naming each column or tensor that is missing or doesn't fit.
        InvalidInput: the data are of no kind that can have the form.
        MissingExtra: the schema has columns and pandas isn't installed.
    """
    return Enforcer(schema)(data)


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any]:
    """All params of the schema: those given, cast without loss, and the others' defaults.

    A model without a schema takes no params: given ones are ignored with a logged warning, as in
    MLflow.

    Raises:
        SignatureMismatch: a param isn't the schema's, or its value doesn't fit; all are named.
        InvalidInput: ``params`` is no dict.
    """
    if params is not None and not isinstance(params, Mapping):
        raise InvalidInput(f"Params are a dict of names and values, got {type(params).__name__}.")
    if schema is None:
        if params:
            _logger.warning(
                "The model's signature has no params; ignored: %s.", ", ".join(map(repr, params))
            )
        return {}
    given = {str(name): value for name, value in (params or {}).items()}
    specs = {spec.name: spec for spec in schema}
    problems = [
        f"Unknown param {name!r}{did_you_mean(name, list(specs))}."
        for name in given
        if name not in specs
    ]
    fitted = {}
    for name, spec in specs.items():
        try:
            fitted[name] = fit_param(given[name], spec) if name in given else _copy(spec.default)
        except InvalidInput as error:
            problems.append(error.message)
    if problems:
        raise SignatureMismatch(problems, what="call's params")
    return fitted


def _copy(default: Any) -> Any:
    # A model that changes its params must not change the signature's.
    return deepcopy(default) if isinstance(default, list | dict) else default
