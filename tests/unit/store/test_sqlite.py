"""SQLite as a store: files, several processes, forks, full disks, damage."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_run_id
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.entities.tags import Tag
from assay.store.base import Query
from assay.store.sql import writer
from assay.store.sql.sqlite import SqliteDatabase
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store


def open_at(path: Path) -> SqlStore:
    return open_sql_store(f"sqlite:///{path}")


def start(store: SqlStore) -> str:
    return store.runs.create(NewRun(new_run_id(), DEFAULT_EXPERIMENT_ID, 1)).info.run_id


def run_python(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_files_are_private_to_their_user(tmp_path: Path) -> None:
    path = tmp_path / "made" / "deep" / "assay.db"
    store = open_at(path)
    start(store)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    assert modes == {"assay.db": 0o600, "assay.db-wal": 0o600, "assay.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    store.close()


@pytest.mark.parametrize(("durability", "synchronous"), [("normal", 1), ("full", 2)])
def test_durability_decides_when_the_disk_is_waited_for(
    tmp_path: Path, durability: str, synchronous: int
) -> None:
    store = open_sql_store(f"sqlite:///{tmp_path}/a.db", durability=durability)
    assert store.database.write(Sql("PRAGMA synchronous").one) == (synchronous,)
    assert store.database.write(Sql("PRAGMA journal_mode").one) == ("wal",)
    store.close()


def test_store_opens_again_with_what_it_held(tmp_path: Path) -> None:
    store = open_at(tmp_path / "a.db")
    ident = start(store)
    store.close()
    again = open_at(tmp_path / "a.db")
    assert again.runs.get(ident).info.run_id == ident
    assert again.uri == f"sqlite:///{tmp_path}/a.db"
    again.close()


def test_reader_keeps_its_snapshot_while_others_write(tmp_path: Path) -> None:
    store = open_at(tmp_path / "a.db")
    count = Sql("SELECT count(*) FROM runs")
    with store.database.read() as conn:
        start(store)
        assert count.one(conn) == (0,)
    with store.database.read() as conn:
        assert count.one(conn) == (1,)
    store.close()


def test_reader_cannot_write(tmp_path: Path) -> None:
    store = open_at(tmp_path / "a.db")
    with pytest.raises(errors.PermissionDenied), store.database.read() as conn:
        Sql("DELETE FROM experiments").run(conn)
    store.close()


_EIGHT = """
import sys
from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.entities.metrics import Metric
from assay.entities.runs import NewRun
from assay.entities.tags import Tag
from assay.store.sql.store import open_sql_store
path, number = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
store = open_sql_store(f"sqlite:///{path}")
store.runs.create(NewRun("shared", DEFAULT_EXPERIMENT_ID, 5))
for i in range(60):
    store.runs.log_batch("shared", metrics=[Metric("m" + number, float(i), i, i)],
                         tags=[Tag(f"t{number}", str(i))])
store.close()
"""


def test_eight_processes_share_one_fresh_file_and_one_run(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _EIGHT, str(path), str(i)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(8)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    results = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    results = [process.communicate(timeout=120) for process in processes]
    assert [(p.returncode, err) for p, (_, err) in zip(processes, results, strict=True)] == [
        (0, "")
    ] * 8
    store = open_at(path)
    data = store.runs.get("shared").data  # type: ignore[arg-type]
    assert data.metrics == {f"m{i}": 59.0 for i in range(8)}
    for i in range(8):
        assert len(store.metrics.page("shared", f"m{i}")) == 60  # type: ignore[arg-type]
    store.close()


def test_change_waits_for_another_process_instead_of_failing(tmp_path: Path) -> None:
    store = open_at(tmp_path / "a.db")
    ident = start(store)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    done = threading.Event()

    def change() -> None:
        store.runs.log_batch(ident, tags=[Tag("a", "b")])
        done.set()

    thread = threading.Thread(target=change)
    thread.start()
    assert not done.wait(0.3)
    other.execute("COMMIT")
    assert done.wait(10)
    thread.join()
    other.close()
    assert store.runs.get(ident).data.tags["a"] == "b"
    store.close()


def test_lock_that_is_never_released_ends_as_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A minute of real waiting would show the same.
    monkeypatch.setattr(writer, "BUSY_DEADLINE_S", 0.2)
    monkeypatch.setattr("assay.store.sql.sqlite._PRAGMAS", ("PRAGMA busy_timeout=10",))
    store = open_at(tmp_path / "a.db")
    ident = start(store)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(errors.StoreUnavailable, match="busy"):
        store.runs.log_batch(ident, tags=[Tag("a", "b")])
    assert store.runs.get(ident).info.run_id == ident
    other.execute("ROLLBACK")
    other.close()
    store.runs.log_batch(ident, tags=[Tag("a", "b")])
    store.close()


_WRITE_UNTIL_KILLED = """
import sys
from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.store.sql.store import open_sql_store
store = open_sql_store(f"sqlite:///{sys.argv[1]}")
store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))
for i in range(100000):
    store.runs.log_batch("r", params=[Param(f"a{i}", "1"), Param(f"b{i}", "1")])
    print(i, flush=True)
