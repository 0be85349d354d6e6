"""ONNX models: the fields of the protobuf that describe them, weights skipped.

Numbers of fields are those of ``onnx.proto`` (``ModelProto``, ``GraphProto``, ``TensorProto``,
``ValueInfoProto``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from assay.server.files.headers.header import MAX_LISTED, Header, Tensor, plain_text
from assay.server.files.opened import OpenedArtifact

_MAX_FIELDS = 500_000
"""Fields that are looked at in one file, at all levels together."""
_WINDOW = 1 << 16
_MAX_TEXT = 4_096
_UINT64 = 2**64 - 1
_TEXTS = {2: "producer", 3: "producer version", 4: "domain", 6: "description"}
_NUMBERS = {1: "IR version", 5: "model version"}
# fmt: off
_TYPES = (
    "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string",
    "bool", "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
    "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4",
    "float4e2m1",
)
# fmt: on


class _Broken(Exception):
    """The bytes are no protobuf, or there are too many of them."""


class _Field(NamedTuple):
    number: int
    value: int
    """Of a varint; of others 0."""
    start: int
    end: int
    """Where its bytes lie; empty for a varint."""


class _Reader:
    def __init__(self, opened: OpenedArtifact) -> None:
        self._opened = opened
        self._window, self._window_start = b"", 0
        self._left = _MAX_FIELDS

    def _byte(self, place: int) -> int:
        inner = place - self._window_start
        if not 0 <= inner < len(self._window):
            self._window, self._window_start, inner = self._opened.read(place, _WINDOW), place, 0
            if not self._window:
                raise _Broken
        return self._window[inner]

    def _varint(self, place: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte(place)
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & _UINT64, place
        raise _Broken

    def fields(self, start: int, end: int) -> Iterator[_Field]:
        """The fields of the message that lies there."""
        while start < end:
            self._left -= 1
            if self._left < 0:
                raise _Broken
            key, start = self._varint(start)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value, start = self._varint(start)
                yield _Field(number, value, start, start)
                continue
            if wire == 2:
                length, start = self._varint(start)
            else:
                length = {1: 8, 5: 4}.get(wire, -1)
            if number == 0 or length < 0 or start + length > end:
                raise _Broken
            yield _Field(number, 0, start, start + length)
            start += length

    def text(self, field: _Field) -> str:
        """A field as text."""
        count = min(field.end - field.start, _MAX_TEXT)
        return plain_text(self._opened.read(field.start, count).decode("utf-8", "replace"))

    def packed(self, field: _Field) -> list[int]:
        """A field of several varints."""
        if field.start == field.end:
            return [field.value]
        values: list[int] = []
        place = field.start
        while place < field.end and len(values) < 64:
            value, place = self._varint(place)
            values.append(value)
        return values


def onnx_header(opened: OpenedArtifact) -> Header:
    """An ``.onnx`` file."""
    header = Header("onnx")
    reader = _Reader(opened)
    try:
        for field in reader.fields(0, opened.size):
            _model_field(header, reader, field)
    except _Broken:
        header.truncated = True
    return header


def _model_field(header: Header, reader: _Reader, field: _Field) -> None:
    if field.number in _NUMBERS and field.start == field.end:
        header.fact(_NUMBERS[field.number], field.value)
    elif field.number in _TEXTS:
        header.fact(_TEXTS[field.number], reader.text(field))
    elif field.number == 7:
        _graph(header, reader, field)
    elif field.number == 8:
        _opset(header, reader, field)
    elif field.number == 14 and len(header.facts) < MAX_LISTED:
        parts = {one.number: reader.text(one) for one in reader.fields(field.start, field.end)}
        header.fact(parts.get(1, ""), parts.get(2, ""))


def _opset(header: Header, reader: _Reader, field: _Field) -> None:
    domain, version = "", 0
    for one in reader.fields(field.start, field.end):
        if one.number == 1:
            domain = reader.text(one)
        elif one.number == 2:
            version = one.value
    header.fact(f"opset {domain}".rstrip(), version)


def _graph(header: Header, reader: _Reader, graph: _Field) -> None:
    counts: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    ends: dict[str, list[str]] = {"inputs": [], "outputs": []}
    for field in reader.fields(graph.start, graph.end):
        if field.number == 1:
            counts["nodes"] += 1
            operators.update(
                reader.text(one)
                for one in reader.fields(field.start, field.end)
                if one.number == 4 and len(operators) < MAX_LISTED
            )
        elif field.number == 2:
            header.fact("graph", reader.text(field))
        elif field.number == 5:
            counts["initializers"] += 1
            _initializer(header, reader, field)
        elif field.number in (11, 12):
            kind = "inputs" if field.number == 11 else "outputs"
            counts[kind] += 1
            if len(ends[kind]) < 64:
                ends[kind].append(_value_info(reader, field))
    for kind in ("nodes", "initializers", "inputs", "outputs"):
        header.fact(kind, counts[kind])
    for kind, names in ends.items():
        header.fact(f"names of {kind}", ", ".join(names))
    header.fact("operators", ", ".join(f"{name} ×{n}" for name, n in operators.most_common(50)))


def _initializer(header: Header, reader: _Reader, tensor: _Field) -> None:
    if len(header.tensors) >= MAX_LISTED:
        header.truncated = True
        return
    name, kind = "", 0
    shape: list[int | str] = []
    for field in reader.fields(tensor.start, tensor.end):
        if field.number == 1 and len(shape) < 64:
            shape.extend(reader.packed(field))
        elif field.number == 2:
            kind = field.value
        elif field.number == 8:
            name = reader.text(field)
    header.add_tensor(Tensor(name, _type_name(kind), shape))


def _value_info(reader: _Reader, info: _Field) -> str:
    return next(
        (reader.text(one) for one in reader.fields(info.start, info.end) if one.number == 1), ""
    )


def _type_name(number: int) -> str:
    return _TYPES[number] if number < len(_TYPES) else f"type {number}"
