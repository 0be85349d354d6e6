"""Moves: a version gets into a stage or under an alias, and others leave it.

The only place that writes stages and aliases. Whatever moves is written down in the audit record of
the change, as ``moves``: all holders before and after of each place that changed, from which the
history is read (``assay.policies.holders``). Callers have locked the model.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict

from assay.entities.audit import AuditAction, Cause
from assay.entities.model_versions import ARCHIVED, NO_STAGE, STAGES
from assay.errors import InvalidInput, TransitionRefused
from assay.policies.policy import Policy
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import now_ms
from assay.store.sql.model_refs import ModelRef, require_version, touch_model
from assay.store.sql.policy_rows import policy_in_force
from assay.store.sql.registry_tags import is_prompt
from assay.store.sql.statements import Sql
from assay.store.sql.webhook_outbox import tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

_IN_STAGE = Sql(
    "SELECT version FROM model_versions WHERE registered_id = ? AND current_stage = ?"
    " ORDER BY version"
)
_STAGED = Sql(
    "SELECT current_stage, version FROM model_versions"
    " WHERE registered_id = ? AND current_stage <> 'None' ORDER BY current_stage, version"
)
_SET_STAGE = Sql(
    "UPDATE model_versions SET current_stage = ?, last_updated_timestamp = ?"
    " WHERE registered_id = ? AND version = ?"
)
_ALIAS = Sql("SELECT version FROM registered_model_aliases WHERE registered_id = ? AND alias = ?")
_ALIASES = Sql(
    "SELECT alias, version FROM registered_model_aliases WHERE registered_id = ? ORDER BY alias"
)
_SET_ALIAS = Sql(
    "INSERT INTO registered_model_aliases (registered_id, alias, version) VALUES (?, ?, ?)"
    " ON CONFLICT (registered_id, alias) DO UPDATE SET version = excluded.version"
)
_DELETE_ALIAS = Sql("DELETE FROM registered_model_aliases WHERE registered_id = ? AND alias = ?")
INACTIVE: Final = (NO_STAGE, ARCHIVED)
"""Stages that nothing can be archived for; no policy can govern them."""

Move = TypedDict("Move", {"target": str, "from": list[int], "to": list[int]})
"""All holders of a stage or ``@alias`` before and after."""


class Rules(NamedTuple):
    """What of a model's policy a move has to obey; ``None``: it has no policy."""

    policy: Policy | None

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that a version can be in."""
        return STAGES if self.policy is None else self.policy.stages

    def canonical(self, stage: str) -> str:
        """``stage`` as the model's list spells it. Raises ``InvalidInput``."""
        for known in self.stages:
            if known.lower() == stage.lower():
                return known
        raise InvalidInput(
            f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(self.stages)}."
        )

    def governs(self, target: str) -> bool:
        """Whether moves to a stage or ``@alias`` need a request."""
        return self.policy is not None and self.policy.rules_for(target) is not None

    def allows(self, stage: str, to_stage: str) -> bool:
        """Whether a version of one stage may move to another one at all."""
        return self.policy is None or self.policy.allows(stage, to_stage)


def rules_of(conn: Connection, ref: ModelRef) -> Rules:
    """The rules for moves of a model's versions."""
    found = policy_in_force(conn, ref.registered_id)
    return Rules(None if found is None else found.policy)


def stages_of(conn: Connection, ref: ModelRef) -> tuple[str, ...]:
    """The stages of a model: those of its policy, else MLflow's."""
    return rules_of(conn, ref).stages


def canonical_stage(conn: Connection, ref: ModelRef, stage: str) -> str:
    """``stage`` as the model's list spells it.

    Raises:
        InvalidInput: the model knows no such stage.
    """
    return rules_of(conn, ref).canonical(stage)


def holders_of(conn: Connection, ref: ModelRef, target: str) -> tuple[int, ...]:
    """The versions that hold a stage (as the model's list spells it) or ``@alias``, ascending."""
    if target.startswith("@"):
        rows = _ALIAS.all(conn, ref.registered_id, target[1:])
    else:
        rows = _IN_STAGE.all(conn, ref.registered_id, target)
    return tuple(row[0] for row in rows)