"""


def test_what_was_acknowledged_survives_kill_and_no_batch_is_half(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    process = run_python(_WRITE_UNTIL_KILLED, str(path))
    assert process.stdout is not None
    for _ in range(100):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=30)
    last = max([99, *(int(line) for line in rest.split()[:-1])])
    store = open_at(path)
    params = store.runs.get("r").data.params  # type: ignore[arg-type]
    assert all(f"a{i}" in params and f"b{i}" in params for i in range(last + 1))
    assert len(params) % 2 == 0
    store.close()


_FILL = """
import resource, signal, sys
from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.entities.runs import NewRun
from assay.entities.tags import Tag
from assay.store.sql.store import open_sql_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_sql_store(f"sqlite:///{sys.argv[1]}")
store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))
kept = 0
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
try:
    for i in range(1000):
        store.runs.log_batch("r", tags=[Tag(f"t{i}", "x" * 8000)])
        kept += 1
except errors.StoreFull:
    pass
else:
    sys.exit("the limit was never met")
assert 0 < kept < 1000, kept
assert len(store.runs.get("r").data.tags) == kept + 1, "reads go on, and nothing half is there"
resource.setrlimit(resource.RLIMIT_FSIZE, before)
store.runs.log_batch("r", tags=[Tag("after", "x" * 8000)])
assert len(store.runs.get("r").data.tags) == kept + 2
store.close()
"""


def test_full_disk_is_told_reads_go_on_and_writes_recover(tmp_path: Path) -> None:
    process = run_python(_FILL, str(tmp_path / "a.db"))
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")
    store = open_at(tmp_path / "a.db")
    assert "after" in store.runs.get("r").data.tags  # type: ignore[arg-type]
    store.close()


def test_group_that_met_a_full_database_fails_as_a_whole_and_keeps_nothing(
    tmp_path: Path,
) -> None:
    database = SqliteDatabase(tmp_path / "a.db")
    database.write(Sql("CREATE TABLE t (a BLOB)").run)
    pages = database.write(Sql("PRAGMA page_count").one)
    assert pages is not None
    database.write(Sql(f"PRAGMA max_page_count={pages[0] + 2}").one)
    insert = Sql("INSERT INTO t (a) VALUES (zeroblob(?))")
    with pytest.raises(errors.StoreFull):
        database.write(lambda conn: insert.run(conn, 1_000_000))
    with database.read() as conn:
        assert Sql("SELECT count(*) FROM t").one(conn) == (0,)
    database.write(lambda conn: insert.run(conn, 100))
    database.close()


_FORK = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons dislike forks beside threads
from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.entities.runs import NewRun
from assay.entities.tags import Tag
from assay.store.sql.store import open_sql_store
store = open_sql_store(f"sqlite:///{sys.argv[1]}")
store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))
stop = threading.Event()
count = [0]
def busy():
    while not stop.is_set():
        store.runs.log_batch("r", tags=[Tag("parent", str(count[0]))])
        store.runs.get("r")
        count[0] += 1
thread = threading.Thread(target=busy)
thread.start()
children = []
for number in range(5):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for i in range(20):
                store.runs.log_batch("r", tags=[Tag(f"child{number}", str(i))])
            status = 0 if store.runs.get("r").data.tags[f"child{number}"] == "19" else 2
        finally:
            os._exit(status)
    children.append(pid)
statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
stop.set()
thread.join()
tags = store.runs.get("r").data.tags
assert statuses == [0] * 5, statuses
assert [tags[f"child{n}"] for n in range(5)] == ["19"] * 5
assert tags["parent"] == str(count[0] - 1)
store.close()
"""


