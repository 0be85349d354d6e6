"""The header of safetensors files: a length, then JSON with names, types and shapes."""

from __future__ import annotations

import struct
from typing import Annotated, Any

import msgspec

from assay.errors import InvalidInput
from assay.server.files.headers.header import Header, Tensor, plain_text
from assay.server.files.json_text import read_json
from assay.server.files.opened import OpenedArtifact

_MAX_HEADER = 32 << 20
"""The format allows 100 MB; some tens of thousands of tensors need a tenth of this."""


class _Described(msgspec.Struct):
    dtype: str
    shape: list[Annotated[int, msgspec.Meta(ge=0, le=2**62)]]


def safetensors_header(opened: OpenedArtifact) -> Header:
    """A ``.safetensors`` file."""
    header = Header("safetensors")
    lead = opened.read(0, 8)
    length = struct.unpack("<Q", lead)[0] if len(lead) == 8 else 0
    if not 2 <= length <= min(_MAX_HEADER, opened.size - 8):
        header.truncated = True
        return header
    try:
        entries = read_json(opened.read(8, length))
    except InvalidInput:
        entries = None
    if not isinstance(entries, dict):
        header.truncated = True
        return header
    _metadata(header, entries.pop("__metadata__", None))
    header.fact("tensors", len(entries))
    for name, entry in entries.items():
        try:
            described = msgspec.convert(entry, _Described)
        except msgspec.ValidationError:
            header.truncated = True
            continue
        shape: list[int | str] = [*described.shape[:64]]
        if not header.add_tensor(Tensor(plain_text(name), plain_text(described.dtype), shape)):
            break
    return header


def _metadata(header: Header, metadata: Any) -> None:
    if isinstance(metadata, dict):
        for name, value in list(metadata.items())[:100]:
            if isinstance(value, str | int | float | bool):
                header.fact(name, value)
