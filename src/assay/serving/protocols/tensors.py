"""Tensors of the Open Inference Protocol: to NumPy and back, as JSON or as raw bytes.

Data types and the binary extension as the protocol's published specification has them:
https://github.com/kserve/open-inference-protocol, and Triton's extension of binary tensor data.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

DTYPES: Final = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
BYTES: Final = "BYTES"
_NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}
_LENGTH: Final = struct.Struct("<I")
_MAX_AXES: Final = 32


class Tensor(msgspec.Struct, omit_defaults=True):
    """One input or output, as it travels."""

    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    """Nested or flat; ``None``: raw bytes follow the JSON."""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


def to_array(tensor: Tensor, raw: bytes | None) -> np.ndarray[Any, Any]:
    """The tensor's values.

    Args:
        tensor: its description.
        raw: its bytes, where they follow the JSON.

    Raises:
        InvalidInput: data type, shape and values don't go together.
    """
    import numpy as np

    where = f"Input {tensor.name[:80]!r}"
    shape = tuple(tensor.shape)
    if len(shape) > _MAX_AXES or any(length < 0 for length in shape):
        raise InvalidInput(f"{where}: the shape {list(shape)[:8]} can't be.")
    if tensor.datatype != BYTES and tensor.datatype not in DTYPES:
        raise InvalidInput(
            f"{where}: the datatype {tensor.datatype[:20]!r} is none of BYTES, {', '.join(DTYPES)}."
        )
    count = math.prod(shape)
    if tensor.datatype == BYTES:
        texts = _texts(tensor.data) if raw is None else _unpacked(raw, where)
        if len(texts) != count:
            raise InvalidInput(f"{where}: {len(texts)} values don't fill the shape {list(shape)}.")
        array = np.empty(count, dtype=object)
        array[:] = texts
        return array.reshape(shape)
    dtype = np.dtype(DTYPES[tensor.datatype])
    if raw is not None:
        if len(raw) != count * dtype.itemsize:
            raise InvalidInput(f"{where}: {len(raw)} bytes don't fill the shape {list(shape)}.")
        return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    try:
        values = np.array(tensor.data)
        if values.dtype.kind == "f" and dtype == np.uint64:
            values = _whole(tensor.data, values)
        found = values.astype(dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(f"{where}: its data are no {tensor.datatype}: {error}.") from None
    if found.size != count:
        raise InvalidInput(f"{where}: {found.size} values don't fill the shape {list(shape)}.")
    if (
        count
        and dtype.kind in "iub"
        and not (values.dtype.kind in "iub" and (found == values).all())
    ):
        raise InvalidInput(f"{where}: its data are no {tensor.datatype}.")
    return found.reshape(shape)


def _whole(data: Any, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Integers beyond 63 bits as such: beside smaller ones NumPy makes floats of them."""
    import numpy as np

    exact = np.array(data, dtype=object)
    return exact.astype(np.uint64) if all(type(one) is int for one in exact.ravel()) else values


def from_array(name: str, values: Any, *, as_bytes: bool) -> tuple[Tensor, bytes | None]:
    """The tensor of an output, and its bytes if those were asked for.

    Raises:
        InvalidInput: the protocol has no type for the values.
    """
    import numpy as np

    array = np.asarray(values)
    shape = list(array.shape)
    datatype = _NAMES.get(array.dtype.name)
    if datatype is None:
        packed = [_text(value) for value in array.ravel().tolist()]
        if as_bytes:
            raw = b"".join(_LENGTH.pack(len(one)) + one for one in packed)
            return _with_size(Tensor(name, shape, BYTES), raw), raw
        return Tensor(name, shape, BYTES, [one.decode("utf-8", "replace") for one in packed]), None
    if as_bytes:
        raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        return _with_size(Tensor(name, shape, datatype), raw), raw
    return Tensor(name, shape, datatype, array.ravel().tolist()), None


def _with_size(tensor: Tensor, raw: bytes) -> Tensor:
    tensor.parameters["binary_data_size"] = len(raw)
    return tensor


def _texts(data: Any) -> list[str]:
    if isinstance(data, list):
        return [text for part in data for text in _texts(part)]
    if isinstance(data, str):
        return [data]
    raise InvalidInput(f"The data of a BYTES input are texts, not {type(data).__name__}.")


def _unpacked(raw: bytes, where: str) -> list[str]:
    values, at = [], 0
    while at < len(raw):
        if at + _LENGTH.size > len(raw):
            raise InvalidInput(f"{where}: its bytes end in the middle of a length.")
        (size,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if at + size > len(raw):
            raise InvalidInput(f"{where}: its bytes end in the middle of a value.")
        try:
            values.append(raw[at : at + size].decode())
        except UnicodeDecodeError:
            raise InvalidInput(f"{where}: a value is no text in UTF-8.") from None
        at += size
    return values


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if value is None or isinstance(value, int | float | bool):
        return str(value).encode()
    raise InvalidInput(f"The protocol has no type for values of {type(value).__name__}.")
