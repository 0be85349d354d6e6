"""The Open Inference Protocol over REST, which KServe and Triton speak: ``/v2/…``.

Source: https://github.com/kserve/open-inference-protocol, with Triton's extension of binary tensor
data, which its clients use unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from assay.errors import InvalidInput, NotFound
from assay.http.replies import BINARY, JSON, Reply
from assay.models.input_example import Example
from assay.models.signatures.schema import Schema
from assay.models.signatures.specs import ColSpec, TensorSpec
from assay.serving.lane import Lane
from assay.serving.protocols.tensors import BYTES, DTYPES, Tensor, from_array, to_array
from assay.serving.request import Request
from assay.serving.traffic import Traffic
from assay.version import __version__

HEADER_LENGTH: Final = "inference-header-content-length"
EXTENSIONS: Final = ("binary_tensor_data", "model_repository")
_OF_COLUMNS: Final = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
}
_NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}
_ALL_AS_BYTES: Final = "binary_data_output"
"""Parameter by which a request wants all outputs as bytes."""
_OUTPUT: Final = "predict"
"""Of outputs without names."""


class WantedOutput(msgspec.Struct):
    """An output that a request asks for."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct):
    """The JSON of a request."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[WantedOutput] = []


class InferResponse(msgspec.Struct, omit_defaults=True):
    """The JSON of a response."""

    model_name: str
    model_version: str
    outputs: list[Tensor]
    id: str | None = None


class TensorFacts(msgspec.Struct):
    """What a model's metadata say of an input or output."""

    name: str
    datatype: str
    shape: list[int]


class ModelFacts(msgspec.Struct):
    """A model's metadata."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorFacts]
    outputs: list[TensorFacts]


_decoder = msgspec.json.Decoder(InferRequest)


async def server(_request: Request) -> Reply:
    """What serves."""
    return _reply({"name": "assay", "version": __version__, "extensions": list(EXTENSIONS)})


async def live(_request: Request) -> Reply:
    """Whether the process answers."""
    return _reply({"live": True})


async def ready(request: Request) -> Reply:
    """Whether predictions would be answered."""
    is_ready = request.host.is_ready
    return _reply({"ready": is_ready}, status=200 if is_ready else 503)


async def model_ready(request: Request) -> Reply:
    """Whether a model, or one version of it, answers."""
    lane = lane_of(request)
    return _reply({"name": lane.version.name, "ready": True})


async def metadata(request: Request) -> Reply:
    """Inputs and outputs of a model."""
    return _reply(model_facts(request.host.traffic(request.path_name), lane_of(request)))


def model_facts(traffic: Traffic, lane: Lane) -> ModelFacts:
    """What the protocol tells of a version of a route."""
    model = lane.served.model
    flavors = sorted(set(model.metadata.flavors) - {"python_function"}) or ["python_function"]
    return ModelFacts(
        name=traffic.route.name,
        versions=[one.version.label for one in traffic.lanes],
        platform=f"mlflow_{flavors[0]}",
        inputs=facts_of(model.input_schema, unnamed="input"),
        outputs=facts_of(model.output_schema, unnamed=_OUTPUT),
    )


async def infer(request: Request) -> Reply:
    """Predictions for tensors."""
    lane = lane_of(request)
    with request.host.asking():
        body = await request.body()
        request.lane = lane
        asked, raws = read_request(body, request.header(HEADER_LENGTH.encode()))
        example = example_of(asked, raws, lane)
        note = request.host.note(request.id, body)
        predictions = await lane.predict(example, note)
    headers = lane.headers if note is None else lane.headers + note.headers
    return _answer(lane, asked, predictions, headers=headers)


def example_of(asked: InferRequest, raws: list[bytes | None], lane: Lane) -> Example:
    """The data and params of a request, in the form that the model takes.

    Args:
        asked: the request.
        raws: the bytes of each input that has some.
        lane: who is asked.

    Raises:
        InvalidInput: they don't go together, or don't fit the model.
    """
    arrays = {
        tensor.name: to_array(tensor, raw) for tensor, raw in zip(asked.inputs, raws, strict=True)
    }
    if len(arrays) < len(asked.inputs):
        raise InvalidInput("Two inputs have the same name.")
    params = {k: v for k, v in asked.parameters.items() if k != _ALL_AS_BYTES}
    return Example(_data(arrays, lane.served.model.input_schema), params or None)


def lane_of(request: Request) -> Lane:
    """The version that a path names, or that the route chooses; errors as of ``lane_named``."""
    traffic = request.host.traffic(request.path_name)
    return lane_named(traffic, request.parts.get("version"), request.headers)


def lane_named(traffic: Traffic, wanted: str | None, headers: Mapping[bytes, bytes]) -> Lane:
    """The version of a route that is asked for, or that the route chooses.

    Raises:
        NotFound: the model isn't served in this version.
    """
    if wanted is None:
        return traffic.choose(headers)
    for lane in traffic.lanes:
        if lane.version.label == wanted:
            return lane
    known = ", ".join(lane.version.label for lane in traffic.lanes)
    raise NotFound(f"Version {wanted[:80]!r} of {traffic.route.name!r} isn't served, only {known}.")


def read_request(body: bytes, header_length: str) -> tuple[InferRequest, list[bytes | None]]:
    """A request, and the bytes of each input that has some.

    Raises:
        InvalidInput: it is none, or its lengths don't add up.
    """
    text, rest = body, b""
    if header_length:
        if not header_length.isascii() or not header_length.isdecimal():
            raise InvalidInput(f"{HEADER_LENGTH} is no number: {header_length[:20]!r}.")
        size = int(header_length)
        if size > len(body):
            raise InvalidInput(f"{HEADER_LENGTH} is {size}, but the body has {len(body)} bytes.")
        text, rest = body[:size], body[size:]
    try:
        asked = _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"The input is no inference request: {error}.") from None
    if not asked.inputs:
        raise InvalidInput("The request has no inputs.")
    raws: list[bytes | None] = []
    at = 0
    for tensor in asked.inputs:
        length = tensor.parameters.get("binary_data_size")
        if length is None:
            raws.append(None)
            continue
        if not isinstance(length, int) or not 0 <= length <= len(rest) - at:
            raise InvalidInput(f"Input {tensor.name[:80]!r}: its bytes aren't all there.")
        raws.append(rest[at : at + length])
        at += length
    if at != len(rest):
        raise InvalidInput(f"{len(rest) - at} bytes after the inputs belong to none of them.")
    return asked, raws


def _data(arrays: dict[str, Any], schema: Schema | None) -> Any:
    """The inputs in the form that the model's signature takes."""
    only = next(iter(arrays.values())) if len(arrays) == 1 else None
    if schema is None:
        return only if only is not None else arrays
    if schema.is_tensor_spec():
        if schema.has_input_names():
            return arrays
        if only is None:
            raise InvalidInput(f"The model takes one input, got {len(arrays)}.")
        return only
    names = schema.input_names()
    if only is not None and only.ndim == 2 and not set(arrays) & set(names):
        if only.shape[1] != len(names):
            raise InvalidInput(f"The model has {len(names)} columns, the input {only.shape[1]}.")
        return {str(name): list(only[:, at]) for at, name in enumerate(names)}
    columns = {}
    for name, given in arrays.items():
        array = given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given
        if array.ndim != 1:
            raise InvalidInput(
                f"Column {name[:80]!r} has the shape {list(array.shape)}, not [rows]."
            )
        columns[name] = array
    if len({len(array) for array in columns.values()}) > 1:
        raise InvalidInput("The columns have different numbers of rows.")
    return {name: array.tolist() for name, array in columns.items()}


