"""Who uses this process, where nobody signs in: what is written down as the author of a change."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping

from assay.entities.audit import Actor, Cause
from assay.errors import InvalidInput

USER_HEADER = "x-assay-user"
"""Carries a claimed name to a server; it counts only where nobody has to sign in."""
_MAX_NAME_LENGTH = 200


def claimed_name(environ: Mapping[str, str] | None = None) -> str:
    """``ASSAY_USER``, else the name that the system knows this process's user by.

    Raises:
        InvalidInput: ``ASSAY_USER`` can't be a name.
    """
    environ = os.environ if environ is None else environ
    name = environ.get("ASSAY_USER", "").strip()
    if name:
        return check_user_name(name)
    try:
        return check_user_name(getpass.getuser())
    except (KeyError, OSError, InvalidInput):
        return ""


def check_user_name(name: str) -> str:
    """``name`` as somebody's name.

    Raises:
        InvalidInput: it is empty, too long, or has characters that headers and logs don't carry.
    """
    if not name or len(name) > _MAX_NAME_LENGTH or not name.isprintable() or ":" in name:
        raise InvalidInput(
            f"Invalid user name {name[:80]!r}: it must be 1 to {_MAX_NAME_LENGTH} printable"
            " characters without ':'."
        )
    return name


def local_cause(reason: str = "") -> Cause:
    """A change made by the user of this process."""
    return Cause(Actor(claimed_name(), origin="local"), reason)
