"""The audit log in SQL: it grows with its transactions, and is read in pages meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from assay import errors
from assay.entities.audit import AuditAction, AuditHead
from assay.store.sql import audit
from assay.store.sql.audit import append_audit
from assay.store.sql.store import SqlStore, open_sql_store
from tests.unit.store.registry_state import in_threads, somebody

COUNT = 8


def opened(uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(uri)
    yield store
    store.close()


def append(store: SqlStore, count: int = 1) -> None:
    def change(conn: Connection) -> None:
        for number in range(count):
            append_audit(
                conn,
                somebody("ann", reason='because "ü" \n'),
                AuditAction.STAGE_CHANGED,
                registered_id=1,
                name="digits",
                version=number + 1,
                details={"moves": [{"target": "Staging", "from": [], "to": [number + 1]}]},
            )

    store.database.write(change)


class AuditLogTests:
    """What holds on both databases."""

    @pytest.fixture
    def log(self, store: SqlStore) -> SqlStore:
        append(store, COUNT)
        return store

    def test_log_is_followed_over_many_pages(
        self, log: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "_VERIFIED_AT_ONCE", 3)  # a real page is 10,000 records
        assert log.audit.verify().records == COUNT
        noted = AuditHead(7, "0" * 64)
        problem = log.audit.verify(noted).problem
        assert problem is not None
        assert problem.seq == 7

    def test_change_that_is_undone_leaves_no_gap(self, log: SqlStore) -> None:
        def fail(conn: Connection) -> None:
            append_audit(conn, somebody("ann"), AuditAction.USER_SET)
            raise errors.InvalidInput("no")

        with pytest.raises(errors.InvalidInput):
            log.database.write(fail)
        append(log)
        assert log.audit.verify().records == COUNT + 1

    def test_log_can_be_read_while_it_grows(self, log: SqlStore) -> None:
        def grow() -> None:
            for _ in range(10):
                append(log)

        def check() -> None:
            for _ in range(10):
                assert log.audit.verify().ok

        in_threads(grow, grow, grow, check, check)
        assert log.audit.verify().records == COUNT + 30


class TestSqlite(AuditLogTests):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        yield from opened(f"sqlite:///{tmp_path}/assay.db")


@pytest.mark.postgres
class TestPostgres(AuditLogTests):
    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        yield from opened(postgres_uri)
