"""``assay sweep``: many runs over a space of parameters, with the best one named at the end."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import click

from assay.cli.connection import find_run, opened
from assay.cli.output import Cell, Format, clean, format_options, is_terminal, print_rows, say
from assay.cli.sweep_progress import LinePerTrial, LiveTable, Quiet
from assay.client.tracking_uri import set_tracking_uri
from assay.context.capture import wanted_parts
from assay.errors import InvalidInput, SweepFailed
from assay.fluent.reading import client_for
from assay.sweeps.face import changed_spec, run_sweep
from assay.sweeps.guide import Guide
from assay.sweeps.reading import read_sweep
from assay.sweeps.result import SweepResult, shown_cell
from assay.sweeps.space import Choices, Dimension, Fixed, Range, shown_point
from assay.sweeps.spec import SweepSpec
from assay.sweeps.state import spec_of

_INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, as shells give it."""
_SHOWN_POINTS = 5


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--trials", "-n", type=click.IntRange(1), help="Instead of the file's number.")
@click.option("--parallel", "-j", type=click.IntRange(1), help="Trials at a time.")
@click.option("--resume", metavar="RUN", help="Parent run of a sweep to go on with.")
@click.option("--name", help="Of the parent run; a sweep of this name that stopped goes on.")
@click.option("--experiment", "-e", help="Name of the experiment that the runs go to.")
@click.option("--backend", "-b", help="Where trials of a project run, such as local or docker.")
@click.option("--dry-run", is_flag=True, help="Check the file and show the first points.")
@format_options
@click.pass_context
def sweep(
    ctx: click.Context,
    /,
    *,
    file: Path | None,
    resume: str | None,
    dry_run: bool,
    output: Format,
    **changes: Any,
) -> None:
    """Try many points of a space of parameters, and name the best.

    FILE is a sweep.yaml (docs/formats/sweep.md). Ctrl-C ends the trials that run and keeps the
    rest: --resume, or the same --name, goes on. Exit code 0 if a trial was completed, 1 if none
    was, 2 for a mistake.

    \b
    Examples:
      assay sweep sweep.yaml
      assay sweep sweep.yaml --trials 200 --parallel 8 --name lr-search
      assay sweep --resume 3f2a
      assay sweep sweep.yaml --dry-run
    """
    location = ctx.find_root().obj
    if location is not None:
        set_tracking_uri(location)
    if resume is not None:
        with opened(ctx) as store:
            resume = find_run(store, resume).info.run_id
    given = {key: value for key, value in changes.items() if value is not None}
    spec = _spec(file, resume, given)
    if dry_run:
        _show_plan(spec, output)
        return
    ctx.exit(_run(spec, resume, output))


def _spec(file: Path | None, resume: str | None, given: dict[str, Any]) -> SweepSpec:
    if file is not None:
        return read_sweep(file, given)
    if resume is None:
        raise InvalidInput("Name a sweep.yaml, or the run of a sweep with --resume.")
    client = client_for()
    return changed_spec(spec_of(client, client.get_run(resume)), given)


def _show_plan(spec: SweepSpec, output: Format) -> None:
    if output == "table":
        what = spec.function or f"{spec.project} ({spec.entry_point})"
        say(f"{spec.trials} trials of {clean(what)}, {spec.parallel} at a time, {spec.method}")
        say(f"{spec.metric.goal} {clean(spec.metric.name)}")
        for name, dimension in spec.parameters.items():
            say(f"  {clean(name)}: {clean(_told(dimension))}")
        say(f"the first {min(_SHOWN_POINTS, spec.trials)} points:")
    guide = Guide(spec)
    points = [guide.ask(number) for number in range(min(_SHOWN_POINTS, spec.trials))]
    rows: list[list[Cell]] = [
        [number, *(_cell(value) for value in point.values())]
        for number, point in enumerate(points)
        if point is not None
    ]
    print_rows(["trial", *spec.parameters], rows, output=output)


def _cell(value: Any) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _told(dimension: Dimension) -> str:
    match dimension:
        case Fixed():
            return f"{dimension.value}"
        case Choices():
            return f"one of {', '.join(str(value) for value in dimension.values)}"
        case Range():
            kind = "whole number" if dimension.whole else "number"
            how = " (log)" if dimension.log else ""
            step = f" in steps of {dimension.step:g}" if dimension.step is not None else ""
            return f"a {kind} from {dimension.low:g} to {dimension.high:g}{step}{how}"


def _run(spec: SweepSpec, resume: str | None, output: Format) -> int:
    # A table of its own tells of failures; and schedulers' SIGTERM is to end trials as Ctrl-C does.
    log = logging.getLogger("assay.sweeps")
    level = log.level
    log.setLevel(logging.ERROR)
    before = signal.signal(signal.SIGTERM, _interrupt)
    shown = Quiet() if output != "table" else LiveTable() if is_terminal() else LinePerTrial()
    try:
        with shown:
            result = run_sweep(
                spec,
                resume=resume,
                observer=shown.show,
                echo=isinstance(shown, LinePerTrial),
                capture=wanted_parts() - {"output"},
            )
    except KeyboardInterrupt:
        click.echo(f"Interrupted. To go on: assay sweep --resume {shown.run_id}", err=True)
        return _INTERRUPTED
    except SweepFailed as error:
        click.echo(clean(error.message), err=True)
        click.echo(f"To go on: assay sweep --resume {error.run_id}", err=True)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
        log.setLevel(level)
    return _show_result(result, output)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _show_result(result: SweepResult, output: Format) -> int:
    best = result.best
    if output != "table":
        heads, rows = result.table()
        print_rows(heads, rows, output=output)
    else:
        if result.reason:
            say(f"Stopped early: {clean(result.reason)}.")
        if best is None:
            say(f"No trial was completed; sweep {result.run_id}")
        else:
            value = f"{result.spec.metric.name} {shown_cell(best.value)}"
            say(
                f"Best: trial {best.number}, {clean(value)}, {clean(shown_point(best.point))},"
                f" run {best.run_id}; sweep {result.run_id}"
            )
    return 1 if best is None else 0
