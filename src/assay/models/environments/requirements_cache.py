"""Inferred requirements, kept for models that can't differ in what they need.

The key is made of what decides over imports: installed distributions, the flavors and signature in
``MLmodel``, and every name inside pickles and the like that could be a module. Models with code of
the user's own have no key, since it may change at any time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import AssayError
from assay.models.environments.packages import Distributions
from assay.models.mlmodel import Model
from assay.models.user_cache import cache_folder

VERSION: Final = 1
"""Raised when inference decides otherwise: what was kept before is then not found any more."""
_MAX_KEPT: Final = 500
_MAX_SCANNED_BYTES: Final = 128 << 20
"""Beyond that, looking for names takes longer than it saves."""
_DATA: Final = frozenset(
    {".safetensors", ".onnx", ".ubj", ".cbm", ".npy", ".h5", ".txt", ".md", ".yaml", ".lgb", ".xgb"}
)
"""Formats that name no code."""
_OWN_FILES: Final = frozenset(
    {
        *("MLmodel", "input_example.json", "serving_input_example.json", "golden.json"),
        *("checks.json", "digests.json", "verification.json"),
    }
)
"""Files that say something of the model; what of them matters is in the key otherwise."""
_PICKLED_NAME = re.compile(
    rb"\x8c.([A-Za-z_][\w.]{3,254})|c([A-Za-z_][\w.]*\n[A-Za-z_][\w.]*)\n", re.DOTALL
)
"""Operands of SHORT_BINUNICODE (a bit more than its length may match) and GLOBAL."""
_JSON_NAME = re.compile(rb'"([A-Za-z_][\w.]{3,254})"')
_BY_VALUE: Final = (b"__main__", b"_make_function", b"_make_skeleton_class", b"_builtin_type")
"""Marks of functions and classes that cloudpickle keeps with their code."""
_log = logging.getLogger(__name__)


class _Opaque(Exception):
    """A file whose names can't be read."""


def key_of(folder: Path, index: Distributions) -> str | None:
    """The key of a model's folder; ``None`` if its requirements can't be kept."""
    try:
        model = Model.load(folder)
        if any(_has_code(facts) for facts in model.flavors.values()):
            return None
        names = sorted(set(_names(folder)))
    except (AssayError, OSError, _Opaque, zipfile.BadZipFile, NotImplementedError) as error:
        _log.debug("The requirements of %s aren't looked up: %s", folder, error)
        return None
    facts = [
        VERSION,
        sys.version,
        sys.path,
        index.digest(),
        model.flavors,
        None if model.signature is None else model.signature.to_dict(),
        model.saved_input_example_info,
        [name.decode("latin-1") for name in names],
    ]
    text = msgspec.json.encode(facts, order="deterministic", enc_hook=str)
    return hashlib.sha256(text).hexdigest()


def find(key: str) -> list[str] | None:
    """What was kept under a key."""
    try:
        text = (cache_folder("requirements") / f"{key}.json").read_bytes()
        return msgspec.json.decode(text, type=list[str])
    except (OSError, RuntimeError, msgspec.DecodeError):
        return None


def keep(key: str, pins: list[str]) -> None:
    """Keep the answer; where the cache can't be written, nothing happens."""
    try:
        folder = cache_folder("requirements")
        fresh = folder / f".{key}.{secrets.token_hex(6)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(pins))
        fresh.replace(folder / f"{key}.json")
        _prune(folder)
    except (OSError, RuntimeError) as error:
        _log.debug("Inferred requirements aren't kept: %s", error)


def _prune(folder: Path) -> None:
    kept = list(folder.glob("*.json"))
    if len(kept) > _MAX_KEPT:
        kept.sort(key=lambda path: path.stat().st_mtime)
        for path in kept[: len(kept) // 2]:
            path.unlink(missing_ok=True)


def _has_code(facts: dict[str, Any]) -> bool:
    loader = facts.get("loader_module")
    foreign = isinstance(loader, str) and not loader.startswith(("mlflow.", "assay."))
    return foreign or any(facts.get(name) for name in ("code", "model_code_path", "python_model"))


def _names(folder: Path) -> Iterator[bytes]:
    """Names of files, and what inside them could be names of modules."""
    scanned = 0
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if not path.is_file() or relative in _OWN_FILES:
            continue
        if path.suffix == ".py":
            raise _Opaque(f"{relative} is code")
        yield relative.encode()
        if path.suffix in _DATA:
            continue
        scanned += path.stat().st_size
        if scanned > _MAX_SCANNED_BYTES:
            raise _Opaque("it is large")
        yield from _names_in(path)


def _names_in(path: Path) -> Iterator[bytes]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if Path(one.filename).suffix not in _DATA]
            if sum(one.file_size for one in members) > _MAX_SCANNED_BYTES:
                raise _Opaque(f"{path.name} is large")
            for member in members:
                if member.filename.endswith(".py"):
                    raise _Opaque(f"{path.name} holds code")
                # Raw tensors of torch archives name nothing.
                if "/data/" not in member.filename:
                    yield from _matches(archive.read(member), path.name)
        return
    yield from _matches(path.read_bytes(), path.name)


def _matches(content: bytes, name: str) -> Iterator[bytes]:
    first = content[:1]
    if first == b"\x80":
        names = _PICKLED_NAME
    elif content.lstrip()[:1] in (b"{", b"[") or not content or content.isascii():
        names = _JSON_NAME
    else:
        # Compressed, or of a kind that isn't known: it may name anything.
        raise _Opaque(f"{name} can't be looked into")
    if any(mark in content for mark in _BY_VALUE):
        raise _Opaque(f"{name} holds code")
    for groups in names.findall(content):
        yield from ([groups] if isinstance(groups, bytes) else [one for one in groups if one])
