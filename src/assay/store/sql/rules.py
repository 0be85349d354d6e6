"""Rules in SQL, and the finished runs that they look at.

A run that finishes leaves a waiting row for each rule of its experiment (``finished_runs``), which
somebody claims and works off (``rule_work``): a loop of a server, or a command.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from assay import errors
from assay.entities.audit import AuditAction, Cause
from assay.entities.governance import Rule, RuleRun
from assay.entities.ids import RunId, check_experiment_id
from assay.entities.model_versions import NO_STAGE, ModelVersion, NewModelVersion
from assay.entities.names import check_key, check_value
from assay.entities.registry_names import check_registered_name, check_target
from assay.search.parse import parse_filter
from assay.search.vocabulary import RUNS
from assay.store.registry import RuleClaim, RuleOutcome, RuleStore, rule_filter
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.experiments import require_active_experiment
from assay.store.sql.logged_models import check_model_name
from assay.store.sql.model_refs import find_ref
from assay.store.sql.moves import canonical_stage
from assay.store.sql.rule_work import (
    RULE,
    claim_due,
    close_claimed,
    due_runs,
    postpone_claimed,
    register_claimed,
    rule_of,
    runs_of,
)
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_RULES: Final = 1_000
"""Every run that finishes asks for those of its experiment, and all are listed at once."""
MAX_RUNS: Final = 1_000
_LONGEST_RUN_ID: Final = "r" * 256

_BY_NAME = Sql(f"SELECT {RULE} FROM registry_rules WHERE rule_name = ? {{FOR UPDATE}}")  # noqa: S608
_ID_OF = Sql("SELECT rule_id FROM registry_rules WHERE rule_name = ?")
_ALL = Sql(f"SELECT {RULE} FROM registry_rules ORDER BY rule_name")  # noqa: S608
_COUNT = Sql("SELECT count(*) FROM registry_rules")
_INSERT = Sql(
    f"INSERT INTO registry_rules ({RULE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT (rule_name) DO NOTHING"
)
_UPDATE = Sql(
    "UPDATE registry_rules SET experiment_id = ?, model_name = ?, filter = ?, logged_model = ?,"
    " target = ?, enabled = ?, author = ?, time = ? WHERE rule_id = ?"
)
_DELETE = Sql("DELETE FROM registry_rules WHERE rule_id = ?")
_DELETE_RUNS = Sql("DELETE FROM rule_runs WHERE rule_id = ?")


def _told(rule: Rule) -> dict[str, Any]:
    """What the audit log keeps of a rule."""
    return {
        "rule": rule.rule_name,
        "experiment_id": rule.experiment_id,
        "model_name": rule.model_name,
        "filter": rule.filter,
        "logged_model": rule.logged_model,
        "target": rule.target,
        "enabled": rule.enabled,
    }


def check_rule(rule: Rule) -> None:
    """Check what a rule says.

    Raises:
        InvalidInput: a name is none, the filter or target doesn't parse, or nothing can be asked
            for the stage ``None``.
    """
    check_key("rule name", rule.rule_name)
    check_experiment_id(rule.experiment_id)
    check_registered_name(rule.model_name)
    check_model_name(rule.logged_model)
    parse_filter(rule.filter, RUNS)
    # With the longest id: what fits now must fit for every run.
    parse_filter(rule_filter(rule, RunId(_LONGEST_RUN_ID)), RUNS)
    if rule.target and check_target(rule.target).lower() == NO_STAGE.lower():
        raise errors.InvalidInput(
            f"A rule can't request the stage {rule.target!r}: every version begins there."
            " Leave the target empty to register only."
        )


def _known_target(conn: Connection, rule: Rule) -> str:
    """The target as the model's list of stages spells it; as it is, where there is no model yet."""
    if rule.target and not rule.target.startswith("@"):
        with suppress(errors.RegisteredModelNotFound):
            return canonical_stage(conn, find_ref(conn, rule.model_name), rule.target)
    return rule.target


