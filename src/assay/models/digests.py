"""``digests.json``: the SHA-256 of every file of a model, and who made it.

The list tells a damaged or altered file when the model is loaded. A stamp over the list, made with
a key that only this user has, tells whether the model was saved by this user: then its pickles are
the user's own (see ``assay.models.trust``). Format: docs/formats/models.md.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Annotated, Final

import msgspec

from assay.artifacts.digests import sha256_of_file
from assay.errors import Corrupted
from assay.models import registered_meta, side_files

FILE: Final = "digests.json"
VERSION: Final = 1
"""Of the file's layout. A change adds a version and keeps reading the older ones."""
KEY_VARIABLE: Final = "ASSAY_ORIGIN_KEY"
"""Names the file with the key of this user, where it isn't the default one."""
ADDED_LATER: Final = frozenset({FILE, registered_meta.FILE, "verification.json"})
"""Files that tools put beside a finished model: the registry's note of MLflow's clients, and what
verifying found."""
_KEY_BYTES: Final = 32
_IGNORED_FOLDERS: Final = frozenset({"__pycache__"})

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Digests(msgspec.Struct, frozen=True):
    """Content of the file."""

    files: dict[str, Sha256]
    """SHA-256 by path below the model's folder."""
    version: int = VERSION
    stamp: str | None = None
    """HMAC-SHA256 of the list, with the key of who saved the model."""


def write(folder: Path) -> Digests:
    """Take the digests of all files of a model and write them down, stamped by this user."""
    files = {path: sha256_of_file(folder / path) for path in _files(folder)}
    key = _own_key(create=True)
    stamp = None if key is None else _stamp(files, key)
    digests = Digests(files, stamp=stamp)
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(digests), indent=1))
    return digests


def check(folder: Path) -> Digests | None:
    """Compare all files with their digests; ``None`` if the model has none (MLflow's haven't).

    Raises:
        Corrupted: a file differs, is missing or was added; all of them are named.
        InvalidModel: the list can't be read.
    """
    digests = side_files.read(folder, FILE, Digests, version=VERSION)
    if digests is None:
        return None
    wrong = _differences(folder, digests)
    if wrong:
        more = f", and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise Corrupted(
            f"The model {str(folder)!r} is not what was saved: {', '.join(wrong[:5])}{more}. Fetch"
            " it again; if the change was meant, `assay models seal` writes its digests anew."
        )
    return digests


def _differences(folder: Path, digests: Digests) -> list[str]:
    there = set(_files(folder))
    wrong = [f"{path} is missing" for path in sorted(digests.files.keys() - there)]
    wrong += [f"{path} was added" for path in sorted(there - digests.files.keys())]
    # What lies behind a linked folder is in no list, and code could come from there.
    wrong += [f"{path} is a link to a folder" for path in _linked_folders(folder)]
    wrong += [
        f"{path} was altered"
        for path in sorted(there & digests.files.keys())
        if sha256_of_file(folder / path) != digests.files[path]
    ]
    return wrong


def is_own(digests: Digests) -> bool:
    """Whether this user saved the model: the stamp fits the key that only this user has."""
    key = _own_key(create=False)
    if key is None or digests.stamp is None:
        return False
    return hmac.compare_digest(digests.stamp.encode(), _stamp(digests.files, key).encode())


def content_key(digests: Digests) -> str:
    """One digest for all files of the model, whoever saved it."""
    return hashlib.sha256(msgspec.json.encode(digests.files, order="sorted")).hexdigest()


def _files(folder: Path) -> list[str]:
    found: list[str] = []
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _IGNORED_FOLDERS)
        below = Path(base).relative_to(folder)
        found += [(below / name).as_posix() for name in sorted(names)]
    return [path for path in found if path not in ADDED_LATER]


def _linked_folders(folder: Path) -> list[str]:
    return [
        (Path(base) / name).relative_to(folder).as_posix()
        for base, folders, _ in os.walk(folder)
        for name in sorted(folders)
        if (Path(base) / name).is_symlink()
    ]


def _stamp(files: dict[str, str], key: bytes) -> str:
    return hmac.new(key, msgspec.json.encode(files, order="sorted"), hashlib.sha256).hexdigest()


def _own_key(*, create: bool) -> bytes | None:
    """The key of this user; ``None`` where it can't be kept, such as without a home."""
    named = os.environ.get(KEY_VARIABLE)
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        file = Path(named) if named else Path(state) / "assay" / "origin.key"
        if create and not file.exists():
            _make_key(file)
        key = file.read_bytes()
    except (OSError, RuntimeError):
        return None
    return key if len(key) == _KEY_BYTES else None


def _make_key(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # A link, not a rename: of two processes that make one at once, both use the first.
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
