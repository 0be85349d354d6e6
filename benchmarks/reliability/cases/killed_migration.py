"""A migration killed before each of its statements; the next start finishes it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import textwrap
from pathlib import Path

from assay.entities import ExperimentId, Metric, Param, RunId
from assay.entities.runs import NewRun
from assay.store.sql.backup import check
from assay.store.sql.migrate import BASE, RELEASED, Migrations, downgrade, upgrade
from assay.store.sql.schema import SCHEMA_VERSION
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._load import open_database
from benchmarks.reliability.cases._programs import START, end, start_script

CLAIM = "a migration killed at any statement leaves the old schema, and the next start finishes it"

LATER = '''
"""A later release, for this case: a column, a rebuilt table, a moved value."""

import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "{head}"


def upgrade():
    op.add_column("runs", sa.Column("color", sa.Text()))
    op.execute("UPDATE runs SET color = 'blue'")
    with op.batch_alter_table("experiments") as table:
        table.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.create_table("marks", sa.Column("mark", sa.Text(), primary_key=True))
    op.execute("INSERT INTO marks VALUES ('once')")


def downgrade():
    op.drop_table("marks")
'''

# Forks a child for each statement: imports are paid for once.
SCRIPT = """
    import json, os, signal, sys
    from pathlib import Path
    import sqlalchemy
    from sqlalchemy.engine import Engine
    from assay.store.sql.migrate import Migrations, upgrade
    uri, folder, head, place = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    child = os.fork()
    if child == 0:
        left = place
        def count(*_):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        sqlalchemy.event.listen(Engine, "before_cursor_execute", count)
        sqlalchemy.event.listen(Engine, "commit", count)
        upgrade(uri, migrations=Migrations(Path(folder), head))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(json.dumps(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL))
"""


def run(short: bool) -> Outcome:
    every = 9 if short else 1
    figures: Figures = {"kills": 0, "half_done": 0, "unfinished": 0, "lost": 0, "twice": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        later = _later(folder)
        filled = folder / "filled.db"
        _fill(filled)
        empty = folder / "empty.db"
        shutil.copy(filled, empty)
        downgrade(f"sqlite:///{empty}", BASE)
        _kill_at_each(folder, filled, later, figures, every)
        first = Migrations(RELEASED.folder, SCHEMA_VERSION)
        _kill_at_each(folder, empty, first, figures, every)
    broken = ("half_done", "unfinished", "lost", "twice")
    return Outcome(not any(figures[key] for key in broken) and figures["kills"] > 1, figures)


def _later(folder: Path) -> Migrations:
    target = folder / "migrations"
    shutil.copytree(RELEASED.folder, target, ignore=shutil.ignore_patterns("__pycache__"))
    (target / "versions" / "later.py").write_text(
        textwrap.dedent(LATER).format(head=SCHEMA_VERSION)
    )
    return Migrations(target, "later")


def _fill(path: Path) -> None:
    store = open_database(path)
    for number in range(20):
        run_id = RunId(f"{number:032x}")
        store.runs.create(NewRun(run_id, ExperimentId("0"), START + number))
        store.runs.log_batch(
            run_id,
            metrics=[Metric("loss", number / 7, START, step) for step in range(10)],
            params=[Param("lr", str(number))],
        )
    store.close()


def _kill_at_each(
    folder: Path, start: Path, migrations: Migrations, figures: Figures, every: int
) -> None:
    place = 0
    before = _dump(start)
    while True:
        victim = folder / "victim.db"
        for old in folder.glob("victim.db*"):
            old.unlink()
        shutil.copy(start, victim)
        uri = f"sqlite:///{victim}"
        process = start_script(
            SCRIPT, uri, migrations.folder, migrations.head, place, folder=folder
        )
        said, complaints = end(process)
        assert process.returncode == 0, complaints
        if not json.loads(said):
            break
        figures["kills"] += 1
        figures["half_done"] += _dump(victim) != before
        figures["unfinished"] += upgrade(uri, migrations=migrations) != migrations.head
        _judge(victim, migrations, figures, has_data=start.stem == "filled")
        place += every


def _judge(path: Path, migrations: Migrations, figures: Figures, *, has_data: bool) -> None:
    if migrations.head != SCHEMA_VERSION:
        connection = sqlite3.connect(path)
        marks = connection.execute("SELECT mark FROM marks").fetchall()
        colors = connection.execute("SELECT count(*) FROM runs WHERE color = 'blue'").fetchone()
        (runs, points) = connection.execute(
            "SELECT count(DISTINCT run_id), sum(count) FROM metric_summaries"
        ).fetchone()
        faults = connection.execute("PRAGMA foreign_key_check").fetchall()
        connection.close()
        figures["twice"] += marks != [("once",)]
        figures["lost"] += (colors, runs, points) != ((20,), 20, 200) or bool(faults)
        return
    figures["lost"] += len(check(f"sqlite:///{path}"))
    store = open_database(path)
    figures["lost"] += store.experiments.get(ExperimentId("0")).name != "Default"
    store.close()


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
