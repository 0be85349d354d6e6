"""JSON Schema of what a signature says: columns, tensors and params, and the bodies made of them.

Numbers have the bounds of their types; a column that may be missing may be null as well. What JSON
has no type for travels as text: bytes as base64, times as ISO 8601. Draft 2020-12, which is what
OpenAPI 3.1 takes.
"""

from __future__ import annotations

from typing import Any, Final

from assay.models.signatures.data_types import AnyType, Array, ColumnType, DataType, Map, Object
from assay.models.signatures.schema import ParamSchema, Schema
from assay.models.signatures.specs import ColSpec, TensorSpec

Json = dict[str, Any]

_FLOAT32: Final = 3.4028234663852886e38
_SCALARS: Final[dict[DataType, Json]] = {
    DataType.boolean: {"type": "boolean"},
    DataType.integer: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    DataType.long: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    DataType.float: {"type": "number", "minimum": -_FLOAT32, "maximum": _FLOAT32},
    DataType.double: {"type": "number"},
    DataType.string: {"type": "string"},
    DataType.binary: {"type": "string", "contentEncoding": "base64"},
    DataType.datetime: {"type": "string", "format": "date-time"},
}


def type_schema(kind: ColumnType) -> Json:
    """The schema of one value of a column's type."""
    if isinstance(kind, DataType):
        return dict(_SCALARS[kind])
    if isinstance(kind, Array):
        return {"type": "array", "items": type_schema(kind.dtype)}
    if isinstance(kind, Map):
        return {"type": "object", "additionalProperties": type_schema(kind.value_type)}
    if isinstance(kind, Object):
        return _object(
            {one.name: _maybe(type_schema(one.dtype), one.required) for one in kind.properties},
            [one.name for one in kind.properties if one.required],
        )
    assert isinstance(kind, AnyType)
    return {}


def tensor_schema(spec: TensorSpec) -> Json:
    """Lists inside each other, as deep as the tensor has axes."""
    schema = _tensor_value(spec.type)
    for length in reversed(spec.shape):
        bounds = {"minItems": 1} if length < 0 else {"minItems": length, "maxItems": length}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def params_schema(params: ParamSchema) -> Json:
    """The object of params, each with its default."""
    properties = {}
    for spec, facts in zip(params, params.to_dict(), strict=True):
        value = type_schema(spec.dtype)
        if spec.shape is not None:
            value = {"type": "array", "items": value}
        properties[spec.name] = {**value, "default": facts["default"]}
    return _object(properties, [])


def body_forms(inputs: Schema | None, params: ParamSchema | None) -> list[Json]:
    """One schema for each form of a JSON body that a model takes."""
    extra = {} if params is None else {"params": params_schema(params)}
    if inputs is None:
        forms: Json = {
            "dataframe_split": _split(None, {}),
            "dataframe_records": _rows({"type": "object"}),
            "inputs": {},
            "instances": {"type": "array"},
        }
    elif inputs.is_tensor_spec():
        forms = _tensor_forms([spec for spec in inputs if isinstance(spec, TensorSpec)])
    elif inputs.has_input_names():
        forms = _column_forms([spec for spec in inputs if isinstance(spec, ColSpec)])
    else:
        row = _row([type_schema(spec.type) for spec in inputs if isinstance(spec, ColSpec)])
        forms = {"dataframe_split": _split(None, row), "inputs": _rows(row)}
    return [
        {"title": form, **_object({form: content, **extra}, [form])}
        for form, content in forms.items()
    ]


def answer_schema(outputs: Schema | None) -> Json:
    """``{"predictions": …}``. NaN and infinities, which JSON doesn't have, are written as MLflow
    does; where columns are told, an answer has rows of them or, of a single one, its values.
    """
    predictions: Json = {}
    specs = list(outputs or ())
    if len(specs) == 1 and isinstance(specs[0], TensorSpec):
        predictions = tensor_schema(specs[0])
    elif specs and isinstance(specs[0], TensorSpec):
        predictions = {"type": "object"}
    elif len(specs) == 1:
        value = _nullable(_type_of(specs[0]))
        named = {} if specs[0].name is None else {str(specs[0].name): value}
        predictions = _answers({"anyOf": [value, {"type": "object", "properties": named}]})
    elif specs and specs[0].name is not None:
        columns = {str(spec.name): _nullable(_type_of(spec)) for spec in specs}
        predictions = _answers({"type": "object", "properties": columns})
    return {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": predictions},
    }


def _column_forms(specs: list[ColSpec]) -> Json:
    columns = {str(one.name): _maybe(type_schema(one.type), one.required) for one in specs}
    required = [str(one.name) for one in specs if one.required]
    record = {"type": "object", "properties": columns, "required": required}
    lists = {name: _rows(value) for name, value in columns.items()}
    return {
        "dataframe_split": _split(list(columns), _row(list(columns.values()))),
        "dataframe_records": _rows(record),
        "inputs": {
            "anyOf": [
                _rows(record),
                {
                    "type": "object",
                    "properties": lists,
                    "required": required,
                    "description": "Columns, all with the same number of values.",
                },
            ]
        },
    }


def _tensor_forms(specs: list[TensorSpec]) -> Json:
    if specs[0].name is None:
        schema = tensor_schema(specs[0])
        return {"inputs": schema, "instances": schema}
    named = {str(spec.name): tensor_schema(spec) for spec in specs}
    row = {name: one.get("items", one) for name, one in named.items()}
    return {
        "inputs": _object(named, list(named)),
        "instances": _rows(_object(row, list(row))),
    }


def _split(columns: list[str] | None, row: Json) -> Json:
    properties: Json = {"data": _rows({"type": "array", **row})}
    required = ["data"]
    if columns is not None:
        properties["columns"] = {
            "const": columns,
            "description": "In any order; the values of each row are in the same.",
        }
        required = ["columns", "data"]
    return {"type": "object", "properties": properties, "required": required}


def _rows(item: Json) -> Json:
    return {"type": "array", "items": item, "minItems": 1}


def _answers(item: Json) -> Json:
    return {"type": "array", "items": item}


def _row(values: list[Json]) -> Json:
    exactly = {"minItems": len(values), "maxItems": len(values)}
    return {"type": "array", "prefixItems": values, "items": False, **exactly}


def _object(properties: Json, required: list[str]) -> Json:
    made: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": required} if required else made


def _maybe(schema: Json, required: bool) -> Json:
    return schema if required else _nullable(schema)


def _nullable(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


def _type_of(spec: ColSpec | TensorSpec) -> Json:
    assert isinstance(spec, ColSpec)
    return type_schema(spec.type)


def _tensor_value(dtype: Any) -> Json:
    if dtype.kind == "b":
        return {"type": "boolean"}
    if dtype.kind in "iu":
        import numpy as np

        facts = np.iinfo(dtype)
        return {"type": "integer", "minimum": int(facts.min), "maximum": int(facts.max)}
    if dtype.kind == "f":
        return type_schema(DataType.double if dtype.itemsize > 4 else DataType.float)
    return {"type": "string"} if dtype.kind in "USO" else {}
