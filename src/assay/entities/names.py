"""Names and paths from outside, parsed once into values that the rest may trust.

One parser decides each kind: metric, param and tag keys, experiment and run names, artifact paths.
Keys are never used as file names. Artifact paths are: see ``artifact_path``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NewType
from urllib.parse import unquote

from assay.entities import limits
from assay.errors import InvalidName, LimitExceeded

ArtifactPath = NewType("ArtifactPath", str)
"""A relative POSIX path without empty, ``.`` or ``..`` segments; ``""`` is the root itself."""

_KEY = re.compile(r"[/\w.\- :]*\Z")
_DRIVE = re.compile(r"[A-Za-z]:")
_MAX_DECODINGS = 8
_MAX_PATH_LENGTH = 4_096
_MAX_SEGMENT_BYTES = 255


def _check_text(kind: str, text: str) -> None:
    if not isinstance(text, str):
        raise InvalidName(kind, repr(text), f"it must be a string, not {type(text).__name__}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise InvalidName(kind, shown, "it holds half of a surrogate pair") from None
    if "\0" in text:
        raise InvalidName(kind, text, "it holds a NUL character")


def check_key(kind: str, key: str) -> str:
    """``key`` of a metric, param or tag (``kind`` names which), under MLflow's rules.

    Letters and digits of any script, ``_ - . / :`` and spaces; at most 250 characters; no path
    tricks,
    because other tools map keys to files.

    Raises:
        InvalidName: it is empty or has other characters, or is not a normalised relative path.
        LimitExceeded: it is longer than 250 characters.
    """
    _check_text(kind, key)
    if not key or key.isspace():
        raise InvalidName(kind, key, "it is empty")
    if len(key) > limits.MAX_KEY_LENGTH:
        raise LimitExceeded(f"The length of a {kind}", limit=limits.MAX_KEY_LENGTH, got=len(key))
    if not _KEY.match(key):
        raise InvalidName(
            kind, key, "only letters, digits, '_', '-', '.', ':', '/' and spaces are allowed"
        )
    if (
        key.startswith("/")
        or key.endswith("/")
        or any(s in ("", ".", "..") for s in key.split("/"))
    ):
        raise InvalidName(kind, key, "between slashes it needs a name other than '.' and '..'")
    return key


def check_value(kind: str, value: str) -> str:
    """``value`` of a param or tag as it may be stored: any text without NUL or lone surrogates.

    Raises:
        InvalidName: it can't be stored and read back identically.
    """
    _check_text(kind, value)
    return value


def check_experiment_name(name: str) -> str:
    """``name`` as an experiment name.

    Raises:
        InvalidName: it is empty or holds control characters.
        LimitExceeded: it is longer than 500 characters.
    """
    _check_text("experiment name", name)
    if not name.strip():
        raise InvalidName("experiment name", name, "it is empty")
    if len(name) > limits.MAX_EXPERIMENT_NAME_LENGTH:
        raise LimitExceeded(
            "The length of an experiment name",
            limit=limits.MAX_EXPERIMENT_NAME_LENGTH,
            got=len(name),
        )
    if any(unicodedata.category(c) == "Cc" for c in name):
        raise InvalidName("experiment name", name, "it holds control characters")
    return name


def check_run_name(name: str) -> str:
    """``name`` as a run name.

    Raises:
        InvalidName: it holds control characters.
        LimitExceeded: it is longer than 250 characters.
    """
    _check_text("run name", name)
    if len(name) > limits.MAX_RUN_NAME_LENGTH:
        raise LimitExceeded(
            "The length of a run name", limit=limits.MAX_RUN_NAME_LENGTH, got=len(name)
        )
    if any(unicodedata.category(c) == "Cc" for c in name):
        raise InvalidName("run name", name, "it holds control characters")
    return name


def artifact_path(text: str, *, allow_root: bool = False) -> ArtifactPath:
    """``text`` as an artifact path: percent-decoded to a fixpoint, then checked.

    The decoded form is only checked, never used: a name that contains a literal ``%41`` stays as
    it is,
    and one whose decoding would escape is refused.

    Raises:
        InvalidName: absolute, drive letter, backslash, control character, ``..``, ``.`` or empty
            segment,
            a segment over 255 bytes, a path over 4,096 characters, or empty without ``allow_root``.
    """
    kind = "artifact path"
    _check_text(kind, text)
    if text == "":
        if allow_root:
            return ArtifactPath("")
        raise InvalidName(kind, text, "it is empty")
    if len(text) > _MAX_PATH_LENGTH:
        raise InvalidName(kind, text, f"it is longer than {_MAX_PATH_LENGTH} characters")
    seen = text
    for _ in range(_MAX_DECODINGS):
        _check_plain_path(kind, text, seen)
        decoded = unquote(seen, errors="replace")
        if decoded == seen:
            break
        seen = decoded
    else:
        raise InvalidName(kind, text, "it is percent-encoded too many times")
    return ArtifactPath(text)


def _check_plain_path(kind: str, shown: str, text: str) -> None:
    if "\\" in text:
        raise InvalidName(kind, shown, "it holds a backslash")
    if any(unicodedata.category(c) == "Cc" for c in text):
        raise InvalidName(kind, shown, "it holds control characters")
    if text.startswith("/") or _DRIVE.match(text):
        raise InvalidName(kind, shown, "it must be relative")
    for segment in text.split("/"):
        if segment in ("", ".", ".."):
            raise InvalidName(kind, shown, "empty, '.' and '..' segments are not allowed")
        if len(segment.encode("utf-8", "replace")) > _MAX_SEGMENT_BYTES:
            raise InvalidName(kind, shown, f"a segment is longer than {_MAX_SEGMENT_BYTES} bytes")
