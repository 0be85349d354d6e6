from __future__ import annotations

import datetime
import json

import numpy as np
import pytest

from assay.errors import InvalidInput, LimitExceeded
from assay.models.signatures import json_text
from assay.models.signatures.data_types import AnyType, Array, DataType, Object, Property
from assay.models.signatures.schema import (
    ColSpec,
    ModelSignature,
    ParamSchema,
    ParamSpec,
    Schema,
    Signature,
    TensorSpec,
)

COLUMNS = Schema(
    [
        ColSpec("double", "height"),
        ColSpec(Array("string"), "tags", required=False),
        ColSpec(AnyType(), "rest"),
    ]
)
IMAGES = Schema([TensorSpec(np.dtype("float32"), (-1, 28, 28, 3))])
PARAMS = ParamSchema(
    [
        ParamSpec("temperature", "double", 0.5),
        ParamSpec("stop", "string", ["a", "b"], (-1,)),
        ParamSpec("since", "datetime", datetime.datetime(2024, 1, 2, 3)),
    ]
)


def test_json_of_columns_is_mlflows_byte_for_byte() -> None:
    assert COLUMNS.to_json() == (
        '[{"type": "double", "name": "height", "required": true},'
        ' {"type": "array", "items": {"type": "string"}, "name": "tags", "required": false},'
        ' {"type": "any", "name": "rest", "required": true}]'
    )


def test_json_of_tensors_is_mlflows_byte_for_byte() -> None:
    assert IMAGES.to_json() == (
        '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28, 28, 3]}}]'
    )
    named = Schema([TensorSpec("int64", (-1,), "ids")])
    assert named.to_json() == (
        '[{"name": "ids", "type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
    )


def test_json_of_params_is_mlflows_byte_for_byte() -> None:
    assert PARAMS.to_json() == (
        '[{"name": "temperature", "default": 0.5, "shape": null, "type": "double"},'
        ' {"name": "stop", "default": ["a", "b"], "shape": [-1], "type": "string"},'
        ' {"name": "since", "default": "2024-01-02T03:00:00", "shape": null, "type": "datetime"}]'
    )


def test_signature_comes_back_from_its_dict() -> None:
    signature = Signature(COLUMNS, IMAGES, PARAMS)

    again = Signature.from_dict(signature.to_dict())

    assert again == signature
    assert again.params is not None
    assert again.params.params[2].default == datetime.datetime(2024, 1, 2, 3)
    assert ModelSignature is Signature


def test_absent_parts_are_null() -> None:
    assert Signature(inputs=COLUMNS).to_dict() == {
        "inputs": COLUMNS.to_json(),
        "outputs": None,
        "params": None,
    }


def test_older_forms_are_read() -> None:
    entries = {
        "inputs": [
            {"name": "a", "type": "double"},
            {"name": "b", "type": "long", "optional": True},
        ],
        "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "<f8", "shape": [-1]}}]',
        "params": '[{"name": "n", "dtype": "long", "default": 3}]',
    }

    signature = Signature.from_dict(entries)

    assert signature.inputs == Schema(
        [ColSpec("double", "a"), ColSpec("long", "b", required=False)]
    )
    assert signature.outputs == Schema([TensorSpec("float64", (-1,))])
    assert signature.params == ParamSchema([ParamSpec("n", "long", 3)])


def test_nan_defaults_are_read_as_mlflow_writes_them() -> None:
    params = ParamSchema.from_json(
        '[{"name": "x", "type": "double", "default": NaN, "shape": null}]'
    )

    assert np.isnan(params.params[0].default)
    assert "NaN" in params.to_json()


def test_names_and_types_of_named_columns() -> None:
    assert COLUMNS.input_names() == ["height", "tags", "rest"]
    assert COLUMNS.required_input_names() == ["height", "rest"]
    assert COLUMNS.optional_input_names() == ["tags"]
    assert COLUMNS.input_types() == [DataType.double, Array("string"), AnyType()]
    assert COLUMNS.input_types_dict()["tags"] == Array("string")
    assert COLUMNS.input_dict()["height"].required
    assert COLUMNS.has_input_names()
    assert not COLUMNS.is_tensor_spec()
    assert len(COLUMNS) == 3
    assert [spec.name for spec in COLUMNS] == ["height", "tags", "rest"]


