"""Schemas and the signature of a model: what it takes, what it gives, and the params it knows.

The JSON is MLflow's byte for byte, so either program reads the other's ``MLmodel``. Reading takes
the older forms too (parsed lists instead of texts, entries without ``required``, ``optional``,
NumPy's aliases) and trusts nothing: a wrong entry is an ``InvalidInput`` that names its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from assay.errors import InvalidInput
from assay.models.signatures import json_text
from assay.models.signatures.data_types import ColumnType, DataType
from assay.models.signatures.params import ParamSchema, ParamSpec
from assay.models.signatures.specs import ColSpec, ColumnName, TensorSpec, read_spec

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "ColSpec",
    "ModelSignature",
    "ParamSchema",
    "ParamSpec",
    "Schema",
    "Signature",
    "TensorSpec",
]


class Schema:
    """Columns or tensors, in order: all named or none, and never both kinds.

    Columns without names are told by their position, and none of them is optional. Immutable.
    """

    def __init__(
        self, inputs: list[ColSpec] | list[TensorSpec] | list[ColSpec | TensorSpec]
    ) -> None:
        if not isinstance(inputs, list):
            raise InvalidInput(f"A Schema is made of a list, got {type(inputs).__name__}.")
        if not inputs:
            raise InvalidInput("A Schema needs at least one column or tensor.")
        _check(inputs)
        self._inputs: tuple[ColSpec | TensorSpec, ...] = tuple(inputs)

    @property
    def inputs(self) -> list[ColSpec | TensorSpec]:
        """The columns or tensors."""
        return list(self._inputs)

    def is_tensor_spec(self) -> bool:
        """Whether this describes tensors, not columns."""
        return isinstance(self._inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Whether columns or tensors have names."""
        return self._inputs[0].name is not None

    def input_names(self) -> list[ColumnName]:
        """Names, or positions where there are none."""
        return [i if spec.name is None else spec.name for i, spec in enumerate(self._inputs)]

    def required_input_names(self) -> list[ColumnName]:
        """Names or positions of those that must be there."""
        pairs = zip(self.input_names(), self._inputs, strict=True)
        return [name for name, spec in pairs if spec.required]

    def optional_input_names(self) -> list[ColumnName]:
        """Names of those that may be missing."""
        pairs = zip(self.input_names(), self._inputs, strict=True)
        return [name for name, spec in pairs if not spec.required]

    def input_types(self) -> list[ColumnType | np.dtype[Any]]:
        """Types of the columns, or dtypes of the tensors."""
        return [spec.type for spec in self._inputs]

    def input_types_dict(self) -> dict[ColumnName, ColumnType | np.dtype[Any]]:
        """Type by name.

        Raises:
            InvalidInput: there are no names.
        """
        return {name: spec.type for name, spec in self.input_dict().items()}

    def input_dict(self) -> dict[ColumnName, ColSpec | TensorSpec]:
        """Entry by name.

        Raises:
            InvalidInput: there are no names.
        """
        if not self.has_input_names():
            raise InvalidInput("The schema has no names to look up by.")
        return dict(zip(self.input_names(), self._inputs, strict=True))

    def numpy_types(self) -> list[np.dtype[Any]]:
        """NumPy dtype of each entry.

        Raises:
            InvalidInput: a column holds arrays, objects, maps or anything.
        """
        if self.is_tensor_spec():
            return [spec.type for spec in self._inputs if isinstance(spec, TensorSpec)]
        return [kind.to_numpy() for kind in self._scalar_types("NumPy")]

    def pandas_types(self) -> list[np.dtype[Any]]:
        """Pandas dtype of each column.

        Raises:
            InvalidInput: these are tensors, or a column holds no scalars.
        """
        if self.is_tensor_spec():
            raise InvalidInput("Tensors have NumPy dtypes only: use numpy_types().")
        return [kind.to_pandas() for kind in self._scalar_types("pandas")]

    def _scalar_types(self, whose: str) -> list[DataType]:
        kinds = []
        for name, kind in zip(self.input_names(), self.input_types(), strict=True):
            if not isinstance(kind, DataType):
                raise InvalidInput(f"Column {name!r} of type {kind!r} has no {whose} dtype.")
            kinds.append(kind)
        return kinds

    def to_dict(self) -> list[dict[str, Any]]:
        """The JSON form."""
        return [spec.to_dict() for spec in self._inputs]

    def to_json(self) -> str:
        """The JSON text, as MLflow writes it."""
        return json_text.dump(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema of a JSON text.

        Raises:
            InvalidInput: it describes none; the message names the place.
        """
        return cls.from_dict(json_text.parse(text, where="the schema"))

    @classmethod
    def from_dict(cls, entries: object, *, where: str = "schema") -> Schema:
        """The schema of a parsed JSON list."""
        if not isinstance(entries, list):
            raise InvalidInput(f"{where}: expected a list, got {type(entries).__name__}.")
        return cls([read_spec(facts, where=f"{where}[{i}]") for i, facts in enumerate(entries)])

    def __len__(self) -> int:
        return len(self._inputs)

    def __iter__(self) -> Iterator[ColSpec | TensorSpec]:
        return iter(self._inputs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and other._inputs == self._inputs

    def __hash__(self) -> int:
        return hash(self._inputs)

    def __repr__(self) -> str:
        return repr(self.inputs)

    def _repr_html_(self) -> str:
        return _table("", self._rows())

    def _rows(self) -> list[tuple[str, str, str]]:
        named = zip(self.input_names(), self._inputs, strict=True)
        return [
            (str(name), _type_words(spec), "required" if spec.required else "optional")
            for name, spec in named
        ]


def _check(inputs: list[Any]) -> None:
    kinds = {type(spec) for spec in inputs}
    if not kinds <= {ColSpec, TensorSpec}:
        strange = next(kind for kind in kinds if kind not in (ColSpec, TensorSpec))
        raise InvalidInput(f"A Schema is made of ColSpecs or TensorSpecs, got {strange.__name__}.")
    if len(kinds) > 1:
        raise InvalidInput("A Schema is made of ColSpecs or of TensorSpecs, not of both.")
    names = [spec.name for spec in inputs]
    nameless = names.count(None)
    if nameless not in (0, len(names)):
        raise InvalidInput(f"A Schema names all of its entries or none, got the names {names}.")
    if nameless and len(inputs) > 1 and kinds == {TensorSpec}:
        raise InvalidInput("Several tensors in a Schema need a name each.")
    if nameless and not all(spec.required for spec in inputs):
        raise InvalidInput("Columns without names can't be optional: name them, or require all.")
    if not nameless and len(set(names)) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        raise InvalidInput(f"A Schema has each name once, got {', '.join(twice)} twice.")


class Signature:
    """What a model takes and gives: ``inputs``, ``outputs`` and ``params``, each may be unknown.

    Equality compares all three.
    """

    def __init__(
        self,
        inputs: Schema | None = None,
        outputs: Schema | None = None,
        params: ParamSchema | None = None,
    ) -> None:
        for role, schema in (("inputs", inputs), ("outputs", outputs)):
            if schema is not None and not isinstance(schema, Schema):
                raise InvalidInput(
                    f"The {role} of a Signature are a Schema, got {type(schema).__name__}."
                    " infer_signature() makes one from data."
                )
        if params is not None and not isinstance(params, ParamSchema):
            raise InvalidInput(
                f"The params of a Signature are a ParamSchema, got {type(params).__name__}."
            )
        if inputs is None and outputs is None and params is None:
            raise InvalidInput("A Signature needs inputs, outputs or params.")
        self.inputs = inputs
        self.outputs = outputs
        self.params = params

    def to_dict(self) -> dict[str, str | None]:
        """What ``MLmodel`` holds: JSON texts, or ``None`` for what is unknown."""
        return {
            "inputs": None if self.inputs is None else self.inputs.to_json(),
            "outputs": None if self.outputs is None else self.outputs.to_json(),
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Signature:
        """The signature of what ``to_dict`` or MLflow gave.

        Raises:
            InvalidInput: it describes none; the message names the place.
        """
        if not isinstance(entries, Mapping):
            raise InvalidInput(f"signature: expected an object, got {type(entries).__name__}.")
        inputs, outputs, params = (
            _entries(entries, key) for key in ("inputs", "outputs", "params")
        )
        return cls(
            None if inputs is None else Schema.from_dict(inputs, where="inputs"),
            None if outputs is None else Schema.from_dict(outputs, where="outputs"),
            None if params is None else ParamSchema.from_dict(params),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Signature) and (
            (other.inputs, other.outputs, other.params) == (self.inputs, self.outputs, self.params)
        )

    def __hash__(self) -> int:
        return hash((self.inputs, self.outputs, self.params))

    def __repr__(self) -> str:
        parts = (("inputs", self.inputs), ("outputs", self.outputs), ("params", self.params))
        return "".join(f"{role}: \n  {schema!r}\n" for role, schema in parts)

    def _repr_html_(self) -> str:
        parts = [
            _table(title, schema._rows())
            for title, schema in (("Inputs", self.inputs), ("Outputs", self.outputs))
            if schema is not None
        ]
        if self.params:
            rows = [
                (
                    spec.name,
                    f"{spec.dtype!r}{'' if spec.shape is None else ' list'}",
                    f"{spec.default!r}",
                )
                for spec in self.params
            ]
            parts.append(_table("Params", rows))
        return "".join(parts)


ModelSignature = Signature
"""MLflow's name of it."""


def _entries(entries: Mapping[str, Any], key: str) -> Any:
    value = entries.get(key)
    if value in (None, "", []):
        return None
    return (
        json_text.parse(value, where=f"The {key} of the signature")
        if isinstance(value, str)
        else value
    )


def _type_words(spec: ColSpec | TensorSpec) -> str:
    if isinstance(spec, TensorSpec):
        return f"{spec.type.name} {spec.shape}"
    return repr(spec.type)


def _table(title: str, rows: list[tuple[str, str, str]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    return f"<table>{caption}<tbody>{body}</tbody></table>"
