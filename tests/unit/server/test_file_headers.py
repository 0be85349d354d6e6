"""Headers of files: what real writers write is told, and nothing that comes can break a reader."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import artifact_path
from assay.server.files.headers.header import Header, Member, Tensor
from assay.server.files.headers.reading import read_header
from assay.server.files.opened import open_artifact


def header_of(folder: Path, name: str, content: bytes) -> Header:
    store = LocalArtifactStore(folder / "root")
    store.write(artifact_path(name), [content])
    with open_artifact(store, artifact_path(name)) as opened:
        header = read_header(opened)
    msgspec.json.encode(header)
    return header


def saved(write: Any, *arguments: Any, **named: Any) -> bytes:
    out = io.BytesIO()
    write(out, *arguments, **named)
    return out.getvalue()


def field(number: int, content: bytes | int) -> bytes:
    """A field of a protobuf message."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


ONNX = (
    field(1, 8)
    + field(2, b"pytorch")
    + field(8, field(1, b"") + field(2, 17))
    + field(
        7,
        field(2, b"main_graph")
        + field(1, field(4, b"Gemm"))
        + field(1, field(4, b"Relu"))
        + field(
            5, field(1, 3) + field(1, 4) + field(2, 1) + field(8, b"weight") + field(9, b"\0" * 48)
        )
        + field(5, field(1, varint(7) + varint(2**64 - 1)) + field(2, 7) + field(8, b"packed"))
        + field(11, field(1, b"input"))
        + field(12, field(1, b"output")),
    )
    + field(14, field(1, b"author") + field(2, b"<b>x</b>"))
)
SAFETENSORS_HEAD = json.dumps(
    {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    }
).encode()
SAFETENSORS = struct.pack("<Q", len(SAFETENSORS_HEAD)) + SAFETENSORS_HEAD + b"\0" * 24
PICKLE = pickle.dumps({"path": Path("x"), "array": np.ones(3)})
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">LL", 640, 480) + b"\x08\x06\0\0\0"
JPEG = (
    b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 10 + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 48, 64)
)
NPY = saved(np.save, np.zeros((3, 4), np.float32))
NPZ = saved(np.savez_compressed, a=np.zeros((3, 4)), b=np.arange(5, dtype=np.int8))
MLMODEL = (
    b"model_id: m-1\nflavors:\n  sklearn:\n    sklearn_version: '1.5'\nsignature:\n  inputs: '[]'\n"
)


def zipped(**contents: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name.replace("_", "/"), content)
    return out.getvalue()


TORCH = zipped(archive_data=b"", **{"model_data.pkl": PICKLE})


def test_numpy_arrays(tmp_path: Path) -> None:
    assert header_of(tmp_path, "a.npy", NPY).tensors == [Tensor("", "<f4", [3, 4])]
    scalar = header_of(tmp_path, "b.npy", saved(np.save, np.float64(1)))
    assert scalar.tensors == [Tensor("", "<f8", [])]
    record = np.zeros(2, [("x", "<i4"), ("y", "<f8", (2,))])
    told = header_of(tmp_path, "c.npy", saved(np.save, record)).tensors[0]
    assert told.shape == [2]
    assert "'x'" in told.dtype
    objects = header_of(tmp_path, "d.npy", saved(np.save, np.array([{}], object)))
    assert "executes code" in objects.facts["content"]
    assert header_of(tmp_path, "e.npz", NPZ).tensors == [
        Tensor("a", "<f8", [3, 4]),
        Tensor("b", "|i1", [5]),
    ]


def test_safetensors(tmp_path: Path) -> None:
    header = header_of(tmp_path, "a.safetensors", SAFETENSORS)
    assert header.tensors == [Tensor("w", "F32", [2, 3])]
    assert header.facts == {"format": "pt", "tensors": "1"}
    assert not header.truncated
    lying = struct.pack("<Q", 2**62) + SAFETENSORS_HEAD
    assert header_of(tmp_path, "b.safetensors", lying).truncated