def test_both_sides_of_a_fork_go_on_while_threads_write(tmp_path: Path) -> None:
    process = run_python(_FORK, str(tmp_path / "a.db"))
    _, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (0, "")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fork_during_a_read_leaves_the_child_a_store_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.store.sql.sqlite._FORK_PATIENCE_S", 0.05)
    store = open_at(tmp_path / "a.db")
    with store.database.read():
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                store.runs.search([DEFAULT_EXPERIMENT_ID], Query())
            except errors.StoreUnavailable:
                status = 0
            finally:
                os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    start(store)
    store.close()


def test_file_that_is_no_database_is_told_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(errors.Corrupted):
        open_at(path)


def test_place_that_cannot_be_written_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(errors.PermissionDenied):
        open_at(tmp_path / "file" / "a.db")


def test_no_threads_or_files_stay_open_after_close(tmp_path: Path) -> None:
    def open_files() -> set[str]:
        found = set()
        for entry in Path("/proc/self/fd").iterdir():
            try:
                found.add(str(entry.readlink()))
            except FileNotFoundError:
                continue
        return {name for name in found if str(tmp_path) in name}

    running = set(threading.enumerate())
    store = open_at(tmp_path / "a.db")
    ident = start(store)
    threads = [threading.Thread(target=store.runs.get, args=(ident,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert open_files()
    assert any(thread.name == "assay-writer" for thread in set(threading.enumerate()) - running)
    store.close()
    assert open_files() == set()
    assert set(threading.enumerate()) <= running


def test_many_threads_write_one_run_without_loss(tmp_path: Path) -> None:
    store = open_at(tmp_path / "a.db")
    ident = start(store)

    def write(number: int) -> None:
        for i in range(40):
            store.runs.log_batch(
                ident,  # type: ignore[arg-type]
                metrics=[Metric(f"m{number}", float(i), i, i)],
                params=[Param(f"p{number}.{i}", "1")],
            )

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = store.runs.get(ident).data  # type: ignore[arg-type]
    assert len(data.params) == 320
    assert data.metrics == {f"m{n}": 39.0 for n in range(8)}
    store.close()


WRITE_FROM_OUTSIDE = """
import sys
from assay.store.sql.store import open_sql_store
store = open_sql_store(sys.argv[1])
store.experiments.create(sys.argv[2])
store.close()
"""


def test_a_process_that_opens_a_store_twice_still_counts_as_one_that_has_it_open(
    tmp_path: Path,
) -> None:
    """SQLite's last connection removes the write-ahead log; who is last is told by locks on the
    file, which a process loses when it closes any descriptor of that file.
    """
    uri = f"sqlite:///{tmp_path}/a.db"
    first = open_sql_store(uri)
    first.experiments.create("before")
    second = open_sql_store(uri)

    subprocess.run([sys.executable, "-c", WRITE_FROM_OUTSIDE, uri, "outside"], check=True)
    first.experiments.create("after")
    subprocess.run([sys.executable, "-c", WRITE_FROM_OUTSIDE, uri, "last"], check=True)

    names = {experiment.name for experiment in second.experiments.search(Query())}
    assert names == {"Default", "before", "outside", "after", "last"}
    first.close()
    second.close()
    again = open_sql_store(uri)
    assert {experiment.name for experiment in again.experiments.search(Query())} == names
    again.close()


FORK_WHILE_OPENING = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore")  # a fork beside threads is what is tried
from assay.store.base import Query
from assay.store.sql.store import open_sql_store
def fill(name):
    store = open_sql_store(sys.argv[1])
    for number in range(20):
        store.experiments.create(f"{name}-{number}")
    store.close()
opener = threading.Thread(target=fill, args=("parent",))
opener.start()
time.sleep(float(sys.argv[2]))
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        fill(f"child{number}")
        os._exit(0)
    children.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
opener.join()
store = open_sql_store(sys.argv[1])
print(len(store.experiments.search(Query()).items))
store.close()
"""


@pytest.mark.parametrize("delay_ms", [0, 2, 5, 10, 20])
def test_forks_while_a_store_is_being_opened_lose_nothing(tmp_path: Path, delay_ms: int) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            FORK_WHILE_OPENING,
            f"sqlite:///{tmp_path}/a.db",
            str(delay_ms / 1_000),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.strip() == "81", done.stderr
