"""Audit: who did what in the registry, when, from where and why; records that only grow.

Each record holds the digest of the one before it, so a record that was altered, dropped or slipped
in breaks the chain from there on. Format: docs/formats/audit-log.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import msgspec

NO_DIGEST: Final = "0" * 64
"""What the first record has as the digest of the one before it."""
_VERIFIED: Final = 3
"""Place of ``verified`` in a record: SQLite has numbers for truth values."""
_encode = msgspec.json.Encoder().encode


class Actor(msgspec.Struct, frozen=True):
    """Who acts, and from where."""

    name: str
    """A user's name; empty for somebody who gave none."""
    roles: tuple[str, ...] = ()
    verified: bool = False
    """Whether the name was proved by a token, not only claimed."""
    origin: str = ""
    """Such as ``http 10.0.0.7 assay/0.4`` or ``local``."""


class Cause(msgspec.Struct, frozen=True):
    """Who makes a change, and why."""

    actor: Actor
    reason: str = ""


class AuditAction(StrEnum):
    """What was done."""

    MODEL_CREATED = "model.created"
    MODEL_RENAMED = "model.renamed"
    MODEL_UPDATED = "model.updated"
    MODEL_DELETED = "model.deleted"
    MODEL_TAG_SET = "model.tag_set"
    MODEL_TAG_DELETED = "model.tag_deleted"
    VERSION_CREATED = "version.created"
    VERSION_UPDATED = "version.updated"
    VERSION_DELETED = "version.deleted"
    VERSION_TAG_SET = "version.tag_set"
    VERSION_TAG_DELETED = "version.tag_deleted"
    VERSION_SIGNED = "version.signed"
    ALIAS_SET = "alias.set"
    ALIAS_DELETED = "alias.deleted"
    STAGE_CHANGED = "stage.changed"
    ROLLED_BACK = "rolled_back"
    POLICY_SET = "policy.set"
    POLICY_REMOVED = "policy.removed"
    REQUEST_CREATED = "request.created"
    REQUEST_CHECKED = "request.checked"
    REQUEST_APPROVED = "request.approved"
    REQUEST_REJECTED = "request.rejected"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_REFUSED = "request.refused"
    REQUEST_CONFLICTED = "request.conflicted"
    REQUEST_EXPIRED = "request.expired"
    REQUEST_COMPLETED = "request.completed"
    RULE_SET = "rule.set"
    RULE_REMOVED = "rule.removed"
    RULE_FIRED = "rule.fired"
    DEPLOYED = "deployment.recorded"
    DEPLOYMENT_ENDED = "deployment.ended"
    VERSION_ALERTED = "version.alerted"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_UPDATED = "webhook.updated"
    WEBHOOK_DELETED = "webhook.deleted"
    USER_SET = "user.set"
    USER_REMOVED = "user.removed"
    TOKEN_MADE = "token.made"  # noqa: S105 - the name of an action
    TOKEN_REVOKED = "token.revoked"  # noqa: S105


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the chain."""

    seq: int
    """Counts from 1 without gaps."""
    time: int
    """ms since the epoch, UTC; never before that of the record before it."""
    actor: str
    verified: bool
    origin: str
    action: str
    """One of ``AuditAction``; a newer release may know more."""
    name: str
    """Of the registered model at that time; empty for what belongs to none."""
    version: int | None
    details: dict[str, Any]
    """What changed. ``moves`` lists ``{"target", "from", "to"}``, each with all holders of a stage
    or of ``@alias`` before and after, as ascending version numbers. Of a rollback, ``target`` is
    the place that was given back."""
    reason: str
    registered_id: int | None = None
    """Number of the registered model, which stays its own through all names; ``None`` as ``name``
    is empty."""
    previous: str
    """``digest`` of the record before; 64 zeros in the first."""
    digest: str
    """SHA-256, hex, of all of the above."""


class AuditHead(msgspec.Struct, frozen=True):
    """Where the chain ends. Kept elsewhere, it proves that no record was cut off since."""

    seq: int
    digest: str


class AuditProblem(msgspec.Struct, frozen=True):
    """The first record that is not what was written."""

    seq: int
    why: str


class AuditReport(msgspec.Struct, frozen=True):
    """What verifying the chain found."""

    records: int
    head: AuditHead
    problem: AuditProblem | None = None

    @property
    def ok(self) -> bool:
        """Whether every record is what was written."""
        return self.problem is None


def chain_digest(row: Sequence[Any]) -> str:
    """The digest of a record.

    SHA-256 of the JSON array of ``row``: the fields of ``AuditRecord`` in their order up to
    ``previous``, with ``verified`` as ``true`` or ``false`` and ``details`` as its JSON text.
    """
    fields = list(row)
    fields[_VERIFIED] = bool(fields[_VERIFIED])
    return sha256(_encode(fields)).hexdigest()
