from __future__ import annotations

import copy
import datetime
import pickle

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.models.signatures.data_types import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    read_type,
)

NESTED = Object(
    [
        Property("tags", Array("string")),
        Property("sizes", Map(Array(DataType.double)), required=False),
        Property("rest", AnyType()),
    ]
)


def test_types_are_made_of_names_as_well_as_members() -> None:
    assert Array("double") == Array(DataType.double)
    assert Map("long") == Map(DataType.long)
    assert Property("p", "string") == Property("p", DataType.string, required=True)


def test_json_form_is_that_of_mlflow() -> None:
    assert NESTED.to_dict() == {
        "type": "object",
        "properties": {
            "rest": {"type": "any", "required": True},
            "sizes": {
                "type": "map",
                "values": {"type": "array", "items": {"type": "double"}},
                "required": False,
            },
            "tags": {"type": "array", "items": {"type": "string"}, "required": True},
        },
    }


@pytest.mark.parametrize(
    "kind", [*DataType, NESTED, Array(Array("long")), Map("binary"), AnyType(), SparkMLVector()]
)
def test_type_comes_back_from_its_json_form(kind: DataType) -> None:
    assert read_type(kind.to_dict(), where="here") == kind


@pytest.mark.parametrize("kind", [NESTED, Array("long"), AnyType(), SparkMLVector()])
def test_types_are_copied_pickled_and_hashed_by_value(kind: Array) -> None:
    for other in (copy.deepcopy(kind), pickle.loads(pickle.dumps(kind))):
        assert other == kind
        assert hash(other) == hash(kind)


def test_spark_vector_is_an_array_but_no_array_of_doubles() -> None:
    assert isinstance(SparkMLVector(), Array)
    assert SparkMLVector() != Array(DataType.double)


def test_types_are_immutable() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Array("long").dtype = DataType.double  # type: ignore[misc]


def test_properties_are_kept_in_the_order_of_their_names() -> None:
    assert [field.name for field in NESTED.properties] == ["rest", "sizes", "tags"]


def test_reprs_read_like_types() -> None:
    assert repr(Array(Map("string"))) == "Array(Map(str -> string))"
    assert repr(Object([Property("a", "long", required=False)])) == "{a: long (optional)}"


def test_scalars_know_their_equivalents() -> None:
    assert DataType.double.to_numpy() == np.float64
    assert DataType.string.to_numpy() == np.dtype("str")
    assert DataType.string.to_pandas() == np.dtype(object)
    assert DataType.datetime.to_python() is datetime.date
    assert DataType.from_numpy_type(np.dtype("int32")) is DataType.integer
    assert DataType.from_numpy_type(np.dtype("complex128")) is None
    assert len(DataType.all_types()) == 8


@pytest.mark.parametrize(
    ("alias", "kind"),
    [
        ("bool", DataType.boolean),
        ("int32", DataType.integer),
        ("float64", DataType.double),
        ("float", DataType.float),
        ("datetime64[ns]", DataType.datetime),
    ],
)
def test_numpys_names_are_understood(alias: str, kind: DataType) -> None:
    assert read_type({"type": alias}, where="here") is kind


def test_older_word_optional_is_read() -> None:
    facts = {"type": "object", "properties": {"a": {"type": "long", "optional": True}}}

    assert read_type(facts, where="here") == Object([Property("a", "long", required=False)])


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ("long", "inputs.0.: expected an object with 'type', got str"),
        ({}, "inputs.0.: 'type' must be the name of a type, got null"),
        ({"type": "quaternion"}, "inputs.0.: Unknown type 'quaternion'"),
        ({"type": "array"}, "inputs.0.: the type 'array' needs 'items'"),
        ({"type": "array", "items": {"type": "map"}}, "inputs.0..items: the type 'map' needs"),
        ({"type": "object", "properties": {}}, "at least one property"),
        ({"type": "object", "properties": []}, "'properties' must be an object"),
        (
            {"type": "object", "properties": {"a": {"type": "long", "required": "yes"}}},
            "inputs.0..a: 'required' must be true or false, got str",
        ),
    ],
)
def test_malformed_type_is_refused_with_its_place(facts: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_type(facts, where="inputs[0]")


def test_types_too_deep_inside_each_other_are_refused() -> None:
    facts: dict[str, object] = {"type": "long"}
    for _ in range(65):
        facts = {"type": "array", "items": facts}

    with pytest.raises(InvalidInput, match="64 deep"):
        read_type(facts, where="here")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Array("floatish"), "Unknown type 'floatish'"),
        (lambda: Array(3), "Unknown type int"),
        (lambda: Object([]), "at least one Property"),
        (lambda: Object(["a"]), "made of Properties, got str"),
        (lambda: Object([Property("a", "long"), Property("a", "long")]), "got a twice"),
        (lambda: Property(1, "long"), "must be text, got int"),
    ],
)
def test_what_makes_no_type_is_refused(make: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()  # type: ignore[operator]
