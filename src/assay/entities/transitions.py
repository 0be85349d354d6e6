"""Transitions: requests to move a version to a stage or alias, their checks and votes."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class RequestStatus(StrEnum):
    """What became of a request."""

    OPEN = "open"
    """Checks or approvals are missing."""
    COMPLETED = "completed"
    """The version was moved."""
    REFUSED = "refused"
    """A gate failed."""
    REJECTED = "rejected"
    """Somebody who may approve said no."""
    CONFLICT = "conflict"
    """The place has another holder than when the request was made."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    """Taken back, or its policy was changed."""


class CheckStatus(StrEnum):
    """What is known of a gate."""

    PENDING = "pending"
    """A worker has to look: the store itself opens no model."""
    PASSED = "passed"
    FAILED = "failed"


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate found."""

    place: int
    """Of the gate in the policy's list for the target, from 0."""
    kind: str
    """``metric``, ``golden``, ``environment``, ``digests``, ``card``, ``recomputed``,
    ``signature``."""
    condition: str
    """The gate in words, such as ``metrics.val_accuracy >= 0.9``."""
    status: CheckStatus = CheckStatus.PENDING
    value: float | None = None
    """What was found, where it is a number."""
    limit: float | None = None
    """What it was held against."""
    message: str = ""
    """Why it failed or is pending."""
    by: str = ""
    """Who looked; ``store`` for what the store knows itself."""
    time: int = 0


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of a request; one vote a person, the last counts."""

    actor: str
    approve: bool
    roles: tuple[str, ...] = ()
    verified: bool = False
    comment: str = ""
    time: int = 0


class TransitionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to move a version."""

    request_id: str
    name: str
    version: int
    target: str
    """A stage, or ``@`` and an alias."""
    expected: tuple[int, ...]
    """Holders of the target when the request was made."""
    status: RequestStatus
    status_reason: str = ""
    """Why it is closed, or what it waits for."""
    requested_by: str
    comment: str = ""
    time: int
    closed_time: int | None = None
    expires_time: int | None = None
    policy_revision: int = 0
    """0: no policy applied."""
    checks: list[GateResult] = []
    votes: list[Vote] = []

    @property
    def is_open(self) -> bool:
        """Whether it waits for something."""
        return self.status is RequestStatus.OPEN


class PolicyRevision(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as it was at some time."""

    name: str
    """Of the registered model; empty for the default policy of all that have no own."""
    revision: int
    """Counts from 1."""
    text: str
    """YAML as it was given; empty: the policy was removed."""
    author: str
    time: int
