"""``assay status``: what waits to be delivered, and what will not go by itself."""

from __future__ import annotations

import click
import msgspec

from assay.cli.connection import location_of
from assay.cli.output import clean, print_json, print_rows, say, size
from assay.client.status import StatusReport
from assay.client.status import status as look


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show what waits to be delivered, and what was refused or damaged. Changes nothing.

    \b
    Example:
      assay status
    """
    report = look(location_of(ctx))
    if as_json:
        print_json(msgspec.to_builtins(report, enc_hook=str))
        return
    say(f"Destination: {report.tracking_uri}")
    if report.is_clear and not report.journals:
        say("Nothing waits to be delivered.")
        return
    _show_journals(report)
    _show_set_aside(report)


def _show_journals(report: StatusReport) -> None:
    if not report.journals:
        return
    columns = ("writer", "pid", "state", "points", "other", "size", "files", "command")
    print_rows(
        columns,
        [
            (
                one.writer_id[:8],
                one.pid,
                "in use" if one.alive else "waits for `assay sync`",
                one.points,
                one.operations,
                size(one.bytes),
                f"{one.files} ({size(one.file_bytes)})" if one.files else "",
                one.command,
            )
            for one in report.journals
        ],
    )


def _show_set_aside(report: StatusReport) -> None:
    for line in report.refused:
        say(f"refused: {clean(line.message)}")
    for file in report.bad:
        say(f"damaged: {size(file.size)} set aside in {file.path}")
