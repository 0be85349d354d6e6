"""``assay freeze``: one file with all that repeating a run takes."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.connection import find_run, location_of, opened
from assay.cli.output import clean, say
from assay.client.client import Client
from assay.reproduction.freeze import freeze


@click.command("freeze")
@click.argument("run")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The bundle to write, a .zip that isn't there yet.",
)
@click.option(
    "--max-data",
    default=64,
    show_default=True,
    type=click.IntRange(0, 4_096),
    help="MB; larger data files are left out.",
)
@click.pass_context
def freeze_command(ctx: click.Context, *, run: str, output: Path, max_data: int) -> None:
    """Write a bundle of a run: code, patch, pins, small data, and what came out.

    `assay reproduce` repeats it from there, on a machine without the repository or the server.

    \b
    Example:
      assay freeze 3f2a -o bundle.zip
    """
    if output.suffix != ".zip":
        raise click.BadParameter("the name of a bundle ends in .zip", param_hint="--output")
    with opened(ctx) as store:
        found = find_run(store, run)
    client = Client.at(location_of(ctx))
    try:
        done = freeze(client, found, output, max_data_bytes=max_data << 20)
    finally:
        client.close()
    for note in done.notes:
        say(f"note: {clean(note)}")
    say(f"{done.path}: {done.members} members, {done.size_bytes / 1e6:.1f} MB")
