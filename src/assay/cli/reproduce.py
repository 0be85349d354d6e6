"""``assay reproduce``: run again what made a run, and tell whether the same comes out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from assay.cli.connection import find_run, location_of, opened
from assay.cli.output import clean, console, is_terminal, print_json, say
from assay.client.client import Client
from assay.errors import InvalidInput
from assay.reproduction.html import report_page
from assay.reproduction.report import Finding, Report, Tolerance
from assay.reproduction.reproduce import reproduce

DIFFERENT_EXIT_CODE = 1
_COLOURS = {"identical": "green", "within tolerance": "yellow", "different": "red"}
_SHOWN_FINDINGS = 20
_SHOWN_CAUSES = 5


@click.command("reproduce")
@click.argument("run")
@click.option(
    "--tolerance",
    default=0.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How far numbers may be, relative to those before.",
)
@click.option(
    "--absolute",
    default=0.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How far numbers may be, added to the relative tolerance.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="NAME",
    help="A metric, param, file or model to leave out; * stands for anything.",
)
@click.option(
    "--env-manager",
    default="uv",
    show_default=True,
    type=click.Choice(["uv", "local"]),
    help="Make the environment anew from its exact pins, or take this one.",
)
@click.option("--without-env", is_flag=True, help="The same as --env-manager local.")
@click.option(
    "--experiment-name", help="Where the new run goes; the original's experiment by default."
)
@click.option(
    "--timeout",
    "timeout_s",
    default=0.0,
    type=click.FloatRange(min=0),
    help="End the command after so many seconds.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report as a page.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Do it in this new folder, and leave it there.",
)
@click.pass_context
def reproduce_command(
    ctx: click.Context,
    *,
    run: str,
    tolerance: float,
    absolute: float,
    ignore: tuple[str, ...],
    env_manager: str,
    without_env: bool,
    experiment_name: str | None,
    timeout_s: float,
    html: Path | None,
    as_json: bool,
    keep: Path | None,
) -> None:
    """Run a run again in a fresh folder and environment, and compare what comes out.

    RUN is a run's id, its first characters, or a bundle that `assay freeze` made. The code at its
    commit is run with your rights. The exit code is 0 if all is identical or within the tolerance,
    1 if something differs, 2 if it couldn't be run.

    \b
    Examples:
      assay reproduce 3f2a
      assay reproduce 3f2a --tolerance 1e-6 --ignore "time/*" --html report.html
      assay reproduce bundle.zip --env-manager local --json
    """
    if html is not None and not html.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {html.parent}", param_hint="--html")
    location = location_of(ctx)
    what = run
    if not run.endswith(".zip"):
        with opened(ctx) as store:
            what = find_run(store, run).info.run_id
    client = Client.at(location)
    try:
        report = reproduce(
            what,
            tolerance=Tolerance(tolerance, absolute),
            env_manager="local" if without_env or env_manager == "local" else "uv",
            ignore=ignore,
            keep=keep,
            experiment_name=experiment_name,
            timeout_s=timeout_s,
            echo=not as_json,
            client=client,
            progress=None if as_json else _say_step,
        )
    finally:
        client.close()
    if html is not None:
        _write_page(html, report)
    if as_json:
        print_json(report)
    else:
        _show(report, html)
    sys.exit(DIFFERENT_EXIT_CODE if report.verdict == "different" else 0)


def _write_page(target: Path, report: Report) -> None:
    try:
        target.write_bytes(report_page(report))
    except OSError as error:
        raise InvalidInput(f"The page {target} can't be written: {error.strerror}.") from None


def _say_step(line: str) -> None:
    click.echo(f"· {clean(line)}", err=True)


def _show(report: Report, html: Path | None) -> None:
    shown = [one for one in report.findings if one.verdict != "identical"][:_SHOWN_FINDINGS]
    if shown:
        _show_findings(shown)
    if report.verdict == "different":
        say("What tells the two runs apart, the likeliest cause first:")
        for place, cause in enumerate(report.causes[:_SHOWN_CAUSES], start=1):
            say(f"  {place}. {cause.dimension}: {clean(cause.sentence)}")
        if not report.causes:
            say("  nothing that was captured: look for time, network, or a seed that wasn't set")
    for note in report.notes:
        say(f"note: {clean(note)}")
    if html is not None:
        say(f"report: {html}")
    say(f"run {report.run_id} repeats {report.original} {clean(report.original_name)}".rstrip())
    out = console()
    out.print(Text(report.summary, style=f"bold {_COLOURS[report.verdict]}"), soft_wrap=True)


def _show_findings(shown: list[Finding]) -> None:
    if not is_terminal():
        for one in shown:
            words = f"{one.verdict}\t{one.kind} {one.name}\t{one.detail}"
            say("\t".join(clean(word) for word in words.split("\t")))
        return
    table = Table()
    for head in ("", "what", "verdict", "how"):
        table.add_column(head, overflow="fold")
    for one in shown:
        style = _COLOURS.get(one.verdict, "dim")
        table.add_row(one.kind, clean(one.name), Text(one.verdict, style=style), clean(one.detail))
    console().print(table)
