"""Trust: code that a model brings is run only for those who made it, or who say so.

Pickles, code folders and models from code execute what they hold when they are loaded. That is
allowed when the caller passes ``trust=True``, when this user saved the model (the stamp of its
digests tells), or when it came from an origin that the user listed. Formats that hold plain data
need no trust at all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import MissingExtra, UntrustedModel
from assay.models.digests import Digests, is_own

ORIGINS_VARIABLE: Final = "ASSAY_TRUSTED_ORIGINS"
"""Addresses, separated by commas, below which everything is trusted."""
_PICKLE_ENDINGS: Final = frozenset(
    {".pkl", ".pickle", ".joblib", ".pth", ".pt", ".bin", ".ckpt", ".npy", ".npz", ".dill"}
)


class Finding(msgspec.Struct, frozen=True):
    """Something that a pickle would import and call."""

    file: str
    name: str
    """``module.name``."""
    severity: str
    """``dangerous``, ``suspicious`` or ``innocuous``, as picklescan judges."""


def check(
    folder: Path,
    hazards: Sequence[str],
    *,
    trust: bool | None,
    digests: Digests | None,
    origin: str | None = None,
) -> None:
    """Let a model be loaded, or not.

    Args:
        folder: where its files are.
        hazards: what loading would execute; with none, all is well.
        trust: what the caller says; ``None``: it depends on who made the model.
        digests: its digests, already compared with the files.
        origin: the address it was fetched from, if it was.

    Raises:
        UntrustedModel: naming the hazards, and what a scan of its pickles found.
    """
    if not hazards or trust is True:
        return
    if trust is None and (is_trusted_origin(origin) or (digests is not None and is_own(digests))):
        return
    bad = [
        f"{one.file} calls {one.name}"
        for one in _scan_quietly(folder)
        if one.severity != "innocuous"
    ]
    raise UntrustedModel(origin or str(folder), hazards=[*hazards, *bad])


def is_trusted_origin(origin: str | None) -> bool:
    """Whether the user listed this address, or one above it, in ``ASSAY_TRUSTED_ORIGINS``."""
    listed = [one.strip().rstrip("/") for one in os.environ.get(ORIGINS_VARIABLE, "").split(",")]
    return origin is not None and any(
        origin == one or origin.startswith(f"{one}/") for one in listed if one
    )


def scan(folder: Path) -> list[Finding]:
    """What the pickles of a model would import, by picklescan; nothing is loaded.

    Raises:
        MissingExtra: picklescan isn't installed.
    """
    try:
        from picklescan import scanner
    except ImportError:
        raise MissingExtra("picklescan", extra="models", purpose="Scanning pickles") from None
    found: list[Finding] = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if not _may_hold_pickles(file):
            continue
        name = file.relative_to(folder).as_posix()
        try:
            # Any: the package has no types.
            result: Any = scanner.scan_file_path(str(file))
        except Exception as error:  # noqa: BLE001 - hostile files make parsers raise anything
            found.append(Finding(name, f"(unreadable: {error})", "suspicious"))
            continue
        found += [
            Finding(name, f"{one.module}.{one.name}", one.safety.value) for one in result.globals
        ]
    return found


def _may_hold_pickles(file: Path) -> bool:
    """By its name, or because it begins as a pickle (protocol 2 or later) or a ZIP archive does."""
    if file.suffix.lower() in _PICKLE_ENDINGS:
        return file.stat().st_size > 0
    with file.open("rb") as stream:
        start = stream.read(4)
    return start[:1] == b"\x80" or start == b"PK\x03\x04"


def _scan_quietly(folder: Path) -> list[Finding]:
    try:
        return scan(folder)
    except MissingExtra:
        return []
