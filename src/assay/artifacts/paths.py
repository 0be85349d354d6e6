"""Artifact paths as the stores use them: checked segments, and the one name that stays hidden.

``assay.entities.names.artifact_path`` decides what a path may look like. Every store passes what
it is given through ``segments`` once more, because a path may have been built by joining; plain
names take a fast road.
"""

from __future__ import annotations

import re
import unicodedata

from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput, InvalidName

HIDDEN = ".assay-store"
"""The folder in which stores keep what is not yet, or not itself, an artifact. No path may name
it, at any depth: a root may lie inside another store's root."""

_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9_. \-]{0,199})(?:/[A-Za-z0-9_][A-Za-z0-9_. \-]{0,199})*\Z"
)
_PLAIN_MAX = 1_000


def segments(path: str) -> list[str]:
    """The names that ``path`` consists of; none for the root.

    Raises:
        InvalidName: it is no artifact path, or names the hidden folder.
    """
    if path == "":
        return []
    if len(path) <= _PLAIN_MAX and _PLAIN.match(path):
        return path.split("/")
    names = artifact_path(path).split("/")
    for name in names:
        if is_hidden(name):
            raise InvalidName("artifact path", path, f"the name {HIDDEN!r} is reserved")
    return names


def file_segments(path: str, *, purpose: str) -> list[str]:
    """``segments`` of a path that must not be the root; ``purpose`` says what was wanted.

    Raises:
        InvalidInput: it is the root.
        InvalidName: it is no artifact path.
    """
    names = segments(path)
    if not names:
        raise InvalidInput(f"The artifact root itself can't be {purpose}: name a path below it.")
    return names


def is_hidden(name: str) -> bool:
    """Whether a file system could take ``name`` for the hidden folder.

    Some ignore case, normalise, or drop invisible characters; the comparison does all of that.
    """
    if name.isascii():
        return name.lower() == HIDDEN
    seen = "".join(c for c in name if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFKC", seen).casefold() == HIDDEN


def is_listable(name: str, folder: str = "") -> bool:
    """Whether what was found as ``name`` in ``folder`` can be asked for by an artifact path."""
    if not name or "/" in name:
        return False
    try:
        segments(f"{folder}/{name}" if folder else name)
    except InvalidInput:
        return False
    return True


def join(folder: str, name: str) -> ArtifactPath:
    """``name`` (itself a path) below ``folder``, either of which may be the root."""
    if not folder:
        return ArtifactPath(name)
    return ArtifactPath(f"{folder}/{name}" if name else folder)
