"""The audit log against somebody who has the database: what is done to it is refused, or found.

What is written behind the store's back is computed here from docs/formats/audit-log.md, not by the
code that is tested.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assay.entities.audit import Actor, AuditHead, Cause
from assay.store.sql.store import SqlStore, open_sql_store

CAUSE = Cause(Actor("alice", roles=("admin",), verified=True, origin="test"), "it was time")
COLUMNS = (
    "seq, time, actor, verified, origin, action, name, version, details, reason, registered_id,"
    " previous, digest"
)
RECORDS = 6


def digest_of(row: Sequence[Any]) -> str:
    """The digest of a record, as the format tells."""
    fields = [*row[:3], bool(row[3]), *row[4:12]]
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def execute(uri: str, *statements: str) -> list[Any]:
    """Run statements behind the store's back; returns the rows of the last."""
    if uri.startswith("postgresql"):
        with psycopg.connect(uri, autocommit=True) as postgres:
            for statement in statements:
                cursor = postgres.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
    sqlite = sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None)
    try:
        for statement in statements:
            rows = sqlite.execute(statement).fetchall()
        return rows
    finally:
        sqlite.close()


def literal(value: Any) -> str:
    """A value in a statement of either database."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def unlock(uri: str) -> None:
    """Take the database's own protection away, as its owner can."""
    if uri.startswith("postgresql"):
        execute(uri, "DROP TRIGGER audit_log_no_change ON audit_log")
    else:
        execute(uri, "DROP TRIGGER audit_log_no_update", "DROP TRIGGER audit_log_no_delete")


def rows_of(uri: str) -> list[list[Any]]:
    """All records, oldest first."""
    found = execute(uri, f"SELECT {COLUMNS} FROM audit_log ORDER BY seq")
    return [list(row) for row in found]


def insert(uri: str, row: Sequence[Any]) -> None:
    """Put a record in."""
    values = [*row[:3], bool(row[3]), *row[4:]]
    text = ", ".join(map(literal, values))
    execute(uri, f"INSERT INTO audit_log ({COLUMNS}) VALUES ({text})")


def forged(uri: str, seq: int, previous: str) -> list[Any]:
    """A record that never was, with a digest that is right."""
    row = rows_of(uri)[0]
    row[0], row[9], row[11] = seq, "forged", previous
    row[12] = digest_of(row)
    return row


