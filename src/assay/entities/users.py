"""Users of a server that asks for sign-in, their roles, and the API tokens they sign in with."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Final

import msgspec

from assay.entities.names import check_value
from assay.errors import InvalidInput, InvalidName, LimitExceeded

BUILT_IN_ROLES: Final = ("reader", "writer", "manager", "admin", "worker", "agent")
"""Roles with permissions of their own. Any other is a team's: it lets its users read, and policies
name it as ``role:<name>``."""
TOKEN_PREFIX: Final = "assay_"  # noqa: S105 - what scanners for leaked secrets find tokens by
MAX_LABEL_LENGTH: Final = 200
_SECRET_BYTES: Final = 32
_SECRET: Final = re.compile(rf"{TOKEN_PREFIX}[A-Za-z0-9_\-]{{43}}\Z")
_MAX_ROLES: Final = 50
_ROLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}\Z")


class User(msgspec.Struct, frozen=True):
    """Somebody, or some program, who may sign in."""

    name: str
    roles: tuple[str, ...]
    """In alphabetical order."""
    created: int
    """ms since the epoch."""
    disabled: bool = False
    """Whether the user's tokens are refused for now."""


class ApiToken(msgspec.Struct, frozen=True):
    """A token, without its secret: nobody can read that again."""

    token_id: str
    user: str
    label: str
    """What it is for."""
    created: int
    expires: int | None = None
    """ms since the epoch, from which on it is refused; ``None``: never."""


class TokenHolder(msgspec.Struct, frozen=True):
    """Whose token it is, and whether it counts."""

    name: str
    roles: tuple[str, ...]
    disabled: bool
    expires: int | None


def check_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """``roles`` as a user's: each once, in alphabetical order.

    Raises:
        InvalidInput: there is none: somebody without a role could do nothing.
        InvalidName: one isn't 1 to 64 letters, digits, ``.``, ``_`` and ``-``, the first a letter
            or digit, or differs from a built-in role by case only.
        LimitExceeded: there are more than 50.
    """
    checked = sorted(set(roles))
    if not checked:
        raise InvalidInput(
            f"A user needs a role: {', '.join(BUILT_IN_ROLES)}, or a name of your own."
        )
    if len(checked) > _MAX_ROLES:
        raise LimitExceeded("The number of roles of a user", limit=_MAX_ROLES, got=len(checked))
    for role in checked:
        if not _ROLE.match(role):
            raise InvalidName("role", role, "it must be letters, digits, '.', '_' and '-'")
        if role not in BUILT_IN_ROLES and role.lower() in BUILT_IN_ROLES:
            raise InvalidName("role", role, f"the built-in role is {role.lower()!r}")
    return tuple(checked)


def check_label(label: str) -> str:
    """``label`` of a token.

    Raises:
        InvalidInput: it has control characters, or more than 200.
    """
    check_value("label", label)
    if not all(c.isprintable() for c in label):
        raise InvalidName("label", label, "it holds control characters")
    if len(label) > MAX_LABEL_LENGTH:
        raise LimitExceeded("The length of a label", limit=MAX_LABEL_LENGTH, got=len(label))
    return label


def new_secret() -> str:
    """A fresh secret: ``assay_`` and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def is_secret(text: str) -> bool:
    """Whether ``text`` looks like a secret of ours; anything else is worth no look-up."""
    return _SECRET.match(text) is not None


def secret_digest(secret: str) -> str:
    """What a secret is kept as.

    Plain SHA-256: the slow digests that passwords need would add nothing to 256 random bits.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
