"""A fresh SQLite database with runs, for the tests of metric points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from assay.entities.ids import RunId
from assay.store.sql.sqlite import SqliteDatabase
from assay.store.sql.tables import metadata

RUN = RunId("run0")


@contextmanager
def metric_database(path: Path, runs: Sequence[str] = (RUN,)) -> Iterator[SqliteDatabase]:
    """The database, closed at the end."""
    database = SqliteDatabase(path / "points.db")

    def prepare(conn):
        metadata.create_all(conn)
        conn.execute(
            text(
                "INSERT INTO experiments VALUES ('0', 'Default', '/tmp', 'active', 1, 1)"
                " ON CONFLICT DO NOTHING"
            )
        )
        for run in runs:
            conn.execute(
                text(
                    "INSERT INTO runs (run_id, experiment_id, run_name, user_id, status,"
                    " lifecycle_stage,"
                    " deleted_with_experiment, artifact_uri) VALUES (:r, '0', 'n', 'u', 'RUNNING',"
                    " 'active', false, '/tmp')"
                ),
                {"r": run},
            )

    database.write(prepare)
    try:
        yield database
    finally:
        database.close()
