"""The schema: made at once or by migrations, migrated once, whole or not at all."""

from __future__ import annotations

import functools
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.entities.runs import NewRun
from assay.store.sql.engine import open_database, parse_uri
from assay.store.sql.migrate import (
    BASE,
    RELEASED,
    Migrations,
    current,
    downgrade,
    upgrade,
)
from assay.store.sql.schema import SCHEMA_VERSION
from assay.store.sql.store import ensure_schema, open_sql_store
from assay.store.sql.tables import metadata

_SECOND = '''
"""A second step, for tests: a new column, and a table rebuilt."""

import os
import signal

import sqlalchemy as sa
from alembic import op

revision = "test2"
down_revision = "{head}"


def upgrade():
    op.add_column("runs", sa.Column("color", sa.Text()))
    if os.environ.get("DIE_AT") == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    op.execute("UPDATE runs SET color = 'blue'")
    with op.batch_alter_table("experiments") as table:
        table.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
    if os.environ.get("DIE_AT") == "2":
        os.kill(os.getpid(), signal.SIGKILL)


def downgrade():
    op.drop_column("runs", "color")
    with op.batch_alter_table("experiments") as table:
        table.drop_column("note")
'''


@pytest.fixture
def longer(tmp_path: Path) -> Migrations:
    """The released migrations and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(RELEASED.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    step = folder / "versions" / "test2.py"
    step.write_text(textwrap.dedent(_SECOND).format(head=SCHEMA_VERSION))
    return Migrations(folder, "test2")


def filled(path: Path) -> str:
    """A store with a run; returns its URI."""
    uri = f"sqlite:///{path}"
    store = open_sql_store(uri)
    store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))  # type: ignore[arg-type]
    store.close()
    return uri


def definitions(path: Path) -> set[tuple[str, str]]:
    """Each table and index with the words that define it, whatever their order."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        rows = {(n, " ".join(sorted(re.findall(r"[^\s,()]+", sql)))) for n, sql in found}
    connection.close()
    return rows


def test_version_in_the_code_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(RELEASED.folder))
    assert scripts.get_current_head() == SCHEMA_VERSION


