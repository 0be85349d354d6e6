"""PostgreSQL as a store: collisions, lost connections, pgbouncer's way."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_writer_id
from assay.entities.metrics import Metric
from assay.entities.operations import Delivery, SetTags
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.entities.tags import Tag
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store

pytestmark = pytest.mark.postgres


@pytest.fixture
def store(postgres_uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(postgres_uri)
    store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))
    yield store
    store.close()


def in_threads(*calls) -> list[BaseException]:
    failures: list[BaseException] = []

    def guard(call) -> None:
        try:
            call()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guard, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return failures


def test_many_threads_write_one_run_without_loss(store: SqlStore) -> None:
    def write(number: int) -> None:
        for i in range(20):
            store.runs.log_batch(
                "r",
                metrics=[Metric(f"m{number}", float(i), i, i), Metric("shared", number, i, i)],
                params=[Param(f"p{number}.{i}", "1")],
            )

    failures = in_threads(*(lambda n=n: write(n) for n in range(6)))
    assert failures == []
    data = store.runs.get("r").data
    assert len(data.params) == 120
    assert {k: v for k, v in data.metrics.items() if k != "shared"} == {
        f"m{n}": 19.0 for n in range(6)
    }
    assert len(store.metrics.page("r", "shared")) == 120


def test_one_of_two_values_for_a_param_wins_and_the_other_is_refused(store: SqlStore) -> None:
    for i in range(20):
        failures = in_threads(
            *(
                lambda v=v, i=i: store.runs.log_batch("r", params=[Param(f"p{i}", str(v))])
                for v in range(2)
            )
        )
        assert [type(f) for f in failures] == [errors.ParamChanged]


def test_same_delivery_from_two_threads_is_applied_once(store: SqlStore) -> None:
    receipts = []
    for i in range(10):
        delivery = Delivery(new_writer_id(), 0, 10, [SetTags("r", {f"t{i}": "x"})])
        assert in_threads(*[lambda d=delivery: receipts.append(store.apply(d))] * 2) == []
    assert sorted(r.applied for r in receipts) == [False] * 10 + [True] * 10


def test_experiment_created_by_two_threads_exists_once(store: SqlStore) -> None:
    for i in range(10):
        failures = in_threads(*[lambda i=i: store.experiments.create(f"e{i}")] * 2)
        assert [type(f) for f in failures] == [errors.AlreadyExists]


def test_deadlocked_changes_are_repeated_until_both_are_made(store: SqlStore) -> None:
    store.runs.create(NewRun("s", DEFAULT_EXPERIMENT_ID, 5))
    touch = Sql("UPDATE runs SET user_id = user_id || 'x' WHERE run_id = ?")
    both = threading.Barrier(2)
    attempts = []

    def change(first: str, second: str) -> None:
        def run(conn: Connection) -> None:
            touch.run(conn, first)
            attempts.append(first)
            if attempts.count(first) == 1:
                both.wait(10)
            touch.run(conn, second)

        store.database.write(run)

    assert in_threads(lambda: change("r", "s"), lambda: change("s", "r")) == []
    assert len(attempts) > 2
    assert store.runs.get("r").info.user_id == "xx"
    assert store.runs.get("s").info.user_id == "xx"


def test_reads_of_one_turn_see_one_moment(store: SqlStore) -> None:
    count = Sql("SELECT count(*) FROM runs")
    with store.database.read() as conn:
        assert count.one(conn) == (1,)
        store.runs.create(NewRun("later", DEFAULT_EXPERIMENT_ID, 5))
        assert count.one(conn) == (1,)


def test_connections_lost_in_a_restart_are_replaced(postgres_server, store: SqlStore) -> None:
    store.runs.get("r")
    postgres_server.restart()
    # The first call of each kind may be told that its connection is gone; the next ones work.
    for call in (
        lambda: store.runs.get("r"),
        lambda: store.runs.log_batch("r", tags=[Tag("a", "b")]),
    ):
        try:
            call()
        except errors.StoreUnavailable:
            call()
    assert store.runs.get("r").data.tags["a"] == "b"


def test_change_cut_off_before_its_commit_is_made_on_a_fresh_connection(store: SqlStore) -> None:
    cut = []

    def change(conn: Connection) -> None:
        Sql("UPDATE runs SET user_id = 'made' WHERE run_id = 'r'").run(conn)
        if not cut:
            cut.append(1)
            Sql("SELECT pg_terminate_backend(pg_backend_pid())").one(conn)

    store.database.write(change)
    assert store.runs.get("r").info.user_id == "made"


def test_prepared_statements_can_be_switched_off_for_pgbouncer(postgres_uri: str) -> None:
    store = open_sql_store(postgres_uri + "?prepare_threshold=none")
    store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))
    for i in range(20):
        store.runs.log_batch("r", tags=[Tag("a", str(i))])

    def prepared(conn: Connection) -> tuple[object, ...] | None:
        return Sql("SELECT count(*) FROM pg_prepared_statements").one(conn)

    assert store.database.write(prepared) == (0,)
    assert "prepare_threshold" in store.uri
    store.close()


def test_database_user_without_rights_is_told(postgres_uri: str) -> None:
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    store = open_sql_store(postgres_uri.replace("assay@", "reader@"))
    assert store.experiments.get(DEFAULT_EXPERIMENT_ID).name == "Default"
    with pytest.raises(errors.PermissionDenied):
        store.experiments.create("e")
    store.close()
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("DROP OWNED BY reader")
        connection.execute("DROP ROLE reader")


def test_closed_store_says_so(postgres_uri: str) -> None:
    store = open_sql_store(postgres_uri)
    store.close()
    with pytest.raises(errors.StoreUnavailable):
        store.experiments.get(DEFAULT_EXPERIMENT_ID)
    with pytest.raises(errors.StoreUnavailable):
        store.experiments.create("e")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_both_sides_of_a_fork_go_on(store: SqlStore) -> None:
    store.runs.log_batch("r", tags=[Tag("before", "1")])
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for i in range(5):
                store.runs.log_batch("r", tags=[Tag("child", str(i))])
            status = 0 if store.runs.get("r").data.tags["child"] == "4" else 2
        finally:
            os._exit(status)
    for i in range(5):
        store.runs.log_batch("r", tags=[Tag("parent", str(i))])
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    tags = store.runs.get("r").data.tags
    assert (tags["before"], tags["child"], tags["parent"]) == ("1", "4", "4")