def test_onnx(tmp_path: Path) -> None:
    header = header_of(tmp_path, "a.onnx", ONNX)
    assert not header.truncated
    assert header.tensors == [
        Tensor("weight", "float32", [3, 4]),
        Tensor("packed", "int64", [7, 2**64 - 1]),
    ]
    assert header.facts == {
        "IR version": "8",
        "producer": "pytorch",
        "opset": "17",
        "graph": "main_graph",
        "nodes": "2",
        "initializers": "2",
        "inputs": "1",
        "outputs": "1",
        "names of inputs": "input",
        "names of outputs": "output",
        "operators": "Gemm ×1, Relu ×1",
        "author": "<b>x</b>",
    }


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_listed_and_never_run(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> Any:
            return (open, (str(mark), "w"))

    content = pickle.dumps({"a": Path("x"), "b": [Bomb(), Bomb()]}, protocol)
    header = header_of(tmp_path, "a.pkl", content)
    assert header.format == "pickle"
    assert "STOP" in header.opcodes
    assert {name.rpartition(".")[2] for name in header.globals} >= {"open"}
    assert any(name.startswith("pathlib") for name in header.globals) or protocol < 2
    assert not header.truncated
    assert not mark.exists()


def test_a_pickle_inside_an_archive_of_torch(tmp_path: Path) -> None:
    header = header_of(tmp_path, "model.pt", TORCH)
    assert header.format == "zip"
    assert header.entries == [Member("archive/data", 0), Member("model/data.pkl", len(PICKLE))]
    assert header.facts["pickle"] == "model/data.pkl"
    assert any(name.startswith("pathlib") for name in header.globals)


def test_archives_pictures_and_models(tmp_path: Path) -> None:
    many = zipped(**{f"f{number}": b"x" for number in range(1_500)})
    header = header_of(tmp_path, "a.zip", many)
    assert len(header.entries) == 1_000
    assert header.truncated
    assert header.facts["members"] == "1500"
    assert header_of(tmp_path, "a.png", PNG).facts == {"width": "640", "height": "480"}
    assert header_of(tmp_path, "a.jpg", JPEG).facts == {"width": "64", "height": "48"}
    told = header_of(tmp_path, "m/MLmodel", MLMODEL)
    assert told.facts == {
        "model_id": "m-1",
        "flavors": "sklearn",
        "sklearn.sklearn_version": "1.5",
        "signature.inputs": "[]",
    }
    assert header_of(tmp_path, "a.txt", b"hello").format == "unknown"


def test_an_archive_that_unpacks_to_gigabytes_costs_nothing(tmp_path: Path) -> None:
    content = zipped(**{"a.npy": NPY + b"\0" * (64 << 20)})
    header = header_of(tmp_path, "a.npz", content)
    assert header.tensors == [Tensor("a", "<f4", [3, 4])]


def test_yaml_that_multiplies_itself_is_not_written_out(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    header = header_of(tmp_path, "MLmodel", "\n".join([*lines, "flavors: *a11"]).encode())
    assert header.facts == {}


SAMPLES = {
    "a.npy": NPY,
    "a.npz": NPZ,
    "a.safetensors": SAFETENSORS,
    "a.onnx": ONNX,
    "a.pkl": PICKLE,
    "a.pt": TORCH,
    "a.png": PNG,
    "a.jpg": JPEG,
    "MLmodel": MLMODEL,
}


@given(
    name=st.sampled_from(sorted(SAMPLES)),
    cut=st.integers(0, 600),
    place=st.integers(0, 600),
    noise=st.binary(max_size=24),
)
def test_damage_anywhere_is_survived(
    tmp_path_factory: pytest.TempPathFactory, name: str, cut: int, place: int, noise: bytes
) -> None:
    content = SAMPLES[name]
    damaged = content[:place] + noise + content[place + len(noise) :]
    folder = tmp_path_factory.mktemp("damaged")
    assert header_of(folder, name, damaged).format
    assert header_of(folder, name, damaged[: len(damaged) - cut]).format


@given(name=st.sampled_from(sorted(SAMPLES)), content=st.binary(max_size=300))
def test_noise_is_survived(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("noise")
    assert header_of(folder, name, content).format
    assert header_of(folder, name, SAMPLES[name][:16] + content).format


@given(
    opcodes=st.lists(
        st.sampled_from(
            [
                b"\x80\x04",
                b"\x8c\x01a",
                b"\x94",
                b"h\x00",
                b"\x93",
                b"cos\nsystem\n",
                b"g9\n",
                b"p1\n",
                b"I1\n",
                b"L" + b"9" * 5_000 + b"L\n",
                b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
                b".",
            ]
        ),
        max_size=30,
    )
)
def test_any_opcodes_are_survived(
    tmp_path_factory: pytest.TempPathFactory, opcodes: list[bytes]
) -> None:
    header = header_of(tmp_path_factory.mktemp("pickle"), "a.pkl", b"".join(opcodes))
    assert header.format == "pickle"
