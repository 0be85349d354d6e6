"""Which reader a file's header gets: by its first bytes, then by its name."""

from __future__ import annotations

from assay.server.files.headers import arrays, members, mlmodel, pickles, pictures
from assay.server.files.headers.header import Header
from assay.server.files.headers.onnx import onnx_header
from assay.server.files.headers.safetensors import safetensors_header
from assay.server.files.opened import OpenedArtifact

_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth", ".p", ".ckpt", ".bin"})
_PICKLES_IN_ZIP = 4
"""``torch.save`` makes an archive with one pickle; more are looked at for good measure."""


def read_header(opened: OpenedArtifact) -> Header:
    """What a file says about itself; ``format`` is ``unknown`` for other kinds."""
    start = opened.read(0, 16)
    if start.startswith(arrays.MAGIC):
        return arrays.npy_header(opened.read(0, arrays.HEAD_BYTES))
    if start.startswith(members.MAGICS):
        return _archive(opened)
    picture = pictures.picture_header(opened.read(0, pictures.HEAD_BYTES))
    if picture is not None:
        return picture
    if opened.suffix == ".safetensors":
        return safetensors_header(opened)
    if opened.suffix == ".onnx":
        return onnx_header(opened)
    if opened.name == "MLmodel":
        return mlmodel.mlmodel_header(opened.read(0, mlmodel.MAX_BYTES))
    if _looks_pickled(start) or opened.suffix in _PICKLES:
        head = opened.read(0, pickles.HEAD_BYTES)
        return pickles.pickle_header(head, whole=len(head) == opened.size)
    return Header("unknown")


def _looks_pickled(start: bytes) -> bool:
    return len(start) > 2 and start[0] == 0x80 and 2 <= start[1] <= 5


def _archive(opened: OpenedArtifact) -> Header:
    header, found = members.zip_header(opened)
    if opened.suffix == ".npz":
        header.format = "npz"
        for member in found:
            told = arrays.tensor_of(
                member.name.removesuffix(".npy"),
                members.first_bytes(opened, member, arrays.HEAD_BYTES),
            )
            if told is not None:
                header.add_tensor(told[0])
        return header
    inner = [member for member in found if member.name.endswith(".pkl")][:_PICKLES_IN_ZIP]
    for member in inner:
        head = members.first_bytes(opened, member, pickles.HEAD_BYTES)
        told_pickle = pickles.pickle_header(head, whole=len(head) == member.size)
        header.opcodes = header.opcodes or told_pickle.opcodes
        header.globals = list(dict.fromkeys([*header.globals, *told_pickle.globals]))
        header.fact("pickle", member.name)
    return header