def test_columns_without_names_are_told_by_position() -> None:
    schema = Schema([ColSpec("double"), ColSpec("string")])

    assert schema.input_names() == [0, 1]
    assert not schema.has_input_names()
    with pytest.raises(InvalidInput, match="no names"):
        schema.input_dict()


def test_columns_named_by_an_empty_text_or_zero_keep_it() -> None:
    assert Schema([ColSpec("double", ""), ColSpec("double", "b")]).input_names() == ["", "b"]
    assert Schema([ColSpec("double", np.int64(1))]).input_names() == [1]


def test_dtypes_of_columns_and_tensors() -> None:
    schema = Schema([ColSpec("integer", "a"), ColSpec("string", "b")])

    assert schema.numpy_types() == [np.dtype("int32"), np.dtype("str")]
    assert schema.pandas_types() == [np.dtype("int32"), np.dtype(object)]
    assert IMAGES.numpy_types() == [np.dtype("float32")]
    assert IMAGES.is_tensor_spec()
    with pytest.raises(InvalidInput, match=r"numpy_types"):
        IMAGES.pandas_types()
    with pytest.raises(InvalidInput, match="'tags' of type Array"):
        COLUMNS.numpy_types()


def test_length_of_texts_is_no_part_of_a_tensors_dtype() -> None:
    assert TensorSpec(np.dtype("<U7"), (-1,)).type == np.dtype("str")
    assert TensorSpec(np.dtype("S7"), (-1,)).type == np.dtype("bytes")


def test_reprs_read_like_mlflows() -> None:
    assert repr(ColSpec("double", "a")) == "'a': double (required)"
    assert repr(TensorSpec("int64", (-1, 2))) == "Tensor('int64', (-1, 2))"
    assert repr(PARAMS.params[1]) == "'stop': string (default: ['a', 'b']) (shape: (-1,))"
    assert repr(Signature(Schema([ColSpec("long")]))) == (
        "inputs: \n  [long (required)]\noutputs: \n  None\nparams: \n  None\n"
    )


def test_html_shows_a_table_and_escapes_names() -> None:
    html = Signature(Schema([ColSpec("double", "<b>")]), IMAGES, PARAMS)._repr_html_()

    assert "<caption>Inputs</caption>" in html
    assert "&lt;b&gt;" in html
    assert "float32 (-1, 28, 28, 3)" in html
    assert "temperature" in html
    assert "<td>double</td>" in Schema([ColSpec("double", "a")])._repr_html_()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "at least one"),
        ((ColSpec("long"),), "made of a list, got tuple"),
        (["long"], "made of ColSpecs or TensorSpecs, got str"),
        ([ColSpec("long", "a"), TensorSpec("int64", (-1,), "b")], "not of both"),
        ([ColSpec("long", "a"), ColSpec("long")], "all of its entries or none"),
        ([TensorSpec("int64", (-1,)), TensorSpec("int64", (-1,))], "a name each"),
        ([ColSpec("long", required=False)], "can't be optional"),
        ([ColSpec("long", "a"), ColSpec("long", "a")], "each name once, got a twice"),
    ],
)
def test_what_makes_no_schema_is_refused(inputs: list[ColSpec], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Schema(inputs)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("[", "The inputs of the signature is no JSON"),
        ('{"type": "long"}', "inputs: expected a list, got dict"),
        ('[["long"]]', r"inputs\[0\]: expected an object, got list"),
        ('[{"type": "long"}, {"type": "lung"}]', r"inputs\[1\]: Unknown type 'lung'"),
        ('[{"type": "long", "name": 1.5}]', r"inputs\[0\]: A column's name must be text"),
        ('[{"type": "tensor"}]', r"inputs\[0\]: a tensor needs 'tensor-spec'"),
        (
            '[{"type": "tensor", "tensor-spec": {"dtype": "f4,f4", "shape": [1]}}]',
            r"inputs\[0\]: 'f4,f4' is no NumPy dtype",
        ),
        (
            '[{"type": "tensor", "tensor-spec": {"dtype": "V8", "shape": [1]}}]',
            r"inputs\[0\]: Tensors hold plain values",
        ),
        (
            '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-2]}}]',
            r"inputs\[0\]: A shape holds integers",
        ),
        (
            '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": "12"}}]',
            r"inputs\[0\]: A shape is a list",
        ),
        ("1" * 5000, "The inputs of the signature is no JSON"),
    ],
)
def test_malformed_signature_is_refused_with_its_place(entries: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Signature.from_dict({"inputs": entries})


def test_json_too_deep_or_too_large_is_refused_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InvalidInput, match="nested more than 256 levels"):
        Schema.from_json("[" * 100_000)
    # Brackets inside of texts don't count.
    name = json.dumps("[" * 1000 + '"')
    assert Schema.from_json(f'[{{"type": "long", "name": {name}}}]').input_names() == [
        "[" * 1000 + '"'
    ]
    monkeypatch.setattr(json_text, "MAX_CHARS", 10)
    with pytest.raises(LimitExceeded, match="limited to 10"):
        Schema.from_json('[{"type": "long"}]')


