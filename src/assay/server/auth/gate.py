"""The gate of API tokens: it knows a caller by the secret in the Authorization header.

Whom it found it remembers for a few seconds, so the hot road asks the database once in a while, in
a thread; a token that was revoked, or a user who was disabled, is let in no longer than that. What
is wrong is never remembered: a token works as soon as it was made.

Wrong tokens are answered at once, without a growing delay for their address. A secret has 256
random bits, so guessing is hopeless at any rate, and what isn't even written like one costs no
look-up; a delay would only let somebody behind a shared address lock out the others.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from assay.entities.users import TokenHolder
from assay.server.auth.tokens import Credentials, permissions_of, read_credentials
from assay.server.identity import Identity
from assay.server.middleware.gate import Gate, unauthenticated
from assay.store.sql.users import SqlUsers

REMEMBERED_S: Final = 4.0
"""How long a caller is known without asking again. A revocation counts everywhere within five
seconds, and a second of those is for the look-up itself."""
_MAX_REMEMBERED: Final = 10_000
"""Headers remembered; more than a server has callers, so that nobody can fill the memory."""

NOBODY: Final = Identity(name="", permissions=frozenset())
"""Who brings no credentials: only what is public is open to them."""


class _Known(NamedTuple):
    identity: Identity
    until: float
    """In the time of ``time.monotonic``."""


class TokenGate(Gate):
    """Identities by the tokens of a store."""

    def __init__(self, users: SqlUsers, *, remembered_s: float = REMEMBERED_S) -> None:
        self._users, self._remembered_s = users, remembered_s
        self._known: dict[bytes, _Known] = {}

    async def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        """The owner of the token, or ``NOBODY`` where there are no credentials.

        Raises:
            HttpError: 401 for credentials that are wrong, whatever the route.
            StoreUnavailable: the database can't be asked.
        """
        header = headers.get(b"authorization")
        if header is None:
            return NOBODY
        # By digest: no secret stays in memory, and how long a comparison takes says nothing of one.
        key = hashlib.sha256(header).digest()
        known = self._known.get(key)
        if known is not None and time.monotonic() < known.until:
            return known.identity
        credentials = read_credentials(header)
        if credentials is None:
            raise unauthenticated("The Authorization header holds no token of this server.")
        return await asyncio.to_thread(self._look_up, credentials, key)

    def _look_up(self, credentials: Credentials, key: bytes) -> Identity:
        asked = time.monotonic()
        self._known.pop(key, None)
        holder = _valid(self._users.holder(credentials.secret), credentials.user)
        identity = Identity(
            holder.name, permissions_of(holder.roles), roles=holder.roles, verified=True
        )
        lasts = self._remembered_s
        if holder.expires is not None:
            lasts = min(lasts, holder.expires / 1_000 - time.time())
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = _Known(identity, asked + lasts)
        return identity


def _valid(holder: TokenHolder | None, stated: str | None) -> TokenHolder:
    """The holder of a token that counts now; ``stated`` is the name that came with it.

    Raises:
        HttpError: 401. Who has the secret may know what is wrong with it.
    """
    if holder is None:
        raise unauthenticated("The token isn't known here; it may have been revoked.")
    if stated not in (None, holder.name):
        raise unauthenticated(f"The token is not {stated!r}'s.")
    if holder.disabled:
        raise unauthenticated(f"The user {holder.name!r} is disabled.")
    if holder.expires is not None and holder.expires <= time.time() * 1_000:
        then = datetime.fromtimestamp(holder.expires / 1_000, tz=UTC)
        raise unauthenticated(f"The token has expired on {then:%Y-%m-%d %H:%M} UTC.")
    return holder
