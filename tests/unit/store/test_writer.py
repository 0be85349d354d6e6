"""The writer: grouping, savepoints, and what callers may rely on when they wake."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from assay import errors
from assay.store.sql.sqlite import SqliteDatabase
from assay.store.sql.statements import Sql

_INSERT = Sql("INSERT INTO t (name) VALUES (?)")
_NAMES = Sql("SELECT name FROM t ORDER BY name")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "t.db")
    database.write(Sql("CREATE TABLE t (name TEXT PRIMARY KEY)").run)
    yield database
    database.close()


def insert(name: str) -> Callable[[Connection], int]:
    return lambda conn: _INSERT.run(conn, name)


def names(database: SqliteDatabase) -> list[str]:
    with database.read() as conn:
        return [row[0] for row in _NAMES.all(conn)]


class Held:
    """A change that has begun and doesn't end until told.

    What is written meanwhile waits behind it.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.database = database
        self.threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []
        self.run(self._change)
        assert self.begun.wait(10)

    def _change(self, conn: Connection) -> None:
        _INSERT.run(conn, "held")
        self.begun.set()
        assert self.go.wait(10)

    def run(self, change: Callable[[Connection], object]) -> None:
        def call() -> None:
            try:
                self.database.write(change)
            except BaseException as error:
                self.failures.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        self.threads.append(thread)

    def wait_until_queued(self, count: int) -> None:
        queue = self.database._writer._queue
        while queue.qsize() < count:
            threading.Event().wait(0.001)

    def finish(self) -> None:
        self.go.set()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()


def test_change_that_fails_is_undone_alone(database: SqliteDatabase) -> None:
    def fail(conn: Connection) -> None:
        _INSERT.run(conn, "undone")
        raise KeyError("no")

    held = Held(database)
    held.run(insert("a"))
    held.run(fail)
    held.run(insert("b"))
    held.wait_until_queued(3)
    held.finish()
    assert [type(error) for error in held.failures] == [KeyError]
    assert names(database) == ["a", "b", "held"]


def test_changes_that_wait_are_committed_together(database: SqliteDatabase) -> None:
    seen: list[list[str]] = []
    held = Held(database)
    held.run(lambda conn: seen.append(names(database)))
    held.wait_until_queued(1)
    held.finish()
    # Read from outside during the second change: the first is made, but not committed yet.
    assert seen == [[]]
    assert names(database) == ["held"]


def test_what_a_caller_wrote_is_visible_to_everybody_when_it_returns(
    database: SqliteDatabase,
) -> None:
    missed: list[str] = []

    def write_and_look(prefix: str) -> None:
        for i in range(50):
            name = f"{prefix}{i}"
            database.write(insert(name))
            if name not in names(database):
                missed.append(name)

    threads = [threading.Thread(target=write_and_look, args=(f"{k}-",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert missed == []
    assert len(names(database)) == 200


def test_result_and_error_of_a_change_reach_its_caller(database: SqliteDatabase) -> None:
    assert database.write(lambda conn: "result") == "result"
    with pytest.raises(ZeroDivisionError):
        database.write(lambda conn: 1 / 0)


def test_change_inside_a_change_is_a_mistake_not_a_deadlock(database: SqliteDatabase) -> None:
    with pytest.raises(RuntimeError, match="another change"):
        database.write(lambda conn: database.write(insert("inner")))
    assert names(database) == []


def test_close_finishes_what_waits_and_refuses_what_comes_later(database: SqliteDatabase) -> None:
    held = Held(database)
    held.run(insert("waiting"))
    held.wait_until_queued(1)
    closing = threading.Thread(target=database.close)
    closing.start()
    held.finish()
    closing.join(10)
    assert held.failures == []
    with pytest.raises(errors.StoreUnavailable):
        database.write(insert("late"))
    with pytest.raises(errors.StoreUnavailable):
        names(database)
    again = SqliteDatabase(database.path)
    assert names(again) == ["held", "waiting"]
    again.close()


def test_errors_raised_in_one_group_are_each_their_own(database: SqliteDatabase) -> None:
    database.write(insert("taken"))
    held = Held(database)
    for ident in ("0" * 32, "1" * 32):

        def refuse(conn: Connection, ident: str = ident) -> None:
            raise errors.RunNotFound(ident)

        held.run(refuse)
    held.wait_until_queued(2)
    held.finish()
    assert sorted(e.run_id for e in held.failures if isinstance(e, errors.RunNotFound)) == [
        "0" * 32,
        "1" * 32,
    ]


def test_deferred_changes_call_back_when_they_are_committed(database: SqliteDatabase) -> None:
    seen: list[tuple[object, type | None, list[str]]] = []
    over = threading.Event()

    def done(result: object, error: BaseException | None) -> None:
        seen.append((result, type(error) if error else None, names(database)))
        if len(seen) == 2:
            over.set()

    database.submit(insert("a"), done)
    database.submit(lambda conn: 1 / 0, done)
    assert over.wait(10)
    assert seen == [(1, None, ["a"]), (None, ZeroDivisionError, ["a"])]


def test_callback_that_fails_stops_nobody_else(database: SqliteDatabase) -> None:
    def done(result: object, error: BaseException | None) -> None:
        raise RuntimeError("the loop is closed")

    database.submit(insert("a"), done)
    database.write(insert("b"))
    assert names(database) == ["a", "b"]
