"""``assay sync``: deliver what runs left behind while offline."""

from __future__ import annotations

import click
import msgspec
from rich.progress import Progress, SpinnerColumn, TextColumn

from assay.cli.connection import location_of
from assay.cli.output import console, print_json, say
from assay.client.sync import SyncReport
from assay.client.sync import sync as deliver


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def sync(ctx: click.Context, as_json: bool) -> None:
    """Deliver what runs left behind while offline. Doing it twice changes nothing.

    \b
    Examples:
      assay sync
      assay -t https://assay.example.org sync
    """
    out = console()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    ) as progress:
        task = progress.add_task("Looking for journals")

        def show(points: int, operations: int) -> None:
            progress.update(task, description=f"{points:,} points, {operations:,} other records")

        report = deliver(location_of(ctx), show)
    if as_json:
        print_json(msgspec.to_builtins(report))
        return
    say(_told(report))


def _told(report: SyncReport) -> str:
    if not report.journals:
        text = "Nothing waited to be delivered"
    else:
        text = (
            f"Delivered {report.journals} journals to {report.tracking_uri}:"
            f" {report.points:,} points, {report.operations:,} other records"
        )
    notes = (
        (report.alive, "journals left to their running processes"),
        (report.refused, "refused by the store"),
        (report.bad_records, "damaged and set aside"),
    )
    text += "".join(f"; {count:,} {what}" for count, what in notes if count)
    if report.refused or report.bad_records:
        text += " (`assay status` shows them)"
    return text + "."