def _set_rule(conn: Connection, rule: Rule, cause: Cause) -> Rule:
    require_active_experiment(conn, rule.experiment_id)
    rule = replace(rule, target=_known_target(conn, rule))
    row = _BY_NAME.one(conn, rule.rule_name)
    new = replace(rule, rule_id=os.urandom(16).hex(), author=cause.actor.name, time=now_ms())
    if row is None:
        found = _COUNT.one(conn)
        if found is not None and found[0] >= MAX_RULES:
            raise errors.LimitExceeded("The number of rules", limit=MAX_RULES, got=found[0] + 1)
        if not _INSERT.run(conn, *(getattr(new, name) for name in RULE.split(", "))):
            raise errors.Conflict(
                f"The rule {rule.rule_name!r} was made by somebody else just now. Look at it first."
            )
        append_audit(conn, cause, AuditAction.RULE_SET, details=_told(new))
        return new
    old = rule_of(row)
    if _told(old) == _told(new):
        return old
    new = replace(new, rule_id=old.rule_id)
    _UPDATE.run(
        conn,
        new.experiment_id,
        new.model_name,
        new.filter,
        new.logged_model,
        new.target,
        new.enabled,
        new.author,
        new.time,
        new.rule_id,
    )
    append_audit(conn, cause, AuditAction.RULE_SET, details=_told(new) | {"before": _told(old)})
    return new


def _remove_rule(conn: Connection, rule_name: str, cause: Cause) -> None:
    row = _BY_NAME.one(conn, rule_name)
    if row is None:
        raise errors.RegistryItemNotFound("rule", rule_name)
    _DELETE_RUNS.run(conn, row[0])
    _DELETE.run(conn, row[0])
    append_audit(conn, cause, AuditAction.RULE_REMOVED, details=_told(rule_of(row)))


class SqlRules(RuleStore):
    """Rules of a SQL store, and what works them off; see ``SupportsRuleWork``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, rule: Rule, *, cause: Cause) -> Rule:
        """Make a rule, or replace the one with this name."""
        check_rule(rule)
        return self._database.write(lambda conn: _set_rule(conn, rule, cause))

    def remove(self, rule_name: str, *, cause: Cause) -> None:
        """Take a rule away, with what it noted of runs."""
        check_value("rule name", rule_name)
        self._database.write(lambda conn: _remove_rule(conn, rule_name, cause))

    def all(self) -> list[Rule]:
        """All rules by name."""
        with self._database.read() as conn:
            return [rule_of(row) for row in _ALL.all(conn)]

    def runs(self, rule_name: str, *, max_results: int = 100) -> list[RuleRun]:
        """What a rule did lately, the latest first, at most 1,000."""
        check_value("rule name", rule_name)
        with self._database.read() as conn:
            row = _ID_OF.one(conn, rule_name)
            if row is None:
                raise errors.RegistryItemNotFound("rule", rule_name)
            return runs_of(conn, row[0], max(1, min(max_results, MAX_RUNS)))

    def claim(self, *, lease_s: float) -> RuleClaim | None:
        """A finished run that is due, for this caller alone until the lease ends, or ``None``."""
        now = now_ms()
        with self._database.read() as conn:
            candidates = due_runs(conn, now)
        lease = now + int(lease_s * 1_000)
        for due in candidates:
            claim = self._database.write(partial(claim_due, due=due, lease=lease))
            if claim is not None:
                return claim
        return None

    def register(self, claim: RuleClaim, new: NewModelVersion, *, cause: Cause) -> ModelVersion:
        """Register a version, in one transaction with its model if that is missing."""
        return self._database.write(lambda conn: register_claimed(conn, claim, new, cause))

    def postpone(self, claim: RuleClaim, *, delay_s: float, message: str) -> None:
        """Look at it again later. Whoever lost the lease changes nothing."""
        until = now_ms() + int(delay_s * 1_000)
        self._database.write(
            lambda conn: postpone_claimed(conn, claim, until=until, message=message)
        )

    def finish(self, claim: RuleClaim, outcome: RuleOutcome, *, cause: Cause) -> RuleRun | None:
        """Write down what came of it; ``None`` where the lease was lost, which changes nothing."""
        return self._database.write(lambda conn: close_claimed(conn, claim, outcome, cause))
