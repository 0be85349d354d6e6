"""The messages of the Open Inference Protocol over gRPC, described field by field.

Numbers and types are those of the protocol's published specification
(https://github.com/kserve/open-inference-protocol). The description is made here at the first use,
in a pool of its own, so that no generated code is kept and a model that brings another copy of the
protocol doesn't get into its way.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from assay.errors import MissingExtra

PACKAGE: Final = "inference"
SERVICE: Final = f"{PACKAGE}.GRPCInferenceService"

_PARAMETERS: Final = "map InferParameter"
_MESSAGES: Final[dict[str, str]] = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live=1 bool",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready=1 bool",
    "ModelReadyRequest": "name=1 string; version=2 string",
    "ModelReadyResponse": "ready=1 bool",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "name=1 string; version=2 string; extensions=3 repeated string",
    "ModelMetadataRequest": "name=1 string; version=2 string",
    "ModelMetadataResponse": (
        "name=1 string; versions=2 repeated string; platform=3 string;"
        " inputs=4 repeated ModelMetadataResponse.TensorMetadata;"
        " outputs=5 repeated ModelMetadataResponse.TensorMetadata"
    ),
    "ModelMetadataResponse.TensorMetadata": (
        "name=1 string; datatype=2 string; shape=3 repeated int64"
    ),
    "InferParameter": (
        "bool_param=1 oneof bool; int64_param=2 oneof int64; string_param=3 oneof string;"
        " double_param=4 oneof double; uint64_param=5 oneof uint64"
    ),
    "InferTensorContents": (
        "bool_contents=1 repeated bool; int_contents=2 repeated int32;"
        " int64_contents=3 repeated int64; uint_contents=4 repeated uint32;"
        " uint64_contents=5 repeated uint64; fp32_contents=6 repeated float;"
        " fp64_contents=7 repeated double; bytes_contents=8 repeated bytes"
    ),
    "ModelInferRequest": (
        "model_name=1 string; model_version=2 string; id=3 string;"
        f" parameters=4 {_PARAMETERS};"
        " inputs=5 repeated ModelInferRequest.InferInputTensor;"
        " outputs=6 repeated ModelInferRequest.InferRequestedOutputTensor;"
        " raw_input_contents=7 repeated bytes"
    ),
    "ModelInferRequest.InferInputTensor": (
        "name=1 string; datatype=2 string; shape=3 repeated int64;"
        f" parameters=4 {_PARAMETERS}; contents=5 InferTensorContents"
    ),
    "ModelInferRequest.InferRequestedOutputTensor": f"name=1 string; parameters=2 {_PARAMETERS}",
    "ModelInferResponse": (
        "model_name=1 string; model_version=2 string; id=3 string;"
        f" parameters=4 {_PARAMETERS};"
        " outputs=5 repeated ModelInferResponse.InferOutputTensor;"
        " raw_output_contents=6 repeated bytes"
    ),
    "ModelInferResponse.InferOutputTensor": (
        "name=1 string; datatype=2 string; shape=3 repeated int64;"
        f" parameters=4 {_PARAMETERS}; contents=5 InferTensorContents"
    ),
}
"""Fields by message: ``name=number type``; types with a capital letter are messages."""


def check_installed() -> None:
    """See that gRPC can be spoken.

    Raises:
        MissingExtra: grpcio or protobuf isn't installed.
    """
    try:
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
    except ImportError as error:
        package = "protobuf" if (error.name or "").startswith("google") else "grpcio"
        raise MissingExtra(package, extra="grpc", purpose="Answering over gRPC") from None


@cache
def message_class(name: str) -> Any:
    """The class of a message, such as ``ModelInferRequest``."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(
        name="open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    made: dict[str, Any] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        message = made[outer].nested_type.add() if outer else file.message_type.add()
        message.name = inner
        made[name] = message
        for field in filter(None, fields.split("; ")):
            _add_field(message, name, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(message: Any, owner: str, text: str) -> None:
    declared, *words, kind = text.split()
    name, _, number = declared.partition("=")
    field = message.field.add()
    field.name, field.number = name, int(number)
    field.label = field.LABEL_REPEATED if words else field.LABEL_OPTIONAL
    if words == ["oneof"]:
        field.label = field.LABEL_OPTIONAL
        if not message.oneof_decl:
            message.oneof_decl.add().name = "parameter_choice"
        field.oneof_index = 0
    if words == ["map"]:
        kind = _add_entry(message, owner, name, kind)
    if kind[0].isupper():
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")


def _add_entry(message: Any, owner: str, name: str, kind: str) -> str:
    """A map is a list of entries on the wire; the name of their message."""
    entry = message.nested_type.add()
    entry.name = f"{name.capitalize()}Entry"
    entry.options.map_entry = True
    _add_field(entry, "", "key=1 string")
    _add_field(entry, "", f"value=2 {kind}")
    return f"{owner}.{entry.name}"
