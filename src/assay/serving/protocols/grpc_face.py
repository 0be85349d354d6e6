"""The Open Inference Protocol over gRPC: what ``/v2`` answers, on a port of its own.

Each worker listens on the same port, and the kernel spreads connections among them. The token, the
limits and the errors are those of HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import InvalidInput
from assay.http.errors import HttpError
from assay.http.headers import RequestIds
from assay.serving.errors import PredictionError, prediction_error
from assay.serving.host import Host
from assay.serving.protocols.grpc_messages import SERVICE, message_class
from assay.serving.protocols.tensors import BYTES, Tensor
from assay.serving.protocols.v2 import (
    EXTENSIONS,
    InferRequest,
    WantedOutput,
    example_of,
    lane_named,
    model_facts,
    outputs_of,
)
from assay.version import __version__

_CODES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    415: "INVALID_ARGUMENT",
    503: "RESOURCE_EXHAUSTED",
    504: "DEADLINE_EXCEEDED",
}
"""gRPC's codes by the status that HTTP has for an error."""
_OPEN: Final = frozenset({"ServerLive", "ServerReady"})
"""Answered without a token, as over HTTP."""
_CONTENTS: Final = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}
"""Fields of typed contents; FP16 has none and travels as bytes."""

Metadata = Mapping[bytes, bytes]


class GrpcFace:
    """Answers over gRPC with the models of a host. Lives on the event loop."""

    def __init__(self, host: Host, port: int) -> None:
        self._host, self._port = host, port
        self._ids = RequestIds()
        token = host.settings.token
        self._token = None if token is None else hashlib.sha256(token.encode()).digest()
        self._server: Any = None

    async def start(self) -> None:
        """Begin to answer.

        Raises:
            RuntimeError: the port is taken.
        """
        import grpc

        settings = self._host.settings
        methods = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                self._guarded(name, method),
                request_deserializer=message_class(f"{name}Request").FromString,
                response_serializer=message_class(f"{name}Response").SerializeToString,
            )
            for name, method in methods.items()
        }
        options = [
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", settings.limits.body_bytes),
            ("grpc.max_send_message_length", -1),
        ]
        server = grpc.aio.server(options=options)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        if settings.tls_certificate is not None and settings.tls_key is not None:
            files = (Path(settings.tls_key), Path(settings.tls_certificate))
            pair = tuple(file.read_bytes() for file in files)
            credentials = grpc.ssl_server_credentials([pair])
            server.add_secure_port(f"{host}:{self._port}", credentials)
        else:
            server.add_insecure_port(f"{host}:{self._port}")
        await server.start()
        self._server = server

    async def stop(self, grace_s: float) -> None:
        """Take no more calls; those in flight are answered within ``grace_s``."""
        if self._server is not None:
            await self._server.stop(grace_s)

    def _guarded(
        self, name: str, method: Callable[[Any, Metadata, str], Awaitable[Any]]
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        async def answer(request: Any, context: Any) -> Any:
            import grpc

            metadata = {
                key.encode(): value if isinstance(value, bytes) else value.encode()
                for key, value in context.invocation_metadata() or ()
            }
            request_id = self._ids.of(metadata.get(b"x-request-id"))
            try:
                if name not in _OPEN:
                    self._check_token(metadata)
                return await method(request, metadata, request_id)
            except Exception as error:  # noqa: BLE001 - all that can go wrong is answered
                told = prediction_error(error, request_id=request_id, path="")
            message = msgspec.json.decode(told.body, type=PredictionError).message
            code = getattr(grpc.StatusCode, _CODES.get(told.status, "INTERNAL"))
            return await context.abort(code, message)

        return answer

    def _check_token(self, metadata: Metadata) -> None:
        if self._token is None:
            return
        scheme, _, secret = metadata.get(b"authorization", b"").partition(b" ")
        given = hashlib.sha256(secret.strip()).digest()
        if scheme.lower() != b"bearer" or not hmac.compare_digest(given, self._token):
            raise HttpError(
                401, "This server answers those who send its token: authorization: Bearer <token>."
            )

    async def _live(self, _request: Any, _metadata: Metadata, _request_id: str) -> Any:
        return message_class("ServerLiveResponse")(live=True)

    async def _ready(self, _request: Any, _metadata: Metadata, _request_id: str) -> Any:
        return message_class("ServerReadyResponse")(ready=self._host.is_ready)

    async def _server_metadata(self, _request: Any, _metadata: Metadata, _request_id: str) -> Any:
        return message_class("ServerMetadataResponse")(
            name="assay", version=__version__, extensions=EXTENSIONS
        )

    async def _model_ready(self, request: Any, metadata: Metadata, _request_id: str) -> Any:
        lane_named(self._host.traffic(request.name), request.version or None, metadata)
        return message_class("ModelReadyResponse")(ready=True)

    async def _model_metadata(self, request: Any, metadata: Metadata, _request_id: str) -> Any:
        traffic = self._host.traffic(request.name)
        facts = model_facts(traffic, lane_named(traffic, request.version or None, metadata))
        return message_class("ModelMetadataResponse")(**msgspec.to_builtins(facts))

    async def _infer(self, request: Any, metadata: Metadata, request_id: str) -> Any:
        host = self._host
        traffic = host.traffic(request.model_name)
        lane = lane_named(traffic, request.model_version or None, metadata)
        with host.asking():
            asked, raws = _read(request)
            example = example_of(asked, raws, lane)
            predictions = await lane.predict(example, host.note(request_id, b""))
        asked.parameters["binary_data_output"] = True
        tensors, outputs = outputs_of(asked, predictions)
        return message_class("ModelInferResponse")(
            model_name=lane.version.name,
            model_version=lane.version.label,
            id=request.id,
            outputs=[
                {"name": one.name, "datatype": one.datatype, "shape": one.shape} for one in tensors
            ],
            raw_output_contents=outputs,
        )


def _read(request: Any) -> tuple[InferRequest, list[bytes | None]]:
    raws = list(request.raw_input_contents)
    if not request.inputs:
        raise InvalidInput("The request has no inputs.")
    if raws and len(raws) != len(request.inputs):
        raise InvalidInput(
            f"{len(raws)} raw contents don't belong to {len(request.inputs)} inputs."
        )
    inputs = [
        Tensor(
            name=one.name,
            shape=list(one.shape),
            datatype=one.datatype,
            data=None if raws else _contents(one),
        )
        for one in request.inputs
    ]
    asked = InferRequest(
        inputs=inputs,
        parameters={key: _value(one) for key, one in request.parameters.items()},
        # Outputs are raw always, whatever a parameter of one says.
        outputs=[WantedOutput(one.name) for one in request.outputs],
    )
    return asked, raws or [None] * len(inputs)


def _contents(tensor: Any) -> list[Any]:
    field = _CONTENTS.get(tensor.datatype)
    values = [] if field is None else list(getattr(tensor.contents, field))
    if tensor.datatype != BYTES:
        return values
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError:
        raise InvalidInput(f"Input {tensor.name[:80]!r}: its bytes are no UTF-8.") from None


def _value(parameter: Any) -> Any:
    kind = parameter.WhichOneof("parameter_choice")
    return None if kind is None else getattr(parameter, kind)