def require_direct(
    conn: Connection, ref: ModelRef, version: int | None, target: str, *, what: str
) -> None:
    """Refuse a move that needs a request, or that the policy knows no transition for.

    Args:
        conn: in the transaction of the move.
        ref: the model, locked.
        version: which is to be moved; ``None``: an alias is to be deleted.
        target: a stage (as the model's list spells it) or ``@alias``.
        what: the move as a person reads it, such as ``Moving version 3 of 'm' to Production``.

    Raises:
        TransitionRefused: the policy doesn't let the version move like this.
        ModelVersionNotFound: there is no such version.
    """
    rules = rules_of(conn, ref)
    if rules.policy is None:
        return
    if version is not None and not target.startswith("@"):
        stage = require_version(conn, ref, version).current_stage
        require_transition(rules, stage, target, what=what)
        if stage == target:
            return
    if rules.governs(target):
        raise TransitionRefused(
            what, [f"the policy of {ref.name!r} governs {target}"], hint=_hint(ref, version, target)
        )


def require_transition(rules: Rules, stage: str, to_stage: str, *, what: str) -> None:
    """Refuse a step between stages that the policy doesn't list. Raises ``TransitionRefused``."""
    if stage == to_stage or rules.allows(stage, to_stage):
        return
    allowed = [to for to in rules.stages if to != stage and rules.allows(stage, to)]
    raise TransitionRefused(
        what,
        [f"the policy has no transition from {stage} to {to_stage}"],
        hint=f"From {stage} it allows {', '.join(allowed) or 'none'}.",
    )


def _hint(ref: ModelRef, version: int | None, target: str) -> str:
    if version is None:
        return "Let it stand for another version by a request, or change the policy."
    name, place = shlex.quote(ref.name), shlex.quote(target)
    return (
        f"Make a request: assay registry promote {name} --version {version} --to {place} --request"
    )


def require_deletable(conn: Connection, ref: ModelRef, version: int | None) -> None:
    """Refuse to delete a version, or (``None``) a model, that holds a governed place.

    Raises:
        TransitionRefused: it does.
    """
    rules = rules_of(conn, ref)
    held = {
        place: holders
        for place, holders in places_of(conn, ref).items()
        if rules.governs(place) and (version is None or version in holders)
    }
    if not held:
        return
    what = f"Deleting {ref.name!r}" if version is None else f"Deleting version {version}"
    reasons = [
        f"{', '.join(f'version {held_by}' for held_by in holders)} holds {place},"
        f" which the policy of {ref.name!r} governs"
        for place, holders in held.items()
    ]
    raise TransitionRefused(
        what, reasons, hint="Let another version have the place first, or change the policy."
    )


def places_of(conn: Connection, ref: ModelRef) -> dict[str, list[int]]:
    """The holders of each stage but ``None`` and of each ``@alias`` of a model that has some."""
    held: dict[str, list[int]] = {}
    for stage, version in _STAGED.all(conn, ref.registered_id):
        held.setdefault(stage, []).append(version)
    for alias, version in _ALIASES.all(conn, ref.registered_id):
        held["@" + alias] = [version]
    return held


def leave_places(conn: Connection, ref: ModelRef, version: int | None) -> list[Move]:
    """Delete the aliases of a version, or (``None``) of the whole model, that is to be deleted.

    Returns the moves that its deletion makes, for the audit record; the caller deletes the rows of
    the versions.
    """
    moves = []
    for place, holders in places_of(conn, ref).items():
        left = [] if version is None else [other for other in holders if other != version]
        if left == holders:
            continue
        moves.append(move(place, holders, left))
        if place.startswith("@"):
            _DELETE_ALIAS.run(conn, ref.registered_id, place[1:])
    return moves


def move(target: str, before: Iterable[int], after: Iterable[int]) -> Move:
    """A move as an audit record lists it."""
    return {"target": target, "from": sorted(before), "to": sorted(after)}


def move_to_stage(
    conn: Connection,
    ref: ModelRef,
    version: int,
    stage: str,
    *,
    archive_existing: bool = False,
    alone: bool = False,
    cause: Cause,
    action: AuditAction = AuditAction.STAGE_CHANGED,
    details: Mapping[str, Any] | None = None,
) -> bool:
    """Move a version to a stage, without asking whether it may; returns whether anything moved.

    Args:
        conn: in the transaction of the move.
        ref: the model, locked.
        version: which is moved.
        stage: where to, in any case.
        archive_existing: the others there become archived, if the policy has that transition.
        alone: they do, whatever the transitions; always so where a policy governs the stage.
        cause: who, and why.
        action: of the audit record.
        details: more of the audit record.

    Raises:
        InvalidInput: the model knows no such stage, or nothing can be archived for it.
        TransitionRefused: the policy doesn't let the others be archived.
        ModelVersionNotFound: there is no such version.
    """
    rules = rules_of(conn, ref)
    stage = rules.canonical(stage)
    came_from = require_version(conn, ref, version).current_stage
    held = [other for other in holders_of(conn, ref, stage) if other != version]
    if archive_existing:
        _require_archivable(rules, ref, stage, held)
    out = held if archive_existing or alone or rules.governs(stage) else []
    if came_from == stage and not out:
        return False
    change = {version: stage, **dict.fromkeys(out, ARCHIVED)}
    facts = {"from": came_from, "to": stage, **({"archived": out} if out else {})}
    set_stages(
        conn,
        ref,
        change,
        cause=cause,
        action=action,
        version=version,
        details={**facts, **(details or {})},
    )
    return True


