"""The params that a model takes at prediction: name, type, default, and whether it is a list."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from assay.errors import InvalidInput
from assay.models.signatures import json_text
from assay.models.signatures.data_types import DataType, Frozen, Object, as_type, read_type
from assay.models.signatures.enforce_values import fit_value
from assay.models.signatures.misfit import Misfit

__all__ = ["ParamSchema", "ParamSpec", "fit_param"]

EXACT_UP_TO: Final = 2**53
"""Integers up to here are exact as 64-bit floats."""
_WIDTH: Final = {DataType.integer: 31, DataType.long: 63}


class ParamSpec(Frozen):
    """One param. ``shape`` is ``None`` for a single value or a dict, ``(-1,)`` for a list."""

    __slots__ = ("default", "dtype", "name", "shape")
    name: str
    dtype: DataType | Object
    default: Any
    shape: tuple[int, ...] | None

    def __init__(
        self,
        name: str,
        dtype: DataType | Object | str,
        default: Any,
        shape: Iterable[int] | None = None,
    ) -> None:
        kind = as_type(dtype)
        axes = None if shape is None else tuple(shape)
        if not isinstance(kind, DataType | Object) or kind is DataType.binary:
            raise InvalidInput(f"Param {name!r} can't be of type {kind!r}: no model takes such.")
        if axes not in (None, (-1,)) or (axes is not None and isinstance(kind, Object)):
            raise InvalidInput(
                f"The shape of param {name!r} must be None (a single value) or (-1,) (a list),"
                f" got {axes}."
            )
        self._set(name=str(name), dtype=kind, default=None, shape=axes)
        self._set(default=fit_param(default, self))

    def _facts(self) -> tuple[Any, ...]:
        return self.name, self.dtype, self.default, self.shape

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default}){shape}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, in MLflow's order of keys."""
        shape = None if self.shape is None else list(self.shape)
        facts = {"name": self.name, "default": _jsonable(self.default), "shape": shape}
        return {**facts, **self.dtype.to_dict()}


class ParamSchema:
    """The params of a model, in order."""

    def __init__(self, params: list[ParamSpec]) -> None:
        specs = tuple(params)
        for spec in specs:
            if not isinstance(spec, ParamSpec):
                raise InvalidInput(f"A ParamSchema holds ParamSpecs, got {type(spec).__name__}.")
        names = [spec.name for spec in specs]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InvalidInput(f"Params have one name each, got {', '.join(twice)} twice.")
        self._params = specs

    @property
    def params(self) -> list[ParamSpec]:
        """The specs."""
        return list(self._params)

    def to_dict(self) -> list[dict[str, Any]]:
        """The JSON form."""
        return [spec.to_dict() for spec in self._params]

    def to_json(self) -> str:
        """The JSON text, as MLflow writes it."""
        return json_text.dump(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> ParamSchema:
        """The schema of a JSON text.

        Raises:
            InvalidInput: it describes none.
        """
        return cls.from_dict(json_text.parse(text, where="the params of the signature"))

    @classmethod
    def from_dict(cls, entries: object, *, where: str = "params") -> ParamSchema:
        """The schema of a parsed JSON list."""
        if not isinstance(entries, list):
            raise InvalidInput(f"{where}: expected a list, got {type(entries).__name__}.")
        return cls([_read(facts, where=f"{where}[{i}]") for i, facts in enumerate(entries)])

    def __len__(self) -> int:
        return len(self._params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self._params)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParamSchema) and other._params == self._params

    def __hash__(self) -> int:
        return hash(tuple(spec.name for spec in self._params))

    def __repr__(self) -> str:
        return repr(self.params)


def _read(facts: object, *, where: str) -> ParamSpec:
    if not isinstance(facts, Mapping):
        raise InvalidInput(f"{where}: expected an object, got {type(facts).__name__}.")
    # ``dtype`` is what MLflow wrote before ``type``.
    kind = facts.get("type") or facts.get("dtype")
    if kind is None or "default" not in facts or "name" not in facts:
        raise InvalidInput(f"{where}: a param needs 'name', 'type' and 'default'.")
    shape = facts.get("shape")
    if shape is not None and not isinstance(shape, list | tuple):
        raise InvalidInput(f"{where}: 'shape' must be a list or null.")
    read = read_type({**facts, "type": kind}, where=where)
    if not isinstance(read, DataType | Object):
        raise InvalidInput(f"{where}: a param can't be of type {read!r}.")
    try:
        return ParamSpec(str(facts["name"]), read, facts["default"], shape)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.message}") from None


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    return value


def fit_param(value: Any, spec: ParamSpec) -> Any:
    """The value as the spec's type, in Python's own types; ``None`` stays ``None``.

    Integers become floats where they are exact, NumPy's scalars become Python's, ISO texts
    become datetimes; nothing else is changed.

    Raises:
        InvalidInput: it has another type or shape, or wouldn't keep its value.
    """
    if isinstance(spec.dtype, Object):
        try:
            fit_value(value, spec.dtype, required=False)
        except Misfit as misfit:
            raise InvalidInput(misfit.sentence(f"Param {spec.name!r}", spec.dtype)) from None
        # The model gets what was given: MLflow doesn't cast inside objects either.
        return deepcopy(value)
    if spec.shape is None:
        return _fit_scalar(value, spec.dtype, spec)
    if value is None:
        return None
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1:
        value = list(value)
    if not isinstance(value, list | tuple):
        raise _unfit(spec, value)
    return [_fit_scalar(item, spec.dtype, spec) for item in value]


def _fit_scalar(value: Any, kind: DataType, spec: ParamSpec) -> Any:
    if value is None:
        return None
    if kind is DataType.datetime:
        return _fit_moment(value, spec)
    # NumPy's scalars have ``item``; 0-d arrays have it too.
    plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
    if kind is DataType.boolean and isinstance(plain, bool):
        return plain
    if kind is DataType.string and isinstance(plain, str):
        return str(plain)
    if isinstance(plain, bool):
        raise _unfit(spec, value)
    if (
        kind in _WIDTH
        and isinstance(plain, int)
        and -(2 ** _WIDTH[kind]) <= plain < 2 ** _WIDTH[kind]
    ):
        return plain
    if kind in (DataType.float, DataType.double):
        if isinstance(plain, int) and abs(plain) <= EXACT_UP_TO:
            return float(plain)
        if isinstance(plain, float):
            return plain
    raise _unfit(spec, value)


def _fit_moment(value: Any, spec: ParamSpec) -> Any:
    if isinstance(value, str):
        try:
            # A date without a time stays one, as in MLflow.
            if len(value) <= len("2024-01-31"):
                return datetime.date.fromisoformat(value)
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            raise _unfit(spec, value) from None
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    if hasattr(value, "dtype") and getattr(value.dtype, "kind", "") == "M":
        exact = value.astype("datetime64[us]")
        if exact == value:
            return exact.item()
    if isinstance(value, datetime.date):
        return value
    raise _unfit(spec, value)


def _unfit(spec: ParamSpec, value: Any) -> InvalidInput:
    expected = repr(spec.dtype) if spec.shape is None else f"a list of {spec.dtype!r}"
    shown = repr(value)
    got = "nan" if isinstance(value, float) and math.isnan(value) else shown[:80]
    return InvalidInput(
        f"Param {spec.name!r}: expected {expected}, got {got} ({type(value).__name__})."
    )
