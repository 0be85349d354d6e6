"""What a store doesn't import until it is needed, and what is needed from several sides."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assay.entities.ids import ExperimentId, RunId
from assay.entities.metrics import Metric
from assay.entities.runs import NewRun
from assay.store.sql.sqlite import SqliteDatabase
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store

RUN = RunId("a" * 32)
ZERO = ExperimentId("0")


@pytest.fixture
def store(tmp_path: Path):
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    yield store
    store.close()


def _new_run() -> NewRun:
    return NewRun(run_id=RUN, experiment_id=ZERO, start_time=1, run_name="r", user_id="u")


def test_recording_a_run_needs_neither_sqlalchemy_nor_numpy(store: SqlStore) -> None:
    program = f"""
import sys
from assay.entities.operations import Delivery, SetTags, StartRun, UpdateRun
from assay.entities.runs import RunStatus
from assay.store.sql.store import open_sql_store
store = open_sql_store({store.uri!r})
store.apply(Delivery("w", 0, 9, [
    StartRun(run_id={RUN!r}, experiment_id="0", start_time=1, run_name="r"),
    SetTags({RUN!r}, {{"a": "b"}}),
    UpdateRun({RUN!r}, RunStatus.FINISHED, 2),
]))
print(store.runs.get({RUN!r}).info.status.value)
store.close()
print(sorted({{"sqlalchemy", "numpy", "alembic"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("FINISHED\n[]\n", "")


def test_a_resource_is_made_once_however_many_ask(store: SqlStore) -> None:
    gate = threading.Barrier(4)
    found = []

    def ask() -> None:
        gate.wait()
        found.append(store.metrics)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(one) for one in found}) == 1


def test_every_resource_can_be_made_and_no_other_name(store: SqlStore) -> None:
    from assay.store.base import Store

    for name in Store.__annotations__:
        assert getattr(store, name) is getattr(store, name)
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = store.nothing_such


def test_a_search_within_a_change_sees_it_and_leaves_its_transaction_open(tmp_path: Path) -> None:
    # SQLAlchemy's connection is made in the middle of the change.
    from sqlalchemy import text

    database = SqliteDatabase(tmp_path / "a.db")
    insert = Sql("INSERT INTO t VALUES (?)")

    def change(conn):
        Sql("CREATE TABLE t (x)").run(conn)
        insert.run(conn, 1)
        assert conn.execute(text("SELECT count(*) FROM t")).scalar_one() == 1
        insert.run(conn, 2)

    def failing(conn):
        insert.run(conn, 3)
        conn.execute(text("INSERT INTO t VALUES (4)"))
        raise KeyError

    database.write(change)
    with pytest.raises(KeyError):
        database.write(failing)
    with database.read() as conn:
        assert conn.execute(text("SELECT x FROM t ORDER BY x")).scalars().all() == [1, 2]
        assert Sql("SELECT count(*) FROM t").one(conn) == (2,)
    database.close()


def test_metrics_of_a_first_batch_are_kept(store: SqlStore) -> None:
    store.runs.create(_new_run())
    store.runs.log_batch(RUN, metrics=[Metric("loss", 0.5, 1, 0)])
    assert store.runs.get(RUN).data.metrics == {"loss": 0.5}
