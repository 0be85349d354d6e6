"""The entries of a schema: a column with its type, or a tensor with its dtype and shape.

Constructors, attributes and JSON are those of MLflow's ``ColSpec`` and ``TensorSpec``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from assay.errors import InvalidInput
from assay.models.signatures.data_types import ColumnType, Frozen, as_type, read_required, read_type

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ColSpec", "ColumnName", "TensorSpec", "read_spec"]

ColumnName = str | int
"""Names are texts; frames without names of their own count their columns."""

MAX_AXES: Final = 64
"""NumPy's own limit."""

_DTYPE_NAME = re.compile(r"[<>=|]?[A-Za-z_]{1,16}[0-9]{0,4}(\[[A-Za-z0-9]{1,8}\])?\Z")
"""Names of plain dtypes; NumPy would also parse whole record layouts out of a text."""


class ColSpec(Frozen):
    """A column: its type, its name if columns are named, and whether it must be there."""

    __slots__ = ("name", "required", "type")
    type: ColumnType
    name: ColumnName | None
    required: bool

    def __init__(
        self, type: ColumnType | str, name: ColumnName | None = None, required: bool = True
    ) -> None:
        self._set(type=as_type(type), name=_checked_name(name), required=bool(required))

    def _facts(self) -> tuple[Any, ...]:
        return self.type, self.name, self.required

    def __repr__(self) -> str:
        needed = "required" if self.required else "optional"
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}{self.type!r} ({needed})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, in MLflow's order of keys."""
        name = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **name, "required": self.required}


class TensorSpec(Frozen):
    """A tensor: dtype, shape with -1 for axes of any length, and its name among several."""

    __slots__ = ("name", "shape", "type")
    type: np.dtype[Any]
    shape: tuple[int, ...]
    name: str | None

    def __init__(self, type: Any, shape: Iterable[int | None], name: str | None = None) -> None:
        if name is not None and not isinstance(name, str):
            raise InvalidInput(f"The name of a tensor must be text, got {name!r}.")
        self._set(type=_dtype(type), shape=_shape(shape), name=name)

    def _facts(self) -> tuple[Any, ...]:
        return self.type, self.shape, self.name

    @property
    def required(self) -> bool:
        """Tensors always are."""
        return True

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}Tensor({self.type.name!r}, {self.shape!r})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, in MLflow's order of keys."""
        name = {} if self.name is None else {"name": self.name}
        spec = {"dtype": self.type.name, "shape": list(self.shape)}
        return {**name, "type": "tensor", "tensor-spec": spec}


def read_spec(facts: object, *, where: str) -> ColSpec | TensorSpec:
    """The entry that a JSON value describes.

    Raises:
        InvalidInput: it describes none; the message names the place.
    """
    if not isinstance(facts, Mapping):
        raise InvalidInput(f"{where}: expected an object, got {type(facts).__name__}.")
    try:
        if facts.get("type") == "tensor":
            return _read_tensor(facts, where=where)
        name = facts.get("name")
        kind = read_type(facts, where=where)
        return ColSpec(kind, name, required=read_required(facts, where=where))
    except InvalidInput as error:
        if error.message.startswith(where):
            raise
        raise InvalidInput(f"{where}: {error.message}") from None


def _read_tensor(facts: Mapping[str, Any], *, where: str) -> TensorSpec:
    spec = facts.get("tensor-spec")
    if not isinstance(spec, Mapping) or not {"dtype", "shape"} <= spec.keys():
        raise InvalidInput(f"{where}: a tensor needs 'tensor-spec' with 'dtype' and 'shape'.")
    if not isinstance(spec["dtype"], str):
        raise InvalidInput(f"{where}: 'dtype' must be the name of a NumPy dtype.")
    return TensorSpec(spec["dtype"], spec["shape"], facts.get("name"))


def _checked_name(name: object) -> ColumnName | None:
    if name is None or isinstance(name, str):
        return name
    if isinstance(name, bool) or not hasattr(name, "__index__"):
        raise InvalidInput(f"A column's name must be text or an integer, got {name!r}.")
    return int(name.__index__())


def _dtype(kind: Any) -> np.dtype[Any]:
    import numpy as np

    if isinstance(kind, str) and not _DTYPE_NAME.match(kind):
        raise InvalidInput(f"{kind[:80]!r} is no NumPy dtype of a tensor.")
    try:
        dtype: np.dtype[Any] = np.dtype(kind)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{str(kind)[:80]!r} is no NumPy dtype of a tensor: {error}.") from None
    if dtype.kind == "V":
        raise InvalidInput(f"Tensors hold plain values, not records: {dtype.name!r}.")
    # Texts and bytes of any length are one type, whatever the longest of the example was.
    if dtype.kind in "US":
        return np.dtype("str" if dtype.kind == "U" else "bytes")
    native: np.dtype[Any] = dtype.newbyteorder("=")
    return native


def _shape(lengths: object) -> tuple[int, ...]:
    if isinstance(lengths, str | bytes | Mapping) or not isinstance(lengths, Iterable):
        raise InvalidInput(f"A shape is a list of lengths, got {lengths!r}.")
    shape = tuple(-1 if length is None else length for length in lengths)
    for length in shape:
        if isinstance(length, bool) or not hasattr(length, "__index__") or length < -1:
            raise InvalidInput(f"A shape holds integers from 0 on, or -1 for any; got {length!r}.")
    if len(shape) > MAX_AXES:
        raise InvalidInput(f"A tensor has at most {MAX_AXES} axes, got {len(shape)}.")
    return tuple(int(length) for length in shape)
