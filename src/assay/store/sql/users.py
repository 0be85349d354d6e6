"""Users and API tokens in SQL, for servers that ask for sign-in. No secret is stored: a token is
found by the SHA-256 of it.

Every change is one transaction with its audit record, and locks the user's row before it appends.
"""

from __future__ import annotations

import builtins
import hmac
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay.entities.audit import AuditAction, Cause
from assay.entities.users import (
    ApiToken,
    TokenHolder,
    User,
    check_label,
    check_roles,
    new_secret,
    secret_digest,
)
from assay.errors import InvalidInput, RegistryItemNotFound
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import check_int, now_ms
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql
from assay.store.user import check_user_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

_USER_COLUMNS: Final = "user_name, roles, created, disabled"
_TOKEN_COLUMNS: Final = "token_id, user_name, label, created, expires"  # noqa: S105 - no secret
_SET = Sql(
    "INSERT INTO users (user_name, roles, created, disabled) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (user_name) DO UPDATE SET roles = excluded.roles, disabled = excluded.disabled"
)
_USER = Sql(f"SELECT {_USER_COLUMNS} FROM users WHERE user_name = ?")  # noqa: S608
_LOCK_USER = Sql(f"SELECT {_USER_COLUMNS} FROM users WHERE user_name = ? {{FOR UPDATE}}")  # noqa: S608
_USERS = Sql(f"SELECT {_USER_COLUMNS} FROM users ORDER BY user_name")  # noqa: S608
_DISABLE = Sql("UPDATE users SET disabled = ? WHERE user_name = ?")
_REMOVE = Sql("DELETE FROM users WHERE user_name = ?")
_REMOVE_TOKENS = Sql("DELETE FROM api_tokens WHERE user_name = ?")
_SOMEBODY = Sql("SELECT 1 FROM users WHERE disabled = ? LIMIT 1")
_INSERT_TOKEN = Sql(
    f"INSERT INTO api_tokens ({_TOKEN_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608
)
_TOKENS = Sql(
    f"SELECT {_TOKEN_COLUMNS} FROM api_tokens WHERE user_name = ?"  # noqa: S608
    " ORDER BY created, token_id"
)
_TOKEN = Sql(f"SELECT {_TOKEN_COLUMNS} FROM api_tokens WHERE token_id = ? {{FOR UPDATE}}")  # noqa: S608
_REVOKE = Sql("DELETE FROM api_tokens WHERE token_id = ?")
_HOLDER = Sql(
    "SELECT u.user_name, u.roles, u.disabled, t.expires, t.digest"
    " FROM api_tokens t JOIN users u ON u.user_name = t.user_name WHERE t.digest = ?"
)
_encode_roles = msgspec.json.Encoder().encode
_decode_roles = msgspec.json.Decoder(tuple[str, ...]).decode