def test_empty_or_wrong_signature_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs inputs, outputs or params"):
        Signature()
    with pytest.raises(InvalidInput, match=r"inputs of a Signature are a Schema, got list"):
        Signature([ColSpec("long")])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expected an object, got str"):
        Signature.from_dict("[]")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (("n", "binary", b"x"), "can't be of type binary"),
        (("n", Array("long"), [1]), "can't be of type Array"),
        (("n", "long", 1.5), "Param 'n': expected long, got 1.5"),
        (("n", "long", True), "expected long, got True"),
        (("n", "integer", 2**31), "expected integer"),
        (("n", "double", "x"), "expected double, got 'x'"),
        (("n", "double", 2**53 + 1), "expected double"),
        (("n", "string", 3), "expected string, got 3"),
        (("n", "datetime", "yesterday"), "expected datetime, got 'yesterday'"),
        (("n", "long", 3, (-1,)), "expected a list of long, got 3"),
        (("n", "long", [1, "a"], (-1,)), "expected a list of long, got 'a'"),
        (("n", "long", [1], (3,)), r"must be None \(a single value\)"),
        (("n", Object([Property("a", "long")]), {"a": "x"}), r"'n'\.a: expected long, got string"),
    ],
)
def test_param_that_does_not_fit_its_type_is_refused(
    spec: tuple[object, ...], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        ParamSpec(*spec)  # type: ignore[arg-type]


def test_params_become_plain_python_values() -> None:
    assert ParamSpec("n", "double", np.float32(0.5)).default == 0.5
    assert type(ParamSpec("n", "long", np.int64(3)).default) is int
    assert ParamSpec("n", "float", 1).default == 1.0
    assert ParamSpec("n", "double", None).default is None
    assert ParamSpec("n", "long", np.array([1, 2]), (-1,)).default == [1, 2]
    assert ParamSpec("n", "datetime", np.datetime64("2024-01-01T01", "ns")).default == (
        datetime.datetime(2024, 1, 1, 1)
    )
    assert ParamSpec("n", "datetime", "2024-01-31").default == datetime.date(2024, 1, 31)


def test_object_param_keeps_its_default_and_comes_back() -> None:
    params = ParamSchema([ParamSpec("o", Object([Property("a", "double")]), {"a": 1})])

    assert params.params[0].default == {"a": 1}
    assert ParamSchema.from_json(params.to_json()) == params


def test_params_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match="one name each, got a twice"):
        ParamSchema([ParamSpec("a", "long", 1), ParamSpec("a", "long", 2)])
    with pytest.raises(InvalidInput, match=r"params\[0\]: a param needs"):
        ParamSchema.from_json('[{"name": "a"}]')
