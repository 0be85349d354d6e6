"""The gRPC messages: those of the protocol, bit for bit, as a client of others has them."""

from __future__ import annotations

from typing import Any

import pytest
from tritonclient.grpc import service_pb2

from assay.errors import InvalidInput
from assay.serving.protocols.grpc_face import _read as read
from assay.serving.protocols.grpc_messages import PACKAGE, message_class
from assay.serving.protocols.tensors import to_array

_NAMES = [
    f"{method}{kind}"
    for method in (
        "ServerLive",
        "ServerReady",
        "ServerMetadata",
        "ModelReady",
        "ModelMetadata",
        "ModelInfer",
    )
    for kind in ("Request", "Response")
]


def _shape(message: Any) -> dict[str, Any]:
    """What of a message counts on the wire, those inside it included."""
    return {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            _shape(field.message_type) if field.message_type is not None else None,
            field.containing_oneof.name if field.containing_oneof is not None else None,
        )
        for field in message.fields
    }


@pytest.mark.parametrize("name", _NAMES)
def test_messages_are_those_of_the_protocol(name: str) -> None:
    theirs = service_pb2.DESCRIPTOR.message_types_by_name[name]
    ours = message_class(name).DESCRIPTOR

    assert ours.full_name == f"{PACKAGE}.{name}"
    for number, field in theirs.fields_by_number.items():
        assert ours.fields_by_number[number].name == field.name
    assert _shape(ours) == _shape(theirs)


def _request(**facts: Any) -> Any:
    """A request that a client of others has written, as we read it."""
    sent = service_pb2.ModelInferRequest(**facts).SerializeToString()
    return message_class("ModelInferRequest").FromString(sent)


@pytest.mark.parametrize(
    ("datatype", "contents", "values"),
    [
        ("BOOL", {"bool_contents": [True, False]}, [True, False]),
        ("INT8", {"int_contents": [-1, 2]}, [-1, 2]),
        ("INT64", {"int64_contents": [-(2**62), 2]}, [-(2**62), 2]),
        ("UINT64", {"uint64_contents": [2**63, 2]}, [2**63, 2]),
        ("FP32", {"fp32_contents": [0.5, 2]}, [0.5, 2]),
        ("FP64", {"fp64_contents": [0.1, 2]}, [0.1, 2]),
        ("BYTES", {"bytes_contents": ["é".encode(), b""]}, ["é", ""]),
    ],
)
def test_typed_contents_are_read(datatype: str, contents: Any, values: list[Any]) -> None:
    tensor = {"name": "x", "datatype": datatype, "shape": [2], "contents": contents}

    asked, raws = read(_request(inputs=[tensor]))

    assert raws == [None]
    assert to_array(asked.inputs[0], None).tolist() == values


def test_parameters_are_the_params_of_the_model() -> None:
    tensor = {"name": "x", "datatype": "FP64", "shape": [0]}
    given = {"depth": {"int64_param": 3}, "mode": {"string_param": "a"}, "on": {"bool_param": True}}

    asked, _ = read(_request(inputs=[tensor], parameters=given))

    assert asked.parameters == {"depth": 3, "mode": "a", "on": True}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "no inputs"),
        ({"inputs": [{"name": "x"}], "raw_input_contents": [b"", b""]}, "2 raw contents"),
        (
            {
                "inputs": [
                    {"name": "x", "datatype": "BYTES", "contents": {"bytes_contents": [b"\xff"]}}
                ]
            },
            "no UTF-8",
        ),
    ],
)
def test_what_is_no_request_is_refused(facts: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read(_request(**facts))
