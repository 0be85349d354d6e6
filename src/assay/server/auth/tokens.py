"""Credentials: what the Authorization header of a request holds, and what a user's roles allow."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from assay.entities.users import is_secret
from assay.server.identity import Permission

_READING: Final = frozenset({Permission.PUBLIC, Permission.READ})
_WRITING: Final = _READING | {Permission.WRITE}

PERMISSIONS: Final[Mapping[str, frozenset[Permission]]] = MappingProxyType(
    {
        "reader": _READING,
        "writer": _WRITING,
        "worker": _WRITING,
        "agent": _WRITING,
        "manager": _WRITING | {Permission.MANAGE},
        "admin": frozenset(Permission),
    }
)
"""What the built-in roles allow."""


class Credentials(NamedTuple):
    """What a request brings."""

    secret: str
    user: str | None
    """The name that Basic states; Bearer states none."""


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """What somebody with these roles may do. A role that a team made up lets them read."""
    return _READING.union(*(PERMISSIONS.get(role, _READING) for role in roles))


def read_credentials(header: bytes) -> Credentials | None:
    """The credentials in ``Bearer <token>`` or ``Basic <user:token>``.

    ``None`` for another scheme, a malformed header, or what can't be a token of ours.
    """
    scheme, _, rest = header.strip().partition(b" ")
    kind, user, secret = scheme.lower(), None, rest.strip()
    if kind == b"basic":
        try:
            user, colon, secret = binascii.a2b_base64(secret, strict_mode=True).partition(b":")
        except binascii.Error:
            return None
        if not colon:
            return None
    elif kind != b"bearer":
        return None
    try:
        found = Credentials(secret.decode(), None if user is None else user.decode())
    except UnicodeDecodeError:
        return None
    return found if is_secret(found.secret) else None
