"""Names of the registry, parsed once: registered models, aliases, stages, targets of moves.

They stand in ``models:/`` URIs and in paths of other tools, so what has a meaning there is refused.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from assay.entities.names import check_value
from assay.errors import InvalidName, LimitExceeded

MAX_NAME_LENGTH: Final = 256
MAX_ALIAS_LENGTH: Final = 255
MAX_STAGE_LENGTH: Final = 64
_ALIAS = re.compile(r"[\w\-]+\Z")
_VERSION_LIKE = re.compile(r"v?\d+\Z", re.IGNORECASE)
_STAGE = re.compile(r"[A-Za-z][\w \-]*\Z")
_LOGGED_MODEL_ID = re.compile(r"m-[0-9a-f]{32}\Z")
_LATEST = "latest"


def check_registered_name(name: str) -> str:
    """``name`` as the name of a registered model.

    Raises:
        InvalidName: it is empty, holds ``/``, ``:``, a backslash or control characters in any
            encoding, is ``.`` or ``..``, begins or ends with a space, or looks like the id of a
            logged model.
        LimitExceeded: it is longer than 256 characters.
    """
    kind = "model name"
    check_value(kind, name)
    if not name.strip():
        raise InvalidName(kind, name, "it is empty")
    if len(name) > MAX_NAME_LENGTH:
        raise LimitExceeded("The length of a model name", limit=MAX_NAME_LENGTH, got=len(name))
    for seen in _readings(name):
        if any(c in "/:\\" for c in seen):
            raise InvalidName(kind, name, "names cannot contain '/', ':' or backslashes")
        if any(unicodedata.category(c) == "Cc" for c in seen):
            raise InvalidName(kind, name, "it holds control characters")
        if seen.strip() != seen or seen in (".", ".."):
            raise InvalidName(kind, name, "it would not stand alone as the name of a folder")
        if _LOGGED_MODEL_ID.match(seen):
            raise InvalidName(kind, name, "it looks like the id of a logged model")
    return name


def _readings(name: str) -> list[str]:
    """The name as it is, and as those see it who decode percent signs, once or more."""
    readings = [name]
    while (decoded := unquote(readings[-1], errors="replace")) != readings[-1]:
        readings.append(decoded)
    return readings


def check_alias(alias: str) -> str:
    """``alias`` as an alias of a registered model.

    Raises:
        InvalidName: it is empty, has other characters than letters, digits, ``_`` and ``-``, is
            ``latest``, or looks like a version (``3``, ``v3``).
        LimitExceeded: it is longer than 255 characters.
    """
    kind = "alias"
    check_value(kind, alias)
    if not _ALIAS.match(alias):
        raise InvalidName(kind, alias, "it must be letters, digits, '_' and '-'")
    if alias.lower() == _LATEST or _VERSION_LIKE.match(alias):
        raise InvalidName(kind, alias, "'latest' and names like versions are reserved")
    if len(alias) > MAX_ALIAS_LENGTH:
        raise LimitExceeded("The length of an alias", limit=MAX_ALIAS_LENGTH, got=len(alias))
    return alias


def check_stage(stage: str) -> str:
    """``stage`` as a name of a stage.

    Raises:
        InvalidName: it doesn't begin with a letter, or has other characters than letters, digits,
            spaces, ``_`` and ``-``, or is ``latest``.
        LimitExceeded: it is longer than 64 characters.
    """
    kind = "stage"
    check_value(kind, stage)
    if not _STAGE.match(stage) or stage.strip() != stage or stage.lower() == _LATEST:
        raise InvalidName(
            kind, stage, "it must begin with a letter and hold letters, digits, spaces, '_', '-'"
        )
    if len(stage) > MAX_STAGE_LENGTH:
        raise LimitExceeded("The length of a stage", limit=MAX_STAGE_LENGTH, got=len(stage))
    return stage


def check_target(target: str) -> str:
    """``target`` of a move: a stage, or ``@`` and an alias.

    Raises:
        InvalidInput: it is neither.
    """
    check_value("target", target)
    if target.startswith("@"):
        return "@" + check_alias(target[1:])
    return check_stage(target)


def parse_version(text: str | int) -> int:
    """A version's number.

    Raises:
        InvalidName: it is no whole number from 1 on.
    """
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 9:
        text = int(text)
    if isinstance(text, bool) or not isinstance(text, int) or not 1 <= text < 2**31:
        raise InvalidName("model version", str(text), "it must be a whole number from 1 on")
    return text
