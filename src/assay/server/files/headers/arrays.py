"""NumPy's ``.npy`` header (NumPy Enhancement Proposal 1), by patterns instead of ``eval``."""

from __future__ import annotations

import re
import struct

from assay.server.files.headers.header import Header, Tensor, plain_text

MAGIC = b"\x93NUMPY"
HEAD_BYTES = 12 + 10_000
"""NumPy itself refuses longer headers."""

_DESCR = re.compile(r"'descr': *(?:'([^']{1,100})'|(\[.{0,8000}?\]))(?=, *'|, *\}|\})", re.DOTALL)
_SHAPE = re.compile(r"'shape': *\(([0-9, L]{0,400})\)")
_ORDER = re.compile(r"'fortran_order': *(True|False)")


def tensor_of(name: str, head: bytes) -> tuple[Tensor, str] | None:
    """The array that the first bytes of an ``.npy`` file tell of, and its memory order."""
    if not head.startswith(MAGIC) or len(head) < 12:
        return None
    if head[6] == 1:
        (length,), start = struct.unpack_from("<H", head, 8), 10
    else:
        (length,), start = struct.unpack_from("<I", head, 8), 12
    text = head[start : start + min(length, HEAD_BYTES)].decode("latin-1")
    descr, shape, order = _DESCR.search(text), _SHAPE.search(text), _ORDER.search(text)
    if descr is None or shape is None:
        return None
    sizes: list[int | str] = [
        int(part)
        for part in shape[1].replace("L", "").replace(" ", "").split(",")
        if part[:20] and len(part) < 20
    ]
    dtype = plain_text(descr[1] or descr[2])
    return Tensor(plain_text(name), dtype, sizes), "Fortran" if order and order[
        1
    ] == "True" else "C"


def npy_header(head: bytes) -> Header:
    """An ``.npy`` file."""
    header = Header("npy")
    found = tensor_of("", head)
    if found is None:
        header.truncated = True
        return header
    tensor, order = found
    header.add_tensor(tensor)
    header.fact("order", order)
    if "O" in tensor.dtype:
        header.fact("content", "pickled Python objects: reading them executes code")
    return header
