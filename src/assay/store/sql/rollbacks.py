"""Rollbacks: a place goes back to whom it had before, as the history of the model tells.

No gates and no approvals: going back must not wait. A policy may say who may do it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.entities.audit import AuditAction, Cause
from assay.entities.model_versions import ARCHIVED, ROLLED_BACK_TAG, ModelVersion
from assay.errors import InvalidInput
from assay.policies.decisions import require_rollback
from assay.policies.holders import before, trail
from assay.store.sql.audit import records_of
from assay.store.sql.checks import now_ms
from assay.store.sql.model_refs import ModelRef, lock_model, require_version
from assay.store.sql.moves import (
    INACTIVE,
    Rules,
    holders_of,
    point_alias,
    rules_of,
    set_stages,
)
from assay.store.sql.registry_tags import delete_version_tag, set_version_tags, version_tag
from assay.store.sql.statements import Sql
from assay.store.sql.version_rows import read_version
from assay.store.sql.webhook_outbox import tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

_VERSIONS = Sql("SELECT version FROM model_versions WHERE registered_id = ?")


def roll_back(conn: Connection, name: str, target: str, *, cause: Cause) -> list[ModelVersion]:
    """Give a stage or ``@alias`` back to its holders before now's; returns them.

    Raises:
        RegisteredModelNotFound: there is no such model.
        InvalidInput: the model knows no such stage, or nothing that exists held the place before.
        TransitionRefused: the policy leaves it to others.
    """
    ref = lock_model(conn, name)
    rules = rules_of(conn, ref)
    if not target.startswith("@"):
        target = rules.canonical(target)
        if target in INACTIVE:
            raise InvalidInput(f"{target} can't be rolled back: it is where versions rest.")
    what = f"Rolling back {target} of {ref.name!r}"
    require_rollback(rules.policy, cause.actor, what=what)
    back = _holders_before(conn, ref, target, rules)
    out = [version for version in holders_of(conn, ref, target) if version not in back]
    _give_back(conn, ref, target, back, out, cause=cause)
    _mark(conn, ref, target, out, cause=cause)
    for version in back:
        _unmark(conn, ref, target, version)
    return [read_version(conn, ref, version) for version in back]


def _holders_before(conn: Connection, ref: ModelRef, target: str, rules: Rules) -> tuple[int, ...]:
    existing = {row[0] for row in _VERSIONS.all(conn, ref.registered_id)}
    back = before(trail(records_of(conn, ref.registered_id), target), existing)
    if back is None:
        raise InvalidInput(
            f"{target} of {ref.name!r} can't be rolled back: no other version that still exists has"
            " held it before."
        )
    # From before it was governed there may have been several; since then there is one.
    return back[-1:] if rules.governs(target) else back


def _give_back(
    conn: Connection,
    ref: ModelRef,
    target: str,
    back: Sequence[int],
    out: Sequence[int],
    *,
    cause: Cause,
) -> None:
    details = {"target": target, "back": list(back), "out": list(out)}
    action = AuditAction.ROLLED_BACK
    if target.startswith("@"):
        alias = target[1:]
        point_alias(conn, ref, alias, back[0], cause=cause, action=action, details=details)
        return
    change = {**dict.fromkeys(back, target), **dict.fromkeys(out, ARCHIVED)}
    version = back[-1]
    set_stages(conn, ref, change, cause=cause, action=action, version=version, details=details)


def _mark(
    conn: Connection, ref: ModelRef, target: str, out: Sequence[int], *, cause: Cause
) -> None:
    """Tag those taken out, so that nobody promotes them again unaware."""
    moment = datetime.fromtimestamp(now_ms() / 1_000, tz=UTC).isoformat(timespec="seconds")
    said = f": {cause.reason}" if cause.reason else ""
    text = f"{_beginning(target)}{moment} by {cause.actor.name or 'somebody unnamed'}{said}"
    for version in out:
        version_id = require_version(conn, ref, version).version_id
        set_version_tags(conn, version_id, {ROLLED_BACK_TAG: text})
        data = {"name": ref.name, "version": str(version), "target": target}
        tell(conn, "model_version", "rolled_back", {**data, "reason": cause.reason})


def _unmark(conn: Connection, ref: ModelRef, target: str, version: int) -> None:
    """Take the mark off a version that has this place again."""
    version_id = require_version(conn, ref, version).version_id
    mark = version_tag(conn, version_id, ROLLED_BACK_TAG)
    if mark is not None and mark.startswith(_beginning(target)):
        delete_version_tag(conn, version_id, ROLLED_BACK_TAG)


def _beginning(target: str) -> str:
    return f"from {target} at "
