"""``assay runs stats``: what groups of runs with different seeds say about metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from assay.cli.connection import chosen_experiments, location_of
from assay.cli.output import Cell, Format, clean, format_options, print_json, print_rows

if TYPE_CHECKING:
    from assay.comparison.statistics import Statistics

_COLUMNS = (
    "metric",
    "group",
    "against",
    "n",
    "mean",
    "sd",
    "low",
    "high",
    "test",
    "p",
    "p_holm",
    "effect",
)


@click.command("stats")
@click.option(
    "--group-by",
    "-g",
    multiple=True,
    required=True,
    help="Param or tag that the runs of a group share, as params.lr; may be given several times.",
)
@click.option("--metric", "-m", multiple=True, help="Default: all that the runs have in common.")
@click.option("--experiment", "-e", multiple=True, help="Name or id; may be given several times.")
@click.option("--filter", "filter_", default="", help="As in: params.model = 'svc'")
@click.option("--baseline", help="The group to compare with: lr=0.1, or just 0.1.")
@click.option("--pair-by", help="What pairs runs of two groups, as params.fold. Default: the seed.")
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Level of the intervals.",
)
@format_options
@click.pass_context
def stats(
    ctx: click.Context,
    *,
    group_by: tuple[str, ...],
    metric: tuple[str, ...],
    experiment: tuple[str, ...],
    filter_: str,
    baseline: str | None,
    pair_by: str | None,
    confidence: float,
    output: Format,
) -> None:
    """Tell what runs with different seeds say: mean, interval, and whether groups differ.

    Only finished runs count. Groups that hold the same seeds are compared pair by pair (paired t
    test), others as independent samples (Welch's test); p values of several comparisons are
    corrected by Holm's method. SciPy is needed: assay[analysis].

    \b
    Examples:
      assay runs stats --group-by params.lr --metric accuracy
      assay runs stats -e digits -g params.model -m accuracy --baseline svc
      assay runs stats -g params.lr -g params.model --csv > stats.csv
    """
    # Half the time of the other commands on runs, which don't need them.
    from assay.client.client import Client
    from assay.comparison.runs import run_statistics

    client = Client.at(location_of(ctx))
    try:
        found = run_statistics(
            chosen_experiments(client.store, experiment),
            group_by,
            metrics=metric,
            filter_string=filter_,
            baseline=baseline,
            pair_by=pair_by,
            level=confidence,
            client=client,
        )
    finally:
        client.close()
    if output == "json":
        print_json(found)
        return
    if output == "csv":
        print_rows(_COLUMNS, [row for one in found for row in _rows(one)], output="csv")
        return
    for one in found:
        _print(one)


def _rows(found: Statistics) -> list[tuple[Cell, ...]]:
    """Groups, then comparisons, whose mean is that of the difference."""
    rows: list[tuple[Cell, ...]] = []
    for one in found.groups:
        alone = (None, one.n, one.mean, one.sd, one.low, one.high, None, None, None, None)
        rows.append((found.metric, one.name, *alone))
    for pair in found.comparisons:
        figures = (pair.n, pair.difference, None, pair.low, pair.high)
        tested = (pair.test, pair.p, pair.p_holm, pair.effect)
        rows.append((found.metric, pair.group, pair.baseline, *figures, *tested))
    return rows


def _print(one: Statistics) -> None:
    click.echo(clean(one.metric))
    interval = f"{100 * one.level:g} % interval"
    print_rows(
        ("group", "n", "mean", "sd", interval),
        [
            (group.name, group.n, group.mean, group.sd, _interval(group.low, group.high))
            for group in one.groups
        ],
    )
    if one.comparisons:
        print_rows(
            ("group", "against", "difference", interval, "test", "p", "p (Holm)", "effect"),
            [
                (
                    versus.group,
                    versus.baseline,
                    versus.difference,
                    _interval(versus.low, versus.high),
                    versus.test,
                    versus.p,
                    versus.p_holm,
                    _effect(versus.effect, versus.effect_kind),
                )
                for versus in one.comparisons
            ],
        )
    for note in one.notes:
        click.echo(clean(note), err=True)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:.6g}, {high:.6g}]"


def _effect(effect: float | None, kind: str) -> str:
    return "" if effect is None else f"{kind} = {effect:.3g}"
