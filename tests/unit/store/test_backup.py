"""Backups while the store is in use, and the check of a database."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.store.sql.backup import backup, check
from assay.store.sql.store import SqlStore, open_sql_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/a.db")
    store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))  # type: ignore[arg-type]
    store.runs.log_batch("r", metrics=[Metric("m", float(i), i, i) for i in range(100)])
    yield store
    store.close()


def test_backup_under_load_holds_all_that_was_acknowledged_before_it_began(
    store: SqlStore, tmp_path: Path
) -> None:
    acknowledged = 0
    stop = threading.Event()

    def write() -> None:
        nonlocal acknowledged
        while not stop.is_set():
            store.runs.log_batch("r", params=[Param(f"p{acknowledged}", "1")])
            acknowledged += 1

    thread = threading.Thread(target=write)
    thread.start()
    while acknowledged < 20:
        threading.Event().wait(0.001)
    before = acknowledged
    target = backup(store.uri, tmp_path / "copy.db")
    stop.set()
    thread.join()
    assert target.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.glob("*copy*")] == ["copy.db"]
    restored = open_sql_store(f"sqlite:///{target}")
    params = restored.runs.get("r").data.params  # type: ignore[arg-type]
    assert {f"p{i}" for i in range(before)} <= set(params)
    assert check(restored.uri) == []
    restored.close()


def test_backup_never_replaces_a_file(store: SqlStore, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("data")
    with pytest.raises(errors.AlreadyExists):
        backup(store.uri, target)
    assert target.read_text() == "data"


def test_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidInput):
        backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_check_finds_nothing_wrong_in_a_sound_database(store: SqlStore) -> None:
    assert check(store.uri) == []


def test_check_tells_orphans_and_lost_points(store: SqlStore, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("INSERT INTO params VALUES ('nobody', 'k', 'v', NULL)")
        connection.execute("DELETE FROM metric_segments")
        connection.execute("DELETE FROM metric_blocks")
    connection.close()
    problems = "\n".join(check(store.uri))
    assert "params of runs" in problems
    assert "Run r has 0 stored points, its summaries count 100" in problems


def test_check_tells_a_damaged_file(store: SqlStore, tmp_path: Path) -> None:
    store.runs.log_batch("r", params=[Param(f"p{i}", "x" * 5_000) for i in range(100)])
    store.close()
    damaged = tmp_path / "damaged.db"
    content = bytearray((tmp_path / "a.db").read_bytes())
    content[30 * 4096 : 60 * 4096] = b"\xff" * (30 * 4096)
    damaged.write_bytes(content)
    assert check(f"sqlite:///{damaged}") != []


def test_check_of_a_missing_file_says_so(tmp_path: Path) -> None:
    assert "no database" in check(f"sqlite:///{tmp_path}/none.db")[0]


@pytest.mark.postgres
def test_check_and_backup_of_postgres(postgres_uri: str, tmp_path: Path) -> None:
    store = open_sql_store(postgres_uri)
    store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))  # type: ignore[arg-type]
    store.close()
    assert check(postgres_uri) == []


@pytest.mark.postgres
def test_postgres_archive_restores_the_store(
    postgres_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = postgres_server.create_database()
    store = open_sql_store(uri)
    store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))  # type: ignore[arg-type]
    store.close()
    monkeypatch.setenv("PATH", f"{postgres_server.binaries}")
    archive = backup(
        uri.replace("assay@", "assay:unneeded@") + "?prepare_threshold=none", tmp_path / "archive"
    )
    assert archive.stat().st_mode & 0o777 == 0o600
    monkeypatch.undo()
    fresh = postgres_server.create_database()
    restore = postgres_server.binaries / "pg_restore"
    subprocess.run([restore, "-d", fresh, archive], check=True, timeout=60)
    again = open_sql_store(fresh)
    assert again.runs.get("r").info.run_id == "r"  # type: ignore[arg-type]
    again.close()
    for database in (uri, fresh):
        postgres_server.drop_database(database)


def test_postgres_backup_without_its_program_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("pg_dump") is None
    with pytest.raises(errors.InvalidInput, match="pg_dump"):
        backup("postgresql://u:secret@127.0.0.1:1/db", tmp_path / "archive")
    assert list(tmp_path.iterdir()) == []
