"""The finished runs that rules look at, and what is done in their transactions.

Whoever works them off claims a row by moving its time forward, which only one succeeds in. The time
is the lease: a worker that died gives the row back by letting it end, and one that was too slow
finds that it has lost it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from assay import errors
from assay.entities.audit import AuditAction, Cause
from assay.entities.governance import Rule, RuleRun, RuleRunStatus
from assay.entities.ids import RunId
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.store.registry import RuleClaim, RuleOutcome
from assay.store.sql.audit import append_audit, model_of_name
from assay.store.sql.model_refs import ModelRef, lock_model
from assay.store.sql.new_versions import create_version
from assay.store.sql.registered_models import register_name
from assay.store.sql.statements import Sql
from assay.store.sql.version_rows import read_version

if TYPE_CHECKING:
    from sqlalchemy import Connection

Due = tuple[str, str, int]
"""Id of the rule, id of the run, and since when it is due."""
_MAX_MESSAGE: Final = 2_000
_CANDIDATES: Final = 20
"""Due runs that are tried one after another: other processes may be faster at some."""

RULE: Final = (
    "rule_id, rule_name, experiment_id, model_name, filter, logged_model, target, enabled,"
    " author, time"
)
_RUN = "rule_id, run_id, status, time, attempts, message, version, request_id"
_RULE_BY_ID = Sql(f"SELECT {RULE} FROM registry_rules WHERE rule_id = ?")  # noqa: S608
_DUE = Sql(
    "SELECT rule_id, run_id, next_time FROM rule_runs WHERE status = 'waiting' AND next_time <= ?"
    " ORDER BY next_time, rule_id, run_id LIMIT ?"
)
_CLAIM = Sql(
    "UPDATE rule_runs SET next_time = ?, attempts = attempts + 1"
    " WHERE rule_id = ? AND run_id = ? AND status = 'waiting' AND next_time = ?"
)
_CLAIMED = Sql("SELECT time, attempts FROM rule_runs WHERE rule_id = ? AND run_id = ?")
_POSTPONE = Sql(
    "UPDATE rule_runs SET next_time = ?, message = ?"
    " WHERE rule_id = ? AND run_id = ? AND status = 'waiting' AND next_time = ?"
)
_CLOSE = Sql(
    "UPDATE rule_runs SET status = ?, message = ?, version = ?, request_id = ?"
    " WHERE rule_id = ? AND run_id = ? AND status = 'waiting' AND next_time = ?"
)
_HAS_LEASE = Sql(
    "SELECT 1 FROM rule_runs"
    " WHERE rule_id = ? AND run_id = ? AND status = 'waiting' AND next_time = ?"
)
_VERSION_OF_MODEL = Sql(
    "SELECT version FROM model_versions WHERE registered_id = ? AND model_id = ?"
    " ORDER BY version LIMIT 1"
)
_VERSION_OF_SOURCE = Sql(
    "SELECT version FROM model_versions WHERE registered_id = ? AND run_id = ? AND source = ?"
    " ORDER BY version LIMIT 1"
)
_RUNS_OF = Sql(
    f"SELECT {_RUN} FROM rule_runs WHERE rule_id = ? ORDER BY time DESC, run_id LIMIT ?"  # noqa: S608
)
_RUN_OF = Sql(f"SELECT {_RUN} FROM rule_runs WHERE rule_id = ? AND run_id = ?")  # noqa: S608


def rule_of(row: tuple[Any, ...]) -> Rule:
    """The rule in a row of ``RULE`` columns."""
    return Rule(
        rule_id=row[0],
        rule_name=row[1],
        experiment_id=row[2],
        model_name=row[3],
        filter=row[4],
        logged_model=row[5],
        target=row[6],
        enabled=bool(row[7]),
        author=row[8],
        time=row[9],
    )


def _rule_run(row: tuple[Any, ...]) -> RuleRun:
    return RuleRun(
        rule_id=row[0],
        run_id=row[1],
        status=RuleRunStatus(row[2]),
        time=row[3],
        attempts=row[4],
        message=row[5],
        version=row[6],
        request_id=row[7],
    )


def runs_of(conn: Connection, rule_id: str, max_results: int) -> list[RuleRun]:
    """What a rule did, the latest first."""
    return [_rule_run(row) for row in _RUNS_OF.all(conn, rule_id, max_results)]


def due_runs(conn: Connection, now: int) -> list[Due]:
    """Runs that somebody should look at, the longest due first, a few."""
    return [(row[0], row[1], row[2]) for row in _DUE.all(conn, now, _CANDIDATES)]


def claim_due(conn: Connection, *, due: Due, lease: int) -> RuleClaim | None:
    """Take a due run until ``lease``; ``None`` where somebody else was faster."""
    rule_id, run_id, next_time = due
    if not _CLAIM.run(conn, lease, rule_id, run_id, next_time):
        return None
    rule, claimed = _RULE_BY_ID.one(conn, rule_id), _CLAIMED.one(conn, rule_id, run_id)
    assert rule is not None
    assert claimed is not None
    return RuleClaim(
        rule=rule_of(rule), run_id=RunId(run_id), lease=lease, time=claimed[0], attempts=claimed[1]
    )


def postpone_claimed(conn: Connection, claim: RuleClaim, *, until: int, message: str) -> None:
    """Give a run back until a time; nothing where the lease was lost."""
    _POSTPONE.run(
        conn, until, message[:_MAX_MESSAGE], claim.rule.rule_id, claim.run_id, claim.lease
    )


def _make_model(conn: Connection, name: str, cause: Cause) -> ModelRef:
    try:
        return register_name(conn, name, description="", tags={}, cause=cause)
    except errors.AlreadyExists as error:
        raise errors.Conflict(error.message) from None


def register_claimed(
    conn: Connection, claim: RuleClaim, new: NewModelVersion, cause: Cause
) -> ModelVersion:
    """Register a version, with its model if that is missing; the same one again is found.

    Raises:
        Conflict: the lease was lost, or somebody else makes the model right now.
    """
    if _HAS_LEASE.one(conn, claim.rule.rule_id, claim.run_id, claim.lease) is None:
        raise errors.Conflict(f"Somebody else looks at run {claim.run_id} for this rule now.")
    try:
        ref = lock_model(conn, new.name)
    except errors.RegisteredModelNotFound:
        ref = _make_model(conn, new.name, cause)
    if new.model_id is None:
        row = _VERSION_OF_SOURCE.one(conn, ref.registered_id, new.run_id, new.source)
    else:
        row = _VERSION_OF_MODEL.one(conn, ref.registered_id, new.model_id)
    if row is None:
        return create_version(conn, new, cause=cause)
    return read_version(conn, ref, row[0])


def close_claimed(
    conn: Connection, claim: RuleClaim, outcome: RuleOutcome, cause: Cause
) -> RuleRun | None:
    """Write down what came of it; ``None`` where the lease was lost."""
    rule, message = claim.rule, outcome.message[:_MAX_MESSAGE]
    closed = _CLOSE.run(
        conn,
        outcome.status.value,
        message,
        outcome.version,
        outcome.request_id,
        rule.rule_id,
        claim.run_id,
        claim.lease,
    )
    if not closed:
        return None
    if outcome.version is not None:
        details = {
            "rule": rule.rule_name,
            "run_id": claim.run_id,
            "status": outcome.status.value,
            "message": message,
            "request_id": outcome.request_id,
        }
        append_audit(
            conn,
            cause,
            AuditAction.RULE_FIRED,
            registered_id=model_of_name(conn, rule.model_name),
            name=rule.model_name,
            version=outcome.version,
            details=details,
        )
    row = _RUN_OF.one(conn, rule.rule_id, claim.run_id)
    return None if row is None else _rule_run(row)