def _answer(
    lane: Lane,
    asked: InferRequest,
    predictions: Any,
    *,
    headers: tuple[tuple[bytes, bytes], ...],
) -> Reply:
    tensors, raws = outputs_of(asked, predictions)
    said = InferResponse(lane.version.name, lane.version.label, tensors, asked.id)
    text = msgspec.json.encode(said)
    if not raws:
        return Reply(text, headers=headers)
    length = ((HEADER_LENGTH.encode(), str(len(text)).encode()),)
    return Reply(b"".join((text, *raws)), content_type=BINARY, headers=(*headers, *length))


def outputs_of(asked: InferRequest, predictions: Any) -> tuple[list[Tensor], list[bytes]]:
    """The outputs that a request asks for, and the bytes of those that it wants as bytes.

    Raises:
        InvalidInput: the model has no such output, or the protocol no type for it.
    """
    named = _named(predictions)
    wanted = {one.name: one.parameters.get("binary_data") for one in asked.outputs}
    unknown = [name for name in wanted if name not in named]
    if unknown and len(named) == 1 and len(wanted) == 1:
        # Clients must name an output; where there is only one, that is meant.
        named = {unknown[0]: next(iter(named.values()))}
    elif unknown:
        raise InvalidInput(f"The model has no output {unknown[0][:80]!r}, only {', '.join(named)}.")
    everywhere = bool(asked.parameters.get(_ALL_AS_BYTES))
    tensors, raws = [], []
    for name, values in named.items():
        if wanted and name not in wanted:
            continue
        as_bytes = wanted.get(name)
        tensor, raw = from_array(
            name, values, as_bytes=everywhere if as_bytes is None else bool(as_bytes)
        )
        tensors.append(tensor)
        if raw is not None:
            raws.append(raw)
    return tensors, raws


def _named(predictions: Any) -> dict[str, Any]:
    """Outputs by name: columns of a frame, entries of a dict, or the one there is."""
    root = type(predictions).__module__.split(".")[0]
    if root in ("pandas", "polars"):
        if hasattr(predictions, "columns"):
            return {str(name): predictions[name].to_numpy() for name in predictions.columns}
        return {_OUTPUT: predictions.to_numpy()}
    if isinstance(predictions, dict):
        return {str(name): values for name, values in predictions.items()}
    if root == "torch":
        predictions = predictions.detach().cpu().numpy()
    return {_OUTPUT: predictions}


def facts_of(schema: Schema | None, *, unnamed: str) -> list[TensorFacts]:
    """Inputs or outputs of a model as the protocol tells them; ``unnamed``: what has no name."""
    found = []
    for at, spec in enumerate(schema or ()):
        name = str(spec.name) if spec.name is not None else f"{unnamed}-{at}" if at else unnamed
        if isinstance(spec, TensorSpec):
            datatype = _NAMES.get(spec.type.name, BYTES)
            found.append(TensorFacts(name, datatype, list(spec.shape)))
        else:
            assert isinstance(spec, ColSpec)
            found.append(TensorFacts(name, _OF_COLUMNS.get(str(spec.type), BYTES), [-1]))
    return found


def _reply(content: Any, *, status: int = 200) -> Reply:
    return Reply(msgspec.json.encode(content), content_type=JSON, status=status)
