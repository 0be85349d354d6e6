"""Policies in SQL: of one model, or of all that have no own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from assay.entities.audit import Actor, AuditAction, Cause
from assay.entities.model_versions import STAGES
from assay.entities.names import check_value
from assay.entities.transitions import PolicyRevision, RequestStatus
from assay.errors import InvalidPolicy, PermissionDenied, RegistryItemNotFound
from assay.policies.policy import parse_policy
from assay.store.registry import PolicyStore
from assay.store.sql.audit import append_audit, lock_log
from assay.store.sql.database import Database
from assay.store.sql.model_refs import ModelRef, find_ref, lock_all_models, lock_model
from assay.store.sql.policy_rows import (
    DEFAULT_OWNER,
    PolicyRow,
    add_revision,
    all_revisions,
    latest_revision,
    row_in_force,
)
from assay.store.sql.request_rows import open_requests_of, open_requests_under
from assay.store.sql.request_steps import POLICY_CHANGED, close
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

MANAGERS: Final = frozenset({"manager", "admin"})
"""Roles that may set policies, of those who signed in."""
_SHOWN: Final = 5
_STAGED = (
    "SELECT m.name, v.version, v.current_stage FROM model_versions v"
    " JOIN registered_models m ON m.registered_id = v.registered_id"
    " WHERE v.current_stage <> 'None' AND {whose} ORDER BY m.name, v.version"
)
_STAGED_OF_MODEL = Sql(_STAGED.format(whose="v.registered_id = ?"))
_STAGED_BY_DEFAULT = Sql(
    _STAGED.format(
        whose="NOT EXISTS (SELECT 1 FROM model_policies p WHERE p.registered_id = v.registered_id"
        " AND p.text <> '' AND p.revision = (SELECT max(l.revision) FROM model_policies l"
        " WHERE l.registered_id = p.registered_id))"
    )
)


class SqlPolicies(PolicyStore):
    """Policies of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, name: str, text: str, *, cause: Cause) -> PolicyRevision:
        """Set a policy of this YAML; the same text again makes no new revision."""
        policy = parse_policy(check_value("policy", text))
        _require_manager(cause.actor)

        def change(conn: Connection) -> PolicyRow:
            scope = _lock(conn, name)
            latest = latest_revision(conn, scope.owner)
            if latest is not None and latest.text == text:
                return latest
            _require_stages(conn, scope, policy.stages)
            return _revise(conn, scope, latest, text=text, cause=cause)

        return _revision(name, self._database.write(change))

    def remove(self, name: str, *, cause: Cause) -> None:
        """Take a policy away."""
        _require_manager(cause.actor)

        def change(conn: Connection) -> None:
            scope = _lock(conn, name)
            latest = latest_revision(conn, scope.owner)
            if latest is None or not latest.text:
                raise RegistryItemNotFound("policy of", name or "all models")
            _require_stages(conn, scope, _stages_without(conn, scope))
            _revise(conn, scope, latest, text="", cause=cause)

        self._database.write(change)

    def find(self, name: str) -> PolicyRevision | None:
        """The policy that holds for a model: its own, else the default one, else ``None``."""
        with self._database.read() as conn:
            row = row_in_force(conn, _owner(conn, name))
        if row is None:
            return None
        return _revision("" if row.owner == DEFAULT_OWNER else name, row)

    def revisions(self, name: str) -> list[PolicyRevision]:
        """All revisions of a model's own policy (or of the default one), the newest first."""
        with self._database.read() as conn:
            return [_revision(name, row) for row in all_revisions(conn, _owner(conn, name))]


class _Scope(NamedTuple):
    """Whose policy is changed."""

    owner: int
    refs: dict[int, ModelRef]
    """All models that it may hold for, locked."""
    model: ModelRef | None
    """The one whose own it is."""


def _lock(conn: Connection, name: str) -> _Scope:
    if name:
        ref = lock_model(conn, name)
        return _Scope(ref.registered_id, {ref.registered_id: ref}, ref)
    refs = {ref.registered_id: ref for ref in lock_all_models(conn)}
    # There may be no model at all: what else would put two changes of this policy in order?
    lock_log(conn)
    return _Scope(DEFAULT_OWNER, refs, None)


def _owner(conn: Connection, name: str) -> int:
    return find_ref(conn, name).registered_id if name else DEFAULT_OWNER


def _require_manager(actor: Actor) -> None:
    if actor.verified and not MANAGERS & set(actor.roles):
        raise PermissionDenied(
            f"{actor.name!r} can't change policies: that needs the role manager or admin."
        )


def _stages_without(conn: Connection, scope: _Scope) -> tuple[str, ...]:
    """The stages of the models in ``scope`` once its policy is gone."""
    default = None if scope.model is None else latest_revision(conn, DEFAULT_OWNER)
    return parse_policy(default.text).stages if default is not None and default.text else STAGES


def _require_stages(conn: Connection, scope: _Scope, stages: Sequence[str]) -> None:
    """Refuse a list of stages that lacks one in use, as it is spelled. Raises ``InvalidPolicy``."""
    rows = (
        _STAGED_BY_DEFAULT.all(conn)
        if scope.model is None
        else _STAGED_OF_MODEL.all(conn, scope.owner)
    )
    lost = [f"{name}/{version} in {stage}" for name, version, stage in rows if stage not in stages]
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        raise InvalidPolicy(
            "stages",
            f"versions are in stages that are not among {', '.join(stages)}:"
            f" {', '.join(lost[:_SHOWN])}{more}",
        )


def _revise(
    conn: Connection, scope: _Scope, latest: PolicyRow | None, *, text: str, cause: Cause
) -> PolicyRow:
    """Write the next revision, and close the requests that the one before governed."""
    revision = 1 if latest is None else latest.revision + 1
    name = "" if scope.model is None else scope.model.name
    time = append_audit(
        conn,
        cause,
        AuditAction.POLICY_SET if text else AuditAction.POLICY_REMOVED,
        registered_id=None if scope.model is None else scope.owner,
        name=name,
        details={"revision": revision, "sha256": hashlib.sha256(text.encode()).hexdigest()},
    )
    row = PolicyRow(scope.owner, revision, text, cause.actor.name, time)
    add_revision(conn, row)
    governed = (
        open_requests_under(conn, DEFAULT_OWNER)
        if scope.model is None
        else open_requests_of(conn, scope.owner)
    )
    for stored in governed:
        ref = scope.refs.get(stored.registered_id)
        if ref is not None:
            ident, status = stored.request.request_id, RequestStatus.CANCELLED
            close(conn, ref, ident, status, POLICY_CHANGED, cause=cause)
    return row


def _revision(name: str, row: PolicyRow) -> PolicyRevision:
    return PolicyRevision(
        name=name, revision=row.revision, text=row.text, author=row.author, time=row.time
    )
