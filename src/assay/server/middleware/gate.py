"""The one gate before routing: who is asking, and what they may do.

Every request passes here before a route is looked up, unknown paths included; the route's
declared permission is asked of the identity right after. While nobody has to sign in, the only
gate is ``OpenGate``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import msgspec

from assay.server.errors import HttpError
from assay.server.routing import Permission, Route


class Identity(msgspec.Struct, frozen=True):
    """Who asks, and which permissions they hold."""

    name: str
    permissions: frozenset[Permission]


class Gate(ABC):
    """Tells who asks. Raises ``HttpError`` 401 for credentials that are wrong."""

    @abstractmethod
    def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        """The identity behind a request's headers."""


class OpenGate(Gate):
    """No sign-in: everybody who reaches the server may do everything."""

    _anyone = Identity(name="", permissions=frozenset(Permission))

    def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        """The same identity for everybody."""
        return self._anyone


def require(identity: Identity, route: Route) -> None:
    """Refuse a route whose permission the identity lacks.

    Raises:
        HttpError: 403.
    """
    if route.permission not in identity.permissions and route.permission is not Permission.PUBLIC:
        raise HttpError(
            403,
            f"This needs the permission {route.permission.value!r}.",
            error_code="PERMISSION_DENIED",
        )