def test_migrations_lead_to_the_tables_that_a_fresh_file_gets(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/migrated.db")
    open_sql_store(f"sqlite:///{tmp_path}/fresh.db").close()
    assert definitions(tmp_path / "migrated.db") == definitions(tmp_path / "fresh.db")


@pytest.mark.postgres
def test_migrations_lead_to_the_tables_of_the_code_on_postgres(postgres_empty_uri: str) -> None:
    upgrade(postgres_empty_uri)
    database = open_database(parse_uri(postgres_empty_uri))
    try:
        with database.read() as conn:
            assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    finally:
        database.close()


def test_opening_a_current_store_imports_neither_alembic_nor_psycopg(tmp_path: Path) -> None:
    script = (
        "import sys; from assay.store.sql.store import open_sql_store\n"
        f"for _ in range(2): open_sql_store('sqlite:///{tmp_path}/a.db').close()\n"
        "sys.exit('alembic' in sys.modules or 'psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def test_upgrade_keeps_the_data_and_a_copy_of_the_old_file(
    tmp_path: Path, longer: Migrations
) -> None:
    uri = filled(tmp_path / "a.db")
    assert upgrade(uri, migrations=longer) == "test2"
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT run_id, color FROM runs").fetchall() == [("r", "blue")]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    copy = tmp_path / f"a.db.{SCHEMA_VERSION}.backup"
    assert copy.stat().st_mode & 0o777 == 0o600
    restored = open_sql_store(f"sqlite:///{copy}")
    assert restored.runs.get("r").info.run_id == "r"  # type: ignore[arg-type]
    restored.close()


def test_upgrade_of_a_file_without_data_leaves_no_copy(tmp_path: Path, longer: Migrations) -> None:
    uri = f"sqlite:///{tmp_path}/a.db"
    open_sql_store(uri).close()
    upgrade(uri, migrations=longer)
    assert list(tmp_path.glob("*.backup")) == []
    assert current(uri) == "test2"


@pytest.mark.parametrize("step", ["1", "2"])
def test_upgrade_killed_at_any_step_is_finished_by_the_next(
    tmp_path: Path, longer: Migrations, step: str
) -> None:
    uri = filled(tmp_path / "a.db")
    before = definitions(tmp_path / "a.db")
    script = (
        "import sys; from pathlib import Path\n"
        "from assay.store.sql.migrate import Migrations, upgrade\n"
        "upgrade(sys.argv[1], migrations=Migrations(Path(sys.argv[2]), 'test2'))"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, uri, str(longer.folder)],
        env={"DIE_AT": step},
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    assert current(uri) == SCHEMA_VERSION
    assert definitions(tmp_path / "a.db") == before
    assert upgrade(uri, migrations=longer) == "test2"


def test_upgrade_runs_once_when_several_processes_ask(tmp_path: Path, longer: Migrations) -> None:
    uri = filled(tmp_path / "a.db")
    script = (
        "import sys; from pathlib import Path\n"
        "from assay.store.sql.migrate import Migrations, upgrade\n"
        "print(upgrade(sys.argv[1], migrations=Migrations(Path(sys.argv[2]), 'test2')))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, uri, str(longer.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    results = [process.communicate(timeout=60) for process in processes]
    assert results == [("test2\n", "")] * 4


def test_older_sqlite_file_is_migrated_when_a_store_is_opened(tmp_path: Path) -> None:
    uri = filled(tmp_path / "a.db")
    downgrade(uri, BASE)
    assert current(uri) is None
    store = open_sql_store(uri)
    assert store.experiments.get(DEFAULT_EXPERIMENT_ID).name == "Default"
    store.close()


def test_older_file_with_data_is_migrated_when_a_store_is_opened(
    tmp_path: Path, longer: Migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = filled(tmp_path / "a.db")
    # There is one released schema yet, so a later release is acted.
    monkeypatch.setattr("assay.store.sql.schema.SCHEMA_VERSION", "test2")
    monkeypatch.setattr(
        "assay.store.sql.migrate.upgrade", functools.partial(upgrade, migrations=longer)
    )
    store = open_sql_store(uri)
    assert store.runs.get("r").info.run_id == "r"  # type: ignore[arg-type]
    store.close()
    assert current(uri) == "test2"
    assert len(list(tmp_path.glob("a.db.*.backup"))) == 1


def test_older_file_is_refused_where_migrating_is_switched_off(
    tmp_path: Path, longer: Migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = filled(tmp_path / "a.db")
    # As a later release would see it.
    monkeypatch.setattr("assay.store.sql.schema.SCHEMA_VERSION", "test2")
    with pytest.raises(errors.SchemaMismatch, match=r"assay db upgrade"):
        open_sql_store(uri, migrate=False)


def test_file_of_a_newer_release_is_refused(tmp_path: Path, longer: Migrations) -> None:
    uri = filled(tmp_path / "a.db")
    upgrade(uri, migrations=longer)
    with pytest.raises(errors.SchemaMismatch, match="test2"):
        open_sql_store(uri)
    with pytest.raises(errors.SchemaMismatch):
        upgrade(uri)


def test_downgrade_goes_back_and_unknown_revisions_are_refused(
    tmp_path: Path, longer: Migrations
) -> None:
    uri = filled(tmp_path / "a.db")
    before = definitions(tmp_path / "a.db")
    upgrade(uri, migrations=longer)
    with pytest.raises(errors.InvalidInput, match="nothing"):
        downgrade(uri, "nothing", migrations=longer)
    downgrade(uri, SCHEMA_VERSION, migrations=longer)
    assert current(uri) == SCHEMA_VERSION
    assert {name for name, _ in definitions(tmp_path / "a.db")} == {name for name, _ in before}
    store = open_sql_store(uri)
    assert store.runs.get("r").info.run_id == "r"  # type: ignore[arg-type]
    store.close()


def test_tables_of_unknown_version_are_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    connection.close()
    with pytest.raises(errors.SchemaMismatch):
        open_sql_store(f"sqlite:///{tmp_path}/a.db")


@pytest.mark.postgres
def test_empty_postgres_database_is_made_and_an_older_one_refused(
    postgres_empty_uri: str, longer: Migrations
) -> None:
    store = open_sql_store(postgres_empty_uri)
    store.runs.create(NewRun("r", DEFAULT_EXPERIMENT_ID, 5))  # type: ignore[arg-type]
    store.close()
    assert current(postgres_empty_uri) == SCHEMA_VERSION
    assert upgrade(postgres_empty_uri, migrations=longer) == "test2"
    with pytest.raises(errors.SchemaMismatch, match="test2"):
        open_sql_store(postgres_empty_uri)
    downgrade(postgres_empty_uri, SCHEMA_VERSION, migrations=longer)
    again = open_sql_store(postgres_empty_uri)
    assert again.runs.get("r").info.run_id == "r"  # type: ignore[arg-type]
    again.close()


@pytest.mark.postgres
def test_older_postgres_database_is_not_migrated_unasked(
    postgres_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = parse_uri(postgres_uri)
    monkeypatch.setattr("assay.store.sql.schema.SCHEMA_VERSION", "test2")
    database = open_database(url)
    try:
        with pytest.raises(errors.SchemaMismatch, match=r"assay db upgrade"):
            ensure_schema(database, url, migrate=None)
    finally:
        database.close()
