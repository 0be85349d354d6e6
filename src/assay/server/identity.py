"""Who asks, and what they may do."""

from __future__ import annotations

from enum import Enum

import msgspec


class Permission(Enum):
    """What a caller needs to be allowed. There is no default: each route states one."""

    PUBLIC = "public"
    """Nothing: health, version."""
    READ = "read"
    """See what is recorded."""
    WRITE = "write"
    """Record and change."""
    MANAGE = "manage"
    """Delete, restore, rename."""
    ADMIN = "admin"
    """Run the server."""


class Identity(msgspec.Struct, frozen=True):
    """Who asks, and which permissions they hold."""

    name: str
    permissions: frozenset[Permission]
    roles: tuple[str, ...] = ()
    verified: bool = False
    """Whether the name was proved, not only claimed."""


ANYONE = Identity(name="", permissions=frozenset(Permission))
"""Everybody, where nobody has to sign in."""
