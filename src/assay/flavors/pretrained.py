"""Folders that ``save_pretrained`` of Hugging Face's libraries writes: what reading one would run.

Transformers and sentence-transformers keep models as safetensors and JSON, which run nothing. The
JSON may still point to code (``auto_map``, kernels of the Hub) or to pickled weights; here is what
finds that out, without the libraries and without opening a pickle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from assay.errors import InvalidModel

_PICKLES: Final = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})
_NEVER_READ: Final = re.compile(
    r"(training_args\.bin|optimizer\.(bin|pt)|scheduler\.(bin|pt)|rng_state.*\.pth|scaler\.pt)"
)
"""What training leaves beside a checkpoint and ``from_pretrained`` never opens."""
_WEIGHTS: Final = re.compile(r"(pytorch|adapter)_model.*\.bin")
"""What ``from_pretrained`` opens only where there are no safetensors, given ``use_safetensors``."""
_CODE_KEYS: Final = frozenset({"auto_map", "custom_pipelines"})
_KERNEL_KEYS: Final = ("attn_implementation", "experts_implementation")
_MAX_JSON_BYTES: Final = 64 << 20
"""Configurations take kilobytes, vocabularies that some models keep in JSON up to 15 MB."""
_NOT_SETTINGS: Final = frozenset({"tokenizer.json", "vocab.json", "added_tokens.json"})


def has_safetensors(folder: Path) -> bool:
    """Whether ``from_pretrained(folder, use_safetensors=True)`` finds weights."""
    names = ("model.safetensors", "model.safetensors.index.json")
    return any((folder / name).is_file() for name in names)


def pretrained_hazards(folder: Path, *, below: Path) -> list[str]:
    """What ``from_pretrained`` would run, for ``folder`` and all folders in it.

    Args:
        folder: where ``save_pretrained`` wrote.
        below: the model's folder; paths in the phrases begin there.
    """
    found: list[str] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(below).as_posix()
        if path.suffix in _PICKLES and not _is_passed_over(path):
            found.append(f"{name} is a pickle")
        elif path.suffix == ".json" and path.name not in _NOT_SETTINGS:
            found += [f"{name} {what}" for what in _settings_hazards(path, below)]
    return list(dict.fromkeys(found))


def needs_code(folder: Path) -> bool:
    """Whether a configuration in the folder maps to code beside it or on the Hub."""
    return any(
        key in _CODE_KEYS and value
        for path in folder.rglob("*.json")
        if path.name not in _NOT_SETTINGS
        for key, value in _entries(read_settings(path, folder))
    )


def read_settings(path: Path, folder: Path) -> Any:
    """The content of a JSON file of a model.

    Raises:
        InvalidModel: it can't be read.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise InvalidModel(
                str(folder), f"{path.name} is larger than {_MAX_JSON_BYTES >> 20} MB"
            )
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidModel):
            raise
        raise InvalidModel(str(folder), f"{path.name} can't be read: {error}") from None


def _is_passed_over(path: Path) -> bool:
    if _NEVER_READ.fullmatch(path.name):
        return True
    return _WEIGHTS.fullmatch(path.name) is not None and has_safetensors(path.parent)


def _settings_hazards(path: Path, below: Path) -> Iterator[str]:
    try:
        settings = read_settings(path, below)
    except InvalidModel:
        yield "can't be read"
        return
    if path.name == "adapter_config.json":
        yield "leads to a base model elsewhere"
    if path.name.endswith(".index.json") and isinstance(settings, dict):
        shards = settings.get("weight_map")
        shards = set(shards.values()) if isinstance(shards, dict) else set()
        outside = sorted(
            str(one) for one in shards if not re.fullmatch(r"[\w.\-]+\.safetensors", str(one))
        )
        # The index of pickles is judged by the pickles themselves.
        if outside and path.name == "model.safetensors.index.json":
            yield f"names weights that are no safetensors ({outside[0]})"
    for key, value in _entries(settings):
        if key in _CODE_KEYS and value:
            yield f"maps to code ({key})"
        elif key.endswith(_KERNEL_KEYS) and "/" in str(value):
            yield f"asks for the kernel {value!r} of the Hub"


def _entries(settings: Any) -> Iterator[tuple[str, Any]]:
    """All entries of nested objects and lists."""
    waiting = [settings]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