def _require_archivable(rules: Rules, ref: ModelRef, stage: str, held: Sequence[int]) -> None:
    if stage in INACTIVE:
        active = [known for known in rules.stages if known not in INACTIVE]
        raise InvalidInput(
            f"Model version transition cannot archive existing model versions because {stage!r} is"
            f" not an Active stage. Valid stages are {', '.join(active)}."
        )
    if held:
        what = f"Archiving the versions in {stage} of {ref.name!r}"
        require_transition(rules, stage, ARCHIVED, what=what)


def set_stages(
    conn: Connection,
    ref: ModelRef,
    change: Mapping[int, str],
    *,
    cause: Cause,
    action: AuditAction,
    version: int | None,
    details: Mapping[str, Any],
) -> list[Move]:
    """Put versions into stages as one change: rows, audit record, webhooks.

    Args:
        conn: in the transaction of the change.
        ref: the model, locked.
        change: the new stage by version; at least one differs.
        cause: who, and why.
        action: of the audit record.
        version: of the audit record.
        details: of the audit record; ``moves`` comes on top.
    """
    came_from = {v: require_version(conn, ref, v).current_stage for v in change}
    change = {v: stage for v, stage in change.items() if came_from[v] != stage}
    places = dict.fromkeys([*change.values(), *(came_from[v] for v in change)])
    places.pop(NO_STAGE, None)
    before = {place: holders_of(conn, ref, place) for place in places}
    time = now_ms()
    for moved, stage in change.items():
        _SET_STAGE.run(conn, stage, time, ref.registered_id, moved)
    moves = [move(place, before[place], holders_of(conn, ref, place)) for place in places]
    moves = [m for m in moves if m["from"] != m["to"]]
    touch_model(conn, ref, time)
    append_audit(
        conn,
        cause,
        action,
        registered_id=ref.registered_id,
        name=ref.name,
        version=version,
        details={**details, "moves": moves},
    )
    for moved, stage in change.items():
        data = {"from_stage": came_from[moved], "to_stage": stage}
        said = {"name": ref.name, "version": str(moved), **data}
        tell(conn, "model_version_stage", "changed", said)
    return moves


def point_alias(
    conn: Connection,
    ref: ModelRef,
    alias: str,
    version: int | None,
    *,
    cause: Cause,
    action: AuditAction | None = None,
    details: Mapping[str, Any] | None = None,
) -> bool:
    """Let an alias stand for a version, or (``None``) for none, without asking whether it may.

    Returns whether anything changed.

    Raises:
        ModelVersionNotFound: there is no such version.
    """
    target = "@" + alias
    before = holders_of(conn, ref, target)
    after = () if version is None else (require_version(conn, ref, version).version,)
    if before == after:
        return False
    if version is None:
        _DELETE_ALIAS.run(conn, ref.registered_id, alias)
    else:
        _SET_ALIAS.run(conn, ref.registered_id, alias, version)
    append_audit(
        conn,
        cause,
        action or (AuditAction.ALIAS_DELETED if version is None else AuditAction.ALIAS_SET),
        registered_id=ref.registered_id,
        name=ref.name,
        version=before[0] if version is None else version,
        details={"alias": alias, **(details or {}), "moves": [move(target, before, after)]},
    )
    _tell_alias(conn, ref, alias, version)
    return True


def _tell_alias(conn: Connection, ref: ModelRef, alias: str, version: int | None) -> None:
    data = {"name": ref.name, "alias": alias}
    entity = "prompt_alias" if is_prompt(conn, ref.registered_id) else "model_version_alias"
    if version is None:
        tell(conn, entity, "deleted", data)
    else:
        tell(conn, entity, "created", {**data, "version": str(version)})
