"""``assay bisect``: what makes the result of one run differ from another's, found by running."""

from __future__ import annotations

import sys
from typing import Final, cast

import click
from rich.text import Text

from assay.cli.connection import find_run, location_of
from assay.cli.output import clean, console, is_terminal, print_json, say
from assay.client.client import Client
from assay.reproduction.bisect.bisection import DEFAULT_MAX_RUNS, FEWEST, Attempt, Bisection
from assay.reproduction.bisect.causes import How, find_cause
from assay.reproduction.bisect.swaps import DIMENSIONS, Dimension

UNKNOWN_EXIT_CODE: Final = 1
_COLOURS: Final = {"good": "green", "bad": "red", "unknown": "yellow"}
_FOUND: Final = ("isolated", "joint", "sufficient")
_MOST_SHOWN: Final = 10


@click.command("bisect")
@click.argument("good")
@click.argument("bad")
@click.option("--metric", "-m", multiple=True, help="What tells good from bad. Default: all.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Metrics that differ by less, relative to the good run's, are the same.",
)
@click.option(
    "--groups",
    help=f"What to exchange, with commas between: {','.join(DIMENSIONS)}. Default: all.",
)
@click.option(
    "--env-manager",
    type=click.Choice(["uv", "local"]),
    default="uv",
    show_default=True,
    help="local runs in this environment, where packages can't be exchanged.",
)
@click.option(
    "--max-runs",
    type=click.IntRange(FEWEST),
    default=DEFAULT_MAX_RUNS,
    show_default=True,
    help="Runs to make at most.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=0.0,
    help="End a run after so many seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def bisect(
    ctx: click.Context,
    *,
    good: str,
    bad: str,
    metric: tuple[str, ...],
    tolerance: float,
    groups: str | None,
    env_manager: str,
    max_runs: int,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Find out by running what makes run BAD end otherwise than run GOOD.

    Code, data, params, packages, Python, variables and threads are exchanged between the two until
    the cause is isolated; each mix is a run of its own, below one run that keeps what was found.
    A result counts as bad from halfway between the two runs on. The code of both is run with your
    rights. The exit code is 0 if a cause was found, 1 if not, 2 if they couldn't be run.

    \b
    Examples:
      assay bisect 3f2a 91bc
      assay bisect 3f2a 91bc --metric accuracy --groups packages,python
      assay bisect 3f2a 91bc --env-manager local --max-runs 10
    """
    client = Client.at(location_of(ctx))
    try:
        good, bad = (find_run(client.store, text).info.run_id for text in (good, bad))
        found = find_cause(
            good,
            bad,
            How(
                metrics=metric,
                tolerance=tolerance,
                dimensions=_dimensions(groups),
                env_manager="local" if env_manager == "local" else "uv",
                max_runs=max_runs,
                timeout_s=timeout_s,
            ),
            client=client,
            progress=None if as_json else _show_attempt,
            step=_show_step if is_terminal() and not as_json else None,
        )
    finally:
        client.close()
    if as_json:
        print_json(found)
    else:
        _show(found)
    sys.exit(0 if found.verdict in _FOUND else UNKNOWN_EXIT_CODE)


def _dimensions(groups: str | None) -> tuple[Dimension, ...]:
    if groups is None:
        return DIMENSIONS
    names = [name.strip() for name in groups.split(",") if name.strip()]
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown or not names:
        raise click.BadParameter(
            f"choose from {', '.join(DIMENSIONS)}, not {', '.join(unknown) or 'nothing'}",
            param_hint="--groups",
        )
    return tuple(cast("Dimension", name) for name in names)


def _show_attempt(one: Attempt) -> None:
    """A line for a mix that was tried."""
    swapped = [swap.label for swap in one.swapped]
    shown = ", ".join(swapped[:_MOST_SHOWN])
    if len(swapped) > _MOST_SHOWN:
        shown += f" and {len(swapped) - _MOST_SHOWN} more"
    line = f"{one.answer:<7} with {clean(shown) or 'nothing'} of the bad run"
    if one.answer == "unknown":
        line += f": {clean(one.why)}"
    click.secho(line, fg=_COLOURS[one.answer], err=True)


def _show_step(line: str) -> None:
    """What is done now: environments take a while."""
    click.secho(f"  · {clean(line)}", dim=True, err=True)


def _show(found: Bisection) -> None:
    say(f"{found.verdict}: {len(found.attempts)} runs, looking at {clean(found.looked_at)}")
    for swap in found.cause:
        console().print(Text(f"  {clean(str(swap))}", style="bold"), soft_wrap=True)
    say(found.sentence)
    for note in found.notes:
        say(f"note: {clean(note)}")