class Tampering:
    """What holds over each database."""

    @pytest.fixture
    def uri(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def store(self, uri: str) -> Iterator[SqlStore]:
        store = open_sql_store(uri)
        for number in range(RECORDS):
            store.registered_models.create(
                f"m{number}", tags={"naïve": "'日本' \"x\" \\ "}, cause=CAUSE
            )
        yield store
        store.close()

    def problem(self, store: SqlStore, anchor: AuditHead | None = None) -> tuple[int, str]:
        report = store.audit.verify(anchor)
        assert report.problem is not None
        return report.problem.seq, report.problem.why

    def test_digests_are_those_of_the_format(self, store: SqlStore, uri: str) -> None:
        rows = rows_of(uri)
        assert [digest_of(row) for row in rows] == [row[12] for row in rows]
        assert [row[11] for row in rows] == ["0" * 64, *(row[12] for row in rows[:-1])]
        assert store.audit.head() == AuditHead(RECORDS, rows[-1][12])

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_log SET reason = 'another' WHERE seq = 3",
            "DELETE FROM audit_log WHERE seq = 3",
            "DELETE FROM audit_log",
        ],
    )
    def test_database_refuses_to_change_records(
        self, store: SqlStore, uri: str, statement: str
    ) -> None:
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException)):
            execute(uri, statement)
        assert store.audit.verify().ok

    @pytest.mark.parametrize(
        "change",
        [
            "time = time + 1",
            "actor = 'mallory'",
            "verified = (1 = 0)",
            "origin = ''",
            "action = 'model.deleted'",
            "name = 'm9'",
            "version = 1",
            "details = '{}'",
            "reason = 'it was not time'",
            "registered_id = registered_id + 1",
            "registered_id = NULL",
            "digest = previous",
        ],
    )
    def test_altered_record_is_named(self, store: SqlStore, uri: str, change: str) -> None:
        unlock(uri)
        execute(uri, f"UPDATE audit_log SET {change} WHERE seq = 3")
        assert self.problem(store) == (3, "it was altered")

    def test_record_altered_with_its_digest_does_not_fit_the_next(
        self, store: SqlStore, uri: str
    ) -> None:
        unlock(uri)
        row = rows_of(uri)[2]
        row[9] = "it was not time"
        digest = digest_of(row)
        execute(
            uri,
            f"UPDATE audit_log SET reason = '{row[9]}', digest = '{digest}' WHERE seq = 3",
        )
        assert self.problem(store) == (4, "it doesn't follow the record before it")

    def test_last_record_altered_with_its_digest_is_not_the_head(
        self, store: SqlStore, uri: str
    ) -> None:
        unlock(uri)
        row = rows_of(uri)[-1]
        row[9] = "it was not time"
        digest = digest_of(row)
        execute(
            uri,
            f"UPDATE audit_log SET reason = '{row[9]}', digest = '{digest}' WHERE seq = {RECORDS}",
        )
        assert self.problem(store) == (RECORDS, "it is not the one that the log's head names")

    @pytest.mark.parametrize("seq", [1, 3, RECORDS])
    def test_missing_record_is_named(self, store: SqlStore, uri: str, seq: int) -> None:
        unlock(uri)
        execute(uri, f"DELETE FROM audit_log WHERE seq = {seq}")
        assert self.problem(store) == (seq, "it is missing")

    def test_emptied_log_is_found(self, store: SqlStore, uri: str) -> None:
        unlock(uri)
        execute(uri, "DELETE FROM audit_log")
        assert self.problem(store) == (1, "it is missing")

    @pytest.mark.parametrize("seq", [0, -5])
    def test_record_slipped_in_before_the_first_is_found(
        self, store: SqlStore, uri: str, seq: int
    ) -> None:
        insert(uri, forged(uri, seq, "0" * 64))
        assert self.problem(store) == (1, "a record that was not there was slipped in before it")

    def test_record_added_behind_the_end_is_named(self, store: SqlStore, uri: str) -> None:
        insert(uri, forged(uri, RECORDS + 1, store.audit.head().digest))
        assert self.problem(store) == (RECORDS + 1, "it was added behind the end of the log")

    def test_record_slipped_in_between_does_not_fit(self, store: SqlStore, uri: str) -> None:
        unlock(uri)
        rows = rows_of(uri)
        execute(uri, *(f"UPDATE audit_log SET seq = {n + 1} WHERE seq = {n}" for n in (6, 5, 4)))
        insert(uri, forged(uri, 4, rows[2][12]))
        execute(uri, f"UPDATE audit_head SET seq = {RECORDS + 1}")
        assert self.problem(store) == (5, "it doesn't follow the record before it")

    def test_log_cut_off_with_its_head_shows_against_an_anchor(
        self, store: SqlStore, uri: str
    ) -> None:
        noted = store.audit.head()
        unlock(uri)
        execute(uri, "DELETE FROM audit_log WHERE seq > 4")
        execute(uri, f"UPDATE audit_head SET seq = 4, digest = '{rows_of(uri)[-1][12]}'")
        assert store.audit.verify().ok
        assert self.problem(store, noted) == (5, "it is missing: the log was longer once")

    def test_log_written_anew_shows_against_an_anchor(self, store: SqlStore, uri: str) -> None:
        early, late = AuditHead(2, rows_of(uri)[1][12]), store.audit.head()
        unlock(uri)
        rows = rows_of(uri)
        rows[3][2] = "mallory"
        for before, row in itertools.pairwise(rows[2:]):
            row[11] = before[12]
            row[12] = digest_of(row)
        execute(uri, "DELETE FROM audit_log WHERE seq > 3")
        for row in rows[3:]:
            insert(uri, row)
        execute(uri, f"UPDATE audit_head SET digest = '{rows[-1][12]}'")
        assert store.audit.verify().ok
        assert store.audit.verify(early).ok
        assert self.problem(store, late) == (RECORDS, "it is not the one that was noted earlier")

    def test_log_goes_on_behind_what_was_found(self, store: SqlStore, uri: str) -> None:
        unlock(uri)
        execute(uri, "UPDATE audit_log SET reason = 'x' WHERE seq = 3")
        store.registered_models.create("later", cause=CAUSE)
        assert self.problem(store)[0] == 3
        assert store.audit.head().seq == RECORDS + 1

    def test_time_that_went_back_does_not_go_back_in_the_log(
        self, store: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The clock of a machine is set back: nothing else can show it.
        monkeypatch.setattr("assay.store.sql.audit.now_ms", lambda: 1_000)
        store.registered_models.create("later", cause=CAUSE)
        before, last = store.audit.page()[-2:]
        assert last.time == before.time
        assert store.audit.verify().ok


class TestTamperingWithSqlite(Tampering):
    """A file that somebody opens with another program."""

    @pytest.fixture
    def uri(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/assay.db"


@pytest.mark.postgres
class TestTamperingWithPostgres(Tampering):
    """A server of which somebody has the password."""

    @pytest.fixture
    def uri(self, postgres_uri: str) -> str:
        return postgres_uri
