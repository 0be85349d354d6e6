"""``assay registry traffic``: try versions on a part of a model's requests."""

from __future__ import annotations

import click

from assay.cli.models_place import at_place
from assay.cli.output import Cell, print_json, print_rows, say
from assay.cli.registry_output import as_json_option, exit_code, print_request, reason_option
from assay.policies.traffic import Abort, TrafficRule
from assay.registry.traffic import end_trial, promote_trial, traffic_of, try_version


@click.group()
def traffic() -> None:
    """Try versions on a part of a model's requests.

    Servers that serve the model by a stage or alias (`assay serve models:/digits@champion`) carry
    it out within a second, and take a version out by themselves when it fails.

    \b
    Examples:
      assay registry traffic canary digits @challenger 10
      assay registry traffic promote digits @challenger --to @champion
    """


def _trial_options(command: click.decorators.FC) -> click.decorators.FC:
    options = (
        click.option("--sticky", metavar="HEADER", help="The same value, the same version."),
        click.option(
            "--abort-errors",
            type=click.FloatRange(0, 1, min_open=True),
            help="Take it out when so much more of its predictions fail.  [default: 0.05]",
        ),
        click.option(
            "--abort-slower",
            type=click.FloatRange(1, min_open=True),
            help="… when its 95th percentile is so many times the other's.  [default: 3]",
        ),
        click.option(
            "--abort-shift",
            type=click.FloatRange(0, 1, min_open=True),
            help="… when its predictions are distributed so differently.  [default: never]",
        ),
        click.option(
            "--abort-after",
            type=click.IntRange(1),
            help="Predictions before it is judged.  [default: 100]",
        ),
        reason_option,
        as_json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@traffic.command("show")
@click.argument("name")
@as_json_option
@click.pass_context
def show(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Who is on trial, and what ends it.

    \b
    Example:
      assay registry traffic show digits
    """
    with at_place(ctx):
        _print(traffic_of(name), as_json=as_json)


@traffic.command("canary")
@click.argument("name")
@click.argument("selector")
@click.argument("percent", type=click.FloatRange(0, 100, min_open=True))
@_trial_options
@click.pass_context
def canary(
    ctx: click.Context,
    /,
    name: str,
    selector: str,
    percent: float,
    *,
    sticky: str | None,
    reason: str,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Let a version (an @ALIAS, a stage or a number) answer a share of the requests.

    \b
    Examples:
      assay registry traffic canary digits @challenger 10
      assay registry traffic canary digits @challenger 50 --sticky x-user --abort-shift 0.2
    """
    with at_place(ctx):
        rule = try_version(
            name, selector, percent, sticky=sticky, abort=_abort(name, limits), reason=reason
        )
    _print(rule, as_json=as_json)


@traffic.command("shadow")
@click.argument("name")
@click.argument("selector")
@click.argument("percent", type=click.FloatRange(0, 100, min_open=True), default=100.0)
@_trial_options
@click.pass_context
def shadow(
    ctx: click.Context,
    /,
    name: str,
    selector: str,
    percent: float,
    *,
    sticky: str | None,
    reason: str,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Ask a version a share of the requests too; its answers are compared, never given.

    \b
    Example:
      assay registry traffic shadow digits @next 100
    """
    with at_place(ctx):
        rule = try_version(
            name,
            selector,
            percent,
            shadow=True,
            sticky=sticky,
            abort=_abort(name, limits),
            reason=reason,
        )
    _print(rule, as_json=as_json)


@traffic.command("stop")
@click.argument("name")
@click.argument("selector")
@reason_option
@as_json_option
@click.pass_context
def stop(ctx: click.Context, name: str, selector: str, *, reason: str, as_json: bool) -> None:
    """End the trial of a version.

    \b
    Example:
      assay registry traffic stop digits @challenger -m "slower than it looked"
    """
    with at_place(ctx):
        rule = end_trial(name, selector, reason=reason)
    _print(rule, as_json=as_json)


@traffic.command("promote")
@click.argument("name")
@click.argument("selector")
@click.option("--to", "target", required=True, metavar="TARGET", help="A stage, or @ALIAS.")
@reason_option
@as_json_option
@click.pass_context
def promote(
    ctx: click.Context, name: str, selector: str, *, target: str, reason: str, as_json: bool
) -> None:
    """Give the version on trial all requests: by the model's policy, it takes the place served.

    \b
    Example:
      assay registry traffic promote digits @challenger --to @champion
    """
    with at_place(ctx):
        request = promote_trial(name, selector, to=target, reason=reason)
    print_request(request, as_json=as_json)
    ctx.exit(exit_code(request))


def _abort(name: str, limits: dict[str, float | None]) -> Abort:
    known = traffic_of(name).abort
    given = {key.removeprefix("abort_"): value for key, value in limits.items()}
    after = given["after"]
    return Abort(
        errors=known.errors if given["errors"] is None else given["errors"],
        slower=known.slower if given["slower"] is None else given["slower"],
        shift=known.shift if given["shift"] is None else given["shift"],
        after=known.after if after is None else int(after),
    )


def _print(rule: TrafficRule, *, as_json: bool) -> None:
    if as_json:
        print_json(rule)
        return
    if rule.is_empty:
        say("The served version answers all requests.")
        return
    rows: list[tuple[Cell, ...]] = [
        *((key, "canary", f"{percent:g} %") for key, percent in rule.canaries.items()),
        *((key, "shadow", f"{percent:g} %") for key, percent in rule.shadows.items()),
    ]
    print_rows(("version", "how", "requests"), rows)