class SqlUsers:
    """Users of a SQL store. They are kept on the database itself; a server has no route to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, name: str, roles: Iterable[str], *, cause: Cause) -> User:
        """Make a user who may sign in, or give one that exists these roles instead.

        A disabled user is let in again.

        Raises:
            InvalidInput: the name or a role can't be one, or there is no role.
        """
        check_user_name(name)
        if name != name.strip():
            raise InvalidInput(f"Invalid user name {name!r}: it begins or ends with a space.")
        checked = check_roles(roles)
        return self._database.write(lambda conn: _set(conn, name, checked, cause))

    def disable(self, name: str, *, cause: Cause) -> User:
        """Refuse a user's tokens from now on, without revoking them; ``set`` undoes it.

        Raises:
            RegistryItemNotFound: there is no such user.
        """
        return self._database.write(lambda conn: _disable(conn, name, cause))

    def remove(self, name: str, *, cause: Cause) -> None:
        """Remove a user with all tokens. What they did stays in the audit log under their name.

        Raises:
            RegistryItemNotFound: there is no such user.
        """
        self._database.write(lambda conn: _remove(conn, name, cause))

    def get(self, name: str) -> User:
        """The user of this name.

        Raises:
            RegistryItemNotFound: there is none.
        """
        with self._database.read() as conn:
            return _user(_USER.one(conn, name), name)

    def list(self) -> list[User]:
        """All users by name."""
        with self._database.read() as conn:
            return [_user(row) for row in _USERS.all(conn)]

    def anybody(self) -> bool:
        """Whether there is a user who isn't disabled."""
        with self._database.read() as conn:
            return _SOMEBODY.one(conn, False) is not None

    def make_token(
        self, name: str, *, label: str = "", expires: int | None = None, cause: Cause
    ) -> tuple[ApiToken, str]:
        """Make a token; returns it and its secret, which nobody can read again.

        Args:
            name: the user who signs in with it.
            label: what it is for.
            expires: ms since the epoch, from which on it is refused; ``None``: never.
            cause: who makes it, and why.

        Raises:
            RegistryItemNotFound: there is no such user.
            InvalidInput: the label holds control characters, or the time has passed.
        """
        check_label(label)
        now = now_ms()
        if expires is not None and check_int("expires", expires) <= now:
            raise InvalidInput("A token must expire later than now.")
        secret = new_secret()
        token = ApiToken(f"t-{os.urandom(8).hex()}", name, label, now, expires)
        self._database.write(lambda conn: _insert_token(conn, token, secret, cause))
        return token, secret

    def tokens(self, name: str) -> builtins.list[ApiToken]:
        """A user's tokens, oldest first; expired ones too.

        Raises:
            RegistryItemNotFound: there is no such user.
        """
        with self._database.read() as conn:
            _user(_USER.one(conn, name), name)
            return [ApiToken(*row) for row in _TOKENS.all(conn, name)]

    def revoke(self, token_id: str, *, cause: Cause) -> ApiToken:
        """Remove a token: it is refused from now on, in running servers within seconds.

        Raises:
            RegistryItemNotFound: there is no such token.
        """
        return self._database.write(lambda conn: _revoke(conn, token_id, cause))

    def holder(self, secret: str) -> TokenHolder | None:
        """Whose token this secret is, be it expired or disabled; ``None`` if it is nobody's."""
        digest = secret_digest(secret)
        with self._database.read() as conn:
            row = _HOLDER.one(conn, digest)
        # The index compares digests, which say nothing of the secret to somebody who measures
        # time; that the row is the right one is compared in constant time all the same.
        if row is None or not hmac.compare_digest(row[4], digest):
            return None
        return TokenHolder(row[0], _decode_roles(row[1]), bool(row[2]), row[3])


def _user(row: tuple[Any, ...] | None, name: str = "") -> User:
    if row is None:
        raise RegistryItemNotFound("user", name)
    return User(row[0], _decode_roles(row[1]), row[2], bool(row[3]))


def _locked(conn: Connection, name: str) -> User:
    return _user(_LOCK_USER.one(conn, name), name)


def _set(conn: Connection, name: str, roles: tuple[str, ...], cause: Cause) -> User:
    _SET.run(conn, name, _encode_roles(roles).decode(), now_ms(), False)
    return _recorded(conn, name, cause)


def _disable(conn: Connection, name: str, cause: Cause) -> User:
    _locked(conn, name)
    _DISABLE.run(conn, True, name)
    return _recorded(conn, name, cause)


def _remove(conn: Connection, name: str, cause: Cause) -> None:
    _locked(conn, name)
    details = {"user": name, "tokens": _REMOVE_TOKENS.run(conn, name)}
    _REMOVE.run(conn, name)
    append_audit(conn, cause, AuditAction.USER_REMOVED, details=details)


def _recorded(conn: Connection, name: str, cause: Cause) -> User:
    user = _user(_USER.one(conn, name), name)
    details = {"user": name, "roles": user.roles, "disabled": user.disabled}
    append_audit(conn, cause, AuditAction.USER_SET, details=details)
    return user


def _insert_token(conn: Connection, token: ApiToken, secret: str, cause: Cause) -> None:
    _locked(conn, token.user)
    _INSERT_TOKEN.run(conn, *msgspec.structs.astuple(token), secret_digest(secret))
    append_audit(conn, cause, AuditAction.TOKEN_MADE, details=_told(token))


def _revoke(conn: Connection, token_id: str, cause: Cause) -> ApiToken:
    row = _TOKEN.one(conn, token_id)
    if row is None:
        raise RegistryItemNotFound("token", token_id)
    _REVOKE.run(conn, token_id)
    token = ApiToken(*row)
    append_audit(conn, cause, AuditAction.TOKEN_REVOKED, details=_told(token))
    return token


def _told(token: ApiToken) -> dict[str, Any]:
    return {
        "user": token.user,
        "token_id": token.token_id,
        "label": token.label,
        "expires": token.expires,
    }
