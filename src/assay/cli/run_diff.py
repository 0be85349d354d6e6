"""``assay runs diff``: why two runs may have ended differently, the likeliest cause first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.connection import find_run, location_of
from assay.cli.output import clean, console, is_terminal, print_json, print_tabbed, say
from assay.errors import InvalidInput

if TYPE_CHECKING:
    from assay.comparison.diff import RunDiff
    from assay.comparison.facts import RunFacts
    from assay.comparison.patches import CodeDiff

_LIKELY, _POSSIBLE = 0.7, 0.3
"""Weights from which a cause is shown in red and in yellow."""


@click.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--code", "with_code", is_flag=True, help="Also the unified diff of the code.")
@click.option(
    "--repository",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="A clone with the commits of both runs, for --code. Default: the current folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to this file."
)
@click.pass_context
def diff(
    ctx: click.Context,
    *,
    a: str,
    b: str,
    with_code: bool,
    repository: Path,
    as_json: bool,
    html: Path | None,
) -> None:
    """Tell why run B may have ended otherwise than run A: what differs, the likeliest cause first.

    Code, data, params, seeds, packages, Python, threads, environment variables and hardware are
    compared by meaning: 1e-3 is 0.001. `assay runs compare` shows values of many runs side by side;
    `assay bisect` finds the cause among what differs by running again.

    \b
    Examples:
      assay runs diff 3f2a 91bc
      assay runs diff 3f2a 91bc --code
      assay runs diff 3f2a 91bc --html why.html
    """
    # With the client 130 ms, which the other commands on runs don't spend.
    from assay.comparison.diff import diff_facts
    from assay.comparison.html import diff_page
    from assay.comparison.patches import code_diff

    one, other = _facts(ctx, a, b)
    found = diff_facts(one, other)
    code = code_diff(one.code, other.code, repository) if with_code else None
    if html is not None:
        _write(html, diff_page(found, code))
    if as_json:
        print_json({"diff": found, "code": code} if code is not None else found)
        return
    _print(found)
    if code is not None:
        _print_code(code)


def _facts(ctx: click.Context, a: str, b: str) -> tuple[RunFacts, RunFacts]:
    from assay.client.client import Client
    from assay.comparison.facts import facts_of

    client = Client.at(location_of(ctx))
    try:
        # Both are found before files are read: a typo answers at once.
        runs = [find_run(client.store, text) for text in (a, b)]
        return facts_of(client, runs[0]), facts_of(client, runs[1])
    finally:
        client.close()


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"{file} can't be written: {error.strerror}.") from error


def _print(found: RunDiff) -> None:
    if found.differences:
        _print_causes(found)
    else:
        say("Nothing that was captured differs.")
    if found.metrics:
        told = [
            (one.name, _number(one.before), _number(one.after), _by(one.before, one.after))
            for one in found.metrics
        ]
        _print_table(("metric", "baseline", "this run", "difference"), told)
    else:
        say("All metrics are the same.")
    from assay.comparison.html import unknown_note

    for note in [*found.notes, *([unknown_note(found)] if found.unknown else [])]:
        click.echo(clean(note), err=True)


def _print_causes(found: RunDiff) -> None:
    if not is_terminal():
        rows = [
            (one.dimension, one.name, one.before, one.after, one.sentence)
            for one in found.differences
        ]
        print_tabbed([("dimension", "name", "baseline", "this run", "sentence"), *rows])
        return
    from rich.table import Table
    from rich.text import Text

    out = console()
    table = Table(
        title=Text(
            clean(f"{_named(found.b_name, found.b)} against {_named(found.a_name, found.a)}")
        )
    )
    table.add_column("#", justify="right")
    table.add_column("dimension")
    table.add_column("what differs", overflow="fold")
    for place, one in enumerate(found.differences, start=1):
        style = "red" if one.weight >= _LIKELY else "yellow" if one.weight >= _POSSIBLE else "dim"
        table.add_row(
            str(place), Text(one.dimension, style=style), Text(clean(one.sentence), style=style)
        )
    out.print(table)


def _print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    if not is_terminal():
        print_tabbed([heads, *rows])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(text)) for text in row))
    console().print(table)


def _print_code(code: CodeDiff) -> None:
    if not code.text:
        say("No difference of the code is known.")
    for line in code.text.splitlines():
        say(_coloured(clean(line)) if is_terminal() else clean(line))
    for note in code.notes:
        click.echo(clean(note), err=True)


def _coloured(line: str) -> str:
    if line.startswith(("+++", "---", "diff ")):
        return click.style(line, bold=True)
    if line.startswith("@@"):
        return click.style(line, fg="cyan")
    colour = {"+": "green", "-": "red"}.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def _named(name: str, run_id: str) -> str:
    return f"{name} ({run_id[:8]})" if name else run_id


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _by(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f"{after - before:+.4g}"
