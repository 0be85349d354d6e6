"""Backup and check of a database while it is in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import URL

from assay import errors
from assay.store.sql import failures
from assay.store.sql.engine import (
    SqliteFile,
    open_database,
    parse_uri,
    shown_uri,
    without_password,
)
from assay.store.sql.schema import SCHEMA_VERSION, version_of
from assay.store.sql.statements import Sql

_OURS: Final = ["prepare_threshold"]
"""What the URI may say to Assay, and libpq doesn't know."""
_INTEGRITY: Final = Sql("PRAGMA integrity_check(20)")
_REFERENCES: Final = Sql("PRAGMA foreign_key_check")
_ORPHANS: Final = {
    "params of runs": Sql(
        "SELECT count(*) FROM params p WHERE NOT EXISTS"
        " (SELECT 1 FROM runs r WHERE r.run_id = p.run_id)"
    ),
    "runs of experiments": Sql(
        "SELECT count(*) FROM runs r WHERE NOT EXISTS"
        " (SELECT 1 FROM experiments e WHERE e.experiment_id = r.experiment_id)"
    ),
}
_COUNTS: Final = Sql(
    "SELECT s.run_id, s.points, coalesce(b.points, 0) + coalesce(g.points, 0) FROM"
    " (SELECT run_id, sum(count) AS points FROM metric_summaries GROUP BY run_id) s"
    " LEFT JOIN (SELECT run_id, sum(count) AS points FROM metric_blocks GROUP BY run_id) b"
    " ON b.run_id = s.run_id"
    " LEFT JOIN (SELECT run_id, sum(count) AS points FROM metric_segments GROUP BY run_id) g"
    " ON g.run_id = s.run_id"
    " WHERE s.points <> coalesce(b.points, 0) + coalesce(g.points, 0) LIMIT 20"
)


def check(uri: str) -> list[str]:
    """What is wrong with the database, a sentence each; empty if nothing is.

    Looks at the file's own structure and references (SQLite), rows without an owner, and whether
    the counts of points in summaries agree with what is stored.
    """
    url = parse_uri(uri)
    if isinstance(url, SqliteFile) and not url.path.exists():
        return [f"There is no database at {url.path}."]
    try:
        database = open_database(url)
    except errors.Corrupted as error:
        return [error.message]
    try:
        with database.read() as conn:
            found = version_of(conn)
            if found != SCHEMA_VERSION:
                mismatch = errors.SchemaMismatch(
                    shown_uri(url), found=found or "none", expected=SCHEMA_VERSION
                )
                return [mismatch.message]
            return _problems(conn)
    except errors.Corrupted as error:
        return [error.message]
    finally:
        database.close()


def _problems(conn: Any) -> list[str]:
    problems = []
    if conn.dialect.name == "sqlite":
        problems += [f"Integrity: {row[0]}." for row in _INTEGRITY.all(conn) if row[0] != "ok"]
        problems += [
            f"A row of {table} refers to a missing one of {parent}."
            for table, _, parent, _ in _REFERENCES.all(conn)
        ]
    for what, orphans in _ORPHANS.items():
        row = orphans.one(conn)
        if row and row[0]:
            problems.append(f"{row[0]} {what} have no owner.")
    problems += [
        f"Run {run_id} has {stored} stored points, its summaries count {counted}."
        for run_id, counted, stored in _COUNTS.all(conn)
    ]
    return problems


def backup(uri: str, target: Path | str) -> Path:
    """Copy the database to the file ``target`` while it is in use; returns its path.

    The copy holds all that was acknowledged before the call. PostgreSQL: an archive for
    ``pg_restore``.

    Raises:
        AlreadyExists: ``target`` is there; a backup never replaces a file.
        InvalidInput: there is no database at ``uri``, or ``pg_dump`` is missing or failed.
        StoreFull: no space is left.
    """
    url = parse_uri(uri)
    path = Path(target)
    if path.exists():
        raise errors.AlreadyExists("file", str(path), hint="Name another file for the backup.")
    if isinstance(url, SqliteFile):
        source = url.path
        if not source.exists():
            raise errors.InvalidInput(f"There is no database at {source}.")
        copy_sqlite(source, path)
    else:
        _dump_postgres(url, path)
    return path


def copy_sqlite(source: Path, target: Path, *, replace: bool = False) -> None:
    """Copy a SQLite database in use, as it was at one moment.

    ``target`` appears whole or not at all.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        reader = sqlite3.connect(f"file:{_quoted(source)}?mode=ro", uri=True, timeout=60)
        writer = sqlite3.connect(part)
        try:
            # All pages in one step: a copy in several starts again whenever somebody writes.
            reader.backup(writer, pages=-1)
            # A copy in WAL mode would need its two side files; this one is a single file.
            writer.execute("PRAGMA journal_mode=DELETE")
        finally:
            writer.close()
            reader.close()
        _sync(part)
        if replace:
            part.replace(target)
        else:
            os.link(part, target)
    except FileExistsError:
        raise errors.AlreadyExists("file", str(target)) from None
    except sqlite3.Error as error:
        raise failures.translate(error) from error
    except OSError as error:
        if error.errno in failures.NO_SPACE:
            raise errors.StoreFull(f"No space is left for the backup {target}.") from error
        raise errors.PermissionDenied(
            f"The backup {target} can't be written: {error.strerror}."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return path.as_uri().removeprefix("file://")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _dump_postgres(url: URL, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise errors.InvalidInput(
            "A backup of PostgreSQL needs the program pg_dump of PostgreSQL's client tools, which"
            " isn't installed here. Install it (Debian: postgresql-client), or use your server's"
            " own backups."
        )
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    environment = dict(os.environ)
    password = url.password or url.query.get("password")
    if password:
        environment["PGPASSWORD"] = str(password)  # not an argument: others can read those
    bare = without_password(url).set(drivername="postgresql").difference_update_query(_OURS)
    name = bare.render_as_string(hide_password=False)
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        done = subprocess.run(  # noqa: S603 - a fixed program with a list of arguments
            [program, "--format=custom", f"--file={part}", f"--dbname={name}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise errors.InvalidInput(f"pg_dump failed: {done.stderr.strip()}")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
