"""``assay db``: upgrade, check and back up a database."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import click

from assay.cli.connection import location_of
from assay.cli.output import say
from assay.errors import AssayError, InvalidInput
from assay.store.sql import backup as backups
from assay.store.sql.engine import parse_uri, shown_uri
from assay.store.sql.schema import SCHEMA_VERSION


class DamageFound(AssayError):
    """``assay db check`` found something wrong."""


@click.group()
def db() -> None:
    """Upgrade, check and back up a database. Without URI: the one that runs are recorded in."""


@db.command("current")
@click.argument("uri", required=False)
@click.pass_context
def current(ctx: click.Context, uri: str | None) -> None:
    """Show the version of a database's tables, and the one this Assay needs.

    \b
    Example:
      assay db current sqlite:///.assay/assay.db
    """
    database = _uri(ctx, uri)
    found = _migrations().current(database)
    say(f"{_shown(database)}: schema {found or 'none'}, this Assay needs {SCHEMA_VERSION}")


@db.command("upgrade")
@click.argument("uri", required=False)
@click.pass_context
def upgrade(ctx: click.Context, uri: str | None) -> None:
    """Bring a database to the newest tables; a SQLite file that holds data is copied first.

    \b
    Example:
      assay db upgrade postgresql://localhost/assay
    """
    database = _uri(ctx, uri)
    say(f"{_shown(database)}: schema {_migrations().upgrade(database)}")


@db.command("downgrade")
@click.argument("revision")
@click.argument("uri", required=False)
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@click.pass_context
def downgrade(ctx: click.Context, revision: str, uri: str | None, yes: bool) -> None:
    """Take a database back to older tables. What only newer tables hold is lost.

    \b
    Example:
      assay db downgrade 0001 sqlite:///.assay/assay.db
    """
    database = _uri(ctx, uri)
    if not yes:
        click.confirm(f"Take {_shown(database)} back to schema {revision}?", abort=True)
    say(f"{_shown(database)}: schema {_migrations().downgrade(database, revision)}")


@db.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("uri", required=False)
@click.pass_context
def backup(ctx: click.Context, target: Path, uri: str | None) -> None:
    """Copy a database while it is in use. Artifacts are files: copy their folder or bucket too.

    \b
    Example:
      assay db backup /backups/assay.db
    """
    say(f"Written: {backups.backup(_uri(ctx, uri), target)}")


@db.command("check")
@click.argument("uri", required=False)
@click.pass_context
def check(ctx: click.Context, uri: str | None) -> None:
    """Look for damage: structure of the file, references, counts of points. Exit code 2 if there
    is any.

    \b
    Example:
      assay db check
    """
    database = _uri(ctx, uri)
    problems = backups.check(database)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise DamageFound(f"{_shown(database)}: {len(problems)} problems.")
    say(f"{_shown(database)}: sound")


def _uri(ctx: click.Context, given: str | None) -> str:
    if given:
        return given
    location = location_of(ctx)
    if location.kind == "http":
        raise InvalidInput(
            f"Runs are recorded by the server {location.shown_uri}."
            " Name its database: assay db … URI"
        )
    return location.tracking_uri


def _shown(uri: str) -> str:
    return shown_uri(parse_uri(uri))


def _migrations() -> ModuleType:
    # Alembic takes 150 ms to import, which `backup` and `check` do without.
    from assay.store.sql import migrate

    return migrate
