"""Policies as the database has them, and which one holds for a model.

Each revision is a row and stays; removing a policy writes a revision without text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from assay.policies.policy import Policy, parse_policy
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

DEFAULT_OWNER: Final = 0
"""Whose number the policy of all models without an own one has."""

_LATEST = Sql(
    "SELECT revision, text, author, time FROM model_policies WHERE registered_id = ?"
    " ORDER BY revision DESC LIMIT 1"
)
_ALL = Sql(
    "SELECT revision, text, author, time FROM model_policies WHERE registered_id = ?"
    " ORDER BY revision DESC"
)
_INSERT = Sql(
    "INSERT INTO model_policies (registered_id, revision, text, author, time)"
    " VALUES (?, ?, ?, ?, ?)"
)


class PolicyRow(NamedTuple):
    """One revision."""

    owner: int
    """The model's number, or ``DEFAULT_OWNER``."""
    revision: int
    text: str
    author: str
    time: int


class PolicyInForce(NamedTuple):
    """The policy that holds for a model."""

    owner: int
    revision: int
    policy: Policy


def latest_revision(conn: Connection, owner: int) -> PolicyRow | None:
    """The last revision, of a removal too; ``None`` if there never was a policy."""
    row = _LATEST.one(conn, owner)
    return None if row is None else PolicyRow(owner, *row)


def row_in_force(conn: Connection, registered_id: int) -> PolicyRow | None:
    """The revision that holds for a model: its own, else the default one."""
    for owner in dict.fromkeys((registered_id, DEFAULT_OWNER)):
        row = latest_revision(conn, owner)
        if row is not None and row.text:
            return row
    return None


def policy_in_force(conn: Connection, registered_id: int) -> PolicyInForce | None:
    """The policy that holds for a model, parsed."""
    row = row_in_force(conn, registered_id)
    return None if row is None else PolicyInForce(row.owner, row.revision, parse_policy(row.text))


def all_revisions(conn: Connection, owner: int) -> list[PolicyRow]:
    """All revisions, the newest first."""
    return [PolicyRow(owner, *row) for row in _ALL.all(conn, owner)]


def add_revision(conn: Connection, row: PolicyRow) -> None:
    """Write a revision."""
    _INSERT.run(conn, *row)
