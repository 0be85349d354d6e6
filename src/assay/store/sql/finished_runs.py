"""Finished runs: what the end of a run leaves behind for rules, in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.entities.ids import RunId
from assay.store.sql.checks import now_ms
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

# A run that was resumed and finishes again may fit now; what was registered once stays. The lock
# leaves out a rule that is being removed: a reference to it would make the run's end fail.
_NOTE = Sql(
    "INSERT INTO rule_runs (rule_id, run_id, status, time, next_time, attempts, message)"
    " SELECT g.rule_id, r.run_id, 'waiting', ?, ?, 0, '' FROM runs r JOIN registry_rules g"
    " ON g.experiment_id = r.experiment_id WHERE r.run_id = ? AND g.enabled {FOR KEY SHARE OF g}"
    " ON CONFLICT (rule_id, run_id) DO UPDATE SET status = 'waiting', time = excluded.time,"
    " next_time = excluded.next_time, attempts = 0, message = ''"
    " WHERE rule_runs.status IN ('skipped', 'failed')"
)


def note_finished(conn: Connection, run_id: RunId) -> None:
    """Let the rules of its experiment look at a run that has just finished.

    One statement, which finds nothing where there are no rules.
    """
    now = now_ms()
    _NOTE.run(conn, now, now, run_id)
