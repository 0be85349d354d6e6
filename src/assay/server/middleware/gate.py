"""The one gate before routing: who is asking, and what they may do.

Every request passes here before a route is looked up, unknown paths included; the route's
declared permission is asked of the identity right after. ``OpenGate`` stands where nobody has to
sign in, the gate of ``assay.server.auth`` where tokens are asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from assay.errors import InvalidInput
from assay.http.errors import HttpError
from assay.server.identity import ANYONE, Identity, Permission
from assay.server.routing import Route
from assay.store.user import USER_HEADER, check_user_name

_CLAIM = USER_HEADER.encode()
_CHALLENGES: Final = (
    (b"www-authenticate", b'Bearer realm="Assay"'),
    (b"www-authenticate", b'Basic realm="Assay", charset="UTF-8"'),
)
"""Two headers, because browsers read one scheme from each: Basic makes them ask for a token."""
_HOW_TO_SIGN_IN: Final = (
    "Set ASSAY_TRACKING_TOKEN (MLFLOW_TRACKING_TOKEN for MLflow's clients) to an API token, or"
    " ASSAY_TRACKING_USERNAME and ASSAY_TRACKING_PASSWORD to your name and a token. Whoever runs"
    " the server makes one with `assay users token NAME`."
)


class Gate(ABC):
    """Tells who asks. Raises ``HttpError`` 401 for credentials that are wrong."""

    @abstractmethod
    async def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        """The identity behind a request's headers."""


class OpenGate(Gate):
    """No sign-in: everybody who reaches the server may do everything."""

    async def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        """Whoever the caller says to be.

        Raises:
            HttpError: 400 for a name that can't be one.
        """
        claimed = headers.get(_CLAIM)
        if claimed is None:
            return ANYONE
        try:
            return replace(ANYONE, name=check_user_name(claimed.decode()))
        except (InvalidInput, UnicodeDecodeError) as error:
            raise HttpError(400, f"The header {USER_HEADER} holds no user name.") from error


def unauthenticated(why: str) -> HttpError:
    """Who asks isn't known: how to sign in, for programs, people and browsers."""
    return HttpError(
        401, f"{why} {_HOW_TO_SIGN_IN}", error_code="UNAUTHENTICATED", headers=_CHALLENGES
    )


def require(identity: Identity, route: Route) -> None:
    """Refuse a route whose permission the identity lacks.

    Raises:
        HttpError: 403; 401 for somebody who could sign in and hasn't.
    """
    if route.permission in identity.permissions or route.permission is Permission.PUBLIC:
        return
    if not identity.verified:
        raise unauthenticated("This server asks for sign-in.")
    raise HttpError(
        403,
        f"This needs the permission {route.permission.value!r}, which the roles of"
        f" {identity.name!r} ({', '.join(identity.roles)}) don't give.",
        error_code="PERMISSION_DENIED",
    )
